"""The same templates through ``packer validate`` and ``hclimg validate``: whole processes, in turn, in one run.

    python tests/benchmarks/bench_validate_vs_packer.py [-n ROUNDS] [-big]

Prints the best time of the rounds (other programs of the machine only ever make a run slower), the memory that hclimg
had at most, and the ratio. Packer starts a process for each component, so the larger templates take it half a minute
and gigabytes; it runs the largest only with ``-big``, and never the one of 1,000 sources.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import which

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """\
source "null" "s{n}" {{
  ssh_host     = "127.0.0.1"
  ssh_username = "root"
  ssh_password = var.password
}}
"""
PROVISIONER = """\
  provisioner "shell" {{
    environment_vars = ["NUMBER={n}"]
    inline           = ["echo ${{var.word}} {n}", "true"]
  }}
"""
HEAD = 'variable "word" {\n  default = "hello"\n}\n\nvariable "password" {\n  default = "x"\n}\n\n'


def template(sources: int, provisioners: int) -> str:
    names = ", ".join(f'"null.s{n}"' for n in range(sources))
    steps = "".join(PROVISIONER.format(n=n) for n in range(provisioners))
    blocks = "\n".join(SOURCE.format(n=n) for n in range(sources))
    return f"{HEAD}{blocks}\nbuild {{\n  sources = [{names}]\n{steps}}}\n"


def of_200_lines() -> str:
    """What people write: two sources, eight provisioners with a dozen commands each, thirty variables."""
    variables = "".join(f'variable "v{n}" {{ default = "value {n}" }}\n' for n in range(45))
    commands = ",\n".join(f'      "echo step {n} of ${{var.v{n}}} >> /tmp/log"' for n in range(12))
    text = variables + template(2, 8).replace('"true"]', f"\n{commands},\n    ]")
    assert 190 <= len(text.splitlines()) <= 210, len(text.splitlines())
    return text


@frozen
class Measured:
    """``seconds`` of wall time and ``megabytes`` of the process itself (not of those that it starts)."""

    seconds: float
    megabytes: float


def measure(command: list[str], rounds: int) -> Measured:
    runs = [_once(command) for _ in range(rounds)]
    return Measured(min(r.seconds for r in runs), max(r.megabytes for r in runs))


def _once(command: list[str]) -> Measured:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"CHECKPOINT_DISABLE": "1", "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, output.decode()
    return Measured(seconds, usage.ru_maxrss / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="rounds")
    parser.add_argument("-big", action="store_true", help="let Packer validate 100 sources, too")
    options = parser.parse_args()
    packer = which("packer")
    assert packer, "the peer is missing: apt-get install packer"
    cases = {
        "200 lines": (of_200_lines(), True),
        "10 sources × 5": (template(10, 5), True),
        "100 sources × 5": (template(100, 5), options.big),
        "1,000 sources × 5": (template(1000, 5), False),
    }
    print(f"{'template':20} {'hclimg':>9} {'memory':>9} {'packer':>9} {'ratio':>7}")
    ours: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (text, with_packer) in cases.items():
            path = Path(folder) / "template.pkr.hcl"
            path.write_text(text)
            mine = ours[name] = measure([sys.executable, "-m", "hclimg", "validate", str(path)], options.n)
            line = f"{name:20} {mine.seconds:8.3f}s {mine.megabytes:6.0f} MB"
            if with_packer:
                theirs = measure([packer, "validate", str(path)], 1 if "100" in name else options.n)
                line += f" {theirs.seconds:8.3f}s {mine.seconds / theirs.seconds:6.2f}×"
            print(line, flush=True)
    growth = ours["1,000 sources × 5"].seconds / ours["100 sources × 5"].seconds
    print(f"ten times the sources take {growth:.1f} times as long")


if __name__ == "__main__":
    main()
