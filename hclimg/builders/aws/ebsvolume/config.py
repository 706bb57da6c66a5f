"""The settings of amazon-ebsvolume: all of Packer's keys with its rules and defaults."""

from __future__ import annotations

from hclimg.builders.aws.settings.ami import SnapshotConfig
from hclimg.builders.aws.settings.devices import BlockDevice, check_devices
from hclimg.builders.aws.settings.run import RunConfig
from hclimg.builders.aws.settings.tags import KNOWS, KeyValue, NameValue, check_tags, merged
from hclimg.clouds.aws.access import AwsAccess, check_region
from hclimg.config.fields import Checker, block, config, embed, setting


@config
class EbsVolume:
    """A volume to make. Unless it goes with the instance, it is a result."""

    device: BlockDevice = embed(BlockDevice)
    snapshots: SnapshotConfig = embed(SnapshotConfig)
    tags: dict[str, str] = setting(f"Tags of the volume. {KNOWS}", factory=dict, template=True)
    tag: tuple[KeyValue, ...] = block("One tag of the volume.", many=True, default=())
    snapshot_volume: bool = setting("Whether a snapshot of the volume is made, too.", default=False)
    snapshot_description: str = setting("What the snapshot is.", default="")

    @property
    def all_tags(self) -> dict[str, str]:
        return merged(self.tags, self.tag)

    @property
    def stays(self) -> bool:
        """Whether the volume is a result."""
        device = self.device
        return not (device.delete_on_termination or device.no_device or device.virtual_name)

    def check(self, problems: Checker) -> None:
        if problems.is_known("tags", "tag"):
            check_tags(problems, "tags", self.all_tags, "tag")
        if self.device.delete_on_termination and not self.snapshot_volume and problems.is_known("snapshot_volume"):
            detail = "The volume goes with the instance, and no snapshot of it is made: nothing of it stays."
            problems.warn("Volume without a result", detail, "delete_on_termination", "snapshot_volume")
        for name in ("snapshot_description", "snapshot_tags", "snapshot_tag", "snapshot_users", "snapshot_groups"):
            if problems.is_set(name) and not self.snapshot_volume:
                detail = f'"{name}" is for a snapshot, so "snapshot_volume" must be true.'
                problems.error("Conflicting arguments", detail, name, "snapshot_volume")
        if self.snapshot_volume and (self.device.no_device or self.device.virtual_name):
            detail = "Only a volume of EBS can have a snapshot."
            problems.error("Conflicting arguments", detail, "snapshot_volume", "no_device", "virtual_name")


@config
class EbsVolumeConfig:
    """Starts an EC2 instance to fill volumes of EBS, which stay, with snapshots if wanted; makes no image."""

    access: AwsAccess = embed(AwsAccess)
    run: RunConfig = embed(RunConfig)

    ebs_volumes: tuple[EbsVolume, ...] = block("A volume to make.", many=True, default=())
    run_volume_tags: dict[str, str] = setting(
        f"Tags of the instance's volumes while it runs; those that stay lose them. {KNOWS}", factory=dict, template=True
    )
    run_volume_tag: tuple[NameValue, ...] = block("One tag of the instance's volumes.", many=True, default=())
    ena_support: bool | None = setting("Whether the instance has ENA.", default=None, default_doc="as in the source")
    sriov_support: bool = setting("Whether the instance has SR-IOV networking.", default=False)

    @property
    def volume_tags(self) -> dict[str, str]:
        return merged(self.run_volume_tags, self.run_volume_tag)

    def check(self, problems: Checker) -> None:
        check_region(problems, self.access, self.access.region, "region")
        if problems.is_known("ebs_volumes"):
            if not self.ebs_volumes:
                detail = "There is nothing to make: name at least one volume in an ebs_volumes block."
                problems.error("Missing required block", detail, "ebs_volumes")
            check_devices(problems, "ebs_volumes", tuple(one.device for one in self.ebs_volumes))
        if problems.is_known("run_volume_tags", "run_volume_tag"):
            check_tags(problems, "run_volume_tags", self.volume_tags, "run_volume_tag")
        if self.run.spot.wanted and (self.ena_support or self.sriov_support):
            detail = "A spot instance cannot be modified, as ena_support and sriov_support need it."
            problems.error("Conflicting arguments", detail, "ena_support", "sriov_support", "spot_price")
