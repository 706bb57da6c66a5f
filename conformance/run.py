"""Runs the conformance groups and prints a table: passed, failed, skipped with the reasons.

    python conformance/run.py [--corpus PATH] [--group NAME]... [--failures] [--strict BASELINE | --write BASELINE]

The exit status is 0 unless the runner itself fails, or with ``--strict`` a group passes fewer cases than the baseline
says. Groups whose corpus isn't there are shown as absent and don't count.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import define, field

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from conformance.groups import all_groups  # noqa: E402
from conformance.model import Case, Failed, Group, Skipped  # noqa: E402


@define
class Tally:
    """What became of a group's cases."""

    group: Group
    passed: int = 0
    failures: list[tuple[str, str]] = field(factory=list)
    skipped: Counter[str] = field(factory=Counter)

    @property
    def total(self) -> int:
        return self.passed + len(self.failures) + self.skipped.total()


def run_group(group: Group, corpus: Path) -> Tally:
    tally = Tally(group)
    for case in group.cases(corpus):
        run_case(case, tally)
    return tally


def run_case(case: Case, tally: Tally) -> None:
    try:
        case.check()
    except Skipped as reason:
        tally.skipped[str(reason)] += 1
    except Failed as reason:
        tally.failures.append((case.id, str(reason)))
    except Exception as error:  # noqa: BLE001 - a bug that one case finds must not hide the others
        tally.failures.append((case.id, f"{type(error).__name__}: {error}"))
    else:
        tally.passed += 1


def table(tallies: Iterable[Tally]) -> str:
    rows = [("group", "passed", "failed", "skipped", "")]
    for tally in tallies:
        reasons = ", ".join(f"{count} {reason}" for reason, count in tally.skipped.most_common())
        absent = "" if tally.total else "absent"
        counts = (str(tally.passed), str(len(tally.failures)), str(tally.skipped.total()))
        rows.append((tally.group.name, *counts, reasons or absent))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}  {row[4]}".rstrip()
        for row in rows
    )


def regressions(tallies: Iterable[Tally], baseline: dict[str, int]) -> list[str]:
    """The groups that pass fewer cases than they did, in words."""
    return [
        f"{tally.group.name}: {tally.passed} passed, {baseline[tally.group.name]} are expected to"
        for tally in tallies
        if tally.total and tally.passed < baseline.get(tally.group.name, 0)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare hclimg with HCL and Packer.")
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus", help="the external corpora")
    parser.add_argument("--group", action="append", metavar="NAME", help="only this group (can be repeated)")
    parser.add_argument("--failures", action="store_true", help="also list the cases that fail")
    parser.add_argument("--strict", type=Path, metavar="BASELINE", help="fail when fewer cases pass than it says")
    parser.add_argument("--write", type=Path, metavar="BASELINE", help="write what passes now")
    options = parser.parse_args(arguments)
    groups = [group for group in all_groups() if not options.group or group.name in options.group]
    tallies = [run_group(group, options.corpus) for group in groups]
    print(table(tallies))
    if options.failures:
        for tally in tallies:
            for case, reason in tally.failures:
                print(f"{tally.group.name} {case}: {reason}")
    if options.write:
        passed = {tally.group.name: tally.passed for tally in tallies if tally.total}
        options.write.write_text(json.dumps(passed, indent=2) + "\n")
    worse = regressions(tallies, json.loads(options.strict.read_text())) if options.strict else []
    for line in worse:
        print(f"regression in {line}", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
