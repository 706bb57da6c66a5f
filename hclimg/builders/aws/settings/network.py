"""Where in the account's network the instance runs, and who reaches it."""

from __future__ import annotations

import re
from ipaddress import ip_network

from hclimg.builders.aws.settings.filters import (
    SecurityGroupFilterConfig,
    SubnetFilterConfig,
    VpcFilterConfig,
    all_filters,
)
from hclimg.config.fields import Checker, block, config, setting

EVERYWHERE = "0.0.0.0/0"
_IDS = {"vpc_id": re.compile(r"vpc-[0-9a-f]+"), "subnet_id": re.compile(r"subnet-[0-9a-f]+")}


@config
class NetworkConfig:
    """Where in the account's network the instance runs, and who reaches it."""

    vpc_id: str = setting("The VPC.", default="", default_doc="the subnet's, or the default one")
    vpc_filter: VpcFilterConfig = block("Chooses the VPC.", default=VpcFilterConfig())
    subnet_id: str = setting("The subnet. Required outside of the default VPC.", default="", default_doc="EC2's choice")
    subnet_filter: SubnetFilterConfig = block("Chooses the subnet.", default=SubnetFilterConfig())
    availability_zone: str = setting("The zone.", default="", default_doc="the subnet's, or EC2's choice")
    security_group_id: str = setting("The security group.", default="", default_doc="one that is made for the build")
    security_group_ids: tuple[str, ...] = setting("The security groups.", default=())
    security_group_filter: SecurityGroupFilterConfig = block(
        "Chooses the security groups.", default=SecurityGroupFilterConfig()
    )
    temporary_security_group_source_cidrs: tuple[str, ...] = setting(
        "Who may reach the instance, when a security group is made for the build.",
        default=(),
        default_doc=f'["{EVERYWHERE}"], everybody',
    )
    temporary_security_group_source_public_ip: bool = setting(
        "Whether only this host's public address may, as https://checkip.amazonaws.com tells it.", default=False
    )
    associate_public_ip_address: bool | None = setting(
        "Whether the instance has a public address.", default=None, default_doc="as the subnet says"
    )

    @property
    def group_ids(self) -> tuple[str, ...]:
        return self.security_group_ids or ((self.security_group_id,) if self.security_group_id else ())

    @property
    def cidrs(self) -> tuple[str, ...]:
        return self.temporary_security_group_source_cidrs or (EVERYWHERE,)

    def check(self, problems: Checker) -> None:
        problems.at_most_one("security_group_id", "security_group_ids")
        for name, pattern in _IDS.items():
            value = getattr(self, name)
            if value and not pattern.fullmatch(value):
                problems.error("Invalid id", f'"{value}" is not an id like {name.removesuffix("_id")}-0123abcd.', name)
        for name, chosen in (("vpc_id", "vpc_filter"), ("subnet_id", "subnet_filter")):
            if getattr(self, name) and all_filters(getattr(self, chosen)):
                detail = f'"{chosen}" has no effect: "{name}" says which one.'
                problems.warn("Argument without effect", detail, chosen, name)
        self._check_sources(problems)

    def _check_sources(self, problems: Checker) -> None:
        name = "temporary_security_group_source_cidrs"
        public = "temporary_security_group_source_public_ip"
        for cidr in self.temporary_security_group_source_cidrs:
            try:
                ip_network(cidr)
            except ValueError as error:
                problems.error("Invalid CIDR", f'"{cidr}" is not a range of addresses: {error}.', name)
        if self.temporary_security_group_source_cidrs and self.temporary_security_group_source_public_ip:
            problems.error("Conflicting arguments", f'Only one of "{name}" and "{public}" can be set.', public, name)
        given = self.group_ids or all_filters(self.security_group_filter)
        for asked in (name, public):
            if given and problems.is_set(asked):
                detail = f'"{asked}" has no effect: the template names security groups, so none is made.'
                problems.warn("Argument without effect", detail, asked)
