"""Post-processor vmware: its files are read by qemu-img, by govmomi's OVF parser (in the simulator), and booted.

Descriptors are held against the rules of the OVF standard's XML schema (``ovf_schema``).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import logged_in, new
from hclimg.errors import BuildError
from hclimg.postprocessors.vmware import VmwareConfig, VmwarePostProcessor
from hclimg.postprocessors.vmware_files import Disk, ovf, vim_guest, vmx
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.units import Secret
from ovf_schema import problems
from servers import tiny_guest
from servers.booted import Boot
from servers.vcsim import Vcsim


@pytest.fixture
def image(tmp_path: Path) -> Artifact:
    path = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, "8M"], check=True)
    return artifact(path)


def artifact(*paths: Path) -> Artifact:
    return Artifact(builder="x", component="builder/x", id="x", description="x", files=tuple(map(str, paths)))


def made(ctx: Context, source: Artifact, folder: Path, **settings: object) -> Artifact:
    config = VmwareConfig(output_directory=str(folder / "out"), vm_name="web", **settings)
    return VmwarePostProcessor(config).process(ctx, source)


def test_a_machine_for_workstation(ctx: Context, image: Artifact, tmp_path: Path) -> None:
    done = made(ctx, image, tmp_path, cpus=2, memory=512, firmware="efi")
    assert [Path(name).name for name in done.files] == ["web.vmdk", "web.vmx"]
    text = subprocess.run(["qemu-img", "info", "--output=json", done.files[0]], capture_output=True, check=True).stdout
    told = json.loads(text)
    assert told["format-specific"]["data"]["create-type"] == "monolithicSparse"
    assert told["virtual-size"] == 8 << 20
    lines = Path(done.files[1]).read_text().splitlines()
    for line in ('numvcpus = "2"', 'memsize = "512"', 'firmware = "efi"', 'scsi0:0.fileName = "web.vmdk"',
                 'ethernet0.virtualDev = "vmxnet3"', 'guestOS = "otherlinux-64"'):  # fmt: skip
        assert line in lines


def test_an_ova(ctx: Context, image: Artifact, tmp_path: Path) -> None:
    done = made(ctx, image, tmp_path, format="ova")
    (ova,) = done.files
    with tarfile.open(ova) as archive:
        assert archive.getnames() == ["web.ovf", "web.mf", "web.vmdk"]
        contents = {name: file.read() for name in archive.getnames() if (file := archive.extractfile(name))}
    for line in contents["web.mf"].decode().splitlines():
        name, _, digest = line.removeprefix("SHA256(").partition(")= ")
        assert hashlib.sha256(contents[name]).hexdigest() == digest
    assert problems(contents["web.ovf"].decode()) == []


MACHINES: list[tuple[dict[str, str | int], int]] = [
    ({}, 1),
    ({"disk_adapter_type": "ide", "firmware": "efi", "guest_os_type": "debian12-64", "cpus": 4}, 2),
    ({"disk_adapter_type": "pvscsi", "network": 'a & b <"x">', "network_adapter_type": "e1000e"}, 9),
]


@pytest.mark.parametrize(("settings", "disks"), MACHINES)
def test_descriptors_are_valid(settings: dict[str, str | int], disks: int) -> None:
    config = VmwareConfig(output_directory="x", vm_name="w", format="ovf", **settings)
    text = ovf(config, 'we"b & co', [Disk(f"disk {n}.vmdk", 1 << 20, 5) for n in range(disks)])
    assert problems(text) == []


def test_what_is_not_valid_is_told() -> None:
    text = ovf(VmwareConfig(output_directory="x", vm_name="w"), "web", [Disk("web.vmdk", 1 << 20, 5)])
    for old, new_text, told in (
        ("<Info>A machine</Info>", "", "VirtualSystem"),
        ('ovf:diskId="disk1" ', "", "Disk"),
        ("<rasd:VirtualQuantity>1<", "<rasd:VirtualQuantity>one<", "VirtualQuantity"),
        ("<rasd:InstanceID>1</rasd:InstanceID>", "", "Item"),
        ("<vssd:InstanceID>0</vssd:InstanceID>\n", "<vssd:Caption>x</vssd:Caption>", "System"),
    ):
        assert text.count(old) == 1, old
        assert any(told in line for line in problems(text.replace(old, new_text)))


@pytest.mark.parametrize("bus", ["lsilogic", "ide"])
def test_libvirt_reads_the_vmx(bus: str, tmp_path: Path) -> None:
    """Somebody else's parser of VMX files. It wants to see Workstation's programs, but only asks for their version."""
    config = VmwareConfig(output_directory="x", vm_name="w", disk_adapter_type=bus, cpus=2, memory=512)
    target = tmp_path / "web.vmx"
    target.write_text(vmx(config, 'we"b & co', [Disk(f"disk {n}.vmdk", 1 << 20, 5) for n in range(2)]))
    for program in ("vmrun", "vmware"):
        (tmp_path / program).write_text("#!/bin/sh\necho VMware Workstation 17.0.0 build-1\n")
        (tmp_path / program).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    read = ["virsh", "-c", "vmwarews:///session", "domxml-from-native", "vmware-vmx", str(target)]
    done = subprocess.run(read, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    machine = ET.fromstring(done.stdout)
    assert machine.findtext("name") == 'we"b & co'
    assert machine.findtext("vcpu") == "2"
    assert machine.findtext("memory") == str(512 << 10)
    disks = [(one.find("source"), one.find("target")) for one in machine.iter("disk")]
    assert [source.get("file") for source, _ in disks if source is not None] == ["disk 0.vmdk", "disk 1.vmdk"]
    assert {target.get("bus") for _, target in disks if target is not None} == {"ide" if bus == "ide" else "scsi"}
    (card,) = machine.iter("interface")
    assert card.get("type") == "user"


def test_what_has_no_disk_is_refused(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(BuildError, match="no disk image"):
        made(ctx, artifact(tmp_path / "a.txt"), tmp_path)
    assert not (tmp_path / "out").exists()


def test_names_of_operating_systems() -> None:
    assert vim_guest("debian12-64") == "debian12_64Guest"
    assert vim_guest("otherlinux-64") == "otherLinux64Guest"


@pytest.mark.slow
def test_the_ovf_imports(ctx: Context, image: Artifact, tmp_path: Path, vcsim: Vcsim) -> None:
    done = made(ctx, image, tmp_path, format="ovf", network="VM Network", cpus=2, memory=512)
    descriptor = next(Path(name) for name in done.files if name.endswith(".ovf")).read_text()
    endpoint = Endpoint(server=vcsim.address, username="user", password=Secret("pass"), insecure=True)
    with logged_in(endpoint, "test") as api:
        place = inventory.datacenter(api, "")
        where = inventory.compute(api, place, cluster="", host="DC0_H0", pool="")
        store = inventory.datastore(api, place, "LocalDS_0", where)
        assert store is not None
        params = new("OvfManager.CreateImportSpecParams", entityName="imported", locale="", deploymentOption="")
        manager = api.content.ovfManager
        spec = manager.CreateImportSpec(descriptor, where.pool, store.ref, params)
        assert not spec.error
        assert [item.path for item in spec.fileItem] == ["web.vmdk"]
        lease = where.pool.ImportVApp(spec.importSpec, place.vms, None)
        lease.HttpNfcLeaseComplete()
        found = next(one for one in api.listing("VirtualMachine", "config.hardware") if one.name == "imported")
    hardware = found.props["config.hardware"]
    assert (hardware.numCPU, hardware.memoryMB) == (2, 512)
    assert [one.capacityInKB for one in hardware.device if hasattr(one, "capacityInKB")] == [8 << 10]


@pytest.mark.slow
def test_the_disk_boots(ctx: Context, tmp_path: Path, boot: Boot) -> None:
    qcow2 = tmp_path / "tiny.qcow2"
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", tiny_guest.disk(), qcow2], check=True)
    done = made(ctx, artifact(qcow2), tmp_path)
    vmdk = next(name for name in done.files if name.endswith(".vmdk"))
    assert "tiny is up" in boot(["-drive", f"file={vmdk},format=vmdk,if=virtio"]).wait_for(b"tiny is up")
