"""An instance on spare capacity: a fleet of one, which EC2 makes of a launch template."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.instance import Wish, end_instance, making_instance, parameters
from hclimg.builders.aws.settings.spot import AUTO, SpotConfig
from hclimg.builders.aws.site import Site
from hclimg.clouds.aws import removal
from hclimg.clouds.aws.making import making, tag_specifications
from hclimg.errors import BuildError, TimedOut
from hclimg.sdk.mark import run_name
from hclimg.sdk.retry import wait_until
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context

NO_CAPACITY = "InsufficientInstanceCapacity"
CAPACITY_PATIENCE = 300.0
"""Seconds in which capacity may become free."""


def spot_instance(ctx: Context, site: Site, wish: Wish) -> str:
    """Its id; it may not run yet."""
    template = launch_template(ctx, site, wish)
    return fleet_instance(ctx, site, wish, template)


@step("Creating launch template", undo="Deleting launch template")
def launch_template(ctx: Context, site: Site, wish: Wish) -> Iterator[str]:
    """Its id."""
    name = run_name(ctx.run.id)
    with making(ctx, site.ec2, "launch-template", name=name) as record:
        answer = site.ec2.call(
            "CreateLaunchTemplate", LaunchTemplateName=name, VersionDescription="of an image build",
            LaunchTemplateData=template_data(ctx, site, wish),
            TagSpecifications=tag_specifications({"launch-template": site.tags}),
        )  # fmt: skip
    template = str(answer["LaunchTemplate"]["LaunchTemplateId"])
    record.made(id=template)
    yield template
    removal.delete_launch_template(site.ec2, template)
    record.gone()


def template_data(ctx: Context, site: Site, wish: Wish) -> dict[str, Any]:
    """The instance as a launch template says it: user data in base64, subnet and groups on a network card.

    A spot instance that is asked for once cannot be stopped, so nothing is said of what a shutdown does.
    """
    spot = wish.run.spot
    data = parameters(ctx, site, wish)
    del data["InstanceInitiatedShutdownBehavior"]
    if "UserData" in data:
        data["UserData"] = b64encode(data["UserData"]).decode()
    if subnet := data.pop("SubnetId", ""):
        card = {
            "DeviceIndex": 0, "SubnetId": subnet, "Groups": data.pop("SecurityGroupIds"), "DeleteOnTermination": True,
        }  # fmt: skip
        data["NetworkInterfaces"] = [card]
    tags = {**site.source.rendered(ctx, spot.request_tags), **site.mark}
    data["TagSpecifications"] += tag_specifications({"spot-instances-request": tags})
    options = _spot_options(spot)
    data["InstanceMarketOptions"] = {"MarketType": "spot", **({"SpotOptions": options} if options else {})}
    return data


def _spot_options(spot: SpotConfig) -> dict[str, Any]:
    """Without a price, it is the one of an instance on demand at most."""
    options: dict[str, Any] = {}
    if spot.spot_price != AUTO:
        options["MaxPrice"] = spot.spot_price
    if spot.block_duration_minutes:
        options["BlockDurationMinutes"] = spot.block_duration_minutes
    return options


@step("Requesting a spot instance", undo="Terminating the spot instance")
def fleet_instance(ctx: Context, site: Site, wish: Wish, template: str) -> Iterator[str]:
    with making_instance(ctx, site, wish) as records, making(ctx, site.ec2, "fleet") as fleet_record:
        fleet, instance = _fleet(ctx, site, wish, template)
    fleet_record.made(id=fleet)
    records.instance.made(id=instance)
    ctx.say(f"Spot instance {instance}.")
    yield instance
    end_instance(site.ec2, instance, records, fleet)
    fleet_record.gone()


def _fleet(ctx: Context, site: Site, wish: Wish, template: str) -> tuple[str, str]:
    """The ids of fleet and instance, when EC2 has the capacity or gets it soon. Raises BuildError."""
    asked = fleet_parameters(ctx, site, wish, template)
    problems: list[str] = []

    def attempt() -> tuple[str, str] | None:
        answer = site.ec2.call("CreateFleet", **asked)
        ids = [one for group in answer.get("Instances", ()) for one in group["InstanceIds"]]
        if ids:
            return str(answer["FleetId"]), str(ids[0])
        removal.delete_fleet(site.ec2, str(answer["FleetId"]))
        errors = answer.get("Errors", ())
        problems[:] = [f"{one.get('ErrorCode')}: {one.get('ErrorMessage', '').rstrip('.')}" for one in errors]
        if any(excuse in problem for excuse in (NO_CAPACITY, *wish.fresh) for problem in problems):
            return None
        raise _no_spot(site.ec2, problems)

    try:
        return wait_until(attempt, what="spare capacity", timeout=CAPACITY_PATIENCE, interval=10.0, cancel=ctx.cancel)
    except TimedOut as error:
        raise _no_spot(site.ec2, problems) from error


def _no_spot(ec2: Service, problems: list[str]) -> BuildError:
    told = "; ".join(dict.fromkeys(problems)) or "it does not say why"
    hint = "Allow more spot_instance_types, another subnet or zone, or a higher spot_price."
    return BuildError(f"EC2 gives no spot instance in {ec2.region}: {told}.", hint=hint)


def fleet_parameters(ctx: Context, site: Site, wish: Wish, template: str) -> dict[str, Any]:
    """What CreateFleet is asked for: one instance, at once."""
    spot = wish.run.spot
    tags = {**site.source.rendered(ctx, spot.all_fleet_tags), **site.mark}
    specification = {"LaunchTemplateId": template, "Version": "1"}
    config: dict[str, Any] = {"LaunchTemplateSpecification": specification}
    if spot.spot_instance_types:
        config["Overrides"] = [{"InstanceType": one} for one in spot.spot_instance_types]
    asked: dict[str, Any] = {
        "Type": "instant",
        "LaunchTemplateConfigs": [config],
        "TargetCapacitySpecification": {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"},
        "TagSpecifications": tag_specifications({"fleet": tags}),
    }
    if spot.spot_allocation_strategy:
        asked["SpotOptions"] = {"AllocationStrategy": spot.spot_allocation_strategy}
    return asked
