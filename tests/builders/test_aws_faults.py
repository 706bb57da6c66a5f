"""Bad days of AWS: what fails once is tried again; what fails always ends in a diagnostic, and nothing stays behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aws_kit import Lab, new_lab

from servers.aws_faults import CUT, ERROR, LOST, THROTTLE, Asked, Faults
from servers.moto import REGION, Aws
from servers.sshd import Sshd

EVERYTHING = """
ami_regions = ["eu-west-1"]
ami_users   = ["123456789012"]
tags        = { Class = "web" }
aws_polling { delay_seconds = 1 }
temporary_iam_instance_profile_policy_document {
  Statement {
    Effect   = "Allow"
    Action   = ["s3:GetObject"]
    Resource = ["*"]
  }
}
"""
COPIES = (REGION, "eu-west-1")


@pytest.fixture
def lab(tmp_path: Path, aws: Aws, faults: tuple[Aws, Faults], sshd_factory: Callable[..., Sshd]) -> Lab:
    """Its client goes through the proxy; what the test asks does not."""
    lab = new_lab(tmp_path / "project", aws, sshd_factory)
    lab.aws = faults[0]
    return lab


@pytest.fixture
def bad_days(faults: tuple[Aws, Faults]) -> Faults:
    return faults[1]


def images(lab: Lab) -> list[int]:
    """What is there must be images with their snapshots in both regions, nothing else; how many in each."""
    for region in COPIES:
        assert set(lab.aws.left(region)) == {"image", "snapshot"}
    return [len(lab.aws.left(region)["image"]) for region in COPIES]


def before_each_call(bad_days: Faults, *modes: str) -> None:
    """An answer that was lost may have been the only one with a private key. Then another key pair is made, and so on,
    until an answer comes through: here, the second."""

    def plan(asked: Asked) -> tuple[str, ...]:
        again = asked.action == "CreateKeyPair" and bad_days.calls[asked.action] > 1
        return tuple(mode for mode in modes if not (again and mode == LOST))

    bad_days.first = plan


@pytest.mark.slow
@pytest.mark.parametrize("mode", [ERROR, CUT, LOST])
def test_every_call_fails_once(lab: Lab, bad_days: Faults, mode: str) -> None:
    before_each_call(bad_days, mode)
    lab.apply(EVERYTHING)
    assert images(lab) == [1, 1]
    assert bad_days.failed[mode] == bad_days.calls.total() - (mode == LOST) > 30


@pytest.mark.slow
def test_every_call_is_throttled_then_fails_then_breaks_off(lab: Lab, bad_days: Faults) -> None:
    before_each_call(bad_days, THROTTLE, ERROR, CUT)
    lab.apply()
    assert set(lab.aws.left()) == {"image", "snapshot"}
    assert bad_days.failed.total() == 3 * bad_days.calls.total() > 60


@pytest.mark.slow
@pytest.mark.parametrize("mode", [ERROR, LOST])
def test_spot(lab: Lab, bad_days: Faults, mode: str) -> None:
    """moto gives instances of a fleet another address than the template says."""
    before_each_call(bad_days, mode)
    lab.apply('spot_price = "auto"\n  ssh_host = "127.0.0.1"')
    assert set(lab.aws.left()) == {"image", "snapshot"}


# -- always ---------------------------------------------------------------------

FORWARD = (
    "GetCallerIdentity", "DescribeSubnets", "CreateKeyPair", "CreateSecurityGroup", "AuthorizeSecurityGroupIngress",
    "CreateRole", "GetRole", "PutRolePolicy", "CreateInstanceProfile", "AddRoleToInstanceProfile", "RunInstances",
    "StopInstances", "CreateImage", "CopyImage", "ModifyImageAttribute", "DeleteTags",
)  # fmt: skip
"""What undoes nothing: when it fails always, all that was made until then is undone."""
UNDOING = (
    "DescribeImages", "DescribeInstances", "TerminateInstances", "DescribeVolumes", "DeleteVolume",
    "DeleteSecurityGroup", "DeleteKeyPair", "ListRolePolicies", "DeleteRolePolicy", "DeleteRole",
    "GetInstanceProfile", "RemoveRoleFromInstanceProfile", "DeleteInstanceProfile",
)  # fmt: skip
"""What the undoing needs: what it cannot undo is told, and removed by ``hclimg cleanup`` on a better day."""


def clean_up(lab: Lab) -> None:
    done = lab.program("cleanup", "-settle", "0s")
    assert done.returncode == 0, done.stdout + done.stderr


def left(lab: Lab) -> dict[str, list[str]]:
    return {kind: names for region in COPIES for kind, names in lab.aws.left(region).items()}


@pytest.mark.slow
@pytest.mark.parametrize("mode", [ERROR, CUT])
@pytest.mark.parametrize("action", FORWARD)
def test_what_fails_always_leaves_nothing(lab: Lab, bad_days: Faults, action: str, mode: str) -> None:
    bad_days.always = {action: mode}
    said = " ".join(lab.refused(f"max_retries = 1\n{EVERYTHING}").split())
    assert f"AWS cannot be reached for {action}" in said if mode == CUT else f"AWS refuses {action}" in said
    assert bad_days.failed[mode] >= 2
    assert left(lab) == {}
    if mode == CUT:  # nobody knows whether the call came through
        bad_days.always = {}
    clean_up(lab)


@pytest.mark.slow
@pytest.mark.parametrize("action", UNDOING)
def test_what_cannot_be_undone_is_told_and_cleaned_up_later(lab: Lab, bad_days: Faults, action: str) -> None:
    bad_days.always = {action: ERROR}
    said = lab.refused(f"max_retries = 1\n{EVERYTHING}")
    assert f"AWS refuses {action}" in " ".join(said.split())
    assert bad_days.failed[ERROR] >= 2
    bad_days.always = {}
    clean_up(lab)
    assert left(lab).keys() <= {"image", "snapshot"}
    images = lab.aws.left().get("image", [])
    assert all(f"{REGION}: {image}" in said for image in images)


@pytest.mark.slow
def test_throttling_for_good_leaves_nothing(lab: Lab, bad_days: Faults) -> None:
    test_what_fails_always_leaves_nothing(lab, bad_days, "RunInstances", THROTTLE)


@pytest.mark.slow
def test_lost_answers(lab: Lab, bad_days: Faults) -> None:
    """What was made although nobody heard of it is used, not made twice."""
    making = ("CreateKeyPair", "CreateSecurityGroup", "RunInstances", "CreateImage")
    bad_days.first = lambda asked: (LOST,) if asked.action in making and bad_days.calls[asked.action] == 1 else ()
    lab.apply()
    assert set(lab.aws.left()) == {"image", "snapshot"}
    assert bad_days.failed[LOST] == len(making)
