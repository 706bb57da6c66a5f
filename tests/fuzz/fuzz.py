"""Fuzzes hclimg: tries damaged and made-up inputs until told to stop, and prints what went wrong with each.

    python tests/fuzz/fuzz.py [TARGET…] [--count N] [--seconds S] [--seed N] [--log FILE]

Without a target all take turns. ``differential`` is not for tracebacks: it compares our parser's verdicts with Go's.
An input that makes hclimg raise, or takes it longer than some seconds, is a finding; it is printed with the number
that makes the same one again: ``--seed N --count 1``. One process, so that nothing else of the machine is disturbed.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import seeds  # noqa: E402
from attrs import define, field, frozen  # noqa: E402
from mutations import mutated  # noqa: E402
from targets import TARGETS, Target  # noqa: E402
from verdicts import difference, is_comparable  # noqa: E402

DIFFERENTIAL = "differential"
LONGEST = 5.0
"""Seconds of CPU that an input may take; far more than any does, for the inputs are short."""
MEMORY = 3 << 30


class TooSlow(BaseException):
    """An input takes longer than :data:`LONGEST`. No Exception, lest what is fuzzed handles it."""


@frozen
class Finding:
    target: str
    seed: int
    shown: str
    trace: str

    @property
    def place(self) -> str:
        """Where it was raised: what tells one bug from another."""
        lines = [line.strip() for line in self.trace.splitlines() if line.strip().startswith("File ")]
        return f"{lines[-1] if lines else ''} {self.trace.splitlines()[-1][:60]}"


@define
class Tally:
    inputs: Counter[str] = field(factory=Counter)
    findings: list[Finding] = field(factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        total, found = self.inputs.total(), Counter(finding.target for finding in self.findings)
        lines = [f"{name:14} {count:>9} inputs {found[name]:>4} findings" for name, count in self.inputs.items()]
        return "\n".join(
            [*lines, f"{'all':14} {total:>9} inputs {len(self.findings):>4} findings, {self.seconds:.0f} s"]
        )


def differs(chance: random.Random) -> str:
    """An input for the comparison with Go, and what it says; "" when the verdicts agree."""
    text = mutated(seeds.differential(), chance)
    found = difference(text) if is_comparable(text) else None
    return str(found) if found else ""


def trial(name: str, seed: int, folder: Path) -> Finding | None:
    chance = random.Random(f"{name} {seed}")
    if name == DIFFERENTIAL:
        told = differs(chance)
        return Finding(name, seed, told, "verdicts differ") if told else None
    return _read(TARGETS[name], seed, TARGETS[name].make(chance), folder)


def _read(target: Target, seed: int, data: object, folder: Path) -> Finding | None:
    signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        target.read(data, folder)
    except (Exception, TooSlow):
        return Finding(target.name, seed, repr(data), traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def run(
    names: Sequence[str], trials: Iterator[int], more: Callable[[], bool], tell: Callable[[Tally, Finding | None], None]
) -> Tally:
    tally, begun = Tally(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for seed in trials:
            for name in names:
                finding = trial(name, seed, Path(folder))
                tally.inputs[name] += 1
                tally.seconds = time.process_time() - begun
                if finding:
                    tally.findings.append(finding)
                tell(tally, finding)
            if not more():
                break
    return tally


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise TooSlow


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fuzz hclimg.")
    parser.add_argument("target", nargs="*", help=f"{', '.join(TARGETS)}, {DIFFERENTIAL}; default: all but the last")
    parser.add_argument("--count", type=int, default=1_000, help="inputs for each target (0: no end)")
    parser.add_argument("--seconds", type=float, default=0, help="stop after that many seconds of CPU (0: no limit)")
    parser.add_argument("--seed", type=int, default=1, help="number of the first input")
    parser.add_argument("--log", type=Path, help="also write figures and findings there, as they come")
    options = parser.parse_args(arguments)
    if unknown := set(options.target) - {*TARGETS, DIFFERENTIAL}:
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    places: Counter[str] = Counter()
    begun = last = time.monotonic()

    def tell(tally: Tally, finding: Finding | None) -> None:
        nonlocal last
        if finding:
            places[finding.place] += 1
            if places[finding.place] <= 3 or finding.target == DIFFERENTIAL:
                print(f"--- {finding.target} --seed {finding.seed}: {finding.shown[:600]}\n{finding.trace}", flush=True)
        if options.log and (finding or time.monotonic() - last > 20):
            last = time.monotonic()
            places_text = json.dumps(places.most_common(), indent=1)
            options.log.write_text(f"{tally}\n{(last - begun) / 3600:.2f} hours\n{places_text}\n", encoding="utf-8")

    trials = (
        iter(range(options.seed, options.seed + options.count)) if options.count else iter(range(options.seed, 1 << 60))
    )
    deadline = time.process_time() + options.seconds
    tally = run(
        options.target or list(TARGETS), trials, lambda: not options.seconds or time.process_time() < deadline, tell
    )
    print(tally)
    return 1 if tally.findings else 0


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sys.exit(main())
