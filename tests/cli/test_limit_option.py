"""``-limit`` and ``HCLIMG_LIMITS``: how many nodes use something at once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.engine.run import RunOptions

ROOT = Path(__file__).resolve().parents[2]
WITH_CLOUD = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests/plugins'}"}
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]

SIX = """
source "fakecloud" "web" { directory = "cloud" }
build {
  dynamic "source" {
    for_each = ["a", "b", "c", "d", "e", "f"]
    labels   = ["fakecloud.web"]
    content {
      name       = source.value
      image_name = source.value
    }
  }
}
"""
CHANGES = {"node_started": 1, "node_finished": -1}


def most_at_once(done: subprocess.CompletedProcess[str]) -> int:
    """How many nodes that use the cloud ran at the same time at most."""
    assert done.returncode == 0, done.stdout + done.stderr
    now = most = 0
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event.get("node", "").endswith(("/build", "/capture")) and event["type"] in CHANGES:
            now += CHANGES[event["type"]]
            most = max(most, now)
    assert now == 0
    return most


@pytest.mark.parametrize(
    ("args", "env"),
    [
        (("-limit", "fakecloud=1"), {}),
        (("--limit=aws.ec2=3,fakecloud=1",), {"HCLIMG_LIMITS": "fakecloud=5"}),
        ((), {"HCLIMG_LIMITS": "fakecloud=1, nobody=7"}),
    ],
)
def test_no_more_than_the_user_says(hclimg: Run, write: Write, args: tuple[str, ...], env: dict[str, str]) -> None:
    write("t.pkr.hcl", SIX)
    assert most_at_once(hclimg("apply", "t.pkr.hcl", "-json", *args, **WITH_CLOUD, **env)) == 1


@pytest.mark.parametrize(
    ("args", "env", "said"),
    [
        (("-limit=fakeclowd=2",), {}, 'nothing uses "fakeclowd". Did you mean "fakecloud"?'),
        (("-limit=x=2",), {}, "There are alicloud.ecs, aws.ec2, fakecloud, openstack, vsphere."),
        (("-limit=fakecloud",), {}, '-limit: "fakecloud" is no limit; write NAME=N, such as aws.ec2=10.'),
        (("-limit=fakecloud=-1",), {}, '"fakecloud=-1" is no limit'),
        ((), {"HCLIMG_LIMITS": "kvm:2"}, 'HCLIMG_LIMITS: "kvm:2" is no limit'),
    ],
)
def test_mistakes(hclimg: Run, write: Write, args: tuple[str, ...], env: dict[str, str], said: str) -> None:
    write("t.pkr.hcl", SIX)
    done = hclimg("apply", "t.pkr.hcl", *args, **WITH_CLOUD, **env)
    assert done.returncode == 1
    assert said in done.stderr
    assert not Path("cloud").exists()


def test_without_a_word_apis_have_limits_and_fifty_builds_of_ec2_fit() -> None:
    def limits(**given: int) -> dict[str, int]:
        named = {name.replace("_", "."): count for name, count in given.items()}
        return RunOptions(home=Path("/h"), cache=Path("/c"), limits=named).all_limits()

    assert limits()["aws.ec2"] >= 50
    assert {"alicloud.ecs", "openstack", "vsphere"} <= limits().keys()
    assert limits(aws_ec2=3)["aws.ec2"] == 3
    assert "aws.ec2" not in limits(aws_ec2=0)
