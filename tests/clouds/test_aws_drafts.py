"""Images in the making whose disks name snapshots of the user's own: these stay, whatever becomes of the image.

moto keeps no disks of images, so the answers are given here, and checked against the model of the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from botocore.stub import Stubber

from hclimg.builders.aws.image import ImageTags, created_image
from hclimg.builders.aws.site import Site
from hclimg.builders.aws.source import SourceImage
from hclimg.clouds.aws.access import AwsAccess
from hclimg.clouds.aws.artifact import artifact_of, contents, destroy
from hclimg.clouds.aws.client import Aws, connect
from hclimg.clouds.aws.drafts import Draft, wait_for_image
from hclimg.clouds.aws.remover import AwsRemover
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.remover import Cleaning, Left
from hclimg.sdk.steps import close_scope
from hclimg.sdk.testing import MemoryJournal
from servers.moto import REGION
from servers.moto import Aws as Moto
from servers.recording import Recording

IMAGE, OWN, USERS = "ami-1", "snap-own", "snap-users"
WANTED = {"Name": "web", "BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": USERS}}]}
DISKS = [
    {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": OWN}},
    {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": USERS}},
]


def listed() -> dict[str, object]:
    return {"Images": [{
        "ImageId": IMAGE, "State": "available", "BlockDeviceMappings": DISKS,
        "Tags": [{"Key": RUN_TAG, "Value": "testrun"}],
    }]}  # fmt: skip


def expect_removal(stub: Stubber) -> None:
    for step in ("before", "after"):
        stub.add_response("describe_images", listed() if step == "before" else {"Images": []})
        stub.add_response("describe_snapshots", {"Snapshots": []})
        if step == "before":
            stub.add_response("deregister_image", {}, {"ImageId": IMAGE})
    stub.add_response("delete_snapshot", {}, {"SnapshotId": OWN})


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def recording(recorded: Callable[..., Recording], journal: MemoryJournal) -> Recording:
    return recorded(journal=journal)


@pytest.fixture
def aws_here(aws: Moto, recording: Recording) -> Aws:
    assert aws
    return connect(recording.ctx, AwsAccess(region=REGION))


@pytest.fixture
def stub(aws_here: Aws) -> Iterator[Stubber]:
    with Stubber(aws_here.service("ec2").client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def made(recording: Recording, aws: Aws, stub: Stubber) -> Draft:
    stub.add_response("create_image", {"ImageId": IMAGE})
    site = Site(aws=aws, ec2=aws.service("ec2"), source=SourceImage({"ImageId": "ami-0"}, REGION), run_tags={}, mark={})
    return created_image(recording.ctx, site, "i-1", WANTED, ImageTags({}, {}))


def test_an_image_that_is_let_go_of(recording: Recording, aws_here: Aws, stub: Stubber, journal: MemoryJournal) -> None:
    draft = made(recording, aws_here, stub)
    stub.add_response("describe_images", listed(), {"ImageIds": [IMAGE]})
    wait_for_image(recording.ctx, draft)
    assert draft.snapshots == (OWN,)
    expect_removal(stub)
    assert close_scope(recording.ctx) == []
    assert journal.left == []


def test_an_image_of_a_dead_run(recording: Recording, aws_here: Aws, stub: Stubber, journal: MemoryJournal) -> None:
    draft = made(recording, aws_here, stub)
    (record,) = journal.left
    stub.add_response("describe_images", listed())
    expect_removal(stub)
    left = Left(run="testrun", kind=record.kind, identity=record.identity, made=True)
    AwsRemover(Cleaning(run="testrun")).remove(left)
    draft.keep()


def test_an_image_that_is_destroyed(recording: Recording, aws_here: Aws, stub: Stubber) -> None:
    draft = made(recording, aws_here, stub)
    draft.snapshots = (OWN,)
    draft.keep()
    artifact = artifact_of("x", "builder/amazon-ebs", [draft], aws_here.identity)
    assert contents(artifact) == (f"{REGION}: {IMAGE}", f"{REGION}: {OWN}")
    stub.add_response("deregister_image", {}, {"ImageId": IMAGE})
    stub.add_response("delete_snapshot", {}, {"SnapshotId": OWN})
    destroy(recording.ctx, artifact)
