"""Post-processor ``alicloud-import``: makes an image in Alibaba Cloud of a disk image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from hclimg.clouds.alicloud.access import AlicloudAccess
from hclimg.clouds.alicloud.disks import DisksConfig
from hclimg.clouds.alicloud.image_settings import ImageConfig
from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, config, embed, setting, without_effect
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact

REASON = "an import launches no instance."
FORMATS = ("raw", "vhd", "qcow2")
WITHOUT_EFFECT = {
    "system_disk_mapping": REASON,
    "image_disk_mappings": REASON,
    "image_version": "the API gives no versions to what is imported.",
    "skip_image_validation": "an import has no source image.",
}
LARGEST = 2048  # GiB
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")

if TYPE_CHECKING:
    Communicator = CommunicatorConfig
else:
    Communicator = without_effect(CommunicatorConfig, REASON)


def _unused(kind: Any = "") -> Any:
    return setting("Nothing.", default=kind, ignored=REASON)


@config
class Unused:
    """What Packer's templates may have here, because its post-processor has all settings of the builder."""

    associate_public_ip_address: bool = _unused(False)
    description: str = _unused()
    disable_stop_instance: bool = _unused(False)
    ecs_ram_role_name: str = _unused()
    eip_id: str = _unused()
    force_stop_instance: bool = _unused(False)
    image_family: str = _unused()
    image_ignore_data_disks: bool = _unused(False)
    instance_name: str = _unused()
    instance_type: str = _unused()
    internet_charge_type: str = _unused()
    internet_max_bandwidth_out: int = _unused(0)
    io_optimized: bool = _unused(False)
    run_tags: dict[str, str] = setting("Nothing.", factory=dict, ignored=REASON)
    security_enhancement_strategy: str = _unused()
    security_group_id: str = _unused()
    security_group_name: str = _unused()
    skip_create_image: bool = _unused(False)
    source_image: str = _unused()
    ssh_private_ip: bool = _unused(False)
    user_data: str = _unused()
    user_data_file: str = _unused()
    vpc_cidr_block: str = _unused()
    vpc_id: str = _unused()
    vpc_name: str = _unused()
    vswitch_id: str = _unused()
    vswitch_name: str = _unused()
    zone_id: str = _unused()


@config
class AlicloudImportConfig:
    """Uploads a raw, VHD or QCOW2 file to OSS and imports it as an image. Needs the extra `hclimg[alicloud-import]`.

    The file of the artifact that has the format is taken: of the builder `qemu`, with `format = "raw"`, the disk.
    """

    access: AlicloudAccess = embed(AlicloudAccess)
    image: ImageConfig = embed(ImageConfig)
    oss_bucket_name: str = setting("The bucket to upload to; made when it does not exist.")
    oss_key_name: str = setting(
        "The name of the object in the bucket, with `{{.BuildName}}` and `{{.BuilderType}}`.",
        default="",
        template=True,
        default_doc="one with the id of the run",
    )
    skip_clean: bool = setting("Whether the object stays in the bucket.", default=False)
    format: str = setting(
        "The format of the file.", default="", choices=("", *FORMATS, *(name.upper() for name in FORMATS)),
        default_doc="what the name of the file ends with",
    )  # fmt: skip
    image_os_type: str = setting(
        "The operating system.", default="", choices=("", "linux", "windows"), default_doc="linux"
    )
    image_platform: str = setting(
        "The distribution, such as `CentOS`, `Ubuntu` or `Others Linux`.", default="", default_doc="the API's guess"
    )
    image_architecture: str = setting(
        "The processor.", default="", choices=("", "i386", "x86_64", "arm64"), default_doc="x86_64"
    )
    image_system_size: str = setting("The size of the system disk in GiB.", default="", default_doc="that of the file")
    wait_snapshot_ready_timeout: int = setting(
        "How long the import may take, in seconds.", default=0, default_doc="3600"
    )
    disks: DisksConfig = embed(DisksConfig)
    unused: Unused = embed(Unused)
    communicator: Communicator = embed(Communicator)

    def check(self, problems: Checker) -> None:
        from hclimg.clouds.alicloud.oss import INSTALL, is_installed

        if not is_installed():
            detail = f"This needs the SDK of Alibaba Cloud's object storage: {INSTALL}"
            problems.error("Package not installed", detail, "oss_bucket_name")
        if not _BUCKET.fullmatch(self.oss_bucket_name):
            detail = f'"{self.oss_bucket_name}" is no name of a bucket: 3 to 63 small letters, digits and hyphens.'
            problems.error("Invalid name", detail, "oss_bucket_name")
        for name, reason in WITHOUT_EFFECT.items():
            if problems.is_set(name):
                problems.warn("Argument without effect", f'"{name}" has no effect: {reason}', name)
        size = self.image_system_size
        if size and not (size.isdigit() and 1 <= int(size) <= LARGEST):
            detail = f'"{size}" is not a whole number of GiB from 1 to {LARGEST}.'
            problems.error("Invalid disk size", detail, "image_system_size")
        if self.wait_snapshot_ready_timeout < 0:
            problems.error("Invalid number", "A time cannot be negative.", "wait_snapshot_ready_timeout")


class AlicloudImportPostProcessor(PostProcessor[AlicloudImportConfig]):
    Config: ClassVar[type] = AlicloudImportConfig

    def uses(self) -> dict[str, int]:
        return {"alicloud.ecs": 1}

    def summary(self) -> str:
        return f"as {self.config.image.image_name}, by way of the bucket {self.config.oss_bucket_name}"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.postprocessors.alicloud_importing import import_file

        return import_file(ctx, self.config, artifact)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        """Delete the images with their snapshots, in every region."""
        from hclimg.clouds.alicloud.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.clouds.alicloud.artifact import contents

        return contents(artifact)
