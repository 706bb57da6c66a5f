"""Has EC2 prepare snapshots, from which Windows instances of an image start faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.settings.fast_launch import FastLaunchConfig, RegionLaunchTemplate
from hclimg.clouds.aws.client import LONG
from hclimg.clouds.aws.drafts import Draft
from hclimg.errors import BuildError
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context


@step("Enabling fast launch")
def enable_fast_launch(ctx: Context, draft: Draft, config: FastLaunchConfig, build_region: str) -> None:
    template = config.template(draft.region, build_region)
    if not template.enable_fast_launch:
        return
    asked = parameters(draft.id, config, _specification(draft.ec2, template))
    draft.ec2.call("EnableFastLaunch", **asked)
    what = f"fast launch of {draft.id} in {draft.region}"
    draft.ec2.wait_until(lambda: _enabled(draft, what), what, usual=LONG)
    ctx.say(f"Fast launch of {draft.id} in {draft.region} is enabled.")


def parameters(image: str, config: FastLaunchConfig, template: dict[str, str]) -> dict[str, Any]:
    """What EnableFastLaunch is asked for."""
    asked: dict[str, Any] = {"ImageId": image, "ResourceType": "snapshot"}
    if config.max_parallel_launches:
        asked["MaxParallelLaunches"] = config.max_parallel_launches
    if config.target_resource_count:
        asked["SnapshotConfiguration"] = {"TargetResourceCount": config.target_resource_count}
    if template:
        asked["LaunchTemplate"] = template
    return asked


def _specification(ec2: Service, template: RegionLaunchTemplate) -> dict[str, str]:
    """The launch template by id and version, which must exist; empty when none is named."""
    if not (template.template_id or template.template_name):
        return {}
    by = "LaunchTemplateIds" if template.template_id else "LaunchTemplateNames"
    name = template.template_id or template.template_name
    found = ec2.call("DescribeLaunchTemplates", **{by: [name]})["LaunchTemplates"][0]
    latest = int(found["LatestVersionNumber"])
    if template.template_version > latest:
        raise BuildError(
            f"The launch template {name} in {ec2.region} has no version {template.template_version}.",
            hint=f"The latest is {latest}; leave template_version out to use it.",
        )
    return {"LaunchTemplateId": found["LaunchTemplateId"], "Version": str(template.template_version or latest)}


def _enabled(draft: Draft, what: str) -> bool | None:
    answer = draft.ec2.call("DescribeFastLaunchImages", ImageIds=[draft.id])
    for found in answer["FastLaunchImages"]:
        if found["State"] == "enabled":
            return True
        if found["State"].endswith("failed"):
            reason = str(found.get("StateTransitionReason", "EC2 does not say why")).rstrip(".")
            raise BuildError(f"The {what} cannot be enabled: {reason}.", hint="Has Sysprep prepared the image?")
    return None
