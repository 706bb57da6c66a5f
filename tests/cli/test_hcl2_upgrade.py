"""``hclimg hcl2_upgrade``, as those who know Packer's run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Write = Callable[[str, str], Path]
OLD = '{"variables": {"a": "1"}, "builders": [{"type": "null", "communicator": "none"}]}'
NEW = """\
variable "a" {
  type    = string
  default = "1"
}

source "null" "null" {
  communicator = "none"
}

build {
  sources = ["source.null.null"]
}
"""


def test_the_file_is_called_as_packer_calls_it(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("old.json", OLD)
    for _ in range(2):  # what is there already is overwritten
        done = hclimg("hcl2_upgrade", "old.json")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "Successfully created old.json.pkr.hcl. Exit 0\n"
        assert (tmp_path / "old.json.pkr.hcl").read_text() == NEW


def test_annotations(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("old.json", OLD)
    done = hclimg("hcl2_upgrade", "-with-annotations", "-output-file=new.pkr.hcl", "old.json")
    assert (done.returncode, done.stdout) == (0, "Successfully created new.pkr.hcl. Exit 0\n")
    text = (tmp_path / "new.pkr.hcl").read_text()
    assert text.startswith("# This template was legacy JSON")
    assert text.count("\n\n# ") == 3
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines == [line for line in NEW.splitlines() if line]
    assert hclimg("fmt", "-check", "new.pkr.hcl").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("x.pkr.hcl",), "only those can be upgraded"),
        (("broken.json",), "broken.json:1:15: Error:"),
        (("none.json",), "no such file"),
        ((), "Missing argument"),
        (("-output-file=old.json/x", "old.json"), "could not be written"),
    ],
)
def test_what_cannot_be_done(hclimg: Run, write: Write, arguments: tuple[str, ...], text: str) -> None:
    write("old.json", OLD)
    write("broken.json", '{"builders": [}')
    done = hclimg("hcl2_upgrade", *arguments)
    assert done.returncode == 1
    assert text in done.stderr
    assert "Successfully" not in done.stdout
    assert "Traceback" not in done.stderr
