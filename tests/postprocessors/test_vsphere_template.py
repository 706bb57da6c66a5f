"""Post-processor vsphere-template against govmomi's simulator (which forgets the hardware of what is registered)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import Vcenter, identifier, logged_in
from hclimg.clouds.vsphere.remover import VsphereRemover
from hclimg.errors import ApiError, BuildError
from hclimg.postprocessors.vmware import VmwareConfig, VmwarePostProcessor
from hclimg.postprocessors.vsphere_template import VsphereTemplateConfig, VsphereTemplatePostProcessor
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.remover import Cleaning, Left
from hclimg.sdk.steps import close_scope
from hclimg.sdk.testing import decoded
from hclimg.units import Secret
from servers.vcsim import Vcsim

ROOT = Path(__file__).resolve().parents[2]
MACHINE = "DC0_H0_VM0"


@pytest.fixture
def api(vcsim: Vcsim) -> Iterator[Vcenter]:
    endpoint = Endpoint(server=vcsim.address, username="user", password=Secret("pass"), insecure=True)
    with logged_in(endpoint, "test") as session:
        yield session


@pytest.fixture
def machine(vcsim: Vcsim, api: Vcenter) -> Artifact:
    """A machine that is off, as a builder leaves it."""
    ref = next(one.ref for one in api.listing("VirtualMachine") if one.name == MACHINE)
    api.run("switch it off", ref.PowerOffVM_Task, CancelToken())
    state = {"server": vcsim.address, "username": "user", "datacenter": "/DC0", "vm": identifier(ref), "name": MACHINE}
    return Artifact(builder="x", component="builder/x", id=MACHINE, description="x", state=state)


def made(ctx: Context, vcsim: Vcsim, artifact: Artifact, more: str = "") -> Artifact:
    text = f'host = "{vcsim.address}"\nusername = "user"\npassword = "pass"\ninsecure = true\n{more}'
    config, problems = decoded(VsphereTemplateConfig, text)
    assert config is not None, problems
    try:
        return VsphereTemplatePostProcessor(config).process(ctx, artifact)
    finally:
        close_scope(ctx)


def all_of(api: Vcenter) -> dict[str, dict[str, Any]]:
    found = api.listing("VirtualMachine", "config.template", "snapshot.rootSnapshotList", "parent")
    return {one.name: {**one.props, "ref": one.ref} for one in found}


def test_a_machine_is_registered_as_a_template_elsewhere(
    ctx: Context, journal: Any, vcsim: Vcsim, api: Vcenter, machine: Artifact
) -> None:
    done = made(ctx, vcsim, machine, 'template_name = "base"\nfolder = "templates/linux"')
    assert journal.left == []
    found = all_of(api)
    assert MACHINE not in found
    assert found["base"]["config.template"] is True
    assert api.get(found["base"]["parent"], "name")["name"] == "linux"
    assert identifier(found["base"]["ref"]) == done.state["vm"]
    VsphereTemplatePostProcessor.destroy(ctx, done)
    assert "base" not in all_of(api)


def test_a_machine_is_marked_with_a_snapshot(
    ctx: Context, journal: Any, vcsim: Vcsim, api: Vcenter, machine: Artifact
) -> None:
    more = 'snapshot_enable = true\nsnapshot_name = "first"\nsnapshot_description = "for clones"\nreregister_vm = false'
    done = made(ctx, vcsim, machine, f'{more}\ntemplate_name = "base"\nfolder = "templates"')
    assert journal.left == []
    base = all_of(api)["base"]
    assert base["config.template"] is True
    assert [(one.name, one.description) for one in base["snapshot.rootSnapshotList"]] == [("first", "for clones")]
    assert api.get(base["parent"], "name")["name"] == "templates"
    assert done.state["vm"] == machine.state["vm"]
    with pytest.raises(BuildError, match='"base" is a template already, of which no snapshot can be made'):
        made(ctx, vcsim, done, "snapshot_enable = true")
    again = made(ctx, vcsim, done)
    assert again.state == {**done.state}


def test_override_replaces_what_has_the_name(ctx: Context, vcsim: Vcsim, api: Vcenter, machine: Artifact) -> None:
    more = 'template_name = "DC0_H0_VM1"\nreregister_vm = false'
    with pytest.raises(BuildError, match='There is a machine or template "DC0_H0_VM1" in /DC0/vm already'):
        made(ctx, vcsim, machine, more)
    made(ctx, vcsim, machine, f"{more}\noverride = true")
    assert identifier(all_of(api)["DC0_H0_VM1"]["ref"]) == machine.state["vm"]


def test_what_cannot_become_a_template(ctx: Context, vcsim: Vcsim, api: Vcenter, machine: Artifact) -> None:
    nothing = Artifact(builder="x", component="x", id="x", description="x")
    with pytest.raises(BuildError, match="The artifact is no machine in a vCenter"):
        made(ctx, vcsim, nothing)
    elsewhere = Artifact(
        builder="x", component="x", id="x", description="x", state={**machine.state, "server": "vc.example.org"}
    )
    with pytest.raises(BuildError, match=r"The machine is on vc\.example\.org, not on"):
        made(ctx, vcsim, elsewhere)
    api.run("switch it on", all_of(api)[MACHINE]["ref"].PowerOnVM_Task, CancelToken())
    with pytest.raises(BuildError, match=f'"{MACHINE}" is running'):
        made(ctx, vcsim, machine)


def test_a_registration_that_is_refused_leaves_the_machine_as_it_was(
    ctx: Context, journal: Any, vcsim: Vcsim, api: Vcenter, machine: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> Any:
        raise ApiError("The vCenter refused.")

    monkeypatch.setattr("hclimg.postprocessors.vsphere_templating.register_as_template", refused)
    with pytest.raises(ApiError):
        made(ctx, vcsim, machine, 'folder = "templates"')
    assert all_of(api)[MACHINE]["config.template"] is False
    assert "templates" not in {one.name for one in api.listing("Folder")}
    assert journal.left == []


def test_cleanup_brings_a_machine_back_and_removes_a_snapshot(
    ctx: Context, journal: Any, vcsim: Vcsim, api: Vcenter, machine: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends in the middle: what the journal has is given to the remover."""
    monkeypatch.setenv("VSPHERE_PASSWORD", "pass")
    ref = all_of(api)[MACHINE]["ref"]
    api.run("make one", lambda: ref.CreateSnapshot_Task("mine", "", False, False), CancelToken())
    made(ctx, vcsim, machine, 'snapshot_enable = true\nsnapshot_name = "mine"\nreregister_vm = false')
    identity = journal.entries[0].identity
    assert journal.entries[0].kind == "vsphere/snapshot"
    finished = list[Left]()
    remover = VsphereRemover(Cleaning(run="run-1", finished=finished.append))
    left = Left(run="run-1", kind="vsphere/snapshot", identity={**identity, "id": ""}, made=False)
    remover.remove(left)
    assert finished == [left]  # it belongs to a template, which is whole
    pool = api.listing("ResourcePool")[0].ref
    api.call("make a machine of it again", lambda: ref.MarkAsVirtualMachine(pool, None))
    remover.remove(left)
    (kept,) = all_of(api)[MACHINE]["snapshot.rootSnapshotList"]
    assert (kept.name, kept.childSnapshotList or []) == ("mine", [])

    other = all_of(api)["DC0_H0_VM1"]["ref"]
    api.run("switch it off", other.PowerOffVM_Task, CancelToken())
    state = {**machine.state, "vm": identifier(other), "name": "DC0_H0_VM1"}
    made(ctx, vcsim, Artifact(builder="x", component="x", id="x", description="x", state=state))
    entry = next(one for one in journal.entries if one.kind == "vsphere/registration").identity
    identity = {key: value for key, value in entry.items() if key != "kind"}
    gone = Left(run="run-1", kind="vsphere/registration", identity=identity, made=True)
    remover.remove(gone)
    assert all_of(api)["DC0_H0_VM1"]["config.template"] is True  # it was there: nothing is done
    all_of(api)["DC0_H0_VM1"]["ref"].UnregisterVM()
    remover.remove(gone)
    assert all_of(api)["DC0_H0_VM1"]["config.template"] is False
    remover.close()


TEMPLATE = """
source "null" "web" { communicator = "none" }
build {
  sources = ["null.web"]
  post-processors {
    post-processor "artifice" { files = ["ova/web.ova"] }
    post-processor "vsphere" {
      ACCESS
      datacenter = "DC0"
      cluster    = "DC0_C0"
      vm_folder  = "images"
    }
    post-processor "vsphere-template" {
      ACCESS
      template_name = "base"
    }
  }
}
"""


def test_upload_and_template_in_one_run(ctx: Context, vcsim: Vcsim, api: Vcenter, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(1 << 20))
    source = Artifact(builder="x", component="builder/x", id="x", description="x", files=(str(disk),))
    files = VmwareConfig(format="ova", vm_name="web", output_directory=str(tmp_path / "ova"), network="VM Network")
    VmwarePostProcessor(files).process(ctx, source)
    close_scope(ctx)
    access = f'host = "{vcsim.address}"\nusername = "user"\npassword = "pass"\ninsecure = true'
    (tmp_path / "t.pkr.hcl").write_text(TEMPLATE.replace("ACCESS", access))
    env = {**os.environ, "HCLIMG_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    run = [sys.executable, "-m", "hclimg"]
    done = subprocess.run([*run, "apply", "t.pkr.hcl"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Left behind" not in done.stdout
    base = all_of(api)["base"]
    assert base["config.template"] is True
    assert api.get(base["parent"], "name")["name"] == "images"
    light = [sys.executable, "-X", "importtime", "-m", "hclimg", "validate", "t.pkr.hcl"]
    checked = subprocess.run(light, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "pyVmomi" not in checked.stderr
