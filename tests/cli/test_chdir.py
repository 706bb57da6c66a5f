"""``-chdir=DIR`` before the command: everything that is relative starts there, but ``path.cwd`` stays."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.cli import main

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]

TEMPLATE = """\
variable "who" { type = string }
source "null" "a" { communicator = "none" }
build {
  sources = ["source.null.a"]
  provisioner "shell-local" { inline = ["echo at $(pwd)", "echo from ${path.cwd}, root ${path.root}, ${var.who}"] }
}
"""


@pytest.fixture(autouse=True)
def project(write: Write) -> None:
    write("images/web/a.pkr.hcl", TEMPLATE)
    write("images/who.pkrvars.hcl", 'who = "me"')


@pytest.mark.parametrize("option", [["-chdir=images"], ["--chdir=images"], ["-chdir", "images"]])
def test_relative_paths_start_there(hclimg: Run, tmp_path: Path, option: list[str]) -> None:
    done = hclimg(*option, "apply", "-var-file=who.pkrvars.hcl", "web")
    assert done.returncode == 0, done.stderr
    assert f"at {tmp_path / 'images'}\n" in done.stdout
    assert f"from {tmp_path}, root web, me" in done.stdout


def test_the_runs_are_kept_there(hclimg: Run, tmp_path: Path) -> None:
    assert hclimg("-chdir=images", "apply", "-var=who=me", "web").returncode == 0
    assert len(list((tmp_path / "images/.hclimg/runs").iterdir())) == 1
    assert not (tmp_path / ".hclimg").exists()


def test_without_a_template_that_directory_is_it(hclimg: Run) -> None:
    done = hclimg("-chdir=images/web", "validate", "-var=who=me")
    assert (done.returncode, done.stdout) == (0, "The configuration is valid.\n")


def test_packers_option_may_stand_before_it(hclimg: Run) -> None:
    done = hclimg("-machine-readable", "-chdir=images/web", "validate", "-var=who=me")
    assert done.returncode == 0, done.stderr
    assert ",,ui,say,The configuration is valid." in done.stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["-chdir=nowhere", "validate"], 'cannot work in "nowhere": No such file or directory'),
        (["-chdir=images/who.pkrvars.hcl", "validate"], "is a file"),
        (["-chdir=", "validate"], "Write -chdir=DIR"),
        (["validate", "-chdir=images"], "-chdir=DIR stands before the command: hclimg -chdir=DIR validate"),
        (["-chdri=images", "validate"], "Did you mean '-chdir'?"),
    ],
)
def test_what_cannot_be_done_is_said(hclimg: Run, args: list[str], told: str) -> None:
    done = hclimg(*args)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_the_directory_is_left_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.run(["-chdir=images/web", "validate", "-var=who=me"]) == 0
    assert Path.cwd() == tmp_path
