"""Ends runs of amazon-ebs at every moment and at random ones, cleans up, and says what is left.

    python tests/benchmarks/kills_of_aws.py [-moments 100] [-only copied,spot]

moto is the cloud and a real sshd its instances. Prints a table for each kind of end.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "builders")]

from aws_kit import Lab, open_lab  # noqa: E402
from test_aws_kills import COPIED, SPOT, Watched  # noqa: E402

from kill_kit import Outcome, every_record, interrupt, random_moments, table  # noqa: E402

TEMPLATES = {"copied": COPIED, "spot": SPOT}


def show(lab: Lab, name: str, moments: int) -> int:
    """How many ends were not as they should be, beginning with an empty cloud."""
    lab.aws.reset()
    lab.network = lab.aws.network()
    watched = Watched(lab)
    project = watched.project(TEMPLATES[name])
    wrong = 0
    for title, outcomes in (
        ("SIGKILL around every record", every_record(project)),
        ("SIGINT around every record", every_record(project, interrupt)),
        (f"SIGKILL at {moments} random moments", random_moments(project, moments, seed=1)),
    ):
        rows: list[tuple[Outcome, list[str]]] = []
        for outcome in outcomes:
            rows.append((outcome, watched.wrong(outcome)))
            if rows[-1][1] or outcome.failed:
                wrong += 1
                print(outcome, rows[-1][1], file=sys.stderr, flush=True)
        assert "random" in title or rows[-1][0].status == 0, rows[-1][0]
        print(f"{title}, template {name}:\n\n{table(rows)}", flush=True)
    return wrong


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-moments", type=int, default=100)
    options.add_argument("-only", default=",".join(TEMPLATES))
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_lab(Path(folder)) as lab:
        os.environ.update(lab.aws.environment)
        wrong = sum(show(lab, name, chosen.moments) for name in chosen.only.split(","))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
