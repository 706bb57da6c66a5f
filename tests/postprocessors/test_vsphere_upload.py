"""Post-processor vsphere: OVF, OVA and VMX machines of our own are uploaded to govmomi's simulator.

Its import of a descriptor and its leases are govmomi's; that it keeps what is sent is our extension.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hclimg.clouds.vsphere import files
from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import Vcenter, is_a, logged_in
from hclimg.errors import BuildError, ConnectionLost
from hclimg.postprocessors.ovf_package import read_vmx
from hclimg.postprocessors.vmware import VmwareConfig, VmwarePostProcessor
from hclimg.postprocessors.vsphere import VsphereConfig, VspherePostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.steps import close_scope
from hclimg.sdk.testing import decoded
from hclimg.units import Secret
from servers.vcsim import Vcsim

MACHINES = {"DC0_H0_VM0", "DC0_H0_VM1", "DC0_C0_RP0_VM0", "DC0_C0_RP0_VM1"}


@pytest.fixture
def api(vcsim: Vcsim) -> Iterator[Vcenter]:
    endpoint = Endpoint(server=vcsim.address, username="user", password=Secret("pass"), insecure=True)
    with logged_in(endpoint, "test") as session:
        yield session


def vmware_files(ctx: Context, tmp_path: Path, form: str) -> Artifact:
    """A machine that the post-processor vmware makes of a disk with something in it."""
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"hclimg" * 1000 + bytes((1 << 20) - 6000))
    source = Artifact(builder="x", component="builder/x", id="x", description="x", files=(str(disk),))
    config = VmwareConfig(
        format=form, vm_name="web", output_directory=str(tmp_path / form), cpus=2, memory=512,
        network="nat" if form == "vmx" else "VM Network",
    )  # fmt: skip
    made = VmwarePostProcessor(config).process(ctx, source)
    close_scope(ctx)
    return made


def settings(vcsim: Vcsim, more: str = "") -> str:
    return f"""
      host = "{vcsim.address}"
      username = "user"
      password = "pass"
      insecure = true
      datacenter = "DC0"
      cluster = "DC0_C0"
      {more}
    """


def uploaded(ctx: Context, vcsim: Vcsim, artifact: Artifact, more: str = "") -> Artifact:
    config, problems = decoded(VsphereConfig, settings(vcsim, more))
    assert config is not None, problems
    try:
        return VspherePostProcessor(config).process(ctx, artifact)
    finally:
        close_scope(ctx)


def machines(api: Vcenter) -> dict[str, dict[str, Any]]:
    found = api.listing("VirtualMachine", "config.hardware", "config.extraConfig", "config.version", "parent")
    return {one.name: dict(one.props) for one in found}


def marks(machine: dict[str, Any]) -> list[str]:
    return [str(option.value) for option in machine["config.extraConfig"] if option.key == "hclimg.run"]


@pytest.mark.parametrize("form", ["ova", "vmx"])
def test_a_machine_is_uploaded_and_destroyed(
    form: str, ctx: Context, journal: Any, vcsim: Vcsim, api: Vcenter, tmp_path: Path
) -> None:
    source = vmware_files(ctx, tmp_path, form)
    more = 'vm_folder = "images/web"\nvm_network = "DC0_DVPG0"\ndisk_mode = "thin"\nhardware_version = "11"'
    made = uploaded(ctx, vcsim, source, more)
    assert journal.left == []
    assert made.id == "LocalDS_0::images/web::web"
    web = machines(api)["web"]
    assert (web["config.hardware"].numCPU, web["config.hardware"].memoryMB) == (2, 512)
    assert web["config.version"] == "vmx-11"
    (card,) = (one for one in web["config.hardware"].device if is_a(one, "vm.device.VirtualEthernetCard"))
    assert card.backing.port.portgroupKey == "dvportgroup-13"
    assert api.get(web["parent"], "name")["name"] == "web"
    assert marks(web)[-1] == ""
    store = Path(api.listing("Datastore", "info")[0].props["info"].url)
    (disk,) = (path for path in store.glob("web/disk-*.vmdk") if not path.stem.endswith("-flat"))
    back = tmp_path / "back.raw"
    subprocess.run(["qemu-img", "convert", "-f", "vmdk", "-O", "raw", disk, back], check=True)
    assert back.read_bytes() == (tmp_path / "disk.raw").read_bytes()
    (line,) = VspherePostProcessor.contents(made)
    assert line.startswith(f"{vcsim.address}: /DC0/vm: web (vm-")
    VspherePostProcessor.destroy(ctx, made)
    assert set(machines(api)) == MACHINES


def test_a_name_that_is_taken(ctx: Context, vcsim: Vcsim, api: Vcenter, tmp_path: Path) -> None:
    source = vmware_files(ctx, tmp_path, "ovf")
    uploaded(ctx, vcsim, source)
    first = next(one.ref for one in api.listing("VirtualMachine") if one.name == "web")
    with pytest.raises(BuildError, match='There is a machine or template "web" in /DC0/vm already'):
        uploaded(ctx, vcsim, source)
    uploaded(ctx, vcsim, source, "overwrite = true")
    (second,) = (one.ref for one in api.listing("VirtualMachine") if one.name == "web")
    assert second != first


def test_a_broken_upload_is_tried_again_and_then_given_up(
    ctx: Context, journal: Any, vcsim: Vcsim, api: Vcenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = vmware_files(ctx, tmp_path, "ovf")
    left = [2]
    really = files.send

    def breaks(*args: Any) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise ConnectionLost("The connection broke.")
        really(*args)

    monkeypatch.setattr("hclimg.postprocessors.vsphere_upload.send", breaks)
    monkeypatch.setattr("hclimg.postprocessors.vsphere_upload.PAUSE", 0.0)
    uploaded(ctx, vcsim, source, 'vm_name = "two"')
    left[0] = 3
    with pytest.raises(ConnectionLost):
        uploaded(ctx, vcsim, source, 'vm_name = "three"\nvm_folder = "images"\nmax_retries = 2')
    assert set(machines(api)) == {*MACHINES, "two"}
    assert "images" not in {one.name for one in api.listing("Folder")}
    assert journal.left == []


def test_damage_is_found_before_anything_is_made(ctx: Context, vcsim: Vcsim, api: Vcenter, tmp_path: Path) -> None:
    source = vmware_files(ctx, tmp_path, "ovf")
    disk = tmp_path / "ovf" / "web.vmdk"
    disk.write_bytes(disk.read_bytes()[:-1] + b"x")
    with pytest.raises(BuildError, match=r"web\.vmdk of .* is damaged: its SHA256 is not the manifest's"):
        uploaded(ctx, vcsim, source)
    disk.unlink()
    with pytest.raises(BuildError, match=r'has no file "web\.vmdk"'):
        uploaded(ctx, vcsim, source)
    assert set(machines(api)) == MACHINES


WRONG = [
    ('datastore = "LocalDS_1"', 'no datastore "LocalDS_1"'),
    ('vm_network = "VM Netwrok"', 'no network "VM Netwrok"'),
    ('options = ["--net:nat=VM Network"]', 'has no network "nat"'),
    ('esxi_host = "DC0_H0"', 'The host "DC0_H0" is not in the cluster "DC0_C0"'),
]


@pytest.mark.parametrize(("more", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_what_the_vcenter_lacks(more: str, message: str, ctx: Context, vcsim: Vcsim, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=message):
        uploaded(ctx, vcsim, vmware_files(ctx, tmp_path, "ova"), more)


def test_an_artifact_without_a_machine(ctx: Context, vcsim: Vcsim, artifact: Artifact) -> None:
    with pytest.raises(BuildError, match="The artifact has no OVA, OVF or VMX file"):
        uploaded(ctx, vcsim, artifact)


def test_all_contradictions_are_told_at_once() -> None:
    _, problems = decoded(VsphereConfig, """
      host = "https://vc"
      username = "u"
      password = "p"
      datacenter = "DC0"
      cluster = "C0"
      datastore = "a"
      datastore_cluster = "b"
      hardware_version = "new"
      max_retries = -1
      options = ["--powerOn"]
    """)  # fmt: skip
    assert len(problems) == 5, problems
    assert any("--powerOn" in problem for problem in problems)
    assert any("https://vc" in problem for problem in problems)


def test_entries_of_a_vmx() -> None:
    assert read_vmx('#!/usr/bin/vmware\n.encoding = "UTF-8"\ndisplayName = "a |22b|22"\n') == {
        ".encoding": "UTF-8", "displayname": 'a "b"',
    }  # fmt: skip
