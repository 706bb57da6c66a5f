"""The simulator of ECS by itself, asked by the vendor's SDK and by hand."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest, RpcRequest
from aliyunsdkecs.request.v20140526.CreateImageRequest import CreateImageRequest
from aliyunsdkecs.request.v20140526.CreateInstanceRequest import CreateInstanceRequest
from aliyunsdkecs.request.v20140526.DescribeRegionsRequest import DescribeRegionsRequest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from servers.alicloud_ecs.signature import sign, string_to_sign
from servers.alicloud_ecs.simulator import ACCESS_KEY, SECRET_KEY, Simulator
from servers.alicloud_ecs.wire import Refusal

Answer = dict[str, Any]
Ask = Callable[..., Answer]
CENTOS = "centos_7_04_64_20G_alibase_201701015.vhd"


def client(cloud: Simulator, **credential: Any) -> AcsClient:
    keys = {} if credential else {"ak": ACCESS_KEY, "secret": SECRET_KEY}
    found = AcsClient(region_id="cn-beijing", auto_retry=False, timeout=10, **keys, **credential)
    for product in ("Ecs", "Vpc", "Sts"):
        found.add_endpoint("cn-beijing", product, cloud.endpoint)
    return found


def sent(found: AcsClient, request: RpcRequest | CommonRequest) -> Answer:
    request.set_accept_format("json")
    answer: Answer = json.loads(found.do_action_with_exception(request))
    return answer


@pytest.fixture
def ask(alicloud: Simulator) -> Ask:
    """``ask("CreateVpc", CidrBlock=…)`` by the vendor's SDK, in Beijing; lists as ``Tag_1_Key``."""
    found = client(alicloud)

    def asked(action: str, **parameters: object) -> Answer:
        request = CommonRequest(domain=alicloud.endpoint, version="2014-05-26", action_name=action)
        for name, value in {"RegionId": "cn-beijing", **parameters}.items():
            request.add_query_param(name.replace("_", "."), value)
        return sent(found, request)

    return asked


@pytest.fixture
def machine(alicloud: Simulator, ask: Ask) -> str:
    """The id of an instance that is stopped, in a network of its own."""
    alicloud.world.looks = {"": 0}
    vpc = ask("CreateVpc", CidrBlock="127.0.0.0/16")["VpcId"]
    switch = ask("CreateVSwitch", VpcId=vpc, ZoneId="cn-beijing-a", CidrBlock="127.0.1.0/24")["VSwitchId"]
    group = ask("CreateSecurityGroup", VpcId=vpc)["SecurityGroupId"]
    place = {"VSwitchId": switch, "SecurityGroupId": group}
    return str(ask("CreateInstance", ImageId=CENTOS, InstanceType="ecs.n1.tiny", **place)["InstanceId"])


def stamp(later: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) + later).strftime("%Y-%m-%dT%H:%M:%SZ")


def refused(code: str) -> Any:
    return pytest.raises(ServerException, match=rf"Error:{code} ")


def by_hand(cloud: Simulator, method: str = "GET", secret: str = SECRET_KEY, **said: str) -> bytes:
    """A request signed here. An empty value takes a parameter away."""
    common = {
        "Action": "DescribeRegions", "Version": "2014-05-26", "AccessKeyId": ACCESS_KEY, "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0", "SignatureNonce": str(uuid4()), "Format": "JSON",
        "Timestamp": stamp(),
    }  # fmt: skip
    parameters = {name: value for name, value in {**common, **said}.items() if value}
    parameters.setdefault("Signature", sign(method, parameters, secret))
    query = urlencode(parameters)
    body = query.encode() if method == "POST" else None
    with urlopen(Request(f"{cloud.url}/" if body else f"{cloud.url}/?{query}", body, method=method)) as answer:
        found: bytes = answer.read()
    return found


def refusal_by_hand(cloud: Simulator, **said: str) -> tuple[int, str]:
    with pytest.raises(HTTPError) as caught:
        by_hand(cloud, **said)
    with caught.value as error:
        return error.code, json.loads(error.read())["Code"]


def test_signature_of_the_documented_request() -> None:
    """The example of the vendor's documentation of RPC signatures."""
    said = {
        "Timestamp": "2016-02-23T12:46:24Z", "Format": "XML", "AccessKeyId": "testid", "Action": "DescribeRegions",
        "SignatureMethod": "HMAC-SHA1", "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
        "Version": "2014-05-26", "SignatureVersion": "1.0",
    }  # fmt: skip
    assert string_to_sign("GET", said) == (
        "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMethod%3DHMAC-SHA1"
        "%26SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0"
        "%26Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26"
    )
    assert sign("GET", said, "testsecret") == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_parameters_are_in_the_query_or_in_a_form(alicloud: Simulator, method: str) -> None:
    answer = json.loads(by_hand(alicloud, method))
    assert "cn-beijing" in [each["RegionId"] for each in answer["Regions"]["Region"]]


def test_xml_is_spoken_too(alicloud: Simulator) -> None:
    tree = ET.fromstring(by_hand(alicloud, Format="XML"))
    assert tree.tag == "DescribeRegionsResponse"
    assert "cn-beijing" in [each.text for each in tree.iterfind("Regions/Region/RegionId")]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"Signature": "bm90IHRoYXQ="}, (400, "SignatureDoesNotMatch")),
        ({"secret": "another"}, (400, "SignatureDoesNotMatch")),
        ({"AccessKeyId": "nobody"}, (404, "InvalidAccessKeyId.NotFound")),
        ({"AccessKeyId": ""}, (400, "MissingAccessKeyId")),
        ({"SignatureNonce": ""}, (400, "MissingParameter")),
        ({"Version": "2011-01-01"}, (404, "InvalidVersion")),
        ({"Action": "DescribeUnicorns"}, (404, "InvalidAction.NotFound")),
        ({"SecurityToken": "stray"}, (400, "InvalidSecurityToken.MismatchWithAccessKey")),
        ({"Timestamp": "yesterday"}, (400, "InvalidTimeStamp.Format")),
        ({"Timestamp": stamp(timedelta(hours=-1))}, (400, "InvalidTimeStamp.Expired")),
        ({"Action": "CreateVSwitch", "RegionId": "cn-beijing"}, (400, "MissingParameter")),
        ({"Action": "CreateVpc", "RegionId": "mars-1"}, (404, "InvalidRegionId.NotFound")),
        ({"Action": "DeleteImage", "RegionId": "cn-beijing", "ImageId": "m", "Force": "2"}, (400, "InvalidParameter")),
        ({"Action": "RunInstances", "RegionId": "cn-beijing", "Amount": "two"}, (400, "InvalidParameter")),
        ({"Action": "TagResources", "RegionId": "cn-beijing", "ResourceType": "image"}, (400, "MissingParameter")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value[1],
)  # fmt: skip
def test_what_is_refused(alicloud: Simulator, said: dict[str, str], expected: tuple[int, str]) -> None:
    assert refusal_by_hand(alicloud, **said) == expected


def test_a_nonce_is_used_once(alicloud: Simulator) -> None:
    by_hand(alicloud, SignatureNonce="one")
    assert refusal_by_hand(alicloud, SignatureNonce="one") == (400, "SignatureNonceUsed")


def test_request_classes_of_the_sdk(alicloud: Simulator) -> None:
    """The SDK's own classes, its endpoint resolution and signatures."""
    found = client(alicloud)
    assert sent(found, DescribeRegionsRequest())["Regions"]["Region"]
    with refused("InvalidImageId.NotFound"):
        request = CreateInstanceRequest()
        request.set_ImageId("m-none")
        request.set_InstanceType("ecs.n1.tiny")
        request.set_DataDisks([{"Size": 20, "Category": "cloud"}])
        sent(found, request)
    assert alicloud.calls[-1].given["DataDisk.1.Size"] == "20"
    assert alicloud.calls[-1].strays == ()
    image = CreateImageRequest()
    image.set_Tags([{"Key": "a", "Value": "b"}])
    with refused("MissingParameter"):
        sent(found, image)


def test_a_role_is_assumed(alicloud: Simulator, ask: Ask) -> None:
    request = CommonRequest(domain=alicloud.endpoint, version="2015-04-01", action_name="AssumeRole")
    for name, value in {"RoleArn": "acs:ram::1234567890123456:role/builder", "RoleSessionName": "hclimg"}.items():
        request.add_query_param(name, value)
    given = sent(client(alicloud), request)["Credentials"]
    token = StsTokenCredential(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])
    assert sent(client(alicloud, credential=token), DescribeRegionsRequest())["Regions"]
    wrong = StsTokenCredential(given["AccessKeyId"], given["AccessKeySecret"], "another")
    with refused("InvalidSecurityToken.MismatchWithAccessKey"):
        sent(client(alicloud, credential=wrong), DescribeRegionsRequest())


def test_time_goes_on_by_looking(alicloud: Simulator, ask: Ask) -> None:
    alicloud.world.looks = {"": 2}
    vpc = ask("CreateVpc", CidrBlock="10.0.0.0/8")["VpcId"]
    with refused("IncorrectVpcStatus"):
        ask("CreateVSwitch", VpcId=vpc, ZoneId="cn-beijing-a", CidrBlock="10.0.0.0/24")
    seen = [ask("DescribeVpcs", VpcId=vpc)["Vpcs"]["Vpc"][0]["Status"] for _ in range(2)]
    assert seen == ["Pending", "Available"], "the refusal was a look too"


def test_a_new_thing_is_not_found_at_first(alicloud: Simulator, ask: Ask) -> None:
    alicloud.world.unseen = {"vpc": 2}
    vpc = ask("CreateVpc")["VpcId"]
    with refused("InvalidVpcId.NotFound"):
        ask("CreateVSwitch", VpcId=vpc, ZoneId="cn-beijing-a", CidrBlock="172.16.0.0/24")
    assert ask("DescribeVpcs", VpcId=vpc)["Vpcs"]["Vpc"] == []
    assert ask("DescribeVpcs", VpcId=vpc)["TotalCount"] == 1


def test_an_instance_lives(alicloud: Simulator, ask: Ask, machine: str) -> None:
    alicloud.world.looks = {"": 1}

    def status() -> str:
        return str(ask("DescribeInstances", InstanceIds=json.dumps([machine]))["Instances"]["Instance"][0]["Status"])

    assert status() == "Stopped"
    with refused("IncorrectInstanceStatus"):
        ask("StopInstance", InstanceId=machine)
    ask("StartInstance", InstanceId=machine)
    assert [status(), status()] == ["Starting", "Running"]
    with refused("IncorrectInstanceStatus"):
        ask("DeleteInstance", InstanceId=machine)
    ask("StopInstance", InstanceId=machine)
    with refused("IncorrectInstanceStatus.Initializing"):
        ask("DeleteInstance", InstanceId=machine, Force="true")
    assert status() == "Stopped"
    ask("DeleteInstance", InstanceId=machine)
    assert alicloud.left("instance", "disk") == []


def test_what_is_used_cannot_be_deleted(alicloud: Simulator, ask: Ask, machine: str) -> None:
    alicloud.world.linger = 1
    vpc, switch, group = (alicloud.things(kind)[0].id for kind in ("vpc", "vswitch", "securitygroup"))
    deletions = (
        ("DeleteVpc", {"VpcId": vpc}, "DependencyViolation.VSwitch"),
        ("DeleteVSwitch", {"VSwitchId": switch}, "DependencyViolation"),
        ("DeleteSecurityGroup", {"SecurityGroupId": group}, "DependencyViolation"),
    )
    for action, named, code in deletions:
        with refused(code):
            ask(action, **named)
    ask("DeleteInstance", InstanceId=machine)
    for action, named, code in reversed(deletions[1:]):
        with refused(code):
            ask(action, **named)
        ask(action, **named)
    ask("DeleteVpc", VpcId=vpc)
    assert alicloud.left() == []


def test_addresses_come_and_go(alicloud: Simulator, ask: Ask, machine: str) -> None:
    eip = ask("AllocateEipAddress", Bandwidth=5)["AllocationId"]
    ask("AssociateEipAddress", AllocationId=eip, InstanceId=machine)
    with refused("IncorrectEipStatus"):
        ask("ReleaseEipAddress", AllocationId=eip)
    found = ask("DescribeInstances", InstanceIds=json.dumps([machine]))["Instances"]["Instance"][0]
    assert found["EipAddress"]["AllocationId"] == eip
    assert found["VpcAttributes"]["PrivateIpAddress"]["IpAddress"] == ["127.0.1.2"]
    ask("UnassociateEipAddress", AllocationId=eip, InstanceId=machine)
    ask("ReleaseEipAddress", AllocationId=eip)
    assert ask("AllocatePublicIpAddress", InstanceId=machine)["IpAddress"] == "127.0.0.1"
    with refused("AllocatedAlready"):
        ask("AllocatePublicIpAddress", InstanceId=machine)
    assert alicloud.left("eip") == []


def test_key_pairs(alicloud: Simulator, ask: Ask, machine: str) -> None:
    made = ask("CreateKeyPair", KeyPairName="pair-one")
    assert load_pem_private_key(made["PrivateKeyBody"].encode(), None)
    with refused("KeyPair.AlreadyExist"):
        ask("CreateKeyPair", KeyPairName="pair-one")
    with refused("InvalidPublicKeyBody.InvalidFormat"):
        ask("ImportKeyPair", KeyPairName="pair-two", PublicKeyBody="ssh-rsa nonsense")
    ask("ImportKeyPair", KeyPairName="pair-two", PublicKeyBody=alicloud.things("keypair")[0].facts["PublicKey"])
    named = [each["KeyPairName"] for each in ask("DescribeKeyPairs", KeyPairName="pair-*")["KeyPairs"]["KeyPair"]]
    assert named == ["pair-one", "pair-two"]
    ask("AttachKeyPair", KeyPairName="pair-one", InstanceIds=json.dumps([machine]))
    ask("DeleteKeyPairs", KeyPairNames=json.dumps([*named, "never-was"]))
    assert alicloud.left("keypair") == []


def test_an_image_is_made_copied_shared_deleted(alicloud: Simulator, ask: Ask, machine: str) -> None:
    alicloud.world.looks = {"": 2}
    image = ask("CreateImage", ImageName="web", InstanceId=machine, Tag_1_Key="run", Tag_1_Value="7")["ImageId"]
    with refused("InvalidImageName.Duplicated"):
        ask("CreateImage", ImageName="web", InstanceId=machine)
    with refused("ImageIsCreating"):
        ask("DeleteImage", ImageId=image)
    assert ask("DescribeImages", ImageId=image)["Images"]["Image"] == [], (
        "only Available ones unless others are asked for"
    )
    found = ask("DescribeImages", ImageId=image, Status="Creating,Available")["Images"]["Image"][0]
    assert (found["Status"], found["Progress"], found["ImageOwnerAlias"]) == ("Available", "100%", "self")
    snapshot = found["DiskDeviceMappings"]["DiskDeviceMapping"][0]["SnapshotId"]
    copy = ask("CopyImage", ImageId=image, DestinationRegionId="cn-hangzhou", DestinationImageName="web")["ImageId"]
    with refused("OperationDenied.ImageCopying"):
        ask("DeleteImage", ImageId=copy, RegionId="cn-hangzhou")
    ask("CancelCopyImage", ImageId=copy, RegionId="cn-hangzhou")
    ask("ModifyImageSharePermission", ImageId=image, AddAccount_1="6543210987654321")
    with refused("ImageUseShared"):
        ask("DeleteImage", ImageId=image)
    with refused("SnapshotCreatedImage"):
        ask("DeleteSnapshot", SnapshotId=snapshot)
    ask("ModifyImageSharePermission", ImageId=image, RemoveAccount_1="6543210987654321")
    ask("DeleteImage", ImageId=image)
    ask("DeleteSnapshot", SnapshotId=snapshot)
    assert alicloud.left("image", "snapshot") == []


def test_an_image_of_snapshots(alicloud: Simulator, ask: Ask, machine: str) -> None:
    disk = ask("DescribeDisks", InstanceId=machine)["Disks"]["Disk"][0]["DiskId"]
    alicloud.world.looks = {"": 1}
    snapshot = ask("CreateSnapshot", DiskId=disk, SnapshotName="root")["SnapshotId"]
    mapping = {"DiskDeviceMapping_1_SnapshotId": snapshot, "DiskDeviceMapping_2_Size": 40}
    with refused("InvalidSnapshotId.NotReady"):
        ask("CreateImage", ImageName="web", **mapping)
    image = ask("CreateImage", ImageName="web", **mapping)["ImageId"]
    found = ask("DescribeImages", ImageId=image, Status="Creating")["Images"]["Image"][0]
    disks = [(each["Device"], each["Type"], each["Size"]) for each in found["DiskDeviceMappings"]["DiskDeviceMapping"]]
    assert disks == [("/dev/xvda", "system", "20"), ("/dev/xvdb", "data", "40")]


def test_families_give_their_newest_image(ask: Ask) -> None:
    newest = ask("DescribeImageFromFamily", ImageFamily="acs:ubuntu_22_04_x64")["Image"]["ImageId"]
    assert newest == "ubuntu_22_04_x64_20G_alibase_20241016.vhd"


def test_tags(alicloud: Simulator, ask: Ask, machine: str) -> None:
    ask("TagResources", ResourceType="instance", ResourceId_1=machine, Tag_1_Key="hclimg:run", Tag_1_Value="r1")
    ask("AddTags", ResourceType="instance", ResourceId=machine, Tag_1_Key="b", Tag_1_Value="")
    listed = ask("ListTagResources", ResourceType="instance", ResourceId_1=machine)["TagResources"]["TagResource"]
    assert {each["TagKey"]: each["TagValue"] for each in listed} == {"hclimg:run": "r1", "b": ""}
    for value, count in (("r1", 1), ("r2", 0)):
        assert ask("DescribeInstances", Tag_1_Key="hclimg:run", Tag_1_Value=value)["TotalCount"] == count
    ask("UntagResources", ResourceType="instance", ResourceId_1=machine, TagKey_1="hclimg:run")
    assert alicloud.things("instance")[0].tags == {"b": ""}
    with refused("InvalidTagKey.Malformed"):
        ask("TagResources", ResourceType="instance", ResourceId_1=machine, Tag_1_Key="acs:x", Tag_1_Value="")
    with refused("InvalidResourceType.NotFound"):
        ask("TagResources", ResourceType="vpc", ResourceId_1="vpc-1", Tag_1_Key="x", Tag_1_Value="")


def test_user_data_is_base64(alicloud: Simulator, ask: Ask, machine: str) -> None:
    place = {"VSwitchId": alicloud.things("vswitch")[0].id, "SecurityGroupId": alicloud.things("securitygroup")[0].id}
    wanted = {"ImageId": CENTOS, "InstanceType": "ecs.n1.tiny", **place}
    with refused("InvalidUserData.Base64FormatInvalid"):
        ask("CreateInstance", UserData="#!/bin/sh", **wanted)
    data = base64.b64encode(b"#!/bin/sh").decode()
    made = ask("RunInstances", UserData=data, **wanted)["InstanceIdSets"]["InstanceIdSet"][0]
    assert ask("DescribeUserData", InstanceId=made)["UserData"] == data


def test_pages(alicloud: Simulator, ask: Ask) -> None:
    for _ in range(12):
        ask("AllocateEipAddress")
    first, second = (ask("DescribeEipAddresses", PageNumber=at) for at in (1, 2))
    assert [len(page["EipAddresses"]["EipAddress"]) for page in (first, second)] == [10, 2]
    assert first["TotalCount"] == 12
    with refused("InvalidParameter"):
        ask("DescribeVpcs", PageSize=100)


def test_a_client_token_makes_a_request_once(alicloud: Simulator, ask: Ask) -> None:
    alicloud.faults.order("lost", "CreateVpc")
    with pytest.raises(ClientException):
        ask("CreateVpc", ClientToken="one")
    again = ask("CreateVpc", ClientToken="one")["VpcId"]
    assert [vpc.id for vpc in alicloud.things("vpc")] == [again]
    with refused("IdempotentParameterMismatch"):
        ask("CreateVpc", ClientToken="one", CidrBlock="10.0.0.0/8")


def test_faults_on_order(alicloud: Simulator, ask: Ask) -> None:
    alicloud.faults.each_once("throttle", "internal", "cut", "half")
    for code in ("Throttling.User", "InternalError"):
        with refused(code):
            ask("CreateVpc")
    with pytest.raises(ClientException):
        ask("CreateVpc")
    assert alicloud.left() == [], "nothing was done yet"
    with pytest.raises((ClientException, ValueError)):
        ask("CreateVpc")
    assert len(alicloud.left()) == 1, "half an answer is that of something done"
    assert ask("CreateVpc")["VpcId"]
    assert [call.outcome for call in alicloud.calls] == ["Throttling.User", "InternalError", "cut", "half", "OK"]
    alicloud.reset()
    alicloud.faults.order(Refusal(403, "Forbidden.RAM", "no"), "Create*", times=None, skip=1)
    ask("CreateVpc")
    for _ in range(2):
        with refused("Forbidden.RAM"):
            ask("CreateVpc")


def test_quotas_and_stock(alicloud: Simulator, ask: Ask, machine: str) -> None:
    alicloud.world.quota = {"vpc": 1}
    with refused("QuotaExceeded.Vpc"):
        ask("CreateVpc")
    alicloud.world.sold_out = {("cn-beijing-a", "ecs.g6.large")}
    place = {"VSwitchId": alicloud.things("vswitch")[0].id, "SecurityGroupId": alicloud.things("securitygroup")[0].id}
    with refused("OperationDenied.NoStock"):
        ask("CreateInstance", ImageId=CENTOS, InstanceType="ecs.g6.large", **place)
    zones = ask("DescribeZones")["Zones"]["Zone"]
    assert ["ecs.g6.large" in zone["AvailableInstanceTypes"]["InstanceTypes"] for zone in zones] == [False, True]


def test_an_error_in_xml(alicloud: Simulator) -> None:
    with pytest.raises(HTTPError) as caught:
        by_hand(alicloud, Format="XML", Action="DeleteVpc", RegionId="cn-beijing", VpcId="vpc-none")
    with caught.value as error:
        tree = ET.fromstring(error.read())
    assert (tree.tag, tree.findtext("Code"), error.code) == ("Error", "InvalidVpcId.NotFound", 404)
    assert tree.findtext("RequestId")


def test_several_instances_at_once(alicloud: Simulator, ask: Ask, machine: str) -> None:
    place = {
        "VSwitchId": alicloud.things("vswitch")[0].id,
        "SecurityGroupIds_1": alicloud.things("securitygroup")[0].id,
    }
    ask("RunInstances", ImageFamily="acs:centos_7_04_x64", InstanceType="ecs.n1.small", Amount=2, **place)
    found = ask("DescribeInstances", MaxResults=2)
    rest = ask("DescribeInstances", NextToken=found["NextToken"])
    ids = [each["InstanceId"] for page in (found, rest) for each in page["Instances"]["Instance"]]
    assert len(set(ids)) == 3
    stopped = ask("StopInstances", **{f"InstanceId_{at}": each for at, each in enumerate(ids, 1)})
    codes = [each["Code"] for each in stopped["InstanceResponses"]["InstanceResponse"]]
    assert codes == ["IncorrectInstanceStatus", "200", "200"]


def test_an_image_is_imported(alicloud: Simulator, ask: Ask) -> None:
    with refused("MissingParameter"):
        ask("ImportImage", ImageName="web", DiskDeviceMapping_1_OSSBucket="b")
    file = {"DiskDeviceMapping_1_OSSBucket": "b", "DiskDeviceMapping_1_OSSObject": "web.qcow2"}
    made = ask("ImportImage", ImageName="web", **file)
    task = {"TaskIds": made["TaskId"]}
    seen = [ask("DescribeTasks", **task)["TaskSet"]["Task"][0]["TaskStatus"] for _ in range(2)]
    assert seen == ["Processing", "Finished"]
    found = ask("DescribeImages", ImageId=made["ImageId"], Status="Creating,Available")["Images"]["Image"][0]
    assert found["DiskDeviceMappings"]["DiskDeviceMapping"][0]["ImportOSSObject"] == "web.qcow2"
    again = ask("ImportImage", ImageName="web-2", **file)
    ask("CancelTask", TaskId=again["TaskId"])
    assert [image.id for image in alicloud.things("image")] == [made["ImageId"]]


def test_where_the_api_of_a_region_is(alicloud: Simulator) -> None:
    said = {"Action": "DescribeEndpoints", "Version": "2015-06-12", "Id": "cn-beijing", "ServiceCode": "ecs"}
    with pytest.raises(HTTPError) as caught:
        by_hand(alicloud, **said)
    with caught.value as error:
        assert json.loads(error.read())["Code"] == "MissingParameter"
    (found,) = json.loads(by_hand(alicloud, **said, Type="openAPI"))["Endpoints"]["Endpoint"]
    assert (found["Endpoint"], found["SerivceCode"]) == ("ecs.cn-beijing.aliyuncs.com", "ecs")


def test_a_copy_is_cancelled_only_while_it_is_made(alicloud: Simulator, ask: Ask, machine: str) -> None:
    image = ask("CreateImage", ImageName="web", InstanceId=machine)["ImageId"]
    with refused("ImageCreatedNotFromCopy"):
        ask("CancelCopyImage", ImageId=image)
    copy = ask("CopyImage", ImageId=image, DestinationRegionId="us-west-1", DestinationImageName="web")["ImageId"]
    with refused("IncorrectImageStatus"):
        ask("CancelCopyImage", ImageId=copy, RegionId="us-west-1")


def test_what_a_killed_client_had_asked_is_done(alicloud: Simulator) -> None:
    """``quiet`` returns when it is, so that tests know when to look."""
    said = {
        "Action": "CreateVpc", "RegionId": "cn-beijing", "Version": "2014-05-26", "AccessKeyId": ACCESS_KEY,
        "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureNonce": "once", "Timestamp": stamp(),
    }  # fmt: skip
    query = urlencode({**said, "Signature": sign("GET", said, SECRET_KEY)})
    with socket.create_connection(("127.0.0.1", alicloud.port)) as gone:
        gone.sendall(f"GET /?{query} HTTP/1.1\r\nHost: ecs.aliyuncs.com\r\n\r\n".encode())
    alicloud.quiet()
    assert len(alicloud.left("vpc")) == 1
