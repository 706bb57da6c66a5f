"""From the settings to an instance that one can log in to: the same for all builders that run one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from hclimg.builders.aws import keypair
from hclimg.builders.aws import network as network_of
from hclimg.builders.aws import profile as profile_of
from hclimg.builders.aws.address import address
from hclimg.builders.aws.console import explained, explainer
from hclimg.builders.aws.instance import Wish, on_demand_instance, running_instance
from hclimg.builders.aws.keypair import Login, key_pair
from hclimg.builders.aws.network import find_place, security_groups
from hclimg.builders.aws.profile import instance_profile
from hclimg.builders.aws.settings.filters import all_filters
from hclimg.builders.aws.settings.run import RunConfig
from hclimg.builders.aws.site import Site
from hclimg.builders.aws.spot import spot_instance
from hclimg.builders.aws.tunnel import find_plugin, session_tunnel
from hclimg.builders.aws.windows import windows_password
from hclimg.communicators.config import CommunicatorConfig
from hclimg.communicators.connect import connect
from hclimg.communicators.facts import machine_facts
from hclimg.communicators.loading import load_ahead
from hclimg.communicators.watched import WatchedCommunicator
from hclimg.sdk.machine import Machine
from hclimg.units import Secret

if TYPE_CHECKING:
    from hclimg.builders.aws.source import SourceImage
    from hclimg.sdk.context import Context


@frozen(kw_only=True)
class Running:
    """What the capture needs to know of the launch."""

    instance: str
    source: SourceImage
    public_key: str = ""


def start(
    ctx: Context,
    site: Site,
    run: RunConfig,
    mappings: list[dict[str, Any]],
    volume_tags: Mapping[str, str],
    *,
    swaps_volumes: bool = False,
) -> Machine:
    """``swaps_volumes``: the capture attaches other volumes than those that the instance starts with."""
    how = run.communicator
    if run.by_session_manager:
        find_plugin()
    load_ahead(how.communicator)
    types = (run.instance_type,) if run.instance_type else run.spot.spot_instance_types
    place = find_place(ctx, site.ec2, run.network, types)
    login = key_pair(ctx, site, how)
    groups = security_groups(ctx, site, run.network, place, 0 if run.by_session_manager else how.port)
    wish = Wish(
        run=run, place=place, groups=groups, key_name=login.name, profile=instance_profile(ctx, site, run.profile),
        mappings=mappings, volume_tags=volume_tags, fresh=_fresh(run, login), swaps_volumes=swaps_volumes,
    )  # fmt: skip
    instance = spot_instance(ctx, site, wish) if run.spot.wanted else on_demand_instance(ctx, site, wish)
    told = running_instance(ctx, site.ec2, instance)
    password = windows_password(ctx, site.ec2, instance, how, login.private, run.connection.windows_password_timeout)
    host, port = _where(ctx, site, run, told)
    with explained(ctx, site.ec2, instance):
        communicator = connect(ctx, how, host=host, port=port, private_key=login.private, password=password)
    public_key = login.pair.public if login.pair else ""
    return Machine(
        id=instance,
        communicator=WatchedCommunicator(communicator, explainer(ctx, site.ec2, instance)),
        facts=_facts(ctx, site, how, instance, (host, port), login, password),
        handle=Running(instance=instance, source=site.source, public_key=public_key),
    )


def _fresh(run: RunConfig, login: Login) -> tuple[str, ...]:
    """How EC2 may refuse, at first, what was made for the build."""
    network, profile = run.network, run.profile
    made = {
        keypair.NOT_KNOWN_YET: login.pair is not None,
        network_of.NOT_KNOWN_YET: not (network.group_ids or all_filters(network.security_group_filter)),
        profile_of.NOT_KNOWN_YET: profile.wanted and not profile.iam_instance_profile,
    }
    return tuple(refusal for refusal, is_made in made.items() if is_made)


def _where(ctx: Context, site: Site, run: RunConfig, instance: Mapping[str, Any]) -> tuple[str, int]:
    """Where the instance is reached from this host."""
    how = run.communicator
    if how.communicator == "none":
        return "", 0
    if run.by_session_manager:
        name, port = str(instance["InstanceId"]), how.port
        return "127.0.0.1", session_tunnel(ctx, site, name, run.connection, port, how.timeout)
    return how.host or address(ctx, site.ec2, instance, run.connection.ssh_interface), how.port


def _facts(
    ctx: Context,
    site: Site,
    how: CommunicatorConfig,
    instance: str,
    where: tuple[str, int],
    login: Login,
    password: Secret | None,
) -> dict[str, Any]:
    host, port = where
    source = site.source.data()
    del source["SourceAMITags"]  # a map; templates of settings have it
    known = machine_facts(ctx, how, machine_id=instance, host=host, port=port, key=login.pair, password=password)
    return {**known, **source}
