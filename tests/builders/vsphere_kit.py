"""Builds of the vSphere builders through the program, against govmomi's simulator; the guest is an sshd on loopback."""

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
{"" if re.search(r"^ *host *=", settings, re.MULTILINE) else '  host                = "DC0_H0"'}
  ssh_username        = "{sshd.user}"
  ssh_private_key_file = "{sshd.key_file}"
  ssh_port            = {sshd.port}
  ip_settle_timeout   = "0s"
{"" if "ip_wait_timeout" in settings else "  ip_wait_timeout     = " + chr(34) + "20s" + chr(34)}
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
STEP = 'provisioner "shell" { inline = ["echo provisioned > $HOME/made"] }'


def machines(api: Vcenter) -> dict[str, dict[str, Any]]:
    paths = (
        "config.template",
        "config.hardware",
        "snapshot",
        "config.extraConfig",
        "config.annotation",
        "config.firmware",
    )
    return {one.name: dict(one.props) for one in api.listing("VirtualMachine", *paths)}


def mark(machine: dict[str, Any]) -> str:
    """The last value of the mark of the run."""
    return [str(option.value) for option in machine["config.extraConfig"] if option.key == "hclimg.run"][-1]
