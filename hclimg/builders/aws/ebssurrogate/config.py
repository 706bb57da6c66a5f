"""The settings of amazon-ebssurrogate: all of Packer's keys with its rules and defaults."""

from __future__ import annotations

import binascii
from base64 import b64decode

from hclimg.builders.aws.ebssurrogate.disks import LaunchDevice, RootDevice
from hclimg.builders.aws.settings.ami import AmiConfig, check_result_regions
from hclimg.builders.aws.settings.devices import BlockDevice, check_devices, check_iops, refuse_key
from hclimg.builders.aws.settings.run import RunConfig
from hclimg.builders.aws.settings.tags import KNOWS, NameValue, check_tags, merged
from hclimg.clouds.aws.access import AwsAccess
from hclimg.config.fields import Checker, block, config, embed, setting

OF_THE_INSTANCE = ("ami_architecture", "boot_mode", "uefi_data", "tpm_support", "snapshot_description")
"""What EC2 takes from the instance or decides itself when it makes the image of it."""
DEFAULT_ARCHITECTURE = "x86_64"
ARCHITECTURES = ("i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac")


@config
class SurrogateConfig:
    """Starts an EC2 instance to fill another disk of it, and makes an image (AMI) whose root disk is that one."""

    access: AwsAccess = embed(AwsAccess)
    ami: AmiConfig = embed(AmiConfig)
    run: RunConfig = embed(RunConfig)

    ami_root_device: RootDevice = block("The disk that becomes the root disk of the image.")
    launch_block_device_mappings: tuple[LaunchDevice, ...] = block(
        "A disk of the instance; it becomes part of the image.", many=True, default=()
    )
    ami_block_device_mappings: tuple[BlockDevice, ...] = block(
        "A disk that instances of the image have besides.", many=True, default=()
    )
    run_volume_tags: dict[str, str] = setting(f"Tags of the instance's disks. {KNOWS}", factory=dict, template=True)
    run_volume_tag: tuple[NameValue, ...] = block("One tag of the instance's disks.", many=True, default=())
    skip_ami_run_tags: bool = setting("Whether the image does without the run_tags.", default=False)
    snapshot_description: str = setting("What the snapshots are.", default="")
    use_create_image: bool = setting(
        "Whether EC2 makes the image of the instance, after its root disk was swapped. Then the image inherits the "
        "properties of the instance. Otherwise it is registered with snapshots of the disks, and the settings alone "
        "say what it is like.",
        default=False,
    )
    ami_architecture: str = setting(
        "The processor's architecture.", default="", choices=("", *ARCHITECTURES), default_doc=DEFAULT_ARCHITECTURE
    )
    boot_mode: str = setting(
        "How instances of the image boot.",
        default="",
        choices=("", "legacy-bios", "uefi", "uefi-preferred"),
        default_doc="EC2's for the type of the instance",
    )
    uefi_data: str = setting(
        "The store of UEFI's variables, in base64, as EC2's GetInstanceUefiData gives it.", default=""
    )
    tpm_support: str = setting('With "v2.0", instances of the image have a TPM.', default="", choices=("", "v2.0"))

    @property
    def volume_tags(self) -> dict[str, str]:
        return merged(self.run_volume_tags, self.run_volume_tag)

    @property
    def architecture(self) -> str:
        return self.ami_architecture or DEFAULT_ARCHITECTURE

    def check(self, problems: Checker) -> None:
        check_result_regions(problems, self.access, self.ami)
        if problems.is_known("launch_block_device_mappings", "ami_root_device"):
            self._check_root(problems)
            self._check_launch_devices(problems)
        self._check_image_devices(problems)
        if self.use_create_image:
            self._check_creation(problems)
        else:
            self._check_firmware(problems)
        if problems.is_known("run_volume_tags", "run_volume_tag"):
            check_tags(problems, "run_volume_tags", self.volume_tags, "run_volume_tag")

    def _check_root(self, problems: Checker) -> None:
        root = self.ami_root_device
        source = next((one for one in self.launch_block_device_mappings if one.name == root.source_device_name), None)
        if source is None:
            if root.source_device_name:
                names = ", ".join(one.name for one in self.launch_block_device_mappings) or "none"
                detail = (
                    f'"launch_block_device_mappings" has no disk "{root.source_device_name}", which "ami_root_device" '
                    f"names as its source_device_name; it has {names}."
                )
                problems.error("Missing device", detail, "ami_root_device")
            return
        if source.omit_from_artifact:
            detail = f'"{source.name}" becomes the root disk of the image, so "omit_from_artifact" cannot be true.'
            problems.error("Conflicting arguments", detail, "launch_block_device_mappings", "ami_root_device")
        if not source.is_volume:
            detail = f'"{source.name}" is no volume of EBS, so it cannot become the root disk of the image.'
            problems.error("Conflicting arguments", detail, "launch_block_device_mappings", "ami_root_device")
        if 0 < root.volume_size < source.device.volume_size:
            detail = (
                f'The root disk of the image cannot be smaller than "{source.name}", which has '
                f"{source.device.volume_size} GiB."
            )
            problems.error("Invalid number", detail, "ami_root_device")
        if root.iops is not None and not root.volume_type:
            device = root.of(source.device)
            check_iops(problems, device.device_name, device.volume_type, device.volume_size, root.iops)

    def _check_launch_devices(self, problems: Checker) -> None:
        devices, root = self.launch_block_device_mappings, self.ami_root_device
        check_devices(problems, "launch_block_device_mappings", tuple(one.device for one in devices))
        for one in devices:
            is_taken = one.name == root.device_name != root.source_device_name
            if is_taken and one.is_volume and not one.omit_from_artifact:
                detail = (
                    f'The image does not have the disk "{one.name}" of the instance: its own root disk is called so. '
                    "Write omit_from_artifact = true."
                )
                problems.warn("Disk left out", detail, "launch_block_device_mappings")

    def _check_image_devices(self, problems: Checker) -> None:
        name = "ami_block_device_mappings"
        if not problems.is_known(name):
            return
        check_devices(problems, name, self.ami_block_device_mappings)
        for device in self.ami_block_device_mappings:
            refuse_key(problems, device)
        if not problems.is_known("launch_block_device_mappings", "ami_root_device"):
            return
        root = self.ami_root_device
        launched = {
            one.name
            for one in self.launch_block_device_mappings
            if not one.omit_from_artifact and one.name != root.source_device_name
        }
        for device in self.ami_block_device_mappings:
            if device.device_name in {*launched, root.device_name}:
                detail = (
                    f'"{name}" has no effect on "{device.device_name}": the image has the disk of that name that '
                    '"launch_block_device_mappings" or "ami_root_device" describes.'
                )
                problems.warn("Argument without effect", detail, name)

    def _check_firmware(self, problems: Checker) -> None:
        if self.uefi_data and problems.is_known("uefi_data"):
            try:
                b64decode(self.uefi_data, validate=True)
            except (binascii.Error, ValueError):
                problems.error("Invalid UEFI data", '"uefi_data" is not base64.', "uefi_data")
        for name in ("uefi_data", "tpm_support"):
            if getattr(self, name) and problems.is_known(name, "boot_mode") and "uefi" not in self.boot_mode:
                detail = f'"{name}" is for images that boot with UEFI, so "boot_mode" must be "uefi".'
                problems.error("Conflicting arguments", detail, name, "boot_mode")

    def _check_creation(self, problems: Checker) -> None:
        for name in OF_THE_INSTANCE:
            if problems.is_set(name):
                detail = (
                    f'With "use_create_image", EC2 makes the image of the instance and its properties: "{name}" would '
                    "have no effect."
                )
                problems.error("Conflicting arguments", detail, name, "use_create_image")
        if self.run.spot.wanted:
            detail = (
                'With "use_create_image", the root disk of the stopped instance is swapped; a spot instance cannot be '
                "stopped for it."
            )
            problems.error("Conflicting arguments", detail, "use_create_image", "spot_price")
