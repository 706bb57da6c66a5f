"""Runs of the vSphere builders that are ended at any moment: nothing stays that ``hclimg cleanup`` does not remove, and
nothing that was finished goes.

``python tests/benchmarks/kills_of_vsphere.py`` ends runs around every record and prints a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from vsphere_kit import api
from vsphere_lab import BUILDERS, Lab, lab_of

from hclimg.clouds.vsphere.client import Vcenter
from hclimg.clouds.vsphere.machines import FINISHED
from kill_kit import Outcome, every_record, interrupt, kill, moments, random_moments
from servers.sshd import Sshd
from servers.vcsim import Vcsim

__all__ = ["api"]

Labs = Callable[[str], Lab]


@pytest.fixture
def labs(vcsim: Vcsim, sshd: Sshd, tmp_path: Path, api: Vcenter) -> Labs:
    return lambda kind: lab_of(kind, vcsim, sshd, tmp_path / "project", api)


def check(lab: Lab, outcomes: Iterable[Outcome]) -> list[Outcome]:
    seen = []
    for outcome in outcomes:
        assert not outcome.failed, outcome
        assert lab.wrong(outcome) == [], outcome
        seen.append(outcome)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "step"), [("vsphere-clone", 6), ("vsphere-iso", 9)])
def test_killed_around_records(labs: Labs, kind: str, step: int) -> None:
    lab = labs(kind)
    outcomes = check(lab, every_record(lab.project, kill, step=step, first=2))
    assert outcomes[-1].status == 0
    assert sum(outcome.killed for outcome in outcomes) > 5
    assert {item.kind for outcome in outcomes for item in outcome.left} >= {"vsphere/vm", "files"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BUILDERS)
def test_a_finished_machine_stays(labs: Labs, kind: str) -> None:
    """Killed after its last change and before the journal says that it is kept, and before that change."""
    lab = labs(kind)
    _, whole = check(lab, (kill(lab.project, "never") for _ in range(2)))  # the first makes folders too
    changing, kept = lab.finishing(whole)
    (outcome,) = check(lab, [kill(lab.project, f"before:{kept}")])
    (vm,) = (item for item in outcome.left if FINISHED in item.identity)
    assert vm.identity["name"] in lab.machines, outcome
    assert outcome.cleanup is not None
    assert '"finished": true' in outcome.cleanup.stdout
    (outcome,) = check(lab, [kill(lab.project, f"after:{changing}")])
    (vm,) = (item for item in outcome.left if FINISHED in item.identity)
    assert vm.identity["name"] not in lab.machines, outcome


@pytest.mark.slow
def test_interrupted_around_records(labs: Labs) -> None:
    lab = labs("vsphere-clone")
    check(lab, every_record(lab.project, interrupt, step=11))


@pytest.mark.slow
@pytest.mark.parametrize("kind", BUILDERS)
def test_killed_at_random_moments(labs: Labs, kind: str) -> None:
    lab = labs(kind)
    check(lab, random_moments(lab.project, moments(3), seed=6))
