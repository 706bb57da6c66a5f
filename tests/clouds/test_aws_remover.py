"""What dead runs left in AWS, against moto's server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hclimg.clouds.aws.client import reconnect
from hclimg.clouds.aws.removal import OBJECT_MARK
from hclimg.clouds.aws.remover import LISTINGS, AwsRemover
from hclimg.errors import BuildError, CleanupError
from hclimg.sdk.mark import RUN_TAG, run_name
from hclimg.sdk.remover import Cleaning, Left
from servers.moto import DEBIAN, Aws

RUN = "20261124t101530-4f3a9c"
OTHER = "20261124t101530-000000"
ACCOUNT = "123456789012"
HERE = {"region": "eu-central-1", "account": ACCOUNT}


def remove(thing: str, *, made: bool = True, **identity: str) -> bool:
    """Whether it turned out to be a result."""
    left, finished = Left(run=RUN, kind=f"aws/{thing}", identity={**HERE, **identity}, made=made), list[Left]()
    AwsRemover(Cleaning(run=RUN, finished=finished.append)).remove(left)
    return finished == [left]


def tags(kind: str, run: str = RUN) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": RUN_TAG, "Value": run}]}]


@pytest.fixture
def ec2(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_POLL_DELAY_SECONDS", "1")
    return aws.client("ec2")


def new_instance(ec2: Any, run: str = RUN) -> str:
    answer = ec2.run_instances(ImageId=DEBIAN, MinCount=1, MaxCount=1, TagSpecifications=tags("instance", run))
    return str(answer["Instances"][0]["InstanceId"])


def new_image(ec2: Any, run: str = RUN) -> str:
    instance = new_instance(ec2, run)
    answer = ec2.create_image(InstanceId=instance, Name=f"of {run}", TagSpecifications=tags("image", run))
    ec2.terminate_instances(InstanceIds=[instance])
    return str(answer["ImageId"])


def new_snapshot(ec2: Any, run: str = RUN) -> str:
    return str(
        ec2.create_snapshot(VolumeId=new_volume(ec2, OTHER), TagSpecifications=tags("snapshot", run))["SnapshotId"]
    )


def new_volume(ec2: Any, run: str = RUN) -> str:
    specs = tags("volume", run)
    return str(ec2.create_volume(AvailabilityZone="eu-central-1a", Size=1, TagSpecifications=specs)["VolumeId"])


def new_group(ec2: Any, run: str = RUN) -> str:
    specs = tags("security-group", run)
    return str(ec2.create_security_group(GroupName=run_name(run), Description="x", TagSpecifications=specs)["GroupId"])


def new_template(ec2: Any, run: str = RUN) -> str:
    answer = ec2.create_launch_template(
        LaunchTemplateName=run_name(run), LaunchTemplateData={"ImageId": DEBIAN, "InstanceType": "t3.micro"},
        TagSpecifications=tags("launch-template", run),
    )  # fmt: skip
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


LISTED: dict[str, Callable[..., str]] = {
    "instance": new_instance,
    "image": new_image,
    "snapshot": new_snapshot,
    "volume": new_volume,
    "security-group": new_group,
    "launch-template": new_template,
}


@pytest.mark.parametrize("thing", LISTED)
@pytest.mark.parametrize("known", [True, False])
def test_a_thing_is_found_by_id_and_by_mark(aws: Aws, ec2: Any, thing: str, known: bool) -> None:
    other = LISTED[thing](ec2, OTHER)
    mine = LISTED[thing](ec2)
    assert set(aws.left()[thing]) >= {mine, other}
    remove(thing, made=known, **({"id": mine} if known else {}))
    left = aws.left()[thing]
    assert mine not in left
    assert other in left
    remove(thing, made=known, **({"id": mine} if known else {}))  # gone already


def test_an_image_goes_with_its_snapshots(aws: Aws, ec2: Any) -> None:
    image = new_image(ec2)
    assert aws.left()["snapshot"]
    remove("image", id=image)
    assert aws.left() == {}


def test_a_half_made_copy_in_another_region(aws: Aws, ec2: Any) -> None:
    image = new_image(ec2, OTHER)
    there = aws.client("ec2", "eu-west-1")
    copy = there.copy_image(
        Name="image", SourceImageId=image, SourceRegion="eu-central-1", TagSpecifications=tags("image")
    )
    assert aws.left("eu-west-1")["image"] == [copy["ImageId"]]
    remove("image", made=False, region="eu-west-1", name="x")
    assert aws.left("eu-west-1") == {}
    assert aws.left()["image"] == [image]


@pytest.mark.parametrize("thing", ["image", "snapshot", "volume"])
def test_a_finished_result_stays(aws: Aws, ec2: Any, thing: str) -> None:
    result = LISTED[thing](ec2)
    ec2.delete_tags(Resources=[result], Tags=[{"Key": RUN_TAG}])
    assert remove(thing, id=result)
    assert result in aws.left()[thing]
    LISTINGS[thing].remove(reconnect(Cleaning(run=RUN), HERE).service("ec2"), result)
    assert not remove(thing, id=result), "what is gone is no result"


def test_a_group_waits_for_its_instance(aws: Aws, ec2: Any) -> None:
    group = new_group(ec2)
    answer = ec2.run_instances(
        ImageId=DEBIAN, MinCount=1, MaxCount=1, SecurityGroupIds=[group], TagSpecifications=tags("instance")
    )
    remove("instance", id=answer["Instances"][0]["InstanceId"])
    remove("security-group", id=group)
    assert aws.left() == {}


# -- by name --------------------------------------------------------------------


def test_a_key_pair_of_somebody_else_stays(aws: Aws, ec2: Any) -> None:
    ec2.create_key_pair(KeyName="mine")
    remove("key-pair", made=False, name="mine")  # the call that should make it was refused: there is one already
    assert aws.left() == {"key-pair": ["mine"]}
    remove("key-pair", made=False, name="never-made")


@pytest.mark.parametrize("made", [True, False])
def test_a_key_pair(aws: Aws, ec2: Any, made: bool) -> None:
    for name, run in ((run_name(RUN), OTHER), ("packer_1", RUN)):
        ec2.create_key_pair(KeyName=name, TagSpecifications=tags("key-pair", run))
        remove("key-pair", made=made, name=name)
    assert aws.left() == {}


def test_a_role_with_all_that_hangs_on_it(aws: Aws, ec2: Any) -> None:
    iam, name = aws.client("iam"), run_name(RUN)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=document)
    policy = iam.create_policy(PolicyName="kept", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    remove("role-policy", role=name, name=name, made=False)
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == []
    remove("role", name=name, made=False)
    remove("instance-profile", name=name, made=False)
    assert iam.list_roles()["Roles"] == iam.list_instance_profiles()["InstanceProfiles"] == []
    for thing in ("role", "role-policy", "instance-profile"):  # gone already
        remove(thing, role=name, name=name)


def test_a_role_that_was_never_ours_stays(aws: Aws, ec2: Any) -> None:
    aws.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    remove("role", name="theirs", made=False)
    assert aws.left() == {"role": ["theirs"]}


def test_a_spot_request_with_its_instance(aws: Aws, ec2: Any) -> None:
    specification = {"ImageId": DEBIAN, "InstanceType": "t3.micro"}
    answer = ec2.request_spot_instances(
        InstanceCount=1, LaunchSpecification=specification, TagSpecifications=tags("spot-instances-request")
    )
    request = answer["SpotInstanceRequests"][0]["SpotInstanceRequestId"]
    assert aws.left()["instance"]
    remove("spot-request", id=request)
    assert aws.left() == {}
    remove("spot-request", id=request)


# -- objects --------------------------------------------------------------------


@pytest.fixture
def s3(aws: Aws) -> Any:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="images", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return s3


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="images").get("Contents", ())]


def test_an_object(aws: Aws, s3: Any) -> None:
    s3.put_object(Bucket="images", Key="disk", Body=b"x", Metadata={OBJECT_MARK: RUN})
    s3.put_object(Bucket="images", Key="theirs", Body=b"x", Metadata={OBJECT_MARK: OTHER})
    s3.put_object(Bucket="images", Key="old", Body=b"x")
    for key in (*keys(s3), "never-made"):
        remove("object", made=False, bucket="images", key=key)
    assert keys(s3) == ["old", "theirs"]


def test_half_an_upload(aws: Aws, s3: Any) -> None:
    for key in ("disk", "disk2"):
        s3.create_multipart_upload(Bucket="images", Key=key)
    remove("object", made=False, bucket="images", key="disk")
    assert [item["Key"] for item in s3.list_multipart_uploads(Bucket="images")["Uploads"]] == ["disk2"]


def test_a_bucket_that_is_gone(aws: Aws) -> None:
    remove("object", bucket="nope", key="disk")


# -- not the same account ---------------------------------------------------------


def test_credentials_of_another_account_remove_nothing(aws: Aws, ec2: Any) -> None:
    mine = new_instance(ec2)
    with pytest.raises(BuildError, match="in the account 999999999999, but the credentials are of the account 1234"):
        remove("instance", id=mine, account="999999999999")
    assert aws.left()["instance"] == [mine]


def test_a_kind_that_nobody_knows(aws: Aws) -> None:
    with pytest.raises(CleanupError, match='nothing here knows how to remove a "aws/moon"'):
        remove("moon", id="x")
