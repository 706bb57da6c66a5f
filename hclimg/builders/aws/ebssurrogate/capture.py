"""From a running machine to an image whose root disk is another one of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.ebssurrogate.builder import SurrogateBuilder
from hclimg.builders.aws.ebssurrogate.disks import changed_disks, registered_disks, staying
from hclimg.builders.aws.ebssurrogate.swap import swap_root
from hclimg.builders.aws.image import created_image, registered_image
from hclimg.builders.aws.publish import Plan, access, make_room, plan, publish
from hclimg.builders.aws.site import Site, open_site
from hclimg.builders.aws.snapshots import Shot, complete, snapshot, volumes
from hclimg.builders.aws.stop import set_features, stop_instance
from hclimg.clouds.aws.artifact import artifact_of
from hclimg.communicators.connect import clear_authorized_keys

if TYPE_CHECKING:
    from hclimg.builders.aws.ebssurrogate.config import SurrogateConfig
    from hclimg.builders.aws.start import Running
    from hclimg.clouds.aws.drafts import Draft
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


def capture(ctx: Context, config: SurrogateConfig, machine: Machine) -> Artifact:
    running: Running = machine.handle
    aws = access(ctx, config.access, config.ami)
    site = open_site(ctx, aws, running.source, config.run.all_run_tags)
    if running.public_key:
        clear_authorized_keys(ctx, config.run.communicator, machine.communicator, running.public_key)
    if not config.run.spot.wanted:
        stop_instance(ctx, site.ec2, running.instance, by_itself=config.run.disable_stop_instance)
    wanted = plan(ctx, site, config.ami, run_tags=not config.skip_ami_run_tags)
    make = _created if config.use_create_image else _registered
    drafts = make(ctx, site, config, running.instance, wanted)
    return artifact_of(SurrogateBuilder.builder_id, "builder/amazon-ebssurrogate", drafts, aws.identity)


# -- registered with snapshots ----------------------------------------------------


def _registered(ctx: Context, site: Site, config: SurrogateConfig, instance: str, wanted: Plan) -> list[Draft]:
    shots = _snapshots(ctx, site, config, instance, wanted)
    make_room(ctx, site, wanted)
    asked = registration(config, site, wanted, {name: shot.id for name, shot in shots.items()})
    made = registered_image(ctx, site, asked, wanted.tags, tuple(shot.id for shot in shots.values()))
    drafts = publish(ctx, site, made, wanted)
    if made.kept:
        for shot in shots.values():
            shot.keep()
    return drafts


def _snapshots(ctx: Context, site: Site, config: SurrogateConfig, instance: str, wanted: Plan) -> dict[str, Shot]:
    """Complete ones of all disks of the instance that the image has, by name."""
    kept = staying(config.launch_block_device_mappings, config.ami_root_device)
    names = [one.name for one in kept if one.is_volume]
    found = volumes(ctx, site.ec2, instance, names)
    tags, description = wanted.tags.snapshots, config.snapshot_description
    shots = {name: snapshot(ctx, site, found[name], name, tags, description) for name in names}
    for shot in shots.values():
        complete(ctx, site.ec2, shot)
    return shots


def registration(config: SurrogateConfig, site: Site, wanted: Plan, snapshots: dict[str, str]) -> dict[str, Any]:
    """Parameters of RegisterImage; ``snapshots`` by the names of the disks."""
    ami, root = config.ami, config.ami_root_device
    theirs = str(site.source.description.get("VirtualizationType", "hvm"))
    asked: dict[str, Any] = {
        "Name": wanted.name,
        "Description": wanted.description,
        "Architecture": config.architecture,
        "RootDeviceName": root.device_name,
        "VirtualizationType": ami.ami_virtualization_type or theirs,
        "BlockDeviceMappings": registered_disks(
            config.launch_block_device_mappings, root, config.ami_block_device_mappings, snapshots
        ),
        "BootMode": config.boot_mode,
        "UefiData": config.uefi_data,
        "TpmSupport": config.tpm_support,
        "EnaSupport": ami.ena_support,
        "SriovNetSupport": "simple" if ami.sriov_support else "",
    }
    return {name: value for name, value in asked.items() if value not in ("", None)}


# -- made of the instance -----------------------------------------------------------


def _created(ctx: Context, site: Site, config: SurrogateConfig, instance: str, wanted: Plan) -> list[Draft]:
    ami, root = config.ami, config.ami_root_device
    if ami.sriov_support or ami.ena_support is not None:
        set_features(ctx, site.ec2, instance, sriov=ami.sriov_support, ena=ami.ena_support)
    found = volumes(ctx, site.ec2, instance, (root.device_name, root.source_device_name))
    if root.device_name != root.source_device_name:
        old, new = found[root.device_name], found[root.source_device_name]
        swap_root(ctx, site, instance, old, new, root.device_name)
    make_room(ctx, site, wanted)
    disks = changed_disks(config.launch_block_device_mappings, root, config.ami_block_device_mappings)
    asked = {"Name": wanted.name, "BlockDeviceMappings": disks}
    if wanted.description:
        asked["Description"] = wanted.description
    return publish(ctx, site, created_image(ctx, site, instance, asked, wanted.tags), wanted)
