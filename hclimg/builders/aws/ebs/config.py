"""The settings of amazon-ebs: all of Packer's keys with its rules and defaults."""

from __future__ import annotations

from hclimg.builders.aws.settings.ami import AmiConfig
from hclimg.builders.aws.settings.devices import BlockDevice, check_devices
from hclimg.builders.aws.settings.fast_launch import FastLaunchConfig
from hclimg.builders.aws.settings.run import RunConfig
from hclimg.builders.aws.settings.tags import KNOWS, NameValue, check_tags, merged
from hclimg.clouds.aws.access import AwsAccess, check_region
from hclimg.config.fields import Checker, block, config, embed, setting


@config
class EbsConfig:
    """Starts an EC2 instance and makes an image (AMI) of its disks."""

    access: AwsAccess = embed(AwsAccess)
    ami: AmiConfig = embed(AmiConfig)
    run: RunConfig = embed(RunConfig)

    skip_create_ami: bool = setting(
        "Whether to make no image, to try out the provisioners; the build has no artifact then.", default=False
    )
    skip_ami_run_tags: bool = setting("Whether the image does without the run_tags.", default=False)
    ami_block_device_mappings: tuple[BlockDevice, ...] = block(
        "A disk that instances of the image have.", many=True, default=()
    )
    launch_block_device_mappings: tuple[BlockDevice, ...] = block(
        "A disk of the instance that builds the image; it becomes part of the image.", many=True, default=()
    )
    run_volume_tags: dict[str, str] = setting(f"Tags of the instance's disks. {KNOWS}", factory=dict, template=True)
    run_volume_tag: tuple[NameValue, ...] = block("One tag of the instance's disks.", many=True, default=())
    no_ephemeral: bool = setting(
        "Whether the drives xvdca to xvdcz, which Windows' images name, are left out.", default=False
    )
    fast_launch: FastLaunchConfig = block(
        "Prepares snapshots, from which Windows instances start faster.", default=FastLaunchConfig()
    )

    @property
    def volume_tags(self) -> dict[str, str]:
        return merged(self.run_volume_tags, self.run_volume_tag)

    @property
    def copied(self) -> bool:
        """Whether what EC2 makes of the instance is only copied from, and then removed."""
        return bool(self.ami.encryption.encrypt_boot) or self.ami.skip_save_build_region

    def check(self, problems: Checker) -> None:
        ami = self.ami
        if self.run.spot.wanted and (ami.ena_support or ami.sriov_support):
            detail = (
                "A spot instance cannot be modified, as ena_support and sriov_support need it; "
                "start from an image that has them already."
            )
            problems.error("Conflicting arguments", detail, "ena_support", "sriov_support", "spot_price")
        self._check_regions(problems)
        self._check_devices(problems)
        if problems.is_known("run_volume_tags", "run_volume_tag"):
            check_tags(problems, "run_volume_tags", self.volume_tags, "run_volume_tag")

    def _check_regions(self, problems: Checker) -> None:
        access = self.access
        if not problems.is_known("ami_regions"):
            return
        if not self.ami.skip_region_validation:
            check_region(problems, access, access.region, "region")
            for region in self.ami.ami_regions:
                check_region(problems, access, region, "ami_regions")
        if self.ami.skip_save_build_region and not self.ami.other_regions(access.region):
            detail = '"skip_save_build_region" leaves no image at all: "ami_regions" names no other region.'
            problems.error("Conflicting arguments", detail, "skip_save_build_region", "ami_regions")

    def _check_devices(self, problems: Checker) -> None:
        for name in ("ami_block_device_mappings", "launch_block_device_mappings"):
            if problems.is_known(name):
                check_devices(problems, name, getattr(self, name))
        for device in self.ami_block_device_mappings:
            if device.kms_key_id:
                detail = (
                    "EC2 takes the key of a disk from the instance: set it in launch_block_device_mappings, "
                    'or encrypt the image with "encrypt_boot" and "kms_key_id".'
                )
                problems.error("Unsupported argument", detail, "ami_block_device_mappings")
