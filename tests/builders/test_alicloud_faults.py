"""alicloud-ecs on bad days of the API: each action fails once in each way, or always."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from alicloud_kit import BUILD, REGION, Lab, new_lab

from servers.alicloud_ecs.simulator import Simulator
from servers.sshd import Sshd

ACCOUNT = "1234567890123456"
COPIED = 'image_copy_regions = ["cn-hangzhou"]\nimage_share_account = ["6543210987654321"]\ntags = { team = "images" }'

# What a build asks for, but for looking and for undoing.
MAKING = (
    "ImportKeyPair", "CreateVpc", "CreateVSwitch", "CreateSecurityGroup", "AuthorizeSecurityGroup",
    "AuthorizeSecurityGroupEgress", "CreateInstance", "AllocateEipAddress", "AssociateEipAddress", "AttachKeyPair",
    "StartInstance", "StopInstance", "CreateImage", "CopyImage", "TagResources", "ModifyImageSharePermission",
    "UntagResources",
)  # fmt: skip
LOOKING = (
    "DescribeRegions", "DescribeImages", "DescribeAvailableResource", "DescribeVpcs", "DescribeVSwitches",
    "DescribeInstances", "DescribeEipAddresses",
)  # fmt: skip
UNDOING = (
    "UnassociateEipAddress", "ReleaseEipAddress", "DeleteInstance", "DeleteSecurityGroup", "DeleteVSwitch", "DeleteVpc",
    "DeleteKeyPairs",
)  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path, alicloud: Simulator, sshd_factory: Callable[..., Sshd]) -> Lab:
    return new_lab(tmp_path / "project", alicloud, sshd_factory)


def finished(lab: Lab) -> None:
    """The image in both regions, and nothing else."""
    assert len(lab.images()) == 2
    assert lab.wrong({image.id for image in lab.images()}) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["throttle", "internal", "cut", "lost", "half"])
def test_each_action_fails_once(lab: Lab, fault: str) -> None:
    """The build succeeds, and nothing is made twice, also when the answer of what was made is lost."""
    lab.cloud.faults.each_once(fault)
    lab.apply(COPIED)
    finished(lab)
    calls = [call for call in lab.cloud.calls if call.action != "GetCallerIdentity"]
    failed = {call.action for call in calls if call.outcome != "OK"}
    assert failed == {call.action for call in calls} >= {*MAKING, *LOOKING, *UNDOING}
    made = [call for call in calls if call.action.startswith("Create") and call.outcome in ("OK", fault)]
    assert len({call.given["ClientToken"] for call in made}) == len({call.action for call in made})


@pytest.mark.slow
def test_an_action_fails_in_each_way(lab: Lab) -> None:
    """Throttled, then 500, then a cut connection, one after the other."""
    for action in ("CreateInstance", "DescribeInstances", "CreateImage", "CopyImage", "DeleteVpc"):
        for fault in ("throttle", "internal", "cut"):
            lab.cloud.faults.order(fault, action)
    lab.apply(COPIED)
    assert [call.outcome for call in lab.cloud.calls if call.action == "CreateImage"] == [
        "Throttling.User", "InternalError", "cut", "OK",
    ]  # fmt: skip
    finished(lab)


@pytest.mark.slow
@pytest.mark.parametrize("action", MAKING)
def test_an_action_always_fails(lab: Lab, action: str) -> None:
    """A diagnostic with the API's code and request, and nothing is left."""
    for fault, code in (("forbidden", "Forbidden.RAM"), ("throttle", "Throttling.User")):
        lab.cloud.faults.ordered.clear()
        lab.cloud.faults.order(fault, action, times=None)
        said = " ".join(lab.refused(COPIED).split())
        assert re.search(rf"{action}: .*?\(code {code}, request [0-9A-F-]+\)", said), said
        assert "Traceback" not in said
        assert lab.cloud.left() == [], said


@pytest.mark.slow
@pytest.mark.parametrize("action", LOOKING)
def test_looking_always_fails(lab: Lab, action: str) -> None:
    """Nothing can be made; or what was made cannot be seen, so that some of it may stay: then cleanup removes it."""
    lab.cloud.faults.order("throttle", action, times=None)
    said = lab.refused(COPIED, retries="0")
    assert f"{action}:" in " ".join(said.split())
    assert "Traceback" not in said
    lab.cloud.faults.ordered.clear()
    cleaned = lab.run("cleanup", "-settle=0s")
    assert cleaned.returncode == 0, cleaned.stdout
    assert lab.cloud.left() == []


@pytest.mark.slow
@pytest.mark.parametrize("action", UNDOING)
def test_undoing_always_fails(lab: Lab, action: str) -> None:
    """The image is there all the same; what could not be removed is told, and cleanup removes it on a better day."""
    lab.cloud.faults.order("forbidden", action, times=None)
    lab.write(lab.source() + BUILD)
    done = lab.run("apply", ".")
    assert "Forbidden.RAM" in done.stdout
    assert "Traceback" not in done.stdout
    lab.cloud.faults.ordered.clear()
    cleaned = lab.run("cleanup", "-settle=0s")
    assert cleaned.returncode == 0, cleaned.stdout
    assert lab.wrong({lab.image().id}) == []


def test_things_of_others_are_not_touched(lab: Lab) -> None:
    """Neither by a build nor by its clean-up, whatever they are called."""
    network = {"VpcName": "hclimg-x", "Description": "hclimg", "CidrBlock": "10.0.0.0/8"}
    lab.cloud.world.make("vpc", REGION, ACCOUNT, network)
    lab.cloud.world.make("keypair", REGION, ACCOUNT, {"PublicKey": "", "KeyPairFingerPrint": ""}, name="hclimg-x")
    before = lab.cloud.things()
    lab.cloud.faults.order("forbidden", "CreateInstance", times=None)
    lab.refused()
    assert lab.run("cleanup", "-settle=0s", "-all").returncode == 0
    assert lab.cloud.things() == before
