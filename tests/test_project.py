"""The project's own rules: lint, types, import contracts. One command runs them with all the other tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CHECKS = {
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_check(name: str) -> None:
    program, *arguments = CHECKS[name]
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_unfinished_work() -> None:
    marks = ("TODO", "FIXME", "NotImplementedError", "pytest.mark.xfail", "pragma: no cover")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("hclimg", "grammar", "conformance", "examples")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in (".py", ".lark", ".hcl", ".json")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if any(mark in line for mark in marks)
    ]
    assert found == []


def test_the_core_is_light() -> None:
    """The shared vocabulary imports nothing heavy: every start of hclimg pays for it."""
    heavy = {"networkx", "rich", "fabric", "paramiko", "boto3", "hcl2", "lark", "asyncio", "importlib.metadata"}
    code = "import sys, hclimg.registry, hclimg.config.decode; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(done.stdout.split())


def test_the_readme_names_every_component() -> None:
    from hclimg.registry import BUILT_IN

    readme = (ROOT / "README.md").read_text()
    table = readme[readme.index("## What there is") : readme.index("## After the build")]
    missing = [f"{kind}/{name}" for kind, names in BUILT_IN.items() for name in names if f"`{name}`" not in table]
    assert missing == []
