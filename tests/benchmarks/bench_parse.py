"""How long parsing takes, beside the Go implementation (pygohcl) and python-hcl2 in the same process.

    python tests/benchmarks/bench_parse.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.parse import parse_body
from hclimg.lang.tokens import scan

PIECE = """\
# piece {n}
variable "region_{n}" {{
  type        = string
  default     = "eu-west-{n}"
  description = "The region"
}}

locals {{
  name_{n} = "web-${{var.region_{n}}}-${{local.x}}"
  tags_{n} = {{
    Name = "n{n}"
    Env  = var.env == "prod" ? "p" : lower("D")
  }}
  list_{n} = [for s in var.list : upper(s) if s != ""]
}}

source "amazon-ebs" "web{n}" {{
  ami_name      = "img-{n}-${{local.name_{n}}}"
  instance_type = "t3.micro"
  source_ami_filter {{
    filters = {{
      name = "ubuntu/images/*"
      virtualization-type = "hvm"
    }}
    owners = ["099720109477", "self"]
  }}
}}

build {{
  sources = ["source.amazon-ebs.web{n}"]
  provisioner "shell" {{
    inline = [
      "echo {n}",
      "apt-get update && apt-get install -y nginx",
    ]
    environment_vars = ["A=${{var.a}}", "B=2"]
  }}
  provisioner "file" {{
    content = <<-EOF
      hello ${{var.name}}
    EOF
    destination = "/tmp/x"
  }}
}}
"""


def template(lines: int) -> str:
    """A template of about that many lines."""
    pieces = max(1, round(lines / PIECE.count("\n")))
    return "".join(PIECE.format(n=n) for n in range(pieces))


def best(run: Callable[[], object], seconds: float = 1.0) -> float:
    """The least CPU time of several runs, in milliseconds."""
    run()  # the first one loads tables
    least, spent = float("inf"), 0.0
    while spent < seconds:
        begun = time.process_time()
        run()
        took = time.process_time() - begun
        least, spent = min(least, took), spent + took
    return least * 1000


def parse(text: str) -> None:
    diags = Diagnostics()
    parse_body(SourceText("bench.pkr.hcl", text), diags)
    assert not diags.items


def main() -> None:
    import hcl2
    import pygohcl

    print(f"{'lines':>6}  {'scan':>8}  {'parse':>8}  {'pygohcl':>8}  {'python-hcl2':>11}   (ms)")
    for lines in (200, 1_000, 10_000):
        text = template(lines)
        ours = best(lambda t=text: parse(t))
        scanned = best(lambda t=text: scan(t))
        go = best(lambda t=text: pygohcl.loads(t))
        other = best(lambda t=text: hcl2.loads(t))
        print(f"{text.count(chr(10)):>6}  {scanned:>8.2f}  {ours:>8.2f}  {go:>8.2f}  {other:>11.1f}")


if __name__ == "__main__":
    main()
