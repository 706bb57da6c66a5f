"""vsphere-clone through the program, against govmomi's simulator; the guest is an sshd on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import Vcenter, logged_in
from hclimg.units import Secret
from servers.sshd import Sshd
from servers.vcsim import Vcsim

ROOT = Path(__file__).resolve().parents[2]
Build = Callable[..., "subprocess.CompletedProcess[str]"]
MACHINES = {"DC0_H0_VM0", "DC0_H0_VM1", "DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}
"""What the simulator has from the start."""


@pytest.fixture
def api(vcsim: Vcsim) -> Iterator[Vcenter]:
    """A session of the test's own."""
    endpoint = Endpoint(server=vcsim.address, username="user", password=Secret("pass"), insecure=True)
    with logged_in(endpoint, "test") as session:
        yield session


@pytest.fixture
def build(vcsim: Vcsim, sshd: Sshd, tmp_path: Path) -> Build:
    """``build(settings, kind=…, steps=…)`` writes a template and applies it."""

    def run(
        settings: str, *args: str, kind: str = "vsphere-clone", steps: str = "", command: str = "apply", **env: str
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "t.pkr.hcl").write_text(template(vcsim, sshd, settings, kind, steps))
        home = {"HCLIMG_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "COLUMNS": "200", **env}
        return subprocess.run(
            [sys.executable, "-m", "hclimg", command, *args, "t.pkr.hcl"],
            cwd=tmp_path, env={**os.environ, **home}, capture_output=True, text=True,
        )  # fmt: skip

    return run


def template(vcsim: Vcsim, sshd: Sshd, settings: str, kind: str, steps: str) -> str:
    return f"""\
source "{kind}" "image" {{
{vcsim.settings}
  host                = "DC0_H0"
  ssh_username        = "{sshd.user}"
  ssh_private_key_file = "{sshd.key_file}"
  ssh_port            = {sshd.port}
  ip_settle_timeout   = "0s"
{settings}
}}
build {{
  sources = ["source.{kind}.image"]
{steps}
}}
"""


ADDRESS = 'configuration_parameters = { "SET.guest.ipAddress" = "127.0.0.1" }'
CLONE = f"""
  template = "DC0_H0_VM0"
  vm_name  = "web"
  {ADDRESS}
"""
STEP = 'provisioner "shell" { inline = ["echo provisioned > made"] }'


def machines(api: Vcenter) -> dict[str, dict[str, Any]]:
    paths = ("config.template", "config.hardware", "snapshot", "config.extraConfig", "config.annotation", "config.firmware")
    return {one.name: dict(one.props) for one in api.listing("VirtualMachine", *paths)}


def test_a_template_is_cloned_provisioned_and_made_a_template(build: Build, api: Vcenter, sshd: Sshd) -> None:
    done = build(
        CLONE + 'CPUs = 2\ncpu_cores = 2\nRAM = 512\nnotes = "made"\ncreate_snapshot = true\nconvert_to_template = true',
        steps=STEP,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (sshd.home / "made").read_text() == "provisioned\n"
    found = machines(api)
    assert set(found) == {*MACHINES, "web"}
    web = found["web"]
    assert web["config.template"] is True
    assert (web["config.hardware"].numCPU, web["config.hardware"].numCoresPerSocket) == (2, 2)
    assert web["config.hardware"].memoryMB == 512
    assert web["config.annotation"] == "made"
    assert [one.name for one in web["snapshot"].rootSnapshotList] == ["Created By Packer"]
    assert mark(web) == ""
    assert "web" in done.stdout


def mark(machine: dict[str, Any]) -> str:
    """The last value of the mark of the run."""
    return [str(option.value) for option in machine["config.extraConfig"] if option.key == "hclimg.run"][-1]
