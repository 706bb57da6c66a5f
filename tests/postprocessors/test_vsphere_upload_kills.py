"""Runs of the post-processors vsphere and vsphere-template that are ended after any record: cleanup leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import Vcenter, logged_in
from hclimg.postprocessors.vmware import VmwareConfig, VmwarePostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.steps import close_scope
from hclimg.units import Secret
from kill_kit import Project, every_record, kill
from servers.vcsim import Vcsim

MACHINES = {"DC0_H0_VM0", "DC0_H0_VM1", "DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}
TEMPLATE = """
source "null" "web" { communicator = "none" }
build {
  sources = ["null.web"]
  post-processors {
    post-processor "artifice" { files = ["OVA"] }
    post-processor "vsphere" {
      ACCESS
      datacenter = "DC0"
      cluster    = "DC0_C0"
      vm_folder  = "images"
      vm_name    = "up-${uuidv4()}"
    }
    post-processor "vsphere-template" {
      ACCESS
      template_name = "base-${uuidv4()}"
      folder        = "templates"
    }
  }
}
"""


def names(api: Vcenter) -> set[str]:
    return {one.name for one in api.listing("VirtualMachine")} - MACHINES


@pytest.mark.slow
def test_killed_around_every_record(ctx: Context, vcsim: Vcsim, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(1 << 20))
    source = Artifact(builder="x", component="builder/x", id="x", description="x", files=(str(disk),))
    files = VmwareConfig(format="ova", vm_name="web", output_directory=str(tmp_path / "ova"), network="VM Network")
    VmwarePostProcessor(files).process(ctx, source)
    close_scope(ctx)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "web.ova").write_bytes((tmp_path / "ova" / "web.ova").read_bytes())
    access = f'host = "{vcsim.address}"\nusername = "user"\npassword = "pass"\ninsecure = true'
    (folder / "t.pkr.hcl").write_text(TEMPLATE.replace("ACCESS", access).replace("OVA", "web.ova"))
    project = Project(folder=folder, template="t.pkr.hcl", env={"VSPHERE_PASSWORD": "pass"})
    endpoint = Endpoint(server=vcsim.address, username="user", password=Secret("pass"), insecure=True)
    finished: set[str] = set()
    seen = []
    with logged_in(endpoint, "test") as api:
        for outcome in every_record(project, kill, step=2):
            assert not outcome.failed, outcome
            kept = {one.identity["name"] for one in outcome.kept if one.kind == "vsphere/vm"}
            there = names(api)
            new = {name for name in there - finished if name.startswith("up-")}
            assert new <= kept, outcome  # an upload that is whole stays; one that is not is gone
            finished |= there
            (folder / "web.ova").write_bytes((tmp_path / "ova" / "web.ova").read_bytes())
            seen.append(outcome)
    assert sum(outcome.killed for outcome in seen) > 3
    assert seen[-1].status == 0
