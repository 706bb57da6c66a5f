"""``hclimg validate``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

Run = Callable[..., Any]
Write = Callable[[str, str], Path]
Golden = Callable[[str, str], None]

MISTAKES = """\
source "null" "web" {
  communicatr = "none"
}

build {
  sources = ["source.null.web", "source.null.wbe"]
  provisioner "shell-local" {
    inline = ["echo ${var.regoin}"]
  }
}

variable "region" {}
"""


def test_a_valid_template(hclimg: Run, two_builds: Path) -> None:
    for args in ([two_builds.name], [], ["."]):
        done = hclimg("validate", *args)
        assert (done.returncode, done.stdout, done.stderr) == (0, "The configuration is valid.\n", "")


def test_every_mistake_is_told_at_once(hclimg: Run, write: Write, golden: Golden) -> None:
    write("web.pkr.hcl", MISTAKES)
    done = hclimg("validate", "web.pkr.hcl")
    assert done.returncode == 1
    assert done.stdout == ""
    golden("validate-mistakes.txt", done.stderr)


MISSPELT = """\
variabel "words" { type = strng }
sourc "null" "web" { communicator = "none" }
buld {
  sources = ["null.web"]
  sorces  = ["null.web"]
  provisioner "shell-local" {
    inlin  = [var.words, uper("x")]
    inline = [var.wrds]
  }
  provisioner "shel" {}
}
"""


def test_misspelt_blocks_hide_nothing_and_cause_nothing_else(hclimg: Run, write: Write) -> None:
    """From top to bottom, each once, with what was meant."""
    write("web.pkr.hcl", MISSPELT)
    done = hclimg("validate", "-var", "words=x", "web.pkr.hcl", COLUMNS="200")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split(":")[1] for line in lines if line.startswith("web.pkr.hcl:")] == [
        "1", "1", "2", "3", "5", "7", "7", "8", "10",
    ]  # fmt: skip
    meant = [line.partition("Did you mean ")[2].strip('"?') for line in lines if "Did you mean" in line]
    assert meant == ["variable", "string", "source", "build", "sources", "inline", "upper", "words", "shell"]


def test_misspelt_root_keys_of_json(hclimg: Run, write: Write) -> None:
    write("web.json", '{"builder": [{"type": "null", "communicator": "none", "foo": 1}], "variable": {"x": null}}')
    done = hclimg("validate", "web.json")
    summaries = [line for line in done.stderr.splitlines() if line.startswith("web.json:")]
    assert summaries == [
        "web.json:1:2: Error: Unknown root key",
        "web.json:1:55: Error: Unsupported argument",
        "web.json:1:67: Error: Unknown root key",
        "web.json:1:80: Error: Unset variable",
    ]


def test_what_is_no_json_is_told_once(hclimg: Run, write: Write) -> None:
    """Also when what is left of it is no template either."""
    write("web.json", 'variable "n" {}\n')
    done = hclimg("validate", "web.json")
    assert (done.returncode, done.stderr.count("Error:")) == (1, 1)


def test_json(hclimg: Run, write: Write, two_builds: Path) -> None:
    assert json.loads(hclimg("validate", "-json", two_builds.name).stdout) == {
        "format_version": "1.0", "valid": True, "error_count": 0, "warning_count": 0, "diagnostics": [],
    }  # fmt: skip
    write("web.pkr.hcl", MISTAKES)
    done = hclimg("validate", "-json", "web.pkr.hcl")
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert done.stderr == ""
    assert found["valid"] is False
    assert found["error_count"] == len(found["diagnostics"]) >= 3
    assert {d["range"]["filename"] for d in found["diagnostics"]} == {"web.pkr.hcl"}


def shape(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """A schema of an object with these properties and no others."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
PLACE = shape({"line": {"type": "integer", "minimum": 1}, "column": {"type": "integer", "minimum": 1}, "byte": COUNT})
RANGE = shape({"filename": TEXT, "start": PLACE, "end": PLACE})
SNIPPET = shape(
    {
        "context": {"type": ["string", "null"]},
        "code": TEXT,
        "start_line": COUNT,
        "highlight_start_offset": COUNT,
        "highlight_end_offset": COUNT,
        "values": {"type": "array", "items": shape({"traversal": TEXT, "statement": TEXT})},
    }
)
RELATED = {"type": "array", "items": shape({"message": TEXT, "range": RANGE})}
DIAGNOSTIC = shape(
    {"severity": {"enum": ["error", "warning"]}, "summary": TEXT, "detail": TEXT},
    {"range": RANGE, "snippet": SNIPPET, "related": RELATED},
)
VERDICT = shape(
    {
        "format_version": {"const": "1.0"},
        "valid": {"type": "boolean"},
        "error_count": COUNT,
        "warning_count": COUNT,
        "diagnostics": {"type": "array", "items": DIAGNOSTIC},
    }
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.pkr.hcl", MISTAKES),
        ("a.pkr.hcl", "a = \nb {\n"),
        ("a.pkr.hcl", 'x = "\n'),
        ("a.pkr.hcl", 'locals { a = "é${1 + [var.n]}" }\nvariable "n" { default = {} }\nlocals { a = 1 }\n'),
        ("a.pkr.hcl", ""),
        ("a.json", '{"builders": [{"type": "nul"}], "variables": []}'),
        ("a.json", "{"),
        ("other.pkr.hcl", ""),
    ],
)
def test_json_has_the_keys_of_terraform(hclimg: Run, write: Write, name: str, text: str) -> None:
    write(name, text)
    done = hclimg("validate", "-json", "a.json" if name == "a.json" else "a.pkr.hcl")
    found = json.loads(done.stdout)
    jsonschema.validate(found, VERDICT)
    assert (done.returncode, found["valid"]) == (1, False)
    assert found["error_count"] + found["warning_count"] == len(found["diagnostics"])
    for snippet in (d["snippet"] for d in found["diagnostics"] if "snippet" in d):
        first, last = snippet["highlight_start_offset"], snippet["highlight_end_offset"]
        assert first <= last <= len(snippet["code"])


def test_syntax_only(hclimg: Run, write: Write) -> None:
    write("web.pkr.hcl", MISTAKES)
    done = hclimg("validate", "-syntax-only", "web.pkr.hcl")
    assert (done.returncode, done.stdout) == (0, "Syntax-only check passed. Everything looks okay.\n")
    write("cut.pkr.hcl", "build {\n")
    done = hclimg("validate", "-syntax-only", "cut.pkr.hcl")
    assert done.returncode == 1
    assert done.stderr.startswith("cut.pkr.hcl:1:7: Error: ")


def test_variables(hclimg: Run, write: Write) -> None:
    write("v.pkr.hcl", 'variable "n" { type = number }\n' + MISTAKES.splitlines()[0].replace("web", "x") + "\n"
          'communicator = "none"\n}\nbuild { sources = ["null.x"] }\n')  # fmt: skip
    assert "Unset variable" in hclimg("validate", "v.pkr.hcl").stderr
    assert hclimg("validate", "-var", "n=3", "v.pkr.hcl").returncode == 0
    assert hclimg("validate", "v.pkr.hcl", PKR_VAR_n="3").returncode == 0
    write("v.pkrvars.hcl", "n = 3\nm = 4\n")
    done = hclimg("validate", "-var-file=v.pkrvars.hcl", "v.pkr.hcl")
    assert done.returncode == 0
    assert "v.pkrvars.hcl:2:1: Warning: Undeclared variable" in done.stderr
    assert hclimg("validate", "-no-warn-undeclared-var", "-var-file=v.pkrvars.hcl", "v.pkr.hcl").stderr == ""
    assert hclimg("validate", "-var", "n=x", "v.pkr.hcl").returncode == 1


def test_only_what_is_selected_is_checked(hclimg: Run, two_builds: Path) -> None:
    done = hclimg("validate", "-only=demo.null.three", two_builds.name)
    assert done.returncode == 1
    assert "No builds to run" in done.stderr
    assert hclimg("validate", "-only=*.one", two_builds.name).stderr == ""


def test_files_that_cannot_be_read(hclimg: Run, write: Write, tmp_path: Path) -> None:
    (tmp_path / "latin1.pkr.hcl").write_bytes(b'variable "x" { default = "\xe9" }\n')
    (tmp_path / "empty").mkdir()
    for name in ("missing.pkr.hcl", "latin1.pkr.hcl", "empty"):
        done = hclimg("validate", name)
        assert done.returncode == 1, name
        assert "Traceback" not in done.stderr
        assert name in done.stderr


def test_standard_input(hclimg: Run, two_builds: Path) -> None:
    done = hclimg("validate", "-config-type=hcl2", "-", stdin=two_builds.read_text())
    assert done.stdout == "The configuration is valid.\n"


def test_machine_readable(hclimg: Run, two_builds: Path) -> None:
    done = hclimg("-machine-readable", "validate", two_builds.name)
    assert done.stdout.partition(",")[2] == ",ui,say,The configuration is valid.\n"


PLUGIN = """\
from typing import Any, ClassVar

from hclimg.config.fields import config, setting
from hclimg.errors import BuildError
from hclimg.sdk.components import DataSource
from hclimg.sdk.context import Context


@config
class ProbeConfig:
    answer: str = setting("What to give.")


class Probe(DataSource[ProbeConfig]):
    Config: ClassVar[type] = ProbeConfig

    def read(self, ctx: Context) -> dict[str, Any]:
        if self.config.answer == "none":
            raise BuildError("Nobody answers.", hint="Ask somebody else.")
        return {"answer": self.config.answer}
"""


def test_data_sources_are_read_on_request(hclimg: Run, write: Write, two_builds: Path, tmp_path: Path) -> None:
    """With a data source that an installed package announces by an entry point."""
    write("site/probe_plugin.py", PLUGIN)
    write("site/probe_plugin-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: probe-plugin\nVersion: 1\n")
    write("site/probe_plugin-1.dist-info/entry_points.txt", "[hclimg.data_sources]\nprobe = probe_plugin:Probe\n")
    data = 'data "probe" "a" { answer = "%s" }\n'
    build = 'source "null" "x" { communicator = "none" }\nbuild { sources = ["null.x"] }\n'
    path = f"{Path(__file__).resolve().parents[2]}:{tmp_path / 'site'}"
    write("good.pkr.hcl", data % "yes" + build)
    write("bad.pkr.hcl", data % "none" + build)
    assert hclimg("validate", "bad.pkr.hcl", PYTHONPATH=path).returncode == 0
    assert hclimg("validate", "-evaluate-datasources", "good.pkr.hcl", PYTHONPATH=path).stderr == ""
    done = hclimg("validate", "-evaluate-datasources", "bad.pkr.hcl", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'bad.pkr.hcl:1:1: Error: Data source failed\n  in data "probe" "a":' in done.stderr
    assert "Nobody answers." in done.stderr
    assert "Ask somebody else." in done.stderr
