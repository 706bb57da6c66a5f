"""Data sources as the user sees them: when they are read, what is told of it, and what happens when they fail."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from servers.answering import Answering, Reply, answering

__all__ = ["answering"]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]

TEMPLATE = """\
data "http" "names" { url = "%s" }
data "http" "text" { url = "%s" }
locals {
  names = jsondecode(data.http.names.body)
  text  = upper(data.http.text.body)
}
source "file" "a" {
  content = local.text
  target  = "a.txt"
}
source "file" "b" {
  content = data.http.text.body
  target  = "b.txt"
}
build {
  sources = [for name in local.names : "file.${name}"]
}
"""


def served(write: Write, answering: Answering, names: bytes = b'["a", "b"]') -> None:
    answering.replies = {"/names": [Reply(body=names)], "/text": [Reply(body=b"hello")]}
    write("t.pkr.hcl", TEMPLATE % (answering.url("/names"), answering.url("/text")))


def asked(answering: Answering) -> list[str]:
    return [question.path for question in answering.asked]


def test_validate_reads_nothing(hclimg: Run, write: Write, answering: Answering) -> None:
    served(write, answering)
    done = hclimg("validate", "t.pkr.hcl")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "The configuration is valid.\n")
    assert asked(answering) == []


def test_validate_reads_all_on_request(hclimg: Run, write: Write, answering: Answering) -> None:
    served(write, answering, b'["a", "nope"]')
    done = hclimg("validate", "-evaluate-datasources", "t.pkr.hcl")
    assert done.returncode == 1
    assert "Error: Unknown source" in done.stderr
    assert 'no source "file" "nope"' in done.stderr
    assert sorted(asked(answering)) == ["/names", "/text"]


def test_plan_reads_what_decides_its_shape(hclimg: Run, write: Write, answering: Answering) -> None:
    served(write, answering)
    done = hclimg("plan", "-json", "t.pkr.hcl")
    assert done.returncode == 0
    assert [lane["address"] for lane in json.loads(done.stdout)["lanes"]] == ["file.a", "file.b"]
    assert done.stderr == f"==> Reading data.http.names: GET {answering.url('/names')}\n"
    assert asked(answering) == ["/names"]


def test_apply_reads_each_once(hclimg: Run, write: Write, answering: Answering, tmp_path: Path) -> None:
    served(write, answering)
    done = hclimg("apply", "t.pkr.hcl")
    assert done.returncode == 0, done.stderr
    assert asked(answering) == ["/names", "/text"]
    assert (tmp_path / "a.txt").read_text() == "HELLO"
    assert (tmp_path / "b.txt").read_text() == "hello"
    assert done.stdout.startswith(f"==> Reading data.http.names: GET {answering.url('/names')}\n")
    assert done.stdout.count("Builds finished") == 1


def test_a_failure_is_told_at_the_block(hclimg: Run, write: Write, answering: Answering) -> None:
    served(write, answering)
    answering.replies["/names"] = [Reply(500)]
    for command in ("plan", "apply"):
        done = hclimg(command, "t.pkr.hcl")
        assert done.returncode == 1
        assert 't.pkr.hcl:1:1: Error: Data source failed\n  in data "http" "names":' in done.stderr
        assert "the server answered 500 Internal Server Error" in done.stderr
        assert done.stderr.count("Error:") == 1
    assert asked(answering) == ["/names", "/names"]


def test_nothing_is_read_for_a_template_with_mistakes(hclimg: Run, write: Write, answering: Answering) -> None:
    served(write, answering)
    text = TEMPLATE % (answering.url("/names"), answering.url("/text"))
    write("t.pkr.hcl", text + 'source "file" "c" { contnt = "x" }\nbuild { sources = ["file.c"] }\n')
    assert hclimg("apply", "t.pkr.hcl").returncode == 1
    assert asked(answering) == []


def test_a_local_that_cannot_use_the_answer(hclimg: Run, write: Write, answering: Answering) -> None:
    """Read early or during the run: the mistake is told where the local stands."""
    served(write, answering, b"no json")
    early = hclimg("plan", "t.pkr.hcl")
    assert early.returncode == 1
    assert "t.pkr.hcl:4:" in early.stderr
    assert "jsondecode" in early.stderr
    text = TEMPLATE.replace("[for name in local.names", '[for name in ["a"]').replace("upper(", "jsondecode(")
    write("late.pkr.hcl", text % (answering.url("/names"), answering.url("/text")))
    late = hclimg("apply", "late.pkr.hcl")
    assert late.returncode == 1
    assert "late.pkr.hcl:5:" in late.stderr
    assert "jsondecode" in late.stderr


def test_secrets_that_pass_through_stay_hidden(hclimg: Run, write: Write) -> None:
    write(
        "t.pkr.hcl",
        """\
variable "key" {
  default   = "s3cr3t-key"
  sensitive = true
}
data "null" "key" { input = "<${var.key}>" }
data "null" "name" { input = "a" }
source "file" "a" {
  content = data.null.key.output
  target  = "a.txt"
}
build {
  name    = "${data.null.name.output}${length(data.null.key.output)}"
  sources = ["file.a"]
}
""",
    )
    done = hclimg("plan", "-json", "t.pkr.hcl")
    assert [lane["address"] for lane in json.loads(done.stdout)["lanes"]] == ["a12.file.a"]
    assert "s3cr3t" not in done.stdout + done.stderr


def test_inspect_leaves_them_unknown(hclimg: Run, write: Write, answering: Answering) -> None:
    served(write, answering)
    done = hclimg("inspect", "t.pkr.hcl")
    assert 'local.text: "<unknown>"' in done.stdout
    assert asked(answering) == []
