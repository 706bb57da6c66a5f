"""Modules and groups as they run: what is known late, what is wrong late, parts of them, and secrets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]

MAIN = """\
variable "token" {
  default   = "t0ps3cret"
  sensitive = true
}
data "null" "names" { input = "ann,ben" }
source "file" "first" {
  content = "x"
  target  = "out/first.txt"
}
build { sources = ["file.first"] }
module "user" {
  source   = "./user"
  for_each = toset(split(",", data.null.names.output))
  name     = each.key
  token    = var.token
  image    = artifact.file.first.path
}
source "null" "last" { communicator = "none" }
build {
  sources = ["null.last"]
  use "module.user[\\"ann\\"].say" { text = "${module.user["ben"].what} ${build.ID}" }
}
output "what" { value = { for name, user in module.user : name => user.what } }
output "tokens" {
  value     = [for user in module.user : user.token]
  sensitive = true
}
"""
USER = """\
variable "name" { type = string }
variable "token" { sensitive = true }
variable "image" {
  type = string
  validation {
    condition     = length(var.image) < 15
    error_message = "The name of the image is too long."
  }
}
data "null" "inner" { input = "inner ${var.name}" }
locals { what = "${data.null.inner.output} from ${var.image}" }
group "say" {
  input "text" {}
  provisioner "shell-local" { inline = ["echo '${var.name} says ${input.text}'"] }
}
source "file" "card" {
  content = local.what
  target  = "out/${var.name}.txt"
}
build {
  sources = ["file.card"]
  provisioner "shell-local" { inline = ["echo card ${source.name}: $(cat ${var.image}) ${var.token}"] }
}
output "what" { value = "${local.what} to ${artifact.file.card.path}" }
output "token" {
  value     = var.token
  sensitive = true
}
"""


@pytest.fixture(autouse=True)
def project(write: Write) -> None:
    write("main.pkr.hcl", MAIN)
    write("user/user.pkr.hcl", USER)


def test_everything_comes_together(hclimg: Run, tmp_path: Path) -> None:
    done = hclimg("apply", ".")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out/ben.txt").read_text() == "inner ben from out/first.txt"
    assert 'module.user["ann"].file.card: card user-ann-card: x <sensitive>' in done.stdout
    assert "null.last: ann says inner ben from out/first.txt to out/ben.txt Null" in done.stdout
    assert "t0ps3cret" not in done.stdout + done.stderr
    assert json.loads(hclimg("output", "-json", "what").stdout) == {
        "ann": "inner ann from out/first.txt to out/ann.txt",
        "ben": "inner ben from out/first.txt to out/ben.txt",
    }
    assert json.loads(hclimg("output", "-json", "tokens").stdout) == ["t0ps3cret", "t0ps3cret"]


def test_what_turns_out_to_be_wrong_names_the_call_and_the_rule(hclimg: Run, write: Write) -> None:
    write("main.pkr.hcl", MAIN.replace("out/first.txt", "out/first-one.txt"))
    done = hclimg("apply", ".")
    assert done.returncode == 1
    assert "main.pkr.hcl:16:14: Error: Invalid value for variable" in done.stderr
    assert "The name of the image is too long." in done.stderr
    assert "user/user.pkr.hcl:6:21: the rule stands here" in done.stderr
    assert "what has no value" in done.stdout
    assert "Traceback" not in done.stderr


def test_one_instance_is_built_with_what_it_needs(hclimg: Run, tmp_path: Path) -> None:
    done = hclimg("apply", '-only=module.user["ann"].*', ".")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ann.txt", "first.txt"]
    assert '"file.first" is built too' in done.stderr
    assert "what has no value: it tells of a build that has not been run yet." in done.stdout


def test_validate_goes_without_data_sources(hclimg: Run, write: Write) -> None:
    assert hclimg("validate", ".").returncode == 0
    write("user/user.pkr.hcl", USER.replace('var.name}" }\nlocals', 'var.nmae}" }\nlocals'))
    done = hclimg("validate", ".")
    assert done.returncode == 1
    assert "user/user.pkr.hcl:10:43: Error: Undeclared variable" in done.stderr
    assert done.stderr.count("Undeclared variable") == 1


def test_all_data_sources_can_be_read_to_validate(hclimg: Run) -> None:
    done = hclimg("validate", "-evaluate-datasources", ".")
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["The configuration is valid."])


def test_a_module_can_be_applied_by_itself(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("in.txt", "y")
    done = hclimg("apply", "-var=name=cleo", "-var=token=1", "-var=image=in.txt", "user")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/cleo.txt").read_text() == "inner cleo from in.txt"
