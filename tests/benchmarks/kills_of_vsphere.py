"""Ends runs of vsphere-clone and vsphere-iso at every moment and at random ones, cleans up, and says what is left.

    python tests/benchmarks/kills_of_vsphere.py [-moments 50] [-only vsphere-clone,vsphere-iso]

govmomi's simulator is the vCenter and a real sshd the guest. Prints a table for each kind of end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "builders")]

from vsphere_lab import BUILDERS, Lab, lab_of  # noqa: E402

from hclimg.clouds.vsphere.access import Endpoint  # noqa: E402
from hclimg.clouds.vsphere.client import logged_in  # noqa: E402
from hclimg.units import Secret  # noqa: E402
from kill_kit import Outcome, every_record, interrupt, random_moments, table  # noqa: E402
from vsphere_peer import peers  # noqa: E402


def show(lab: Lab, name: str, moments: int) -> int:
    """How many ends were not as they should be."""
    bad = 0
    for title, outcomes in (
        ("SIGKILL around every record", every_record(lab.project)),
        ("SIGINT around every record", every_record(lab.project, interrupt)),
        (f"SIGKILL at {moments} random moments", random_moments(lab.project, moments, seed=1)),
    ):
        rows: list[tuple[Outcome, list[str]]] = []
        for outcome in outcomes:
            rows.append((outcome, lab.wrong(outcome)))
            if rows[-1][1] or outcome.failed:
                bad += 1
                print(outcome, rows[-1][1], file=sys.stderr, flush=True)
        assert "random" in title or rows[-1][0].status == 0, rows[-1][0]
        print(f"{title}, {name}:\n\n{table(rows)}", flush=True)
    return bad


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-moments", type=int, default=50)
    options.add_argument("-only", default=",".join(BUILDERS))
    chosen = options.parse_args()
    bad = 0
    for name in chosen.only.split(","):
        with tempfile.TemporaryDirectory() as folder, peers(Path(folder)) as both:
            endpoint = Endpoint(server=both.vcsim.address, username="user", password=Secret("pass"), insecure=True)
            with logged_in(endpoint, "test") as api:
                lab = lab_of(name, both.vcsim, both.sshd, Path(folder) / "project", api)
                bad += show(lab, name, chosen.moments)
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
