"""Post-processor amazon-import, against moto's server.

S3 and images are moto's. ImportImage and its tasks are this project's own reading of the API (``moto_process``), so
what is asked of them is checked against the model of the service by botocore's Stubber, too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from attrs import evolve
from botocore.stub import ANY, Stubber

from hclimg.clouds.aws.access import AwsAccess
from hclimg.clouds.aws.client import connect
from hclimg.clouds.aws.removal import OBJECT_MARK
from hclimg.errors import ApiError, BuildError, Cancelled
from hclimg.events import Progress
from hclimg.postprocessors.amazon_import import AmazonImportConfig, AmazonImportPostProcessor
from hclimg.postprocessors.amazon_importing import disk_image, imported_image, uploaded_object, wait_for_import
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.steps import close_scope
from hclimg.sdk.testing import MemoryJournal, component, decoded
from servers.moto import Aws
from servers.recording import Recording

BUCKET = 's3_bucket_name = "images"\n'
NAMED = f"""{BUCKET}
ami_name        = "web"
ami_description = "The web server"
ami_users       = ["123456789012"]
tags            = {{ Class = "web" }}
aws_polling {{
  delay_seconds = 1
}}
"""


@pytest.fixture
def s3(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "1")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="images", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return s3


def objects(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="images").get("Contents", ())]


def run(ctx: Context, text: str, artifact: Artifact) -> Artifact:
    """What comes of it, with the scope of its node closed as the engine does."""
    try:
        return component(AmazonImportPostProcessor, text).process(ctx, artifact)
    finally:
        assert close_scope(evolve(ctx)) == []


def test_an_image_with_a_name(ctx: Context, aws: Aws, s3: Any, artifact: Artifact, journal: Any) -> None:
    made = run(ctx, NAMED, artifact)
    ec2 = aws.client("ec2")
    (image,) = ec2.describe_images(Owners=["self"])["Images"]
    assert (image["Name"], image["Description"]) == ("web", "The web server")
    assert image["Tags"] == [{"Key": "Class", "Value": "web"}]
    permissions = ec2.describe_image_attribute(ImageId=image["ImageId"], Attribute="launchPermission")
    assert permissions["LaunchPermissions"] == [{"UserId": "123456789012"}]
    assert objects(s3) == []
    assert made.id == f"eu-central-1:{image['ImageId']}"
    assert made.builder == "packer.post-processor.amazon-import"
    snapshots = [disk["Ebs"]["SnapshotId"] for disk in image["BlockDeviceMappings"]]
    assert aws.left() == {"image": [image["ImageId"]], "snapshot": snapshots}
    assert AmazonImportPostProcessor.contents(made) == (
        f"eu-central-1: {image['ImageId']}", f"eu-central-1: {snapshots[0]}"
    )  # fmt: skip
    assert journal.left == []
    AmazonImportPostProcessor.destroy(ctx, made)
    assert aws.left() == {}


def test_an_image_as_aws_names_it(ctx: Context, aws: Aws, s3: Any, artifact: Artifact) -> None:
    made = run(ctx, f'{BUCKET}tags = {{ A = "b" }}\nskip_clean = true\ns3_key_name = "x/disk"', artifact)
    (image,) = aws.client("ec2").describe_images(Owners=["self"])["Images"]
    assert image["Name"].startswith("import-ami-")
    assert image["Tags"] == [{"Key": "A", "Value": "b"}]
    assert made.id == f"eu-central-1:{image['ImageId']}"
    assert objects(s3) == ["x/disk"]
    assert s3.head_object(Bucket="images", Key="x/disk")["Metadata"] == {OBJECT_MARK: "run-1"}


def test_the_upload_tells_how_far_it_is(ctx: Context, s3: Any, artifact: Artifact, listener: Any) -> None:
    run(ctx, BUCKET, artifact)
    assert listener.said
    sent = [event for event in listener.of(Progress) if event.what == "upload"]
    assert sent[-1].done == sent[-1].total == 5000


def test_a_large_file_goes_in_parts(ctx: Context, s3: Any, artifact: Artifact, tmp_path: Path) -> None:
    with (tmp_path / "out" / "disk.raw").open("wb") as file:
        file.truncate(20 << 20)
    run(ctx, f'{BUCKET}skip_clean = true\ns3_key_name = "disk"', artifact)
    head = s3.head_object(Bucket="images", Key="disk")
    assert head["ContentLength"] == 20 << 20
    assert head["ETag"].strip('"').endswith("-3")


def test_a_cancelled_upload_leaves_nothing(
    recorded: Callable[..., Recording], aws: Aws, s3: Any, artifact: Artifact, tmp_path: Path
) -> None:
    with (tmp_path / "out" / "disk.raw").open("wb") as file:
        file.truncate(128 << 20)
    journal = MemoryJournal()
    recording = recorded(journal=journal)
    Thread(target=cancel_when_it_moves, args=(recording,), daemon=True).start()
    with pytest.raises(Cancelled):
        component(AmazonImportPostProcessor, BUCKET).process(recording.ctx, artifact)
    assert objects(s3) == []
    assert s3.list_multipart_uploads(Bucket="images").get("Uploads", []) == []
    assert journal.left == []


def cancel_when_it_moves(recording: Recording) -> None:
    while not recording.of(Progress):
        recording.ctx.cancel.wait(0.001)
    recording.ctx.cancel.cancel()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'{BUCKET}format = "vmdk"', "The artifact has no file of the format vmdk to import."),
        ('s3_bucket_name = "nowhere"', "AWS refuses PutObject in eu-central-1: NoSuchBucket"),
    ],
)
def test_what_cannot_be_imported(
    ctx: Context, aws: Aws, s3: Any, artifact: Artifact, journal: Any, text: str, message: str
) -> None:
    with pytest.raises(BuildError) as caught:
        run(ctx, text, artifact)
    assert caught.value.message.startswith(message)
    assert (aws.left(), journal.left) == ({}, [])


def test_an_object_of_somebody_else_survives_a_cancelled_upload(
    recorded: Callable[..., Recording], s3: Any, artifact: Artifact
) -> None:
    s3.put_object(Bucket="images", Key="disk", Body=b"theirs")
    journal = MemoryJournal()
    ctx = recorded(journal=journal).ctx
    config, here = component(AmazonImportPostProcessor, BUCKET).config, connect(ctx, AwsAccess())
    ctx.cancel.cancel()
    with pytest.raises(Cancelled):
        uploaded_object(ctx, here, config, Path(artifact.files[0]), "disk")
    assert (objects(s3), journal.left) == (["disk"], [])


def test_a_name_that_is_taken(ctx: Context, aws: Aws, s3: Any, artifact: Artifact) -> None:
    aws.client("ec2").register_image(Name="web", RootDeviceName="/dev/sda1")
    with pytest.raises(BuildError, match='There is an image called "web" already'):
        run(ctx, NAMED, artifact)
    assert objects(s3) == []


def test_an_import_that_fails(ctx: Context, aws: Aws, s3: Any, artifact: Artifact, journal: Any) -> None:
    """The object is gone by the time that AWS wants to read it."""
    config = component(AmazonImportPostProcessor, NAMED).config
    imported = imported_image(ctx, connect(ctx, AwsAccess()).service("ec2"), config, "raw", "nope.raw")
    with pytest.raises(BuildError, match="AWS does not import the image: ClientError: The given S3 object could not"):
        wait_for_import(ctx, imported)
    assert close_scope(ctx) == []
    assert (journal.left, aws.left()) == ([], {})


def test_which_file_it_is(artifact: Artifact) -> None:
    assert disk_image(artifact, "") == (Path("out/disk.raw"), "raw")
    with pytest.raises(BuildError, match="no file of the format ova or raw"):
        disk_image(evolve(artifact, files=("kernel",)), "")
    with pytest.raises(BuildError, match="2 files of the format"):
        disk_image(evolve(artifact, files=("a.ova", "b.vhd")), "")


def test_what_import_image_is_asked_for(ctx: Context, aws: Aws, s3: Any, artifact: Artifact) -> None:
    """Against the model of the service: botocore checks names and types of what is asked and answered."""
    text = f"""{BUCKET}
      role_name = "importer"
      license_type = "BYOL"
      architecture = "arm64"
      boot_mode = "uefi"
      platform = "linux"
      ami_encrypt = true
      ami_kms_key = "alias/images"
      ami_description = "x"
    """
    config = component(AmazonImportPostProcessor, text).config
    ec2 = connect(ctx, AwsAccess(max_retries=3)).service("ec2")
    tagged = [{"ResourceType": "import-image-task", "Tags": [{"Key": RUN_TAG, "Value": "run-1"}]}]
    with Stubber(ec2.client) as stub:
        stub.add_response(
            "import_image",
            {"ImportTaskId": "import-ami-1", "Status": "active"},
            {
                "ClientToken": ANY, "Description": "x", "RoleName": "importer", "LicenseType": "BYOL",
                "DiskContainers": [{"Format": "vhd", "UserBucket": {"S3Bucket": "images", "S3Key": "disk.vhd"}}],
                "Architecture": "arm64", "BootMode": "uefi", "Platform": "Linux", "Encrypted": True,
                "KmsKeyId": "alias/images", "TagSpecifications": tagged,
            },
        )  # fmt: skip
        stub.add_response(
            "describe_import_image_tasks",
            {"ImportImageTasks": [{
                "ImportTaskId": "import-ami-1", "Status": "completed", "ImageId": "ami-1",
                "SnapshotDetails": [{"SnapshotId": "snap-1", "DiskImageSize": 1.0, "Format": "VHD"}],
            }]},
            {"ImportTaskIds": ["import-ami-1"]},
        )  # fmt: skip
        imported = imported_image(ctx, ec2, config, "vhd", "disk.vhd")
        wait_for_import(ctx, imported)
        stub.assert_no_pending_responses()
    assert (imported.id, imported.snapshots) == ("ami-1", ("snap-1",))
    imported.keep()


def test_a_role_that_is_missing(ctx: Context, aws: Aws) -> None:
    config = component(AmazonImportPostProcessor, BUCKET).config
    ec2 = connect(ctx, AwsAccess(max_retries=4)).service("ec2")
    text = "The service role vmimport provided does not exist or does not have sufficient permissions"
    with Stubber(ec2.client) as stub:
        stub.add_client_error("import_image", "InvalidParameter", text)
        with pytest.raises(ApiError, match="InvalidParameter: The service role vmimport provided does not exist"):
            imported_image(ctx, ec2, config, "raw", "disk.raw")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", '1: Missing required argument; The argument "s3_bucket_name" is required'),
        ('s3_bucket_name = "My_Bucket"', '1: Invalid bucket; "My_Bucket" cannot be the name of a bucket'),
        (f'{BUCKET}format = "qcow2"', '2: Incorrect value; Inappropriate value for "format": "qcow2" is not one of'),
        (f'{BUCKET}ami_kms_key = "x"', '2: Conflicting arguments; "ami_kms_key" says with which key to encrypt'),
        (f'{BUCKET}ami_name = "a!"', '2: Invalid image name; "a!" has 2 characters'),
        (f'{BUCKET}s3_encryption_key = "x"', "2: Conflicting arguments; "),
        (f'{BUCKET}ami_users = ["me"]', '2: Invalid account; "me" in "ami_users" is not the id of an AWS account'),
        (f'{BUCKET}ami_org_arns = ["o-1"]', '2: Invalid ARN; "o-1" is not the ARN of an organization'),
        (f'{BUCKET}ami_name = "web:1"', '2: Invalid image name; The name of an image cannot contain ":"'),
        (f'{BUCKET}ami_encrypt = true\nami_groups = ["all"]', "3: Conflicting arguments; What is encrypted cannot be"),
        (f'{BUCKET}ami_encrypt = true\nami_users = ["123456789012"]', "3: Conflicting arguments; Nobody else can read"),
        (f'{BUCKET}region = "Mars"', '2: Unknown region; "Mars" does not look like'),
    ],
)
def test_wrong_settings(text: str, problem: str) -> None:
    assert decoded(AmazonImportConfig, text)[1][0].startswith(problem)
