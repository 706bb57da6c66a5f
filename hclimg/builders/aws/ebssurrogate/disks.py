"""The disks of the instance and of the image: settings, and what EC2 is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hclimg.builders.aws.settings.devices import VOLUME_TYPES, BlockDevice, check_iops
from hclimg.config.fields import Checker, config, embed, setting

STARTED_FROM = {"SnapshotId", "Encrypted", "KmsKeyId"}


@config
class LaunchDevice:
    """A disk of the instance that builds the image."""

    device: BlockDevice = embed(BlockDevice)
    omit_from_artifact: bool = setting(
        "Whether it is for the build only: no snapshot of it is made, and the image does not have it.", default=False
    )

    @property
    def name(self) -> str:
        return self.device.device_name

    @property
    def is_volume(self) -> bool:
        return not (self.device.no_device or self.device.virtual_name)


@config
class RootDevice:
    """The disk of the instance that becomes the root disk of the image."""

    source_device_name: str = setting(
        "Its name in the instance: that of a disk of launch_block_device_mappings.", example='"/dev/xvdf"'
    )
    device_name: str = setting("Its name in the image.", example='"/dev/xvda"')
    delete_on_termination: bool = setting(
        "Whether it goes with an instance that is made from the image.", default=False
    )
    volume_type: str = setting(
        "The kind of volume.", default="", choices=("", *VOLUME_TYPES), default_doc="that of the disk in the instance"
    )
    volume_size: int = setting(
        "The size in GiB, at least that of the disk in the instance.", default=0, default_doc="that size"
    )
    iops: int | None = setting(
        "Operations per second; for io1, io2 and gp3.", default=None, default_doc="as in the instance"
    )

    def check(self, problems: Checker) -> None:
        for name in ("source_device_name", "device_name"):
            if problems.is_known(name) and not getattr(self, name):
                detail = f'The argument "{name}" of "ami_root_device" is required, but it is empty.'
                problems.error("Missing required argument", detail, name)
        if self.volume_size < 0:
            problems.error("Invalid number", f"A volume cannot have {self.volume_size} GiB.", "volume_size")
        if self.volume_type and self.iops is not None and problems.is_known("volume_type", "iops", "volume_size"):
            check_iops(problems, self.device_name, self.volume_type, self.volume_size, self.iops)

    def of(self, source: BlockDevice) -> BlockDevice:
        """The disk in the image, made of one of the instance."""
        kind = self.volume_type or source.volume_type
        same = kind == source.volume_type
        return BlockDevice(
            snapshot_id=source.snapshot_id,
            encrypted=source.encrypted,
            kms_key_id=source.kms_key_id,
            device_name=self.device_name,
            delete_on_termination=self.delete_on_termination,
            volume_type=kind,
            volume_size=self.volume_size or source.volume_size,
            iops=self.iops if self.iops is not None or not same else source.iops,
            throughput=source.throughput if same else None,
        )


def staying(devices: Iterable[LaunchDevice], root: RootDevice) -> list[LaunchDevice]:
    """The disks of the instance that the image has. Another one that is called as its root disk makes room for it."""
    return [
        one
        for one in devices
        if not (one.omit_from_artifact or one.device.no_device)
        and (one.name == root.source_device_name or one.name != root.device_name)
    ]


def registered_disks(
    devices: Iterable[LaunchDevice], root: RootDevice, more: Iterable[BlockDevice], snapshots: Mapping[str, str]
) -> list[dict[str, Any]]:
    """BlockDeviceMappings of RegisterImage. ``more`` are disks that only the image has; ``snapshots`` are those of the
    instance's disks, by name: they decide on the encryption."""
    disks = {device.device_name: device.mapping() for device in more if not device.no_device}
    for one in staying(devices, root):
        device = root.of(one.device) if one.name == root.source_device_name else one.device
        made = {"SnapshotId": snapshots[one.name]} if one.name in snapshots else {}
        disks[device.device_name] = _existing(device, made)
    return list(disks.values())


def changed_disks(
    devices: Iterable[LaunchDevice], root: RootDevice, more: Iterable[BlockDevice]
) -> list[dict[str, Any]]:
    """BlockDeviceMappings of CreateImage: what is different from the instance, whose root disk was swapped."""
    given = tuple(devices)
    disks = {device.device_name: device.mapping() for device in more}
    kept = {one.name for one in staying(given, root)}
    for one in given:
        if one.name == root.source_device_name:
            disks[root.device_name] = _existing(root.of(one.device), {})
        elif one.is_volume and one.name not in {*kept, root.device_name}:
            disks[one.name] = {"DeviceName": one.name, "NoDevice": ""}
    return list(disks.values())


def _existing(device: BlockDevice, made: Mapping[str, str]) -> dict[str, Any]:
    """A disk that there is: what it was started from does not count any more. ``made`` says what there is of it."""
    mapping = device.mapping()
    if "Ebs" in mapping:
        kept = {key: value for key, value in mapping["Ebs"].items() if key not in STARTED_FROM}
        mapping["Ebs"] = {**kept, **made}
    return mapping
