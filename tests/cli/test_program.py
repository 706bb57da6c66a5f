"""The program as a whole: commands, exit codes, words for every error and never a traceback for a user's mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from hclimg import __version__
from hclimg.cli import main
from hclimg.cli.options import Command
from hclimg.diagnostics import Diagnostics
from hclimg.errors import BuildError, Cancelled

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

def test_help_names_every_command(hclimg: Run) -> None:
    for flag in ("-h", "-help", "--help"):
        done = hclimg(flag)
        assert done.returncode == 0
        for name in main.COMMANDS:
            assert name in done.stdout


@pytest.mark.parametrize("name", [*main.COMMANDS, *main.ALIASES])
def test_every_command_explains_itself(hclimg: Run, name: str) -> None:
    done = hclimg(name, "-h")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: hclimg {name}")
    assert done.stderr == ""


def test_version(hclimg: Run) -> None:
    for args in (["version"], ["-v"], ["-version"], ["--version"]):
        assert hclimg(*args).stdout == f"hclimg v{__version__}\n"
    assert json.loads(hclimg("version", "-json").stdout)["version"] == __version__


def test_machine_readable_may_come_first(hclimg: Run) -> None:
    lines = hclimg("-machine-readable", "version").stdout.splitlines()
    assert lines[0].partition(",")[2] == f",version,{__version__}"


@pytest.mark.parametrize("args", [["buidl"], ["apply", "-forec"], ["version", "x"], ["validate", "a", "b"]])
def test_wrong_usage(hclimg: Run, args: list[str]) -> None:
    done = hclimg(*args)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Usage: hclimg")


def test_did_you_mean(hclimg: Run) -> None:
    assert 'There is no command "buidl". Did you mean "build"?' in hclimg("buidl").stderr
    assert "Did you mean '-force'?" in hclimg("apply", "-forec").stderr


def test_a_reader_that_goes_away() -> None:
    """``hclimg … | head -0``: no words about it, no traceback."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", "version"], stdout=write, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == main.BROKEN_PIPE


class Fake:
    """A command that does what a test wants, in the place of ``version``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: BaseException | int) -> None:
        @click.command(cls=Command)
        def command() -> int:
            if isinstance(error, int):
                return error
            raise error

        monkeypatch.setattr("hclimg.cli.version.command", command)


def _template_error() -> Exception:
    diags = Diagnostics()
    diags.error("Something wrong", "Please fix it.")
    diags.warn("Something odd")
    with pytest.raises(Exception, match="Something wrong") as caught:
        diags.raise_if_errors()
    return caught.value


def test_diagnostics_are_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Fake(monkeypatch, _template_error())
    assert main.run(["version"]) == 1
    assert capsys.readouterr().err == (
        "Error: Something wrong\n  Please fix it.\n\nWarning: Something odd\n\n1 error, 1 warning\n"
    )


def test_a_build_error_has_its_hint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Fake(monkeypatch, BuildError("It is not there.", hint="Get it."))
    assert main.run(["version"]) == 1
    assert capsys.readouterr().err == "Error: It is not there.\n  Get it.\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Cancelled("cancelled"), 130])
def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, error: BaseException | int) -> None:
    Fake(monkeypatch, error)
    assert main.run(["version"]) == 130


def test_a_bug_is_reported_as_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Fake(monkeypatch, ZeroDivisionError("oops"))
    assert main.run(["version"]) == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in shown
    assert "Please report it" in shown


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_the_caller_closed(closed: str, two_builds: Path, tmp_path: Path) -> None:
    """The builds are made all the same, and nothing of the output ends in a file that was opened meanwhile."""
    shell = f"exec {sys.executable} -m hclimg apply {two_builds.name} {closed}"
    done = subprocess.run(["sh", "-c", shell], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
    journals = list(tmp_path.glob(".hclimg/runs/*/events.jsonl"))
    assert json.loads(journals[0].read_text().splitlines()[-1])["type"] == "run_finished"


def test_output_that_cannot_be_written(two_builds: Path, tmp_path: Path) -> None:
    for command in ("validate", "plan", "inspect"):
        shell = f"{sys.executable} -m hclimg {command} {two_builds.name} > /dev/full"
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(["sh", "-c", shell], cwd=tmp_path, text=True, stderr=subprocess.PIPE, env=env)
        assert done.returncode == 1
        assert done.stderr == "Error: What hclimg has to say cannot be written: No space left on device.\n"
