"""Runs of amazon-ebs that are ended at any moment: nothing stays that ``hclimg cleanup`` does not remove, and no
finished image goes.

Every moment, and 100 random ones, with a table: ``python tests/benchmarks/kills_of_aws.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from attrs import define, field
from aws_kit import BUILD, Lab, new_lab, tags

from hclimg.sdk.mark import RUN_TAG
from kill_kit import Outcome, Project, every_record, interrupt, kill
from servers.moto import REGION, Aws
from servers.sshd import Sshd

REGIONS = (REGION, "us-east-1")
COPIED = """
  ssh_host    = "127.0.0.1"
  ami_regions = ["us-east-1"]
  tags        = { Kind = "web" }
  temporary_iam_instance_profile_policy_document {
    Statement {
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["*"]
    }
  }
  launch_block_device_mappings {
    device_name = "/dev/sdb"
    volume_size = 1
  }
"""
SPOT = """
  ssh_host     = "127.0.0.1"
  spot_price   = "auto"
  encrypt_boot = true
"""


@define
class Watched:
    """A lab in which run after run is ended. ``images`` are the finished ones, by region."""

    lab: Lab
    images: dict[str, set[str]] = field(factory=lambda: {region: set() for region in REGIONS})

    def project(self, settings: str) -> Project:
        source = self.lab.source(settings).replace('ami_name      = "web"', 'ami_name      = "web ${uuidv4()}"')
        self.lab.write(source + BUILD)
        return Project(
            folder=self.lab.folder, template="web.pkr.hcl", env=self.lab.aws.environment, quiet=self.lab.aws.quiet
        )

    def wrong(self, outcome: Outcome) -> list[str]:
        """What is there and should not be, or should be and is not."""
        self.lab.aws.quiet()
        found: list[str] = []
        for region in REGIONS:
            there = self.lab.aws.left(region)
            images = set(there.pop("image", []))
            # An image without the mark is finished, also when the run died before it could write so.
            own = {item.identity.get("id", "") for item in (*outcome.kept, *outcome.left) if item.kind == "aws/image"}
            kept = {item.identity["id"] for item in outcome.kept if item.identity.get("region") == region}
            finished = {image for image in images & own if RUN_TAG not in self._tags(region, image)}
            missing = (self.images[region] | kept) - images
            found += [f"{region}: {image} is gone" for image in missing]
            found += [f"{region}: image {image}" for image in images - self.images[region] - finished]
            self.images[region] |= finished
            snapshots = there.pop("snapshot", [])
            if len(snapshots) != len(self.images[region]):
                found.append(f"{region}: {len(snapshots)} snapshots of {len(self.images[region])} images")
            found += [f"{region}: {kind} {', '.join(names)}" for kind, names in there.items()]
        if profiles := self.lab.aws.client("iam").list_instance_profiles()["InstanceProfiles"]:
            found.append(f"{len(profiles)} instance profiles")
        return found

    def _tags(self, region: str, image: str) -> dict[str, str]:
        (known,) = self.lab.ec2(region).describe_images(ImageIds=[image])["Images"]
        return tags(known)


@pytest.fixture
def watched(tmp_path: Path, aws: Aws, sshd_factory: Callable[..., Sshd]) -> Watched:
    return Watched(new_lab(tmp_path / "project", aws, sshd_factory))


def check(watched: Watched, outcomes: Iterable[Outcome]) -> list[Outcome]:
    seen = []
    for outcome in outcomes:
        assert watched.wrong(outcome) == [], outcome
        assert not outcome.failed, outcome
        seen.append(outcome)
    return seen


@pytest.mark.slow
def test_killed_before_the_id_of_the_image_came_back(watched: Watched) -> None:
    (whole,) = check(watched, [kill(watched.project(""), "never")])
    assert whole.status == 0, whole
    (outcome,) = check(watched, [kill(watched.project(""), "before:9")])
    assert outcome.killed
    assert "aws/image" in {item.kind for item in outcome.left}


@pytest.mark.slow
@pytest.mark.parametrize("settings", [COPIED, SPOT])
def test_killed_around_many_records(watched: Watched, settings: str) -> None:
    seen = check(watched, every_record(watched.project(settings), step=4))
    assert seen[-1].status == 0, seen[-1]
    assert all(outcome.killed for outcome in seen[:-1])


@pytest.mark.slow
def test_interrupted_after_many_records(watched: Watched) -> None:
    """Nothing is left, and nobody cleans up."""
    check(watched, every_record(watched.project(COPIED), interrupt, step=6))
