"""The examples: each is planned, and its plan is compared; each that needs nothing special is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
Hclimg = Callable[..., str]


@pytest.fixture
def hclimg(tmp_path: Path) -> Hclimg:
    """``hclimg("plan", "x")`` runs in a directory where ``x`` is a copy of the example; gives what it printed."""

    def run(*args: str) -> str:
        if not (tmp_path / "examples").exists():
            shutil.copytree(ROOT / "examples", tmp_path / "examples")
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "hclimg", *args]
        done = subprocess.run(command, cwd=tmp_path / "examples", env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("name", ["output"])
def test_plans(name: str, hclimg: Hclimg, golden: Callable[[str, str], None]) -> None:
    golden(f"example-{name}.txt", hclimg("plan", name))


def test_output(hclimg: Hclimg, tmp_path: Path) -> None:
    hclimg("apply", "output")
    bundle = hclimg("output", "-raw", "bundle")
    assert bundle == "build/site-1.4.0.tar.gz"
    assert (tmp_path / "examples" / bundle).exists()
    assert hclimg("output", "admin_password") == '"change-me-soon"\n'
    assert "change-me-soon" not in hclimg("output")
