"""The instance that is turned into an image."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from hclimg.builders.aws.network import Place
from hclimg.builders.aws.settings.run import RunConfig
from hclimg.builders.aws.site import Site
from hclimg.clouds.aws import removal
from hclimg.clouds.aws.making import making, once_known, tag_specifications
from hclimg.errors import BuildError
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service
    from hclimg.sdk.context import Context
    from hclimg.sdk.journal import Record

DEFAULT_NAME = "Packer Builder"
"""The tag Name of instances whose template gives none: policies of accounts look for what Packer calls them."""


@frozen(kw_only=True)
class Wish:
    """The instance that is wanted. ``mappings`` are BlockDeviceMappings of EC2; ``fresh`` is how EC2 refuses what was
    just made for the build, until it has heard of it everywhere."""

    run: RunConfig
    place: Place
    groups: tuple[str, ...]
    key_name: str
    profile: str
    mappings: list[dict[str, Any]]
    volume_tags: Mapping[str, str]
    fresh: tuple[str, ...] = ()
    swaps_volumes: bool = False

    @property
    def keeps_volumes(self) -> bool:
        """Whether the end of the instance leaves a volume: one that is attached later stays, too."""
        volumes = (disk["Ebs"] for disk in self.mappings if "Ebs" in disk)
        return self.swaps_volumes or any(not volume["DeleteOnTermination"] for volume in volumes)


def parameters(ctx: Context, site: Site, wish: Wish) -> dict[str, Any]:
    """What RunInstances is asked for, and a launch template says."""
    run = wish.run
    wanted: dict[str, Any] = {
        "ImageId": site.source.id,
        "InstanceType": run.instance_type,
        "KeyName": wish.key_name,
        "BlockDeviceMappings": wish.mappings,
        "IamInstanceProfile": {"Name": wish.profile} if wish.profile else {},
        "InstanceInitiatedShutdownBehavior": run.shutdown_behavior,
        "EbsOptimized": run.ebs_optimized or None,
        "EnclaveOptions": {"Enabled": True} if run.enable_nitro_enclave else {},
        "MetadataOptions": run.metadata_options.options(),
        "CreditSpecification": _credits(run),
        "Placement": _placement(wish),
        "CapacityReservationSpecification": _reservation(run),
        "LicenseSpecifications": [
            {"LicenseConfigurationArn": one.license_configuration_request.license_configuration_arn}
            for one in run.license_specifications
        ],
        "UserData": user_data(run),
        "TagSpecifications": _tags(ctx, site, wish),
        **_network(wish),
    }
    return {name: value for name, value in wanted.items() if value}


def _network(wish: Wish) -> dict[str, Any]:
    """A public address is asked for on a network card; with a card, subnet and groups are the card's."""
    wanted = wish.run.network.associate_public_ip_address
    if wanted is None or not wish.place.subnet:
        return {"SubnetId": wish.place.subnet, "SecurityGroupIds": list(wish.groups)}
    card = {
        "DeviceIndex": 0, "AssociatePublicIpAddress": wanted, "SubnetId": wish.place.subnet,
        "Groups": list(wish.groups), "DeleteOnTermination": True,
    }  # fmt: skip
    return {"NetworkInterfaces": [card]}


def _placement(wish: Wish) -> dict[str, str]:
    placement = wish.run.placement
    told = {
        "AvailabilityZone": wish.place.zone, "Tenancy": wish.run.whose_host, "HostId": placement.host_id,
        "HostResourceGroupArn": placement.host_resource_group_arn,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def _credits(run: RunConfig) -> dict[str, str]:
    if run.unlimited:
        return {"CpuCredits": "unlimited"}
    return {"CpuCredits": "standard"} if run.burstable else {}


def _reservation(run: RunConfig) -> dict[str, Any]:
    capacity = run.capacity
    if capacity.capacity_reservation_id:
        target = {"CapacityReservationId": capacity.capacity_reservation_id}
        return {"CapacityReservationTarget": target}
    if capacity.capacity_reservation_group_arn:
        target = {"CapacityReservationResourceGroupArn": capacity.capacity_reservation_group_arn}
        return {"CapacityReservationTarget": target}
    preference = capacity.capacity_reservation_preference
    return {"CapacityReservationPreference": preference} if preference else {}


def _tags(ctx: Context, site: Site, wish: Wish) -> list[dict[str, Any]]:
    run = {"Name": DEFAULT_NAME, **site.tags}
    volumes = {**site.source.rendered(ctx, wish.volume_tags), **site.mark}
    return tag_specifications({"instance": run, "network-interface": run, "volume": volumes})


def user_data(run: RunConfig) -> bytes:
    """The user data of the settings; what is base64 already is decoded, since EC2 gets all of it in base64."""
    path = run.user_data_path
    try:
        data = path.read_bytes() if path else run.user_data.encode()
    except OSError as error:
        raise BuildError(f"{path} cannot be read for the user data: {error.strerror}.") from error
    try:
        return b64decode(data.strip(), validate=True)
    except binascii.Error:
        return data


# -- the instance -------------------------------------------------------------


@step("Starting the instance", undo="Terminating the instance")
def on_demand_instance(ctx: Context, site: Site, wish: Wish) -> Iterator[str]:
    """Its id; it may not run yet."""
    with making_instance(ctx, site, wish) as records:
        asked = parameters(ctx, site, wish)
        answer = once_known(
            ctx, lambda: site.ec2.call("RunInstances", MinCount=1, MaxCount=1, **asked), *wish.fresh,
        )  # fmt: skip
    instance = str(answer["Instances"][0]["InstanceId"])
    records.instance.made(id=instance)
    ctx.say(f"Instance {instance}.")
    yield instance
    end_instance(site.ec2, instance, records)


@frozen(kw_only=True)
class Records:
    """``volumes`` is of all those that will not go with the instance, if any; they are found by their mark."""

    instance: Record
    volumes: Record | None = None


@contextmanager
def making_instance(ctx: Context, site: Site, wish: Wish) -> Iterator[Records]:
    """Inside, an instance is made."""
    with ExitStack() as stack:
        volumes = None
        if wish.keeps_volumes or site.source.keeps_volumes:
            volumes = stack.enter_context(making(ctx, site.ec2, "volume"))
        yield Records(instance=stack.enter_context(making(ctx, site.ec2, "instance")), volumes=volumes)


def end_instance(ec2: Service, instance: str, records: Records, fleet: str = "") -> None:
    """Terminate it with the fleet that it is of, if any, and delete the volumes that its end leaves."""
    staying = _staying_volumes(ec2, instance) if records.volumes else []
    if fleet:
        removal.delete_fleet(ec2, fleet)
    removal.terminate_instance(ec2, instance)
    records.instance.gone()
    for volume in staying:
        removal.delete_volume(ec2, volume)
    if records.volumes:
        records.volumes.gone()


def _staying_volumes(ec2: Service, instance: str) -> list[str]:
    """Those that are no result: they carry the mark of the run."""
    asked = [{"Name": "attachment.instance-id", "Values": [instance]}, {"Name": "tag-key", "Values": [RUN_TAG]}]
    found = ec2.pages("DescribeVolumes", "Volumes", Filters=asked)
    return [
        str(volume["VolumeId"])
        for volume in found
        if any(not one.get("DeleteOnTermination") for one in volume["Attachments"] if one["InstanceId"] == instance)
    ]


@step("Waiting for the instance to run")
def running_instance(_ctx: Context, ec2: Service, instance: str) -> dict[str, Any]:
    """What EC2 says of it when it runs."""
    answer = ec2.wait("instance_running", f"instance {instance} to run", InstanceIds=[instance])
    found: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
    return found
