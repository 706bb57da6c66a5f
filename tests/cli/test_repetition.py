"""``for_each``, ``enabled`` and ``dynamic`` at the command line: what validate, plan, inspect and apply say of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Write = Callable[[str, str], Path]

TEMPLATE = """\
data "null" "names" { input = jsonencode(["x", "a,b"]) }
data "null" "each" {
  for_each = toset(jsondecode(data.null.names.output))
  input    = "in ${each.key}"
}
data "null" "off" {
  enabled = false
  input   = "off"
}
source "file" "f" {
  for_each = data.null.each
  target   = "out/${source.name}"
  content  = "${each.value.output} ${data.null.off == null ? "off" : "on"}"
}
source "null" "n" { communicator = "none" }
build {
  name    = "b"
  sources = ["file.f", "null.n"]
  dynamic "provisioner" {
    for_each = [for key, data in data.null.each : key]
    labels   = ["shell-local"]
    content {
      name   = "step-${provisioner.key}"
      inline = ["echo ${provisioner.value} ${build.ID}"]
    }
  }
  provisioner "shell-local" {
    enabled = source.type == "null"
    inline  = ["true"]
  }
}
"""


def test_validate_reads_nothing_and_finds_nothing_wrong(hclimg: Run, write: Write) -> None:
    write("t.pkr.hcl", TEMPLATE)
    done = hclimg("validate", "t.pkr.hcl")
    assert (done.stdout, done.stderr, done.returncode) == ("The configuration is valid.\n", "", 0)


def test_plan_reads_what_decides(hclimg: Run, write: Write) -> None:
    write("t.pkr.hcl", TEMPLATE)
    done = hclimg("plan", "-json", "t.pkr.hcl")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert [lane["address"] for lane in data["lanes"]] == ['b.file.f["a,b"]', 'b.file.f["x"]', "b.null.n"]
    assert [lane.get("keys") for lane in data["lanes"]] == [["a,b"], ["x"], None]
    steps = [node["id"] for node in data["nodes"] if node["kind"] == "provision" and "null.n" in node["id"]]
    assert len(steps) == 3


def test_apply_builds_each_instance(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("t.pkr.hcl", TEMPLATE)
    done = hclimg("apply", "-only", "b.file.f", "-machine-readable", "t.pkr.hcl")
    assert done.returncode == 0, done.stderr
    assert sorted(path.read_text() for path in (tmp_path / "out").iterdir()) == ["in a,b off", "in x off"]
    rows = [row for row in csv.reader(done.stdout.splitlines()) if "artifact-count" in row]
    # Commas are told as Packer tells them, in targets too, so that each line can be cut at its commas.
    assert sorted(row[1] for row in rows) == ['b.file.f["a%!(PACKER_COMMA)b"]', 'b.file.f["x"]']


def test_inspect_lists_instances(hclimg: Run, write: Write) -> None:
    known = TEMPLATE.replace("data.null.each", '{ p = "1", q = "2" }').replace("each.value.output", "each.value")
    write("t.pkr.hcl", known)
    said = hclimg("inspect", "t.pkr.hcl").stdout
    assert '      file.f["p"]\n\n      file.f["q"]\n' in said
    assert "      shell-local.step-0\n      shell-local.step-1\n" in said


@pytest.mark.parametrize("command", ["validate", "plan", "apply"])
def test_mistakes_are_told_before_anything_runs(hclimg: Run, write: Write, tmp_path: Path, command: str) -> None:
    write("t.pkr.hcl", TEMPLATE.replace("each.value.output", "each.value.outptu"))
    done = hclimg(command, "t.pkr.hcl")
    assert done.returncode == (0 if command == "validate" else 1)
    if command != "validate":
        assert 't.pkr.hcl:13:27: Error: Unsupported attribute\n  in source "file" "f"["a,b"]:' in done.stderr
        assert 'Did you mean "output"?' in done.stderr
    assert not (tmp_path / "out").exists()
