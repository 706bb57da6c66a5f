"""Disks that apply has made in a virtual machine: listed, replaced, destroyed; and a run that was killed on the way."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kill_kit import Project, kill
from servers import tiny_guest

pytestmark = pytest.mark.slow
Run = Callable[..., "subprocess.CompletedProcess[str]"]

TEMPLATE = """
source "qemu" "tiny" {
  disk_image              = true
  iso_url                 = "%s"
  iso_checksum            = "none"
  accelerator             = "tcg"
  memory                  = 256
  headless                = true
  ssh_username            = "root"
  temporary_key_pair_type = "ed25519"
  shutdown_command        = "umount /disk; poweroff -f"
  qemuargs                = [["-device", "virtio-rng-pci"]]
  output_directory        = "output-tiny"
}
build { sources = ["source.qemu.tiny"] }
"""


def test_from_the_build_to_its_end(hclimg: Run, tmp_path: Path) -> None:
    (tmp_path / "tiny.pkr.hcl").write_text(TEMPLATE % tiny_guest.disk())
    project = Project(folder=tmp_path, template="tiny.pkr.hcl")
    killed = kill(project, "after:6")
    assert killed.killed
    assert killed.left
    assert not killed.failed, killed
    assert not Path("output-tiny").exists()
    for _ in range(2):
        done = hclimg("apply", "-force", "tiny.pkr.hcl")
        assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(hclimg("artifacts", "-json").stdout)
    assert (found["build"], found["component"]) == ("qemu.tiny", "builder/qemu")
    assert [item["path"] for item in found["files"]] == found["contents"]
    assert all(item["size"] for item in found["files"])
    assert Path("output-tiny").is_dir()
    assert hclimg("destroy", "qemu.tiny", "-auto-approve").returncode == 0
    assert not Path("output-tiny").exists()
    assert json.loads(hclimg("artifacts", "-json").stdout) == []
