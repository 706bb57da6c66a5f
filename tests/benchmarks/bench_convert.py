"""500 legacy JSON templates of 50 to 500 lines: ``hclimg convert`` in one call, ``packer hcl2_upgrade`` in 500.

    python tests/benchmarks/bench_convert.py [-n TEMPLATES] [-check]

Prints the time for each file and whether it is linear: in the number of files, and in their lines. Packer takes one
template at a time. ``-check`` measures the proof that the plans are equal too, which Packer does not give.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from shutil import which
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def template(chance: random.Random, lines: int) -> str:
    """What people write, as long as asked for: variables, builders, and steps of every kind until it is full."""
    count = max(2, lines // 30)
    found: dict[str, Any] = {
        "description": "Generated for a benchmark.",
        "variables": {f"v{n}": f"value {n}" for n in range(count)},
        "builders": [
            {"type": "null", "name": f"b{n}", "ssh_host": "127.0.0.1", "ssh_username": "root", "ssh_password": "x"}
            for n in range(1 + lines // 200)
        ],
        "provisioners": [],
    }
    while len(json.dumps(found, indent=2).splitlines()) < lines - 4:
        found["provisioners"].append(_step(chance, count))
    return json.dumps(found, indent=2)


def _step(chance: random.Random, variables: int) -> dict[str, Any]:
    def name() -> str:
        return f"{{{{user `v{chance.randrange(variables)}`}}}}"

    commands = [f"echo {n} {name()} {{{{build_name}}}} >> /tmp/log" for n in range(chance.randrange(1, 6))]
    if chance.random() < 0.5:
        return {"type": "shell", "environment_vars": [f"A={name()}"], "inline": commands, "max_retries": "2"}
    return {"type": "shell-local", "inline": commands, "only": ["b0"], "pause_before": "5s"}


def run(command: list[str]) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"CHECKPOINT_DISABLE": "1", "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - started
    assert done.returncode == 0, done.stdout + done.stderr
    return seconds


def convert(files: Iterable[Path], target: Path, *options: str) -> float:
    return run([sys.executable, "-m", "hclimg", "convert", "-force", *options, "-o", str(target), *map(str, files)])


def write(folder: Path, sizes: Iterable[int]) -> list[Path]:
    chance, found = random.Random(1), []
    for number, lines in enumerate(sizes):
        found.append(folder / f"t{number:03}-{lines}.json")
        found[-1].write_text(template(chance, lines))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=500, help="how many templates")
    parser.add_argument("-check", action="store_true", help="measure -check too")
    options = parser.parse_args()
    packer = which("packer")
    assert packer, "the peer is missing: apt-get install packer"
    with tempfile.TemporaryDirectory() as place:
        folder, target = Path(place), Path(place, "new")
        files = write(folder, (50 + 450 * number // max(1, options.n - 1) for number in range(options.n)))
        every_fourth = files[::4]
        few, many = convert(every_fourth, target), convert(files, target)
        print(f"hclimg: {len(files)} templates in {many:.2f} s, {1000 * many / len(files):.1f} ms each")
        print(f"  a quarter of them: {1000 * few / len(every_fourth):.1f} ms each")
        same = len(files) // 5
        for lines in (50, 500):
            these = write(folder, [lines] * same)
            print(f"  of {lines} lines: {1000 * convert(these, target) / same:.1f} ms each")
        if options.check:
            print(f"  with -check: {1000 * convert(files, target, '-check') / len(files):.1f} ms each")
        theirs = sum(run([packer, "hcl2_upgrade", f"-output-file={target}/p.pkr.hcl", str(file)]) for file in files)
        print(f"packer: {len(files)} templates in {theirs:.2f} s, {1000 * theirs / len(files):.1f} ms each")
        print(f"ratio: {many / theirs:.2f}×")


if __name__ == "__main__":
    main()
