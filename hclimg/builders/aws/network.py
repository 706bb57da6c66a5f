"""Where in the account's network the instance goes, and the security groups that let us reach it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from hclimg.builders.aws.settings.filters import all_filters
from hclimg.builders.aws.settings.network import NetworkConfig
from hclimg.builders.aws.site import Site
from hclimg.clouds.aws import removal
from hclimg.clouds.aws.images import filter_list, shown
from hclimg.clouds.aws.making import made_once, making, marked_with, tag_specifications
from hclimg.errors import BuildError
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

NOT_KNOWN_YET = "InvalidGroup.NotFound"
CHECK_IP = "https://checkip.amazonaws.com"


@frozen(kw_only=True)
class Place:
    """Where the instance goes; what is empty EC2 chooses."""

    vpc: str = ""
    subnet: str = ""
    zone: str = ""


@step("Finding the network")
def find_place(ctx: Context, ec2: Service, config: NetworkConfig, instance_types: tuple[str, ...]) -> Place:
    place = Place(vpc=_vpc(ec2, config), zone=config.availability_zone)
    filters = all_filters(config.subnet_filter)
    if config.subnet_id or filters:
        return _in_subnet(ec2, place, config.subnet_id or _subnet(ec2, config, place, filters))
    if config.associate_public_ip_address is not None:
        return _with_default_subnet(ctx, ec2, place, instance_types)
    return place


def _vpc(ec2: Service, config: NetworkConfig) -> str:
    filters = all_filters(config.vpc_filter)
    if config.vpc_id or not filters:
        return config.vpc_id
    found = ec2.pages("DescribeVpcs", "Vpcs", Filters=filter_list(filters))
    if len(found) != 1:
        some = ", ".join(one["VpcId"] for one in found) or "none"
        hint = "Exactly one must match: look at vpc_filter, and at the region."
        raise BuildError(f"{len(found)} VPCs match {shown(filters)} in {ec2.region}: {some}.", hint=hint)
    return str(found[0]["VpcId"])


def _subnet(ec2: Service, config: NetworkConfig, place: Place, filters: dict[str, str]) -> dict[str, Any]:
    known = {"state": "available", "vpc-id": place.vpc, "availability-zone": place.zone}
    asked = {**filters, **{name: value for name, value in known.items() if value}}
    found: list[dict[str, Any]] = ec2.pages("DescribeSubnets", "Subnets", Filters=filter_list(asked))
    chosen = config.subnet_filter
    if not found or (len(found) > 1 and not (chosen.most_free or chosen.random)):
        some = ", ".join(one["SubnetId"] for one in found) or "none"
        hint = "One must match, or say most_free = true or random = true." if found else "Look at subnet_filter."
        raise BuildError(f"{len(found)} subnets match {shown(asked)} in {ec2.region}: {some}.", hint=hint)
    return most_free(found) if chosen.most_free or len(found) == 1 else random.choice(found)


def most_free(subnets: list[dict[str, Any]]) -> dict[str, Any]:
    """The one with the most free addresses."""
    return max(subnets, key=lambda one: (int(one["AvailableIpAddressCount"]), str(one["SubnetId"])))


def _in_subnet(ec2: Service, place: Place, subnet: str | dict[str, Any]) -> Place:
    """The place in a subnet; when it is only named, EC2 is asked about it, which also shows that it exists."""
    found: dict[str, Any] = (
        ec2.call("DescribeSubnets", SubnetIds=[subnet])["Subnets"][0] if isinstance(subnet, str) else subnet
    )
    vpc, name = str(found["VpcId"]), str(found["SubnetId"])
    if place.vpc and place.vpc != vpc:
        raise BuildError(f"The subnet {name} is in {vpc}, not in {place.vpc}.", hint="Leave vpc_id out.")
    zone = str(found["AvailabilityZone"])
    if place.zone and place.zone != zone:
        raise BuildError(f"The subnet {name} is in {zone}, not in {place.zone}.", hint="Leave availability_zone out.")
    return evolve(place, vpc=vpc, subnet=name, zone=place.zone)


def _with_default_subnet(ctx: Context, ec2: Service, place: Place, types: tuple[str, ...]) -> Place:
    """A public address is asked for on a network card, and a card needs a subnet: one of the (default) VPC's."""
    vpc = place.vpc or _default_vpc(ec2)
    if not vpc:
        ctx.warn(f"There is no default VPC in {ec2.region}; without subnet_id, associate_public_ip_address is ignored.")
        return place
    known = {"state": "available", "vpc-id": vpc, "availability-zone": place.zone}
    asked = filter_list({name: value for name, value in known.items() if value})
    subnets = ec2.pages("DescribeSubnets", "Subnets", Filters=asked)
    offered = _zones_with(ec2, types)
    fitting = [one for one in subnets if one["AvailabilityZone"] in offered] or subnets
    if not fitting:
        raise BuildError(f"{vpc} has no subnet{f' in {place.zone}' if place.zone else ''}.", hint='Set "subnet_id".')
    return _in_subnet(ec2, evolve(place, vpc=vpc), most_free(fitting))


def _default_vpc(ec2: Service) -> str:
    found = ec2.call("DescribeVpcs", Filters=filter_list({"is-default": "true"}))["Vpcs"]
    return str(found[0]["VpcId"]) if found else ""


def _zones_with(ec2: Service, types: tuple[str, ...]) -> set[str]:
    """The zones that have an instance type; not every zone has every type."""
    asked = [{"Name": "instance-type", "Values": list(types)}]
    operation, key = "DescribeInstanceTypeOfferings", "InstanceTypeOfferings"
    return {offer["Location"] for offer in ec2.pages(operation, key, LocationType="availability-zone", Filters=asked)}


# -- security groups ----------------------------------------------------------


def security_groups(ctx: Context, site: Site, config: NetworkConfig, place: Place, port: int) -> tuple[str, ...]:
    """Their ids: those of the settings, or one that is made for the build. ``port`` 0: nobody is let in."""
    if config.group_ids:
        return config.group_ids
    filters = all_filters(config.security_group_filter)
    if filters:
        return _chosen_groups(site.ec2, filters, place)
    group = temporary_security_group(ctx, site, place.vpc)
    if port:
        let_in(ctx, site.ec2, group, _sources(ctx, config), port)
    return (group,)


def _chosen_groups(ec2: Service, filters: dict[str, str], place: Place) -> tuple[str, ...]:
    asked = {**filters, **({"vpc-id": place.vpc} if place.vpc else {})}
    found = ec2.pages("DescribeSecurityGroups", "SecurityGroups", Filters=filter_list(asked))
    if not found:
        hint = "Look at security_group_filter; leave it out to have a group made for the build."
        raise BuildError(f"No security group matches {shown(asked)} in {ec2.region}.", hint=hint)
    return tuple(str(one["GroupId"]) for one in found)


@step("Creating temporary security group", undo="Deleting temporary security group")
def temporary_security_group(ctx: Context, site: Site, vpc: str) -> Iterator[str]:
    """Its id. Nobody is let in yet."""
    name = run_name(ctx.run.id)
    asked: dict[str, Any] = {"VpcId": vpc} if vpc else {}
    with making(ctx, site.ec2, "security-group", name=name) as record:
        answer = made_once(
            lambda: site.ec2.call(
                "CreateSecurityGroup", GroupName=name, Description="Temporary group of an image build",
                TagSpecifications=tag_specifications({"security-group": site.tags}), **asked,
            ),
            lambda: _group_named(ctx, site.ec2, name),
        )  # fmt: skip
    group = str(answer["GroupId"])
    record.made(id=group)
    yield group
    removal.delete_security_group(site.ec2, group)
    record.gone()


def _group_named(ctx: Context, ec2: Service, name: str) -> dict[str, Any] | None:
    ours = marked_with(ctx.run.id, **{"group-name": name})
    return next(iter(ec2.call("DescribeSecurityGroups", Filters=ours)["SecurityGroups"]), None)


@step("Letting this host in")
def let_in(ctx: Context, ec2: Service, group: str, sources: tuple[str, ...], port: int) -> None:
    """Open a TCP port of the group for ranges of addresses."""
    ctx.say(f"Port {port} is open for {', '.join(sources)}.")
    rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    if four := [{"CidrIp": source} for source in sources if ":" not in source]:
        rule["IpRanges"] = four
    if six := [{"CidrIpv6": source} for source in sources if ":" in source]:
        rule["Ipv6Ranges"] = six
    ec2.wait("security_group_exists", f"security group {group}", GroupIds=[group])
    made_once(
        lambda: ec2.call("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=[rule]),
        lambda: {"Return": True},
    )


def _sources(ctx: Context, config: NetworkConfig) -> tuple[str, ...]:
    if config.temporary_security_group_source_public_ip:
        return (f"{public_address(ctx)}/32",)
    return config.cidrs


def public_address(ctx: Context, url: str = CHECK_IP) -> str:
    """The address under which the internet sees this host. Raises BuildError."""
    from ipaddress import IPv4Address

    from hclimg.sdk.web import connections, request

    hint = 'Set "temporary_security_group_source_cidrs" instead.'
    try:
        text = request(ctx, connections(url), url, {}).read(64).decode("ascii", "replace").strip()
        return str(IPv4Address(text))
    except BuildError as error:
        raise BuildError(f"The public address of this host is not known: {error.message}", hint=hint) from error
    except ValueError as error:
        raise BuildError(f"{url} does not tell the public address of this host: {error}.", hint=hint) from error
