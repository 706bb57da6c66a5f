"""``hclimg inspect``: the same text as Packer's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
Write = Callable[[str, str], Path]
Golden = Callable[[str, str], None]

VALUES = """\
variable "list" { default = ["a", "b"] }
variable "number" { default = 3 }
variable "bool" { default = true }
variable "object" { default = { a = 1, b = "x", c = [true] } }
variable "nothing" {
  type    = string
  default = null
}
variable "secret" {
  default   = "hidden"
  sensitive = true
}
variable "quote" { default = "a\\"b\\nc" }
variable "unset" { type = string }
locals {
  mixed = [var.number, "x"]
  inner = { x = var.secret }
  later = upper(var.unset)
}
source "null" "a" { communicator = "none" }
build {
  source "null.a" { name = "renamed" }
}
"""


def test_builds(hclimg: Run, two_builds: Path, golden: Golden) -> None:
    done = hclimg("inspect", two_builds.name)
    assert (done.returncode, done.stderr) == (0, "")
    golden("inspect.txt", done.stdout)


def test_values(hclimg: Run, write: Write, golden: Golden) -> None:
    write("values.pkr.hcl", VALUES)
    done = hclimg("inspect", "values.pkr.hcl")
    assert (done.returncode, done.stderr) == (0, "")
    assert "hidden" not in done.stdout
    golden("inspect-values.txt", done.stdout)


def test_given_values(hclimg: Run, two_builds: Path) -> None:
    shown = hclimg("inspect", "-var", "region=us-east-1", two_builds.name).stdout
    assert 'var.region: "us-east-1"' in shown
    assert 'local.greeting: "hello from us-east-1"' in shown


def test_no_component_is_needed(hclimg: Run, write: Write) -> None:
    write("x.pkr.hcl", 'source "nobody" "x" { what = 1 }\nbuild { sources = ["nobody.x"] }\n')
    done = hclimg("inspect", "x.pkr.hcl")
    assert done.returncode == 0
    assert "nobody.x" in done.stdout


def test_machine_readable(hclimg: Run, two_builds: Path) -> None:
    first, *_ = hclimg("inspect", "-machine-readable", two_builds.name).stdout.splitlines()
    assert first.partition(",")[2] == ",ui,say,Packer Inspect: HCL2 mode\\n"


def test_values_that_cannot_be_had_are_told(hclimg: Run, write: Write) -> None:
    write("x.pkr.hcl", 'locals { a = nope("x") }\nbuild { sources = ["qemu.web", "source.null.x"] }\nbuild {}\n')
    done = hclimg("inspect", "x.pkr.hcl")
    assert done.returncode == 0
    assert "x.pkr.hcl:1:14: Error: Call to unknown function" in done.stderr
    assert 'local.a: "<unknown>"\n' in done.stdout
    assert "    sources:\n\n      qemu.web\n\n      null.x\n" in done.stdout
    assert "    sources:\n\n      <no source>\n" in done.stdout


def test_secrets_and_what_is_not_known(hclimg: Run, write: Write) -> None:
    write(
        "x.pkr.hcl",
        """
        variable "unset" { sensitive = true }
        variable "set" {
          default   = { key = "hush" }
          sensitive = true
        }
        locals { both = [var.set.key, var.unset, null, "${var.set.key}!"] }
        """,
    )
    done = hclimg("inspect", "x.pkr.hcl")
    assert (done.returncode, done.stderr) == (0, "")
    assert 'var.set: "<sensitive>"\n' in done.stdout
    assert 'var.unset: "<unknown>"\n' in done.stdout
    shown = r'''local.both: "[\n  \"<sensitive>\",\n  \"<unknown>\",\n  null,\n  \"<sensitive>\",\n]"'''
    assert shown in done.stdout
    assert "hush" not in done.stdout


def test_mistakes(hclimg: Run, write: Write) -> None:
    write("x.pkr.hcl", "build {\n")
    done = hclimg("inspect", "x.pkr.hcl")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("x.pkr.hcl:1:7: Error")


LEGACY = """\
{
  "description": "An old template",
  "variables": {"x": "v", "longer": "w", "required": null},
  "sensitive-variables": ["x"],
  "builders": [
    {"type": "null", "communicator": "none"},
    {"type": "file", "name": "ff", "content": "x", "target": "o"}
  ],
  "provisioners": [{"type": "shell-local", "inline": ["echo a"]}],
  "post-processors": ["manifest"]
}
"""


def test_legacy(hclimg: Run, write: Write, golden: Golden) -> None:
    write("old.json", LEGACY)
    done = hclimg("inspect", "old.json")
    assert (done.returncode, done.stderr) == (0, "")
    golden("inspect-legacy.txt", done.stdout)


def test_legacy_machine_readable(hclimg: Run, write: Write) -> None:
    write("old.json", LEGACY)
    rows = [line.split(",")[1:] for line in hclimg("inspect", "-machine-readable", "old.json").stdout.splitlines()]
    facts = [row for row in rows if row[1] != "ui"]
    assert facts == [
        ["", "template-variable", "required", "", "1"],
        ["", "template-variable", "longer", "w", "0"],
        ["", "template-variable", "x", "<sensitive>", "0"],
        ["", "template-builder", "ff", "file"],
        ["", "template-builder", "null", "null"],
        ["", "template-provisioner", "shell-local"],
    ]


def test_names_of_legacy_builders_are_shown_as_written(hclimg: Run, write: Write) -> None:
    write("x.json", '{"builders": [{"type": "null", "name": "{{upper `web`}}"}, {"type": "null", "name": "plain"}]}')
    shown = hclimg("inspect", "x.json").stdout
    assert "Builders:\n\n  plain           (null)\n  {{upper `web`}} (null)\n" in shown
