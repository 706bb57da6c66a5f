"""HCL as Python: the text, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.parse import parse_body
from hclimg.plan.compare import differences
from hclimg.plan.compile import CompileOptions
from hclimg.template.convert.comments import Attached, native_comments
from hclimg.template.convert.python import python_of
from hclimg.template.dsl.load import load_python
from hclimg.template.hcl import read_hcl
from hclimg.template.model import Template

ROOT = Path(__file__).parents[2]

EVERYTHING = """\
output "late" {
  value = local.sum
}
locals {
  sum   = 1 + var.sizes["a"] * 2
  early = 1 / 3
  list  = [for n in var.names : upper(n)]
  text  = "%{ if var.flag }yes%{ else }no%{ endif }"
}
variable "class" {
  type    = string
  default = "a \\"quoted\\" {text} ${"$"}{x} \\\\ é"
}
variable "names" {
  type    = list(string)
  default = ["x", "y"]
  validation {
    condition     = length(var.names) > 1 && !contains(var.names, "z")
    error_message = "Two at least, and no z."
  }
}
variable "sizes" {
  type    = object({ a = number, b = optional(string, "c") })
  default = { a = 1 }
}
variable "flag" {
  default = true
}
data "null" "class" {
  input = var.class
}
source "file" "build" {
  target  = "out/${data.null.class.output}-${local.sum}"
  content = <<EOT
one ${var.names[0]}
two
three
EOT
}
source "file" "class" {
  target  = source.name
  content = var.flag ? "a" : local.text
}
build {
  name    = "web"
  sources = ["source.file.build", source.file.class]
  provisioner "shell-local" {
    for_each = toset(var.names)
    enabled  = var.flag
    inline   = ["echo ${each.key} ${build.SSHPublicKey} '${var.class}'", "x"]
    except   = ["file.class"]
    retry {
      attempts = 3
    }
  }
  provisioner "shell-local" {
    inline = ["echo ${join("-", var.names)}", "a long enough command that all of them need lines of their own"]
  }
  post-processors {
    post-processor "manifest" {
      output      = "m.json"
      custom_data = { "a b" = "c", d = var.class }
    }
  }
}
build {
  sources = ["source.file.class"]
}
"""


def read(text: str) -> Template:
    diags = Diagnostics()
    template = read_hcl([parse_body(SourceText("t.pkr.hcl", text), diags)], "t.pkr.hcl", Path(), diags)
    assert not diags.has_errors, diags.errors
    return template


def to_python(text: str, name: str = "t.pkr.hcl") -> tuple[str, Diagnostics]:
    diags, source = Diagnostics(), SourceText(name, text)
    body = parse_body(source, diags)
    return python_of([(body, Attached.to(body, native_comments(source)))], diags), diags


def back(text: str, tmp_path: Path) -> Template:
    path = tmp_path / "t.img.py"
    path.write_text(text, encoding="utf-8")
    diags = Diagnostics()
    template = read_hcl([load_python(SourceText(str(path), text), diags)], str(path), Path(), diags)
    assert not diags.has_errors, diags.errors
    return template


def compared(one: Template, other: Template) -> list[str] | None:
    diags = Diagnostics()
    options = CompileOptions(now=datetime.now(UTC), cwd=Path.cwd())
    found = differences(one, other, options, diags)
    assert not diags.has_errors, diags.errors
    return found


def test_everything(golden: Callable[[str, str], None], tmp_path: Path) -> None:
    text, diags = to_python(EVERYTHING)
    assert diags.items == []
    golden("to_python.img.py.txt", text)
    assert compared(read(EVERYTHING), back(text, tmp_path)) == []


@pytest.mark.parametrize("name", ["for_each", "enabled", "output", "data", "groups"])
def test_the_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    whole = "".join(path.read_text() for path in sorted(Path(name).glob("*.pkr.hcl")))
    text, diags = to_python(whole)
    assert diags.items == []
    assert compared(read(whole), back(text, tmp_path)) == []


def test_what_a_machine_tells_in_a_group(tmp_path: Path) -> None:
    text = """\
group "g" {
  provisioner "shell-local" {
    inline = ["echo ${build.ID}"]
  }
}
source "null" "a" {
  communicator = "none"
}
build {
  sources = ["source.null.a"]
  use "g" {
  }
}
"""
    made, diags = to_python(text)
    assert diags.items == []
    assert compared(read(text), back(made, tmp_path)) == []


def test_what_python_cannot_say() -> None:
    _, diags = to_python('dynamic "source" {\n  for_each = []\n}\n')
    assert [(d.summary, d.detail) for d in diags] == [
        ("Nothing to convert to", "A template in Python has no dynamic blocks.")
    ]
    text, diags = to_python('hcp_packer_registry {\n}\nsource "null" "a" {\n}\n')
    assert [(d.severity.value, d.summary) for d in diags] == [("warning", "Block without effect")]
    assert text == 'from hclimg import source\n\na = source.null("a")\n'
