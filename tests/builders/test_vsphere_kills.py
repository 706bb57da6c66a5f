"""Runs of vsphere-clone that are ended at any moment: nothing stays that ``hclimg cleanup`` does not remove."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from attrs import define, field
from vsphere_kit import ADDRESS, MACHINES, api, template

from hclimg.clouds.vsphere.client import Vcenter
from kill_kit import Outcome, Project, every_record, interrupt, kill, moments, random_moments
from servers.sshd import Sshd
from servers.vcsim import Vcsim

__all__ = ["api"]

SETTINGS = f"""
  template            = "DC0_H0_VM0"
  vm_name             = "web-${{uuidv4()}}"
  folder              = "images"
  cd_content          = {{ "meta-data" = "x" }}
  create_snapshot     = true
  convert_to_template = true
  {ADDRESS}
  export {{
    output_directory = "out"
    force            = true
  }}
"""


@define
class Lab:
    project: Project
    api: Vcenter
    finished: set[str] = field(factory=set)

    def wrong(self, outcome: Outcome) -> list[str]:
        """What is there and should not be, or should be and is not."""
        there = {one.name for one in self.api.listing("VirtualMachine")} - MACHINES
        kept = {one.identity["name"] for one in outcome.kept if one.kind == "vsphere/vm"}
        found = [f"{name} is gone" for name in (self.finished | kept) - there]
        found += [f"machine {name}" for name in there - self.finished - kept]
        self.finished |= kept
        store = Path(self.api.listing("Datastore", "info")[0].props["info"].url)
        found += [str(path) for path in store.rglob("hclimg-*")]
        if not self.finished and "images" in {one.name for one in self.api.listing("Folder")}:
            found.append("folder images")
        out = self.project.folder / "out"
        if outcome.killed and not kept and out.exists() and any(out.iterdir()) and outcome.left:
            files = {Path(one.identity["path"]) for one in outcome.kept if one.kind == "file"}
            complete = {path for path in out.iterdir() if path.name.rpartition("-disk")[0] in self.finished}
            found += [str(path) for path in out.iterdir() if path not in complete | files and path.suffix == ".vmdk"]
        return found


@pytest.fixture
def lab(vcsim: Vcsim, sshd: Sshd, tmp_path: Path, api: Vcenter) -> Lab:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "t.pkr.hcl").write_text(template(vcsim, sshd, SETTINGS, "vsphere-clone", ""))
    return Lab(Project(folder=folder, template="t.pkr.hcl", env={"VSPHERE_PASSWORD": "pass"}), api)


def check(lab: Lab, outcomes: Iterable[Outcome]) -> list[Outcome]:
    seen = []
    for outcome in outcomes:
        assert not outcome.failed, outcome
        assert lab.wrong(outcome) == [], outcome
        seen.append(outcome)
    return seen


@pytest.mark.slow
def test_killed_around_every_record(lab: Lab) -> None:
    outcomes = check(lab, every_record(lab.project, kill, step=4))
    assert outcomes[-1].status == 0
    assert sum(outcome.killed for outcome in outcomes) > 5


@pytest.mark.slow
def test_interrupted_around_records(lab: Lab) -> None:
    check(lab, every_record(lab.project, interrupt, step=9))


@pytest.mark.slow
def test_killed_at_random_moments(lab: Lab) -> None:
    check(lab, random_moments(lab.project, moments(6), seed=6))
