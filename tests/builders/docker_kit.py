"""Templates for the docker builder, and what a build with them comes to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from servers.containers import Containers

ROOT = Path(__file__).resolve().parents[2]
RUN = 'run_command = ["-d", "-i", "--network", "none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]'
SOURCE = 'image = "localhost/base:1"\npull = false\n'
COMMIT = f"{SOURCE}commit = true\n"
SHELL = 'provisioner "shell" {{ inline = ["{}"] }}'


@frozen
class Yard:
    """A folder with a template, and an engine to build with."""

    engine: Containers
    folder: Path

    def template(self, settings: str, build: str = "") -> Path:
        path = self.folder / "t.pkr.hcl"
        run = "" if "run_command" in settings else RUN
        path.write_text(
            f'source "docker" "web" {{\n  docker_path = "{self.engine.program}"\n{run}\n{settings}\n}}\n'
            f'build {{\n  sources = ["source.docker.web"]\n{build}\n}}\n'
        )
        return path

    def hclimg(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hclimg", *arguments], cwd=self.folder, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def apply(self, settings: str, build: str = "") -> str:
        """What a build that must go well printed."""
        done = self.hclimg("apply", self.template(settings, build))
        assert done.returncode == 0, done.stdout + done.stderr
        assert self.engine.containers() == set()
        return done.stdout + done.stderr

    def refused(self, settings: str, build: str = "") -> str:
        done = self.hclimg("apply", self.template(settings, build))
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert self.engine.containers() == set()
        return done.stdout + done.stderr

    def image(self) -> str:
        """The id of the only image that was made."""
        (found,) = self.engine.images()
        return found

    def config(self, image: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.engine.call("image", "inspect", image))[0]["Config"]
        return found


@pytest.fixture
def yard(engine: Containers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Yard:
    monkeypatch.setenv("HCLIMG_HOME", str(tmp_path / "home"))
    return Yard(engine, tmp_path)
