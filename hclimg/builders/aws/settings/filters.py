"""How templates choose among what an account has: filters of EC2's Describe calls."""

from __future__ import annotations

from collections.abc import Mapping

from hclimg.config.fields import Checker, block, config, setting


@config
class FilterBlock:
    """One filter."""

    name: str = setting("What to look at.", example='"tag:Class"')
    value: str = setting("What it must be; `*` and `?` stand for anything. Commas separate several values.")


@config
class AmiFilterConfig:
    """Chooses the image to start from."""

    filters: dict[str, str] = setting(
        "What the image must be like: filters of DescribeImages. Commas separate several values.",
        factory=dict,
        example='{ name = "debian-12-amd64-*", root-device-type = "ebs" }',
    )
    owners: tuple[str, ...] = setting(
        "Who may have made it: ids of accounts, `self`, `amazon`, `aws-marketplace`. Required, because anybody can "
        "give an image any name.",
        default=(),
    )
    most_recent: bool = setting("Whether to take the newest when several match.", default=False)
    include_deprecated: bool = setting("Whether to look at deprecated images, too.", default=False)

    @property
    def wanted(self) -> bool:
        return bool(self.filters or self.owners)


@config
class VpcFilterConfig:
    """Chooses the VPC."""

    filters: dict[str, str] = setting("What it must be like: filters of DescribeVpcs.", factory=dict)
    filter: tuple[FilterBlock, ...] = block("One more filter.", many=True, default=())


@config
class SubnetFilterConfig:
    """Chooses the subnet."""

    filters: dict[str, str] = setting("What it must be like: filters of DescribeSubnets.", factory=dict)
    filter: tuple[FilterBlock, ...] = block("One more filter.", many=True, default=())
    most_free: bool = setting("Whether to take the one with the most free addresses when several match.", default=False)
    random: bool = setting("Whether to take any when several match.", default=False)

    def check(self, problems: Checker) -> None:
        if self.most_free and self.random:
            problems.warn("Argument without effect", '"random" has no effect beside "most_free".', "random")


@config
class SecurityGroupFilterConfig:
    """Chooses the security groups."""

    filters: dict[str, str] = setting("What they must be like: filters of DescribeSecurityGroups.", factory=dict)
    filter: tuple[FilterBlock, ...] = block("One more filter.", many=True, default=())


NetworkFilter = VpcFilterConfig | SubnetFilterConfig | SecurityGroupFilterConfig


def all_filters(config: NetworkFilter) -> dict[str, str]:
    """The filters of the map and of the blocks."""
    return {**config.filters, **{one.name: one.value for one in config.filter}}


def shown(filters: Mapping[str, str]) -> str:
    """Filters as a person would write them."""
    return ", ".join(f'{name} = "{value}"' for name, value in filters.items())
