"""From a file of the artifact to an image in Alibaba Cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hclimg.clouds.alicloud.artifact import images_artifact
from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.finishing import (
    Draft,
    check_names,
    check_regions,
    delete_duplicates,
    draft_image,
    finish,
    wait_for_first,
)
from hclimg.clouds.alicloud.image_settings import LONGEST_WAIT
from hclimg.clouds.alicloud.import_role import NO_ROLE, prepare_import_role
from hclimg.clouds.alicloud.making import api_for, make
from hclimg.clouds.alicloud.oss import Oss
from hclimg.errors import ApiError, BuildError
from hclimg.postprocessors.alicloud_import import FORMATS, AlicloudImportConfig
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step

BUILDER_ID = "packer.post-processor.alicloud-import"
COMPONENT = "post-processor/alicloud-import"


def import_file(ctx: Context, config: AlicloudImportConfig, artifact: Artifact) -> Artifact:
    file, form = file_of(artifact, config.format.lower())
    ecs = api_for(ctx, config.access)
    force = config.image.image_force_delete or ctx.run.force
    check_regions(ctx, ecs, config.image)
    if not force:
        check_names(ctx, ecs, config.image)
    rendered = ctx.render(config.oss_key_name, BuildName=ctx.build_name, BuilderType=ctx.build_type)
    key = rendered or f"{run_name(ctx.run.id)}.{form}"
    uploaded = upload(ctx, ecs, config, file, key)
    if force:
        delete_duplicates(ctx, ecs, config.image)
    encrypted = config.image.image_encrypted
    name = run_name(ctx.run.id) if encrypted else config.image.image_name
    first = _import(ctx, ecs, name, _wanted(config, form, key))
    image = wait_for_first(ctx, first, float(config.wait_snapshot_ready_timeout or LONGEST_WAIT))
    found = finish(ctx, first, image, config.image)
    if config.skip_clean:
        uploaded.keep()
    return images_artifact(BUILDER_ID, COMPONENT, config.access, found)


def file_of(artifact: Artifact, form: str) -> tuple[Path, str]:
    """The file to import, and its format. Raises BuildError when the artifact has none."""
    found = _chosen(artifact, form)
    if found is None:
        kinds, have = [form] if form else FORMATS, ", ".join(artifact.files) or "no files"
        raise BuildError(
            f"The artifact has no file that ends with {' or '.join(f'.{each}' for each in kinds)}.",
            hint=f'It has {have}. With the builder qemu, set format = "raw" and a vm_name with that ending.',
        )
    if not found[0].exists():
        raise BuildError(f"The artifact's file {found[0]} does not exist.")
    return found


def _chosen(artifact: Artifact, form: str) -> tuple[Path, str] | None:
    """The first with the right ending, or the only one when the settings say what it is."""
    for name in artifact.files:
        ending = name.rpartition(".")[2].lower()
        if ending == form or (not form and ending in FORMATS):
            return Path(name), ending
    return (Path(artifact.files[0]), form) if form and len(artifact.files) == 1 else None


@step("Uploading the file to the object storage", undo="Removing the file from the object storage")
def upload(ctx: Context, ecs: Ecs, config: AlicloudImportConfig, file: Path, key: str) -> Iterator[Draft]:
    oss, bucket = Oss(ecs), config.oss_bucket_name
    if oss.ensure_bucket(bucket):
        ctx.say(f"The bucket {bucket} was made; it stays.")

    def create() -> dict[str, str]:
        oss.upload(bucket, key, file, lambda done, total: ctx.progress(f"Uploading {file.name}", done, total))
        return {"Key": key}

    draft = Draft(make(ctx, ecs, "object", "Key", create, bucket=bucket, key=key))
    yield draft
    draft.drop()


def _import(ctx: Context, ecs: Ecs, name: str, wanted: dict[str, Any]) -> Draft:
    """The account needs a role for imports; the first time, it has none."""
    try:
        return draft_image(ctx, ecs, "ImportImage", name, wanted)
    except ApiError as error:
        if not error.code.startswith(NO_ROLE):
            raise
    prepare_import_role(ctx, ecs)
    return draft_image(ctx, ecs, "ImportImage", name, wanted, (NO_ROLE,))


def _wanted(config: AlicloudImportConfig, form: str, key: str) -> dict[str, Any]:
    disk = {
        "Format": form.upper(), "OSSBucket": config.oss_bucket_name, "OSSObject": key,
        "DiskImageSize": config.image_system_size,
    }  # fmt: skip
    return {
        "OSType": config.image_os_type,
        "Platform": config.image_platform,
        "Architecture": config.image_architecture,
        "Description": config.image.image_description,
        "BootMode": config.image.boot_mode,
        "ResourceGroupId": config.image.resource_group_id,
        "DiskDeviceMapping": [disk],
    }
