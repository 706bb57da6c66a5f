"""How templates choose among what an account has: filters of EC2's Describe calls."""

from __future__ import annotations

from hclimg.config.fields import Checker, block, config, setting


@config
class FilterBlock:
    """One filter."""

    name: str = setting("What to look at.", example='"tag:Class"')
    value: str = setting("What it must be; `*` and `?` stand for anything.")


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
