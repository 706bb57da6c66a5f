"""From a disk image to an AMI: the object in S3, the import, the copy that has a name, and who may use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hclimg.clouds.aws import removal
from hclimg.clouds.aws.artifact import artifact_of
from hclimg.clouds.aws.client import LONG, Aws, Service, connect
from hclimg.clouds.aws.drafts import Draft, finish, permissions, wait_for_image
from hclimg.clouds.aws.making import making, tag_list, tag_specifications
from hclimg.clouds.aws.refusals import is_denied
from hclimg.clouds.aws.removal import OBJECT_MARK
from hclimg.clouds.aws.watch import steady
from hclimg.errors import ApiError, BuildError, HclimgError
from hclimg.postprocessors.amazon_import import FORMATS, AmazonImportConfig
from hclimg.sdk.mark import RUN_TAG, run_name
from hclimg.sdk.steps import step
from hclimg.units import show_size

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact

BUILDER_ID = "packer.post-processor.amazon-import"
ENDED = ("deleted", "deleting")


def run(ctx: Context, config: AmazonImportConfig, artifact: Artifact) -> Artifact:
    path, kind = disk_image(artifact, config.format)
    aws = connect(ctx, config.access)
    ec2 = aws.service("ec2")
    _refuse_taken_name(ec2, config.ami_name)
    key = config.s3_key_name or f"{run_name(ctx.run.id)}.{kind}"
    uploaded_object(ctx, aws, config, path, key)
    imported = imported_image(ctx, ec2, config, kind, key)
    wait_for_import(ctx, imported)
    draft = named_copy(ctx, imported, config) if config.ami_name else imported
    if draft is not imported:
        wait_for_image(ctx, draft)
    _share(draft, config)
    finish(ctx, draft)
    draft.keep()
    return artifact_of(BUILDER_ID, "post-processor/amazon-import", (draft,), aws.identity)


def disk_image(artifact: Artifact, wanted: str) -> tuple[Path, str]:
    """The file to import and its format. Raises BuildError when there is not exactly one."""
    kinds = (wanted,) if wanted else FORMATS
    found = [Path(name) for name in artifact.files if Path(name).suffix[1:].lower() in kinds]
    if len(found) != 1:
        what = f"{len(found)} files" if found else "no file"
        hint = f"It has {', '.join(artifact.files)}." if artifact.files else "It has no files at all."
        raise BuildError(f"The artifact has {what} of the format {' or '.join(kinds)} to import.", hint=hint)
    if not found[0].exists():
        raise BuildError(f"The artifact's file {found[0]} does not exist.")
    return found[0], found[0].suffix[1:].lower()


def _refuse_taken_name(ec2: Service, name: str) -> None:
    """Before hours of copying rather than after them."""
    asked = [{"Name": "name", "Values": [name]}]
    taken = ec2.call("DescribeImages", Owners=["self"], Filters=asked)["Images"] if name else []
    if taken:
        hint = "Names are unique in a region: add a timestamp to ami_name, or deregister the old image."
        raise BuildError(f'There is an image called "{name}" already: {taken[0]["ImageId"]}.', hint=hint)


# -- the object in S3 -------------------------------------------------------------


@step("Uploading the disk image to S3", undo="Deleting the disk image from S3")
def uploaded_object(ctx: Context, aws: Aws, config: AmazonImportConfig, path: Path, key: str) -> Iterator[str]:
    """Its URL."""
    s3, bucket = aws.service("s3"), config.s3_bucket_name
    total, sent = path.stat().st_size, 0

    def done(count: int) -> None:
        nonlocal sent
        sent += count
        ctx.progress("upload", sent, total)

    ctx.say(f"Uploading {path} ({show_size(total)}) to s3://{bucket}/{key}.")
    record = ctx.journal.intend("aws/object", **aws.identity, bucket=bucket, key=key)
    given = {
        "Metadata": {OBJECT_MARK: ctx.run.id},
        "ServerSideEncryption": config.s3_encryption,
        "SSEKMSKeyId": config.s3_encryption_key,
    }
    try:
        s3.upload(path, bucket, key, done, **{name: value for name, value in given.items() if value})
    except HclimgError as error:
        if _is_forgotten(s3, bucket, key, ctx.run.id) or (isinstance(error, ApiError) and is_denied(error)):
            record.gone()
        raise
    record.made()
    yield f"s3://{bucket}/{key}"
    if config.skip_clean:
        ctx.say(f"s3://{bucket}/{key} stays (skip_clean).")
        record.kept()
        return
    removal.delete_object(s3, bucket, key)
    record.gone()


def _is_forgotten(s3: Service, bucket: str, key: str, run: str) -> bool:
    """Whether nothing is left of an upload that failed or was cancelled; else `hclimg cleanup` will look for it."""
    try:
        with steady():
            removal.delete_own_object(s3, bucket, key, run)
    except HclimgError:
        return False
    return True


# -- the import -------------------------------------------------------------------


@step("Importing the image", undo="Letting go of what was imported")
def imported_image(ctx: Context, ec2: Service, config: AmazonImportConfig, kind: str, key: str) -> Iterator[Draft]:
    """A draft that has the id of the task until :func:`wait_for_import` knows the image's."""
    with making(ctx, ec2, "import-task") as record:
        task = str(ec2.call("ImportImage", **parameters(ctx, config, kind, key))["ImportTaskId"])
    record.made(id=task)
    ctx.say(f"AWS imports it with the task {task}.")
    draft = Draft(task, ec2, record)
    yield draft
    if not draft.kept:
        removal.cancel_import(ec2, task)
        record.gone()


def parameters(ctx: Context, config: AmazonImportConfig, kind: str, key: str) -> dict[str, Any]:
    """What ImportImage is asked for."""
    given: dict[str, Any] = {
        "ClientToken": run_name(ctx.run.id),
        "DiskContainers": [{"Format": kind, "UserBucket": {"S3Bucket": config.s3_bucket_name, "S3Key": key}}],
        "Description": config.ami_description,
        "RoleName": config.role_name,
        "LicenseType": config.license_type,
        "Architecture": config.architecture,
        "BootMode": config.boot_mode,
        "Platform": config.platform.capitalize(),
        "Encrypted": config.ami_encrypt,
        "KmsKeyId": config.ami_kms_key,
        "TagSpecifications": tag_specifications({"import-image-task": {RUN_TAG: ctx.run.id}}),
    }
    return {name: value for name, value in given.items() if value}


@step("Waiting for the import")
def wait_for_import(ctx: Context, imported: Draft) -> None:
    """Until there is an image. Raises BuildError with AWS's reason when it gives up."""
    ec2, task, told = imported.ec2, imported.id, [""]

    def look() -> Mapping[str, Any] | None:
        (found,) = ec2.call("DescribeImportImageTasks", ImportTaskIds=[task])["ImportImageTasks"]
        status, text = found.get("Status", ""), str(found.get("StatusMessage", ""))
        if status in ENDED:
            hint = "The role vmimport must exist and may read the bucket." if "vmimport" in text else ""
            raise BuildError(f"AWS does not import the image: {text.rstrip('.') or status}.", hint=hint)
        if text and text != told[0]:
            told[0] = text
            ctx.say(f"The import is {text}.")
        if str(found.get("Progress", "")).isdigit():
            ctx.progress("import", int(found["Progress"]), 100, "%")
        return found if status == "completed" else None

    done = ec2.wait_until(look, f"the import {task}", usual=LONG)
    imported.id = str(done["ImageId"])
    imported.snapshots = tuple(str(one["SnapshotId"]) for one in done.get("SnapshotDetails", ()) if "SnapshotId" in one)
    ctx.say(f"AWS has made the image {imported.id}.")


# -- the image --------------------------------------------------------------------


@step("Copying the image to give it its name", undo="Letting go of the copy")
def named_copy(ctx: Context, imported: Draft, config: AmazonImportConfig) -> Iterator[Draft]:
    """A copy in the same region; EC2 is not ready with it yet."""
    ec2 = imported.ec2
    tags = {**config.tags, RUN_TAG: ctx.run.id}
    asked: dict[str, Any] = {
        "Name": config.ami_name,
        "Description": config.ami_description,
        "SourceImageId": imported.id,
        "SourceRegion": ec2.region,
        "Encrypted": config.ami_encrypt,
        "KmsKeyId": config.ami_kms_key,
        "TagSpecifications": tag_specifications({"image": tags, "snapshot": tags}),
    }
    with making(ctx, ec2, "image", name=config.ami_name) as record:
        answer = ec2.call("CopyImage", **{name: value for name, value in asked.items() if value})
    image = str(answer["ImageId"])
    record.made(id=image)
    ctx.say(f"Copy {image}, called {config.ami_name}.")
    draft = Draft(image, ec2, record)
    yield draft
    draft.drop()


def _share(draft: Draft, config: AmazonImportConfig) -> None:
    """Tags, and who may use the image."""
    if config.tags:
        draft.ec2.call("CreateTags", Resources=[draft.id, *draft.snapshots], Tags=tag_list(config.tags))
    changes = permissions(config.ami_users, config.ami_groups, config.ami_org_arns, config.ami_ou_arns)
    if config.imds_support:
        changes.append({"ImdsSupport": {"Value": config.imds_support}})
    for change in changes:
        draft.ec2.call("ModifyImageAttribute", ImageId=draft.id, **change)
