"""Outputs through the program: shown at the end of apply, remembered, and read with ``hclimg output``."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]

TEMPLATE = """\
variable "token" {
  default   = "t0ps3cret"
  sensitive = true
}
source "file" "page" {
  content = "hello"
  target  = "page.txt"
}
source "null" "check" { communicator = "none" }
build {
  sources = ["source.file.page", "source.null.check"]
  provisioner "shell-local" {
    only   = ["null.check"]
    inline = ["exit $CODE"]
  }
}
output "page" { value = artifact.file.page.path }
output "machine" { value = artifact.null.check.build.ID }
output "sizes" { value = { big = 12345678901234567890, list = [1, true, null] } }
output "token" {
  value     = "Bearer ${var.token}"
  sensitive = true
}
"""


@pytest.fixture(autouse=True)
def template(write: Write) -> None:
    write("t.pkr.hcl", TEMPLATE)


@pytest.fixture
def applied(hclimg: Run) -> subprocess.CompletedProcess[str]:
    done = hclimg("apply", "t.pkr.hcl", CODE="0")
    assert done.returncode == 0, done.stderr
    return done


def test_apply_ends_with_them(applied: subprocess.CompletedProcess[str]) -> None:
    assert applied.stdout.endswith(
        """
==> Outputs:
page = "page.txt"
machine = "Null"
sizes = {
  big  = 12345678901234567890
  list = [
    1,
    true,
    null,
  ]
}
token = <sensitive>
"""
    )


@pytest.mark.usefixtures("applied")
def test_all_of_them(hclimg: Run) -> None:
    done = hclimg("output")
    assert done.stdout.splitlines()[0:2] == ['machine = "Null"', 'page = "page.txt"']
    assert done.stdout.splitlines()[-1] == "token = <sensitive>"


@pytest.mark.usefixtures("applied")
def test_one_of_them(hclimg: Run) -> None:
    assert hclimg("output", "page").stdout == '"page.txt"\n'
    assert hclimg("output", "-raw", "page").stdout == "page.txt"
    assert hclimg("output", "-json", "page").stdout == '"page.txt"\n'
    # Who asks for a secret by its name wants to have it.
    assert hclimg("output", "-raw", "token").stdout == "Bearer t0ps3cret"


@pytest.mark.usefixtures("applied")
def test_json_is_terraforms(hclimg: Run) -> None:
    found = json.loads(hclimg("output", "-json").stdout)
    assert found["page"] == {"sensitive": False, "type": "string", "value": "page.txt"}
    assert found["token"] == {"sensitive": True, "type": "string", "value": "Bearer t0ps3cret"}
    assert found["sizes"]["type"] == ["object", {"big": "number", "list": ["tuple", ["number", "bool", "dynamic"]]}]
    assert found["sizes"]["value"] == {"big": 12345678901234567890, "list": [1, True, None]}


@pytest.mark.usefixtures("applied")
@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["pgae"], 'There is no output "pgae". Did you mean "page"?'),
        (["-raw", "sizes"], "hclimg output -json sizes"),
        (["-raw"], "hclimg output -raw NAME"),
        (["-raw", "-json", "page"], "Only one of"),
    ],
)
def test_what_cannot_be_shown(hclimg: Run, args: list[str], told: str) -> None:
    done = hclimg("output", *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr


def test_before_anything_was_applied(hclimg: Run) -> None:
    done = hclimg("output")
    assert (done.returncode, done.stdout) == (0, "")
    assert "run hclimg apply" in done.stderr
    assert hclimg("output", "-json").stdout == "{}\n"
    assert hclimg("output", "page").returncode == 1


@pytest.mark.usefixtures("applied")
def test_only_the_user_can_read_the_file(tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / ".hclimg/outputs.json").stat().st_mode) == 0o600
    assert not list((tmp_path / ".hclimg").glob("*.new"))


@pytest.mark.usefixtures("applied")
def test_an_output_of_a_build_that_failed_is_left_out(hclimg: Run) -> None:
    done = hclimg("apply", "-force", "t.pkr.hcl", CODE="1")
    assert done.returncode == 1
    assert "machine has no value: the build null.check failed.\n" in done.stdout
    assert 'page = "page.txt"\n' in done.stdout
    assert set(json.loads(hclimg("output", "-json").stdout)) == {"page", "sizes", "token"}
    asked = hclimg("output", "machine")
    assert asked.returncode == 1
    assert 'The output "machine" has no value: the build null.check failed.' in asked.stderr


@pytest.mark.usefixtures("applied")
def test_what_a_run_does_not_build_stays_what_it_was(hclimg: Run) -> None:
    done = hclimg("apply", "-force", "-only=file.page", "t.pkr.hcl", CODE="1")
    assert done.returncode == 0, done.stderr
    assert 'machine = "Null"\n' in done.stdout
    assert hclimg("output", "-raw", "machine").stdout == "Null"


def test_what_was_never_built_has_no_value(hclimg: Run) -> None:
    assert "machine has no value: it tells of a build" in hclimg("apply", "-only=file.page", "t.pkr.hcl").stdout


def test_each_template_has_its_own(hclimg: Run, write: Write, applied: object) -> None:
    write("other.pkr.hcl", 'source "null" "a" { communicator = "none" }\nbuild { sources = ["null.a"] }\n'
          'output "page" { value = "other" }\n')  # fmt: skip
    assert hclimg("apply", "other.pkr.hcl").returncode == 0
    assert hclimg("output", "-raw", "page").stdout == "other"
    assert hclimg("output", "-raw", "-template=t.pkr.hcl", "page").stdout == "page.txt"
    write("other.pkr.hcl", 'source "null" "a" { communicator = "none" }\nbuild { sources = ["null.a"] }\n')
    assert hclimg("apply", "other.pkr.hcl").returncode == 0
    assert hclimg("output").stdout == ""


def test_a_post_processed_image_is_what_is_left_of_it(hclimg: Run, write: Write) -> None:
    write("t.pkr.hcl", """
        source "file" "page" {
          content = "hello"
          target  = "page.txt"
        }
        build {
          sources = ["file.page"]
          post-processor "compress" { output = "page.gz" }
        }
        output "page" { value = artifact.file.page.path }
    """)  # fmt: skip
    assert hclimg("apply", "t.pkr.hcl").returncode == 0
    assert hclimg("output", "-raw", "page").stdout == "page.gz"


def test_a_value_that_turns_out_to_be_wrong_fails_the_run(hclimg: Run, write: Write) -> None:
    write("t.pkr.hcl", TEMPLATE + 'output "wrong" { value = artifact.file.page.files[7] }\n')
    done = hclimg("apply", "t.pkr.hcl", CODE="0")
    assert done.returncode == 1
    assert "t.pkr.hcl:24:50: Error: Invalid index" in done.stderr
    assert "wrong has no value" in done.stdout
    assert hclimg("output", "-raw", "page").stdout == "page.txt"


def test_programs_are_told(hclimg: Run) -> None:
    done = hclimg("apply", "-json", "t.pkr.hcl", CODE="0")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    found = {event["name"]: event for event in events if event["type"] == "template_output"}
    assert found["page"]["value"] == "page.txt"
    assert (found["token"]["value"], found["token"]["sensitive"]) == (None, True)
    assert "t0ps3cret" not in done.stdout
    lines = hclimg("apply", "-force", "-machine-readable", "t.pkr.hcl", CODE="0").stdout.splitlines()
    told = [line.split(",", 1)[1] for line in lines if ",output,page" in line or ",output,token" in line]
    assert told == [',output,page,value,"page.txt"', ",output,token,sensitive,"]


def test_a_broken_file_is_said_and_stops_no_build(hclimg: Run, write: Write) -> None:
    write(".hclimg/outputs.json", "{ half")
    asked = hclimg("output")
    assert asked.returncode == 1
    assert "is not a file of outputs" in asked.stderr
    done = hclimg("apply", "t.pkr.hcl", CODE="0")
    assert done.returncode == 0
    assert "The outputs of this run are not remembered." in done.stdout
    assert 'page = "page.txt"' in done.stdout
