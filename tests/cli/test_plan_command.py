"""``hclimg plan``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
Golden = Callable[[str, str], None]


def test_tree(hclimg: Run, two_builds: Path, golden: Golden) -> None:
    done = hclimg("plan", two_builds.name)
    assert (done.returncode, done.stderr) == (0, "")
    golden("plan.txt", done.stdout)


def test_tree_in_colour_and_in_ascii(hclimg: Run, two_builds: Path) -> None:
    assert "\x1b[" not in hclimg("plan", two_builds.name).stdout
    assert "\x1b[1;32mdemo.null.one" in hclimg("plan", "-color", "-only=*.one", two_builds.name).stdout
    ascii_only = hclimg("plan", two_builds.name, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "|- " in ascii_only.stdout
    assert ascii_only.stdout.isascii()


def test_json(hclimg: Run, two_builds: Path) -> None:
    found = json.loads(hclimg("plan", "-json", two_builds.name).stdout)
    assert [lane["address"] for lane in found["lanes"]] == ["demo.null.one", "demo.null.two"]
    kinds = [node["kind"] for node in found["nodes"] if node["lane"] == "demo.null.two"]
    assert kinds.count("provision") == 2
    assert "position" not in json.dumps(found)
    placed = json.loads(hclimg("plan", "-json", "-positions", two_builds.name).stdout)
    assert {node["position"]["file"] for node in placed["nodes"] if "position" in node} == {two_builds.name}


def test_dot(hclimg: Run, two_builds: Path) -> None:
    shown = hclimg("plan", "-dot", two_builds.name).stdout
    assert shown.startswith("digraph plan {")
    assert '"demo.null.one/build" -> "demo.null.one/provision[0]:shell-local"' in shown


def test_one_format_only(hclimg: Run, two_builds: Path) -> None:
    done = hclimg("plan", "-dot", "-json", two_builds.name)
    assert done.returncode == 1
    assert "Only one of -json and -dot" in done.stderr


def test_colours_hold_for_diagnostics_too(hclimg: Run, two_builds: Path) -> None:
    two_builds.write_text(two_builds.read_text().replace("inline", "inlin"))
    assert "\x1b[1;31mError:\x1b[0m" in hclimg("plan", "-color", two_builds.name).stderr
    assert "\x1b" not in hclimg("plan", two_builds.name).stderr


def test_a_wrong_template_has_no_plan(hclimg: Run, two_builds: Path) -> None:
    two_builds.write_text(two_builds.read_text().replace("inline", "inlin"))
    done = hclimg("plan", two_builds.name)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'Did you mean "inline"?' in done.stderr
