"""How long reading takes, and how much memory: hclimg beside Go's HCL (pygohcl), python-hcl2 and Packer, in one run.

    python tests/benchmarks/bench_language.py [-lines 200 1000 10000] [-n ROUNDS]

Each figure is the least CPU time of several runs: other programs of the machine only ever make a run slower. ``plan``
is parsing, evaluating and making the plan in one process. The memory is that of the syntax tree alone.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import hcl2  # noqa: E402
import pygohcl  # noqa: E402

from hclimg.diagnostics import Diagnostics, SourceText  # noqa: E402
from hclimg.lang.format import format_text  # noqa: E402
from hclimg.lang.parse import parse_body  # noqa: E402
from hclimg.lang.syntax import Body  # noqa: E402
from hclimg.lang.tokens import scan  # noqa: E402
from hclimg.plan.compile import CompileOptions, compile_plan  # noqa: E402
from hclimg.plan.plan import Plan  # noqa: E402
from hclimg.registry import Registry  # noqa: E402
from hclimg.template.hcl import read_hcl  # noqa: E402

NOW = datetime(2024, 1, 1, tzinfo=UTC)
MOST_FOR_PACKER = 300
HEAD = 'variable "env" {\n  default = "prod"\n}\n\n'
PIECE = """\
# piece {n}
variable "region_{n}" {{
  type        = string
  default     = "eu-west-{n}"
  description = "The region"
}}

locals {{
  name_{n} = "web-${{var.region_{n}}}-${{var.env}}"
  tags_{n} = {{
    Name = "n{n}"
    Env  = var.env == "prod" ? "p" : lower("D")
  }}
  list_{n} = [for s in ["a", "b", ""] : upper(s) if s != ""]
}}

source "null" "web{n}" {{
  ssh_host     = "10.0.0.{n}"
  ssh_username = "root"
  ssh_password = "${{local.name_{n}}}"
}}

build {{
  name    = "b{n}"
  sources = ["source.null.web{n}"]
  provisioner "shell" {{
    inline = [
      "echo {n}",
      "apt-get update && apt-get install -y nginx",
    ]
    environment_vars = ["A=${{var.env}}", "B=2"]
  }}
  provisioner "shell" {{
    inline = [<<-EOF
      echo hello ${{var.region_{n}}}
    EOF
    ]
  }}
}}
"""


def template(lines: int) -> str:
    """A template of about that many lines."""
    return HEAD + "".join(PIECE.format(n=n) for n in range(max(1, round(lines / PIECE.count("\n")))))


def parsed(text: str) -> Body:
    diags = Diagnostics()
    body = parse_body(SourceText("bench.pkr.hcl", text), diags)
    assert not diags.items
    return body


def planned(text: str) -> Plan:
    diags = Diagnostics()
    read = read_hcl([parsed(text)], "bench.pkr.hcl", Path(), diags)
    plan = compile_plan(read, CompileOptions(now=NOW, cwd=Path()), Registry(), diags)
    assert not diags.items, str(diags.items[0])
    return plan


def best(run: Callable[[], object], seconds: float) -> float:
    """The least CPU time of several runs, in milliseconds."""
    run()  # the first one loads tables and modules
    least, spent = float("inf"), 0.0
    while spent < seconds:
        begun = time.process_time()
        run()
        took = time.process_time() - begun
        least, spent = min(least, took), spent + took
    return least * 1000


def size_of(make: Callable[[], object]) -> float:
    """Megabytes of what ``make`` makes."""
    make()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept = make()
        after, _ = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return (after - before) / 1e6


def process(command: list[str], rounds: int) -> float:
    """The least CPU time of a whole process and its children, in milliseconds."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"CHECKPOINT_DISABLE": "1", "PYTHONPATH": str(ROOT)}
    least = float("inf")
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least * 1000


def in_process(lines: list[int], seconds: float) -> None:
    columns = ("lines", "scan", "parse", "fmt", "plan", "pygohcl", "python-hcl2", "tree", "python-hcl2's")
    print("".join(f"{name:>14}" for name in columns) + "   (ms CPU, MB)")
    for count in lines:
        text = template(count)
        times = [
            best(lambda t=text, run=run: run(t), seconds)
            for run in (scan, parsed, format_text, planned, pygohcl.loads, hcl2.loads)
        ]
        sizes = [size_of(lambda t=text, run=run: run(t)) for run in (parsed, hcl2.parses)]
        print(f"{text.count(chr(10)):>14}" + "".join(f"{figure:>14.2f}" for figure in (*times, *sizes)), flush=True)


def whole_processes(lines: list[int], rounds: int) -> None:
    packer = which("packer")
    columns = ("lines", "hclimg", "-syntax-only", "packer", "-syntax-only")
    print("".join(f"{name:>14}" for name in columns) + "   (ms CPU)", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.pkr.hcl"
        for count in lines:
            path.write_text(template(count))
            programs = [[sys.executable, "-m", "hclimg"], *([[packer]] if packer else [])]
            commands = [[*program, "validate", *switch] for program in programs for switch in ([], ["-syntax-only"])]
            figures = [
                None
                if count > MOST_FOR_PACKER and command == [packer, "validate"]
                else process([*command, str(path)], rounds)
                for command in commands
            ]
            shown = "".join(f"{'–':>14}" if figure is None else f"{figure:>14.0f}" for figure in figures)
            print(f"{count:>14}{shown}", flush=True)
    print(f"Packer starts a process for each component, so it only validates up to {MOST_FOR_PACKER} lines here.")


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the reading of templates.")
    parser.add_argument("-lines", type=int, nargs="+", default=[200, 1_000, 10_000])
    parser.add_argument("-n", type=int, default=5, help="rounds for whole processes")
    parser.add_argument("-seconds", type=float, default=1.0, help="CPU time for each figure in the process")
    options = parser.parse_args()
    in_process(options.lines, options.seconds)
    whole_processes(options.lines, options.n)


if __name__ == "__main__":
    main()
