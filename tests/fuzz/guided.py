"""Fuzzes one target with atheris, which keeps the inputs that reach code that none before them reached.

    python tests/fuzz/guided.py TARGET [--seconds S]

The inputs are texts that begin as the target's own. A finding ends the run with its traceback; the input is then in a
file named ``crash-…`` in the current directory.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import atheris  # noqa: E402

with atheris.instrument_imports(include=["hclimg"]):
    from targets import TARGETS

SEEDS = 300
LONGEST = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzz a target, guided by coverage.")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    target = TARGETS[options.target]
    with tempfile.TemporaryDirectory() as folder:
        seeds, work = Path(folder, "seeds"), Path(folder, "work")
        seeds.mkdir()
        work.mkdir()
        for i in range(SEEDS):
            made = target.make(random.Random(i))
            data = made if isinstance(made, bytes) else made.encode("utf-8", "replace")
            (seeds / str(i)).write_bytes(data[:LONGEST])
        as_bytes = isinstance(target.make(random.Random(0)), bytes)

        def read(data: bytes) -> None:
            target.read(data if as_bytes else data.decode("utf-8", "replace"), work)

        flags = [f"-max_total_time={options.seconds}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=3000"]
        atheris.Setup([sys.argv[0], str(seeds), *flags], read)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
