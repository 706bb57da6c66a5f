"""The seed's template, run by real Packer 1.6.6 and by hclimg against the simulator of ECS.

The simulator is right when a client that nobody here wrote completes on it; and what hclimg asks for otherwise than
Packer does has a reason, which stands here.
"""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alicloud_kit import ROOT

from servers.alicloud_ecs.guest import cloud
from servers.alicloud_ecs.simulator import Simulator

# The template as it stands in the seed.
SEED = """\
{
  "variables": {
    "access_key": "{{env `ALICLOUD_ACCESS_KEY`}}",
    "secret_key": "{{env `ALICLOUD_SECRET_KEY`}}"
  },
  "builders": [{
    "type": "alicloud-ecs",
    "access_key": "{{user `access_key`}}",
    "secret_key": "{{user `secret_key`}}",
    "region": "cn-beijing",
    "image_name": "packer_test2",
    "source_image": "centos_7_04_64_20G_alibase_201701015.vhd",
    "ssh_username": "root",
    "instance_type": "ecs.n1.tiny",
    "internet_charge_type": "PayByTraffic",
    "io_optimized": "true"
  }],
  "provisioners": [{
    "type": "shell",
    "inline": ["sleep 30", "yum install redis.x86_64 -y"]
  }]
}
"""
# Most of what a template of Packer 1.6.6 can make the API do.
RICH = """\
{
  "builders": [{
    "type": "alicloud-ecs",
    "region": "cn-beijing",
    "image_name": "rich",
    "image_description": "has everything",
    "image_version": "1",
    "image_encrypted": true,
    "image_copy_regions": ["cn-hangzhou"],
    "image_copy_names": ["rich-copy"],
    "image_share_account": ["6543210987654321"],
    "image_ignore_data_disks": true,
    "image_force_delete": true,
    "image_force_delete_snapshots": true,
    "tags": {"team": "images"},
    "source_image": "centos_7_04_64_20G_alibase_201701015.vhd",
    "instance_type": "ecs.n1.tiny",
    "instance_name": "rich",
    "io_optimized": true,
    "system_disk_mapping": {"disk_size": 40, "disk_category": "cloud_efficiency"},
    "image_disk_mappings": [{"disk_name": "data", "disk_size": 30, "disk_delete_with_instance": true}],
    "internet_charge_type": "PayByTraffic",
    "internet_max_bandwidth_out": 5,
    "user_data": "#!/bin/sh",
    "vpc_cidr_block": "10.0.0.0/16",
    "ssh_username": "root"
  }]
}
"""
# What only Packer asks (-) and what only hclimg asks (+), as patterns, and why.
DIFFERENCES = {
    r"[+] \w+ (Tag\.\d\.(Key|Value)|Description)=.*": "what a run makes carries its mark, so that cleanup finds it",
    r"[+] UntagResources.*": "the mark is taken off the finished image: what stays is what Packer leaves",
    r"[+] \w+ (VpcName|VSwitchName|SecurityGroupName|InstanceName)=name": "names say what made a thing",
    r"[+-] (CreateKeyPair|ImportKeyPair)( .*)?": "the key is made here: its private half never crosses the network",
    r"[+-] \w+ KeyPairNames?=.*": "so the key pair has another name",
    r"- DetachKeyPair.*": "the instance goes a moment later",
    r"[+] GetCallerIdentity.*": "the journal says in which account things are, so that cleanup does not miss them",
    r"[+-] (DescribeZones|DescribeAvailableResource)( .*)?": "a zone where the type is in stock, not any that lists it",
    r"[+-] \w+ ZoneId=.*": "so it may be another zone; the instance is told, too",
    r"[+] CreateVpc CidrBlock=172\.16\.0\.0/16": "the documented default is said; Packer leaves it to the API",
    r"[+-] AuthorizeSecurityGroup (IpProtocol|PortRange)=.*": "only the communicator's port is open, not every one",
    r"- \w+ NicType=internet": "in a VPC the API knows only intranet, and ignores this",
    r"[+] AuthorizeSecurityGroup(Egress)? ClientToken=uuid": "asked again after a lost answer, it is done once",
    r"- CreateInstance InternetChargeType=PayByTraffic": "the elastic address has it; the instance has no own traffic",
    r"- DescribeImages ImageOwnerAlias=marketplace": "images of the marketplace are found by their id like others",
    r"[+] DescribeImages ImageOwnerAlias=self": "an image of somebody else may have the name of ours",
    r"[+-] DescribeImages Status=.*": "images that cannot be used are seen too, or their builds would wait in vain",
    r"- DescribeVSwitches VpcId=vpc": "its id is enough",
    r"[+] \w+ (PageNumber|PageSize)=\d+": "lists are read to their ends",
    r"- ModifyImageSharePermission.*": "there is nobody to share it with",
}


def build(folder: Path, template: str, *argv: str, **environment: str) -> Simulator:
    """It succeeds, says nothing that the API does not know, and names all images that it leaves."""
    folder.mkdir()
    (folder / "template.json").write_text(template)
    with cloud(folder / "cloud") as real:
        built = real.run(*argv, "template.json", folder=folder, **environment)
        assert built.returncode == 0, built.stdout
        assert template != SEED or real.installed == "yum install redis.x86_64 -y\n"
    for image in real.simulator.things("image"):
        assert f"{image.region}: {image.id}" in built.stdout
    assert {call.strays for call in real.simulator.calls} == {()}
    return real.simulator


def seeded(folder: Path, *argv: str, **environment: str) -> Simulator:
    """The seed's template leaves one image with its snapshot, and nothing else."""
    simulator = build(folder, SEED, *argv, **environment)
    snapshot, image = simulator.things()
    assert (image.status, image.facts["ImageName"], image.tags) == ("Available", "packer_test2", {})
    assert simulator.left() == [str(snapshot), str(image)]
    return simulator


def asked(simulator: Simulator) -> set[str]:
    """Each action, and each parameter that it ever had, as ``Action`` and ``Action Parameter=value``."""
    found = set()
    for call in simulator.calls:
        pairs = {f"{name}={plain(value)}" for name, value in call.given.items()}
        found |= {call.action, *(f"{call.action} {pair}" for pair in pairs)}
    return found


def plain(value: str) -> str:
    """Without what is another one each time."""
    value = re.sub(r"\b(vpc|vsw|sg|i|eip|m)-[0-9a-f]{20}\b", r"\1", value)
    value = re.sub(r"\b(packer_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "uuid", value)
    value = re.sub(r"\d{8}t\d{6}-[0-9a-f]{6}", "run", value)
    return re.sub(r"hclimg-run-[0-9a-f]{6}", "name", re.sub(r"ssh-rsa \S+", "key", value))


@pytest.mark.slow
def test_packer_and_hclimg(tmp_path: Path) -> None:
    """Packer's waits are long, so it builds both templates at a time."""
    packer = ("packer", "build", "-color=false")
    with ThreadPoolExecutor() as pool:
        rich = pool.submit(build, tmp_path / "rich", RICH, *packer)
        theirs = seeded(tmp_path / "packer", *packer)
    where = {"ALICLOUD_ECS_ENDPOINT": "http://ecs.cn-beijing.aliyuncs.com", "HCLIMG_HOME": str(tmp_path / "home")}
    ours = seeded(tmp_path / "hclimg", sys.executable, "-m", "hclimg", "apply", PYTHONPATH=str(ROOT), **where)
    explained(asked(theirs), asked(ours))

    copies = {image.region: image for image in rich.result().things("image")}
    assert {region: image.facts["ImageName"] for region, image in copies.items()} == {
        "cn-beijing": "rich", "cn-hangzhou": "rich-copy",
    }  # fmt: skip
    assert {tuple(image.facts["Shares"]) for image in copies.values()} == {("6543210987654321",)}
    assert [snapshot.facts["Encrypted"] for snapshot in rich.result().things("snapshot")] == [True, True]
    assert len(rich.result().left()) == 4


def explained(packer: set[str], hclimg: set[str]) -> None:
    found = {*(f"- {each}" for each in packer - hclimg), *(f"+ {each}" for each in hclimg - packer)}
    unexplained = {each for each in found if not any(re.fullmatch(pattern, each) for pattern in DIFFERENCES)}
    assert unexplained == set()
    unused = {pattern for pattern in DIFFERENCES if not any(re.fullmatch(pattern, each) for each in found)}
    assert unused == set(), "what does not differ any more needs no reason"
