"""``hclimg fix`` as a person runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Write = Callable[[str, str], Path]

OLD = '{\n    "builders": [\n        {"type": "null", "ssh_key_path": "k", "size": 1.50}\n    ]\n}\n'
NEW = '{\n    "builders": [\n        {\n            "type": "null",\n            "ssh_private_key_file": "k",\n'


@pytest.fixture
def old(write: Write) -> Path:
    return write("old.json", OLD)


def test_the_result_is_printed(hclimg: Run, old: Path) -> None:
    done = hclimg("fix", "old.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"builders": [{"type": "null", "ssh_private_key_file": "k", "size": 1.5}]}
    assert '"size": 1.50' in done.stdout
    assert old.read_text() == OLD


def test_write(hclimg: Run, old: Path) -> None:
    old.chmod(0o640)
    done = hclimg("fix", "-write", "old.json")
    assert done.stdout == 'old.json\n  sshkeypath: ssh_key_path is "ssh_private_key_file" now\n'
    assert old.read_text().startswith(NEW)
    assert old.stat().st_mode & 0o777 == 0o640
    before = old.stat().st_mtime_ns
    assert hclimg("fix", "-write", "old.json").returncode == 0
    assert old.stat().st_mtime_ns == before


def test_check_changes_nothing(hclimg: Run, old: Path) -> None:
    assert hclimg("fix", "-check", "-write", "old.json").returncode == 3
    assert old.read_text() == OLD
    assert hclimg("fix", "-write", "old.json").returncode == 0
    assert hclimg("fix", "-check", "old.json").returncode == 0


def test_diff(hclimg: Run, old: Path) -> None:
    done = hclimg("fix", "-diff", "old.json")
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[:2]) == (0, ["--- old.json", "+++ old.json"])
    assert '+            "ssh_private_key_file": "k",' in lines
    assert old.read_text() == OLD


def test_several_templates(hclimg: Run, write: Write, old: Path) -> None:
    broken = write("broken.json", '{"builders": [}')
    done = hclimg("fix", "old.json", "broken.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "For several, say -write, -diff or -check." in done.stderr
    done = hclimg("fix", "-write", "broken.json", "old.json")
    assert done.returncode == 1
    assert "broken.json:1:15: Error:" in done.stderr
    assert old.read_text().startswith(NEW)
    assert broken.read_text() == '{"builders": [}'


@pytest.mark.parametrize("name", ["a.pkr.hcl", "a.pkr.json", "."])
def test_what_is_no_legacy_template(hclimg: Run, name: str) -> None:
    done = hclimg("fix", "-write", name)
    assert done.returncode == 1
    assert "is no legacy JSON template" in done.stderr


def test_a_result_that_is_no_template(hclimg: Run, write: Write) -> None:
    write("x.json", '{"bilders": []}')
    done = hclimg("fix", "x.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert '"bilders"' in done.stderr
    assert hclimg("fix", "-validate=false", "x.json").stdout == '{\n  "bilders": []\n}\n'
