"""A short run of every fuzzer, and what the long ones found."""

from pathlib import Path

import pytest
from targets import TARGETS

import fuzz

COUNT = 60
NULL = '"builders": [{"type": "null", "communicator": "none"}], "provisioners": [{"type": "shell-local", "inline": "x"'
FOUND = {
    "legacy": (f'{{{NULL}, "only": [null]}}]}}', f'{{{NULL}, "except": [null, "null", "y"]}}]}}'),
    "var-file": ('{"a": 1e999999}', '{"a": [-1e999999, 1e99999999x]}'),
    "boot-command": (f"<wait{'9' * 50}s>", f"<wait{'9' * 400}>"),
    "json": ('{"foo": "${upper(bar', '{"x": ${1}}', '{"x": "${1\\n'),
    "packer": (f'build {{\n  provisioner "shell-local" {{\n    pause_before = "{"9" * 60}h"\n  }}\n}}\n',),
}


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On whatever machine: only what never ends is too slow here."""
    monkeypatch.setattr(fuzz, "LONGEST", 100.0)


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_makes_a_traceback(target: str, tmp_path: Path) -> None:
    findings = [fuzz.trial(target, seed, tmp_path) for seed in range(COUNT)]
    assert [f"{finding.shown}\n{finding.trace}" for finding in findings if finding] == []


@pytest.mark.parametrize(("target", "text"), [(target, text) for target, texts in FOUND.items() for text in texts])
def test_inputs_that_once_made_tracebacks(target: str, text: str, tmp_path: Path) -> None:
    TARGETS[target].read(text, tmp_path)


def test_a_fuzzer_finds_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(text: str, _: Path) -> None:
        if "x" in text:
            raise KeyError("an x")

    monkeypatch.setitem(fuzz.TARGETS, "type", fuzz.Target("type", lambda chance: chance.choice("xy"), read))
    log = tmp_path / "log.txt"
    assert fuzz.main(["type", "--count", "50", "--log", str(log)]) == 1
    printed = capsys.readouterr().out
    assert "KeyError: 'an x'" in printed
    assert " 50 inputs " in printed
    assert "KeyError: 'an x'" in log.read_text()
    assert fuzz.main(["boot-command", "--count", "3"]) == 0
