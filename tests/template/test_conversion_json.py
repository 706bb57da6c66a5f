"""HCL in JSON syntax and back: the text, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics
from hclimg.plan.compare import differences
from hclimg.plan.compile import CompileOptions
from hclimg.template.convert.convert import Converted, converted
from hclimg.template.convert.files import Syntax, jobs

EXAMPLES = Path(__file__).parents[2] / "examples"
OPTIONS = CompileOptions(now=datetime.now(UTC), cwd=Path.cwd())

EVERYTHING = """\
# Everything that a template can say.
# Really.

packer {
  required_version = ">= 1.7.0" # not older
  required_plugins {
    qemu = { source = "github.com/hashicorp/qemu", version = "~> 1" }
  }
}

/* Where.
 * And how. */
variable "region" {
  type        = list(string)
  description = "a $${x} text"
  default     = ["a", "$${b}"]
  validation {
    condition     = length(var.region) > 0
    error_message = "One is needed."
  }
  # the end
}

variable "n" {
  type      = object({ a = number, b = optional(string) })
  default   = { a = -5.50 }
  sensitive = true
}

variables {
  old = "x"
}

locals {
  sums    = { for k, v in { x = 1 } : k => v + var.n.a }
  text    = "x$${ %%{ $"
  heredoc = <<-EOT
    hello ${var.old}
      %{ if true }y%{ else }n%{ endif }
    EOT
  list    = [1, "two", null, true, var.n, "${var.old}", "a\\tb$"]
}

local "secret" {
  expression = "s"
  sensitive  = true
}

data "null" "d" {
  input = "x"
}

source "null" "x" {
  communicator = "none"
}

source "file" "y" {
  target  = "t"
  content = data.null.d.output
}

source "null" "z" {
  for_each     = { a = 1 }
  communicator = "none"
}

build {
  name    = "b"
  sources = ["null.x", source.null.z]

  # twice
  source "file.y" {
    name = "one"
  }
  source "file.y" {
    name = "two"
  }

  provisioner "shell-local" {
    inline   = ["echo"]
    override = { x = { inline = ["o"] } }
  }
  dynamic "provisioner" {
    for_each = ["a", "b"]
    iterator = it
    labels   = ["shell-local"]
    content {
      inline = [it.value]
    }
  }
  provisioner "shell-local" {
    inline = ["echo ${build.ID} ${upper("a\\"b")}"]
    only   = ["null.x"]
    retry {
      attempts = 2
    }
  }
  error-cleanup-provisioner "shell-local" {
    inline = ["true"]
  }
  post-processor "manifest" {}
  post-processors {
    post-processor "checksum" {}
    post-processor "manifest" { output = "x" }
  }
  post-processor "manifest" { output = "y" }
}

output "o" {
  value       = local.text
  description = "$${x}"
}
"""


def convert(folder: Path, name: str, text: str, to: Syntax) -> Converted:
    (folder / name).write_text(text)
    diags = Diagnostics()
    (job,) = jobs([str(folder / name)], to, diags)
    made = converted(job, to, diags)
    assert not diags.has_errors, diags.errors
    assert made is not None
    return made


def check(made: Converted) -> None:
    """That the plan is the same, and that there is one."""
    diags = Diagnostics()
    assert made.old is not None
    assert differences(made.old, made.template(diags), OPTIONS, diags) == [], diags.errors


def to_json(folder: Path, text: str) -> str:
    (found,) = convert(folder, "t.pkr.hcl", text, Syntax.JSON).texts.values()
    return found


def to_hcl(folder: Path, text: str) -> str:
    (found,) = convert(folder, "t.pkr.json", text, Syntax.HCL).texts.values()
    return found


def test_everything(golden: Callable[[str, str], None], tmp_path: Path) -> None:
    there = convert(tmp_path, "t.pkr.hcl", EVERYTHING, Syntax.JSON)
    check(there)
    golden("convert_everything.pkr.json", there.texts["t.pkr.json"])
    back = convert(tmp_path, "t.pkr.json", there.texts["t.pkr.json"], Syntax.HCL)
    check(back)
    golden("convert_back.pkr.hcl", back.texts["t.pkr.hcl"])


def test_what_came_back_stays(tmp_path: Path) -> None:
    once = to_hcl(tmp_path, to_json(tmp_path, EVERYTHING))
    assert to_hcl(tmp_path, to_json(tmp_path, once)) == once


HCL_EXAMPLES = sorted({path.parent for path in EXAMPLES.rglob("*.pkr.hcl")})


@pytest.mark.parametrize("path", HCL_EXAMPLES, ids=lambda path: path.name)
def test_examples(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVER", "USER", "PASSWORD"):  # what the environment must say for the example of vSphere
        monkeypatch.setenv(f"VSPHERE_{name}", "vcenter.example")
    diags = Diagnostics()
    (job,) = jobs([str(path)], Syntax.JSON, diags)
    made = converted(job, Syntax.JSON, diags)
    assert made is not None
    check(made)
    for name, text in made.texts.items():
        (tmp_path / name).write_text(text)
    (job,) = jobs([str(tmp_path)], Syntax.HCL, diags)
    for other in path.iterdir():
        if not other.name.endswith(".pkr.hcl"):
            (tmp_path / other.name).symlink_to(other)  # modules, and files that the template reads
    back = converted(job, Syntax.HCL, diags)
    assert back is not None
    check(back)


def test_comments_inside_of_values_stand_above_them(tmp_path: Path) -> None:
    (tmp_path / "t.pkr.hcl").write_text("locals {\n  a = [\n    1, # one\n    2,\n  ] # two\n}\n")
    diags = Diagnostics()
    (job,) = jobs([str(tmp_path / "t.pkr.hcl")], Syntax.JSON, diags)
    made = converted(job, Syntax.JSON, diags)
    assert made is not None
    assert '"//": "one\\ntwo"' in made.texts["t.pkr.json"]
    assert not diags.items


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"locals": {"//": "one", "a": 1, "//": ["x"], "b": 2}}', "# one\nlocals {\n  a = 1\n  # [\n"),
        ('{"//": "top", "locals": {"a": {"//": "a key"}}}', '# top\n\nlocals {\n  a = {\n    "//" = "a key"\n  }\n}\n'),
        ('{"locals": {"a": 1, "//": "end"}}', "locals {\n  a = 1\n\n  # end\n}\n"),
    ],
)
def test_comments_of_json(text: str, wanted: str, tmp_path: Path) -> None:
    assert to_hcl(tmp_path, text).startswith(wanted)


@pytest.mark.parametrize(
    ("name", "text", "to", "problem"),
    [
        ("t.pkr.json", '{"locals": {"a b": 1}}', Syntax.HCL, 'cannot be called "a b"'),
        ("t.pkr.json", '{"locals": {"a": "${x"}}', Syntax.HCL, "t.pkr.json:1:19"),
        ("t.pkrvars.hcl", "a = upper(1)\n", Syntax.JSON, "t.pkrvars.hcl:1:5"),
    ],
)
def test_what_cannot_be_said(name: str, text: str, to: Syntax, problem: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    diags = Diagnostics()
    (job,) = jobs([str(tmp_path / name)], to, diags)
    assert converted(job, to, diags) is None
    assert problem in str(diags.errors[0])


def test_components_that_are_not_known_here(tmp_path: Path) -> None:
    body = (
        '  a {\n    b = 1\n  }\n\n  dynamic "a" {\n    for_each = [2]\n\n'
        "    content {\n      b = a.value\n    }\n  }\n\n"
        "  a {\n    b = 3\n  }\n\n  tags = {\n    x = var.y\n  }\n"
    )
    text = f'source "foreign-cloud" "x" {{\n{body}}}\n'
    made = to_json(tmp_path, text)
    assert '"x": [\n        [\n' in made
    assert to_hcl(tmp_path, made) == text


STEPS = st.sampled_from(
    (
        'provisioner "shell-local" {\n inline = ["N"]\n}',
        'provisioner "breakpoint" {\n note = "N"\n}',
        'post-processor "manifest" {\n output = "N"\n}',
        'post-processors {\n post-processor "manifest" {\n output = "N"\n}\n post-processor "checksum" {}\n}',
        'source "null.a" {\n name = "N"\n}',
        'dynamic "provisioner" {\n for_each = ["N"]\n labels = ["shell-local"]\n content {\n inline = ["N"]\n}\n}',
        'dynamic "post-processor" {\n for_each = ["N"]\n labels = ["manifest"]\n content {\n output = "N"\n}\n}',
        "# note N",
    )
)


@given(st.lists(STEPS, max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_order_of_everything_is_kept(steps: list[str]) -> None:
    body = "\n".join(step.replace("N", f"n{number}") for number, step in enumerate(steps))
    source = 'source "null" "a" {\n communicator = "none"\n}\n'
    text = f'{source}build {{\n sources = ["null.a"]\n{body}\n}}\n'
    with TemporaryDirectory() as folder:
        there = convert(Path(folder), "t.pkr.hcl", text, Syntax.JSON)
        check(there)
        back = convert(Path(folder), "t.pkr.json", there.texts["t.pkr.json"], Syntax.HCL)
        check(back)
    assert all(f"# note n{number}" in back.texts["t.pkr.hcl"] for number, s in enumerate(steps) if s == "# note N")


DEEP = 2000


@pytest.mark.parametrize(
    "value",
    [
        "[" * DEEP + "]" * DEEP,
        "{a=" * DEEP + "1" + "}" * DEEP,
        "(" * DEEP + "1" + ")" * DEEP,
        '"${' * DEEP + "1" + '}"' * DEEP,
        '"' + "%{ if true }" * DEEP + "x" + "%{ endif }" * DEEP + '"',
    ],
    ids=lambda value: value[:6],
)
def test_what_is_nested_deeply(value: str, tmp_path: Path) -> None:
    made = to_json(tmp_path, f"locals {{\n  a = {value}\n}}\n")
    assert to_hcl(tmp_path, made).startswith("locals {\n")
