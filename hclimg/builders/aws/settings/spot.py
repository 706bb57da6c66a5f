"""Running the build on spare capacity, which is cheaper and can be taken away."""

from __future__ import annotations

import re

from hclimg.builders.aws.settings.tags import KNOWS, KeyValue, check_tags, merged
from hclimg.config.fields import Checker, block, config, setting

AUTO = "auto"
_PRICE = re.compile(r"\d+(\.\d+)?|\.\d+")


@config
class SpotConfig:
    """Running the build on spare capacity, which is cheaper and can be taken away."""

    spot_price: str = setting(
        'Asks for a spot instance for at most this many dollars an hour; "auto": for at most the on-demand price.',
        default="",
        default_doc="no spot instance",
    )
    spot_instance_types: tuple[str, ...] = setting(
        "Types of instances, one of which is taken; instead of instance_type.", default=(), example='["t3.small"]'
    )
    spot_allocation_strategy: str = setting(
        "How one is chosen.",
        default="",
        choices=(
            "", "lowest-price", "diversified", "capacity-optimized", "capacity-optimized-prioritized",
            "price-capacity-optimized",
        ),
        default_doc="lowest-price",
    )  # fmt: skip
    spot_price_auto_product: str = setting("Nothing.", default="", ignored="EC2 knows by itself what the image is.")
    block_duration_minutes: int = setting(
        "For how long the instance is not taken away; a multiple of 60. EC2 refuses it for new accounts.", default=0
    )
    spot_tags: dict[str, str] = setting(f"Tags of the request. {KNOWS}", factory=dict, template=True)
    spot_tag: tuple[KeyValue, ...] = block("One tag of the request.", many=True, default=())
    fleet_tags: dict[str, str] = setting(f"Tags of the fleet. {KNOWS}", factory=dict, template=True)
    fleet_tag: tuple[KeyValue, ...] = block("One tag of the fleet.", many=True, default=())

    @property
    def wanted(self) -> bool:
        return self.spot_price not in ("", "0")

    @property
    def request_tags(self) -> dict[str, str]:
        return merged(self.spot_tags, self.spot_tag)

    @property
    def all_fleet_tags(self) -> dict[str, str]:
        return merged(self.fleet_tags, self.fleet_tag)

    def check(self, problems: Checker) -> None:
        if self.spot_price not in ("", AUTO) and not _PRICE.fullmatch(self.spot_price):
            detail = f'"{self.spot_price}" is neither a price in dollars, such as "0.05", nor "auto".'
            problems.error("Invalid price", detail, "spot_price")
        if self.block_duration_minutes % 60 or self.block_duration_minutes < 0:
            detail = f'"block_duration_minutes" is a multiple of 60, not {self.block_duration_minutes}.'
            problems.error("Invalid number", detail, "block_duration_minutes")
        only = (
            "spot_tags", "spot_tag", "fleet_tags", "fleet_tag", "spot_instance_types", "spot_allocation_strategy",
            "block_duration_minutes",
        )  # fmt: skip
        for name in only:
            if getattr(self, name) and not self.wanted:
                detail = f'"{name}" is about spot instances; set "spot_price" to "auto" to ask for one.'
                problems.error("Conflicting arguments", detail, name, "spot_price")
        for name, tags in (("spot_tags", self.request_tags), ("fleet_tags", self.all_fleet_tags)):
            if problems.is_known(name, name.removesuffix("s")):
                check_tags(problems, name, tags, name.removesuffix("s"))
