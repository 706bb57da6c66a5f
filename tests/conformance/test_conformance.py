"""The conformance runner, and our own cases in it."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from conformance import run
from conformance.groups import all_groups
from conformance.groups.own import CASES
from conformance.model import Case, Failed, Group, Skipped

NOWHERE = Path("/nonexistent")


def test_our_own_cases_pass() -> None:
    tallies = [run.run_group(group, NOWHERE) for group in all_groups() if group.name.startswith("own-")]
    assert [tally.failures for tally in tallies] == [[]] * len(tallies)
    assert sum(tally.passed for tally in tallies) >= len(list(CASES.glob("*.hcl"))) >= 7


def test_every_group_does_without_its_corpus() -> None:
    for group in all_groups():
        if not group.name.startswith("own-"):
            assert run.run_group(group, NOWHERE).total == 0, group.name
    assert len({group.name for group in all_groups()}) == len(all_groups())


def made_up(_: Path) -> Iterable[Case]:
    def failing() -> None:
        raise Failed("no")

    def crashing() -> None:
        raise ZeroDivisionError("a bug")

    def skipping() -> None:
        raise Skipped("not today")

    return [Case("good", lambda: None), Case("bad", failing), Case("crash", crashing), Case("skip", skipping)]


def test_the_table_counts_and_gives_reasons() -> None:
    tally = run.run_group(Group("made-up", "", made_up), NOWHERE)
    assert (tally.passed, tally.total) == (1, 4)
    assert tally.failures == [("bad", "no"), ("crash", "ZeroDivisionError: a bug")]
    absent = run.Tally(Group("gone", "", made_up))
    lines = run.table([tally, absent]).splitlines()
    assert lines[1].split() == ["made-up", "1", "2", "1", "1", "not", "today"]
    assert lines[2].split() == ["gone", "0", "0", "0", "absent"]


def test_fewer_passes_than_the_baseline_are_a_regression() -> None:
    tally = run.run_group(Group("made-up", "", made_up), NOWHERE)
    assert run.regressions([tally], {"made-up": 1, "other": 5}) == []
    assert run.regressions([tally], {"made-up": 2}) == ["made-up: 1 passed, 2 are expected to"]
    assert run.regressions([run.Tally(Group("made-up", "", made_up))], {"made-up": 2}) == []


def test_the_command_compares_with_a_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = tmp_path / "baseline.json"
    arguments = ["--corpus", str(NOWHERE), "--group", "own-syntax"]
    assert run.main([*arguments, "--write", str(baseline)]) == 0
    passed = json.loads(baseline.read_text())
    assert list(passed) == ["own-syntax"]
    assert run.main([*arguments, "--strict", str(baseline)]) == 0
    baseline.write_text(json.dumps({"own-syntax": passed["own-syntax"] + 1}))
    assert run.main([*arguments, "--strict", str(baseline), "--failures"]) == 1
    assert "regression in own-syntax" in capsys.readouterr().err


def test_no_group_falls_behind_the_baseline() -> None:
    """With the corpora beside the checkout this runs all groups; without them only our own."""
    baseline = json.loads((run.ROOT / "conformance" / "baseline.json").read_text())
    corpus = run.ROOT.parent / "shared" / "corpus"
    tallies = [run.run_group(group, corpus) for group in all_groups()]
    assert run.regressions(tallies, baseline) == []
