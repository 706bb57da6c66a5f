"""The settings of amazon-ebs: all of Packer's keys with its rules and defaults."""

from __future__ import annotations

from hclimg.builders.aws.settings.ami import AmiConfig, check_result_regions
from hclimg.builders.aws.settings.devices import BlockDevice, check_devices, refuse_key
from hclimg.builders.aws.settings.fast_launch import FastLaunchConfig
from hclimg.builders.aws.settings.run import RunConfig
from hclimg.builders.aws.settings.tags import KNOWS, NameValue, check_tags, merged
from hclimg.clouds.aws.access import AwsAccess
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

    def check(self, problems: Checker) -> None:
        ami = self.ami
        if self.run.spot.wanted and (ami.ena_support or ami.sriov_support):
            detail = (
                "A spot instance cannot be modified, as ena_support and sriov_support need it; "
                "start from an image that has them already."
            )
            problems.error("Conflicting arguments", detail, "ena_support", "sriov_support", "spot_price")
        check_result_regions(problems, self.access, ami)
        self._check_devices(problems)
        if problems.is_known("run_volume_tags", "run_volume_tag"):
            check_tags(problems, "run_volume_tags", self.volume_tags, "run_volume_tag")

    def _check_devices(self, problems: Checker) -> None:
        for name in ("ami_block_device_mappings", "launch_block_device_mappings"):
            if problems.is_known(name):
                check_devices(problems, name, getattr(self, name))
        for device in self.ami_block_device_mappings:
            refuse_key(problems, device)
