"""Ends runs of hclimg at chosen moments and cleans up after them: the kit of the kill tests.

    project = Project(folder, env={"AWS_ENDPOINT_URL": moto.url, …})      # folder has the template
    for outcome in every_record(project):                                  # SIGKILL around each journal entry
        assert not outcome.failed, outcome
        assert left_in_cloud() == finished(outcome)                        # what the test can ask its simulator

``outcome.kept`` are the resources that the run had finished and kept before it died: nobody may touch them. Standalone,
a table of random moments: ``python tests/kill_kit.py FOLDER -moments 100 -left "command that lists what is there"``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from hclimg.engine.journal import Resource, read_journal
from hclimg.engine.rundir import is_alive

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEEP = ("PATH", "HOME", "LANG", "LC_ALL", "COVERAGE_PROCESS_START")


@frozen(kw_only=True)
class Outcome:
    """What a run came to that was ended at ``moment``, and the clean-up after it.

    ``status`` is the exit code of the run, negative for a signal; ``journal`` are the entries that it had by then,
    ``left`` what stood there as left behind, ``kept`` what was kept; ``seconds`` passed from its first entry to
    its last.
    ``cleanup`` is what ``hclimg cleanup -json`` said, None when none was done.
    """

    moment: str
    folder: Path
    run: str
    status: int
    output: str
    journal: tuple[Mapping[str, Any], ...]
    left: tuple[Resource, ...]
    kept: tuple[Resource, ...]
    seconds: float = 0.0
    cleanup: subprocess.CompletedProcess[str] | None = None
    stays: tuple[Resource, ...] = ()

    @property
    def entries(self) -> int:
        return len(self.journal)

    @property
    def killed(self) -> bool:
        return self.status < 0

    @property
    def failed(self) -> bool:
        """Whether the clean-up left something, or did not work."""
        return bool(self.stays) or (self.cleanup is not None and self.cleanup.returncode != 0)

    def __str__(self) -> str:
        said = self.cleanup.stdout + self.cleanup.stderr if self.cleanup else ""
        return f"{self.moment} of {self.run}: exit code {self.status}\n{self.output}\n--- cleanup\n{said}"


@frozen(kw_only=True)
class Project:
    """A template (``template``, or all of ``folder``) to be applied again and again, each time with a journal of its
    own. ``env`` is added to a plain environment. ``settle`` is how long the clean-up waits for calls under way; with 0
    the ``quiet`` call has to see to it that the simulator has none any more."""

    folder: Path
    template: str = "."
    env: Mapping[str, str] = field(factory=dict)
    arguments: tuple[str, ...] = ()
    settle: str = "0s"
    quiet: Callable[[], None] = lambda: None

    def environment(self, home: Path) -> dict[str, str]:
        plain = {name: os.environ[name] for name in KEEP if name in os.environ}
        path = os.pathsep.join([str(ROOT), *filter(None, [self.env.get("PYTHONPATH")])])
        return {**plain, "PYTHONUTF8": "1", **self.env, "PYTHONPATH": path, "HCLIMG_HOME": str(home)}


def kill(project: Project, moment: str) -> Outcome:
    """SIGKILL at a moment (``after:3``, ``before:3``, ``at:0.25``, ``never``), and clean up."""
    with tempfile.TemporaryDirectory(prefix="hclimg-kill-") as home:
        outcome = _run(project, "KILL", moment, Path(home))
        project.quiet()
        return _cleaned(project, outcome, Path(home))


def interrupt(project: Project, moment: str) -> Outcome:
    """SIGINT at a moment. Nothing is cleaned up afterwards: the run has to do that; ``left`` and ``stays`` say what
    stands in its journal."""
    with tempfile.TemporaryDirectory(prefix="hclimg-kill-") as home:
        outcome = _run(project, "INT", moment, Path(home))
        return evolve(outcome, stays=outcome.left)


def every_record(
    project: Project, end: Callable[[Project, str], Outcome] = kill, *, step: int = 1, first: int = 1
) -> Iterator[Outcome]:
    """A run for each entry N of the journal, ended right after it is on the disk and right before it is written, until
    a run has no such entry; that one, which completed, comes last. ``step`` leaves some out."""
    number = first
    while True:
        outcome = end(project, f"after:{number}")
        yield outcome
        if outcome.status >= 0 and outcome.entries < number:
            return
        yield end(project, f"before:{number}")
        number += step


def moments(usual: int) -> int:
    """How many random moments a test tries: more for whoever sets KILL_MOMENTS and has the time."""
    return int(os.environ.get("KILL_MOMENTS", usual))


def random_moments(
    project: Project, count: int, seed: int, end: Callable[[Project, str], Outcome] = kill
) -> Iterator[Outcome]:
    """Runs that are ended at random moments of their lives; the first, which is not, tells how long they are."""
    whole = end(project, "never")
    yield whole
    chance = random.Random(seed)
    for _ in range(count):
        yield end(project, f"at:{chance.uniform(0, whole.seconds):.4f}")


def table(rows: Sequence[tuple[Outcome, Sequence[str]]]) -> str:
    """Markdown: each outcome with what is there after its clean-up and should not be."""
    outcomes = [outcome for outcome, _ in rows]
    counts = {
        "runs": len(rows),
        "of them killed or interrupted before they had ended": sum(o.killed or o.status == 130 for o in outcomes),
        "of them left something": sum(bool(o.left) for o in outcomes),
        "resources in the journals that were left": sum(len(o.left) for o in outcomes),
        "of them without an id": sum(not item.made for o in outcomes for item in o.left),
        "resources finished before the kill": sum(len(o.kept) for o in outcomes),
        "clean-ups that failed": sum(o.failed for o in outcomes),
        "resources there after the clean-up that should not be": sum(len(wrong) for _, wrong in rows),
    }
    return "| | |\n|---|---|\n" + "".join(f"| {name} | {count} |\n" for name, count in counts.items())


# -- how it is done -------------------------------------------------------------------


def _run(project: Project, signal: str, moment: str, home: Path) -> Outcome:
    command = [sys.executable, str(HERE / "kill_child.py"), signal, moment, "apply", *project.arguments]
    done = subprocess.run(
        [*command, project.template], cwd=project.folder, env=project.environment(home), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    (directory,) = (home / "runs").iterdir()
    while is_alive(directory):
        time.sleep(0.01)  # a child that it had just forked still has its lock, for a moment
    journal = directory / "resources.jsonl"
    entries = _entries(journal)
    last = journal.stat().st_mtime if journal.exists() else 0.0
    first = min((entry["at"] for entry in entries if "at" in entry), default=last)
    return Outcome(
        moment=moment, folder=project.folder, run=directory.name, status=done.returncode, output=done.stdout,
        journal=tuple(entries), left=read_journal(journal).left, kept=_kept(entries), seconds=last - first,
    )  # fmt: skip


def _cleaned(project: Project, outcome: Outcome, home: Path) -> Outcome:
    command = [sys.executable, "-m", "hclimg", "cleanup", "-json", f"-settle={project.settle}"]
    done = subprocess.run(
        command, cwd=project.folder, env=project.environment(home), capture_output=True, text=True
    )  # fmt: skip
    stays = read_journal(home / "runs" / outcome.run / "resources.jsonl").left
    return evolve(outcome, cleanup=done, stays=stays)


def _entries(journal: Path) -> list[dict[str, Any]]:
    """Those that are whole, without the first, which tells of the run."""
    found = []
    for line in journal.read_text().splitlines() if journal.exists() else ():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return [entry for entry in found if entry["op"] != "run"]


def _kept(entries: list[dict[str, Any]]) -> tuple[Resource, ...]:
    known: dict[object, Resource] = {}
    kept = []
    for entry in entries:
        number = entry["n"]
        match entry["op"]:
            case "intend":
                known[number] = Resource(number=number, kind=entry["kind"], identity=entry["identity"])
            case "made":
                known[number] = evolve(known[number], identity={**known[number].identity, **entry["identity"]})
            case "kept":
                kept.append(known[number])
    return tuple(kept)


def _main() -> None:
    options = argparse.ArgumentParser(description="Kill runs of a template at random moments, and clean up.")
    options.add_argument("folder", type=Path, help="has the template; the runs work there")
    options.add_argument("-moments", type=int, default=100)
    options.add_argument("-seed", type=int, default=1)
    options.add_argument(
        "-left", default="true",
        help="a shell command that lists what is there, a line each: as many new ones as the run kept are right",
    )  # fmt: skip
    options.add_argument("-apply", default="", help="further arguments of hclimg apply")
    chosen = options.parse_args()
    project = Project(
        folder=chosen.folder, env=dict(os.environ), arguments=tuple(shlex.split(chosen.apply)), settle="1s"
    )  # fmt: skip

    def left() -> list[str]:
        return subprocess.run(chosen.left, shell=True, capture_output=True, text=True, check=True).stdout.splitlines()

    before, rows = left(), []
    for outcome in random_moments(project, chosen.moments, chosen.seed):
        now = left()
        new = [item for item in now if item not in before]
        before = now
        wrong = new[len(outcome.kept) :]
        rows.append((outcome, wrong))
        print(f"{outcome.moment}: left {len(outcome.left)}, kept {len(outcome.kept)}, there: {', '.join(new) or '-'}")
        if wrong or outcome.failed:
            print(outcome)
    print(table(rows))


if __name__ == "__main__":
    _main()
