"""The disks of an instance or an image."""

from __future__ import annotations

from typing import Any

from hclimg.builders.aws.settings.kms import is_kms_key
from hclimg.config.fields import Checker, config, setting

VOLUME_TYPES = ("gp2", "gp3", "io1", "io2", "st1", "sc1", "standard")
MOST_IOPS_BY_SIZE = {"io1": 50, "io2": 500}
IOPS = {"io1": (100, 64000), "io2": (100, 64000), "gp3": (3000, 16000)}
THROUGHPUT = (125, 1000)
EPHEMERAL = "abcdefghijklmnopqrstuvwxyz"


@config
class BlockDevice:
    """A disk, or that there is none."""

    device_name: str = setting("Its name in the instance.", example='"/dev/sda1"')
    volume_size: int = setting("The size in GiB. Required without a snapshot.", default=0, default_doc="the snapshot's")
    volume_type: str = setting(
        "The kind of volume.", default="", choices=("", *VOLUME_TYPES), default_doc="EC2's for the region"
    )
    iops: int | None = setting("Operations per second; for io1, io2 and gp3.", default=None)
    throughput: int | None = setting("MiB per second; for gp3.", default=None)
    delete_on_termination: bool = setting(
        "Whether the volume goes with the instance. Volumes of the build go with it in any case: "
        "this is what the image says of the instances that are made from it.",
        default=False,
    )
    encrypted: bool | None = setting("Whether it is encrypted.", default=None, default_doc="as in the source")
    kms_key_id: str = setting("The key that encrypts it.", default="", default_doc="the account's for EBS")
    snapshot_id: str = setting("The snapshot that the volume starts from.", default="")
    no_device: bool = setting("Whether this device of the source is left out.", default=False)
    virtual_name: str = setting("An instance store volume instead of EBS.", default="", example='"ephemeral0"')

    def check(self, problems: Checker) -> None:
        name = self.device_name
        if problems.is_known("device_name") and not name:
            detail = 'The argument "device_name" is required for every device, but it is empty.'
            problems.error("Missing required argument", detail, "device_name")
        if self.no_device or self.virtual_name:
            self._check_no_volume(problems)
            return
        if self.kms_key_id and self.encrypted is False:
            detail = f'A "kms_key_id" encrypts "{name}", but "encrypted" is false.'
            problems.error("Conflicting arguments", detail, "encrypted", "kms_key_id")
        if self.kms_key_id and not is_kms_key(self.kms_key_id):
            detail = f'"{self.kms_key_id}" is not the id, alias (alias/NAME) or ARN of a KMS key.'
            problems.error("Invalid KMS key", detail, "kms_key_id")
        if self.iops is not None and problems.is_known("volume_type", "iops", "volume_size"):
            check_iops(problems, name, self.volume_type, self.volume_size, self.iops)
        self._check_throughput(problems)

    def _check_no_volume(self, problems: Checker) -> None:
        if self.virtual_name and not self.no_device and not self.virtual_name.startswith("ephemeral"):
            detail = (
                f'"virtual_name" is ephemeral0 to ephemeral23, for instance store volumes; not "{self.virtual_name}".'
            )
            problems.error("Invalid device", detail, "virtual_name")

    def _check_throughput(self, problems: Checker) -> None:
        if self.throughput is None or not problems.is_known("volume_type", "throughput"):
            return
        low, high = THROUGHPUT
        if self.volume_type != "gp3":
            detail = f'"throughput" is for gp3 volumes; "{self.device_name}" is of another type.'
            problems.error("Conflicting arguments", detail, "throughput", "volume_type")
        elif not low <= self.throughput <= high:
            detail = f"gp3 volumes have a throughput from {low} to {high} MiB/s, not {self.throughput}."
            problems.error("Invalid number", detail, "throughput")

    def mapping(self) -> dict[str, Any]:
        """A BlockDeviceMapping of EC2."""
        if self.no_device:
            return {"DeviceName": self.device_name, "NoDevice": ""}
        if self.virtual_name:
            return {"DeviceName": self.device_name, "VirtualName": self.virtual_name}
        volume = {
            "DeleteOnTermination": self.delete_on_termination, "VolumeType": self.volume_type or None,
            "VolumeSize": self.volume_size or None, "Iops": self.iops, "Throughput": self.throughput,
            "SnapshotId": self.snapshot_id or None, "Encrypted": self.encrypted, "KmsKeyId": self.kms_key_id or None,
        }  # fmt: skip
        return {"DeviceName": self.device_name, "Ebs": {k: v for k, v in volume.items() if v is not None}}


def check_iops(problems: Checker, name: str, volume_type: str, size: int, iops: int) -> None:
    """Report IOPS that a volume of the type and size (GiB; 0: not known) cannot have."""
    if volume_type not in IOPS:
        detail = f'"iops" is for volumes of the types {", ".join(sorted(IOPS))}; "{name}" is of another.'
        problems.error("Conflicting arguments", detail, "iops", "volume_type")
        return
    low, high = IOPS[volume_type]
    if not low <= iops <= high:
        problems.error("Invalid number", f"{volume_type} volumes have from {low} to {high} IOPS, not {iops}.", "iops")
    ratio = MOST_IOPS_BY_SIZE.get(volume_type)
    if ratio and size and iops > ratio * size:
        detail = (
            f"{volume_type} volumes have at most {ratio} IOPS for each GiB: {ratio * size} for {size} GiB, not {iops}."
        )
        problems.error("Invalid number", detail, "iops", "volume_size")


def launch_mappings(devices: tuple[BlockDevice, ...], *, no_ephemeral: bool) -> list[dict[str, Any]]:
    """What the instance is started with. ``no_ephemeral`` hides the 26 drives that Windows' images may name."""
    hidden = [{"DeviceName": f"xvdc{letter}", "NoDevice": ""} for letter in EPHEMERAL] if no_ephemeral else []
    return [*(device.mapping() for device in devices), *hidden]


def check_devices(problems: Checker, name: str, devices: tuple[BlockDevice, ...]) -> None:
    """Report names that are given twice."""
    seen: set[str] = set()
    for device in devices:
        if device.device_name and device.device_name in seen:
            detail = f'"{name}" has two devices called "{device.device_name}".'
            problems.error("Duplicate device", detail, name)
        seen.add(device.device_name)


def refuse_key(problems: Checker, device: BlockDevice) -> None:
    """Report a key for a disk of the image alone."""
    if device.kms_key_id:
        detail = (
            "EC2 takes the key of a disk from the instance: set it in launch_block_device_mappings, "
            'or encrypt the image with "encrypt_boot" and "kms_key_id".'
        )
        problems.error("Unsupported argument", detail, "ami_block_device_mappings")
