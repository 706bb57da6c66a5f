"""examples/podman: a podman image of an imported rootfs, by Ansible, pushed, and pulled again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from docker_kit import ROOT

from servers.containers import Containers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="the rootfs builder installs packages, which needs root"),
]


def apply(folder: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", "apply", *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return done.stdout


def test_built_pushed_and_pulled(podman: Containers, image_registry: str, tmp_path: Path) -> None:
    name = f"{image_registry}/web"
    folder = ROOT / "examples/podman"
    apply(tmp_path, folder / "base.pkr.hcl")
    said = apply(tmp_path, f"-var=registry={image_registry}", folder / "web.pkr.hcl")
    assert f"Pushed Docker image: {name}:1, {name}:latest" in said
    assert podman.containers() == set()

    podman.clear()
    assert podman.images() == set()
    podman.call("pull", f"{name}:1")
    assert podman.run(f"{name}:1", "/bin/cat", "/srv/www/index.html") == "<h1>Debian 12</h1>"
    config = json.loads(podman.call("image", "inspect", f"{name}:1"))[0]["Config"]
    assert config["Cmd"][:3] == ["python3", "-m", "http.server"]
    assert list(config["ExposedPorts"]) == ["8080/tcp"]
