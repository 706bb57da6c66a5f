"""vsphere-clone against govmomi's simulator."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from vsphere_kit import CLONE, MACHINES, STEP, Build, api, build, machines, mark

from hclimg.clouds.vsphere.client import Vcenter, is_a, new
from hclimg.clouds.vsphere.machines import reconfigure
from hclimg.sdk.cancel import CancelToken
from servers.sshd import Sshd
from servers.vcsim import Vcsim

__all__ = ["api", "build"]


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_a_template_is_cloned_provisioned_and_made_a_template(build: Build, api: Vcenter, sshd: Sshd) -> None:
    done = build(
        CLONE
        + 'CPUs = 2\ncpu_cores = 2\nRAM = 512\nnotes = "made"\ncreate_snapshot = true\nconvert_to_template = true',
        steps=STEP,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (sshd.home / "made").read_text() == "provisioned\n"
    assert '"DC0_H0_VM0" is a machine and no template. It is running' in said(done)
    assert "VMware Tools in the guest tell its address (0.0.0.0/0); it is waited for up to 20s." in said(done)
    found = machines(api)
    assert set(found) == {*MACHINES, "web"}
    web = found["web"]
    assert web["config.template"] is True
    assert (web["config.hardware"].numCPU, web["config.hardware"].numCoresPerSocket) == (2, 2)
    assert web["config.hardware"].memoryMB == 512
    assert web["config.annotation"] == "made"
    assert [one.name for one in web["snapshot"].rootSnapshotList] == ["Created By Packer"]
    assert mark(web) == ""


@pytest.mark.slow
def test_a_linked_clone_with_more_hardware(build: Build, api: Vcenter) -> None:
    source = next(one.ref for one in api.listing("VirtualMachine") if one.name == "DC0_H0_VM0")
    api.run("make a snapshot", lambda: source.CreateSnapshot_Task("base", "", False, False), CancelToken())
    done = build(CLONE + """
      linked_clone = true
      network      = "DC0_DVPG0"
      mac_address  = "00:50:56:00:00:0a"
      folder       = "images/linux"
      firmware     = "efi-secure"
      RAM_reserve_all = true
      CPU_hot_plug = true
      NestedHV     = true
      disk_controller_type = ["pvscsi", "nvme"]
      storage { disk_size = 100 }
      storage {
        disk_size             = 200
        disk_thin_provisioned = true
        disk_controller_index = 1
      }
      reattach_cdroms = 1
      cd_content      = { "meta-data" = "x" }
      floppy_content  = { "a.txt" = "x" }
    """)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    web = machines(api)["web"]
    devices = web["config.hardware"].device
    disks = [one for one in devices if is_a(one, "vm.device.VirtualDisk")]
    assert [one.capacityInKB for one in disks][1:] == [100 << 10, 200 << 10]
    (card,) = (one for one in devices if is_a(one, "vm.device.VirtualEthernetCard"))
    assert card.macAddress == "00:50:56:00:00:0a"
    assert card.backing.port.portgroupKey == "dvportgroup-13"
    for kind in ("ParaVirtualSCSIController", "VirtualNVMEController"):
        assert any(is_a(one, f"vm.device.{kind}") for one in devices), kind
    (drive,) = (one for one in devices if is_a(one, "vm.device.VirtualCdrom"))
    assert is_a(drive.backing, "vm.device.VirtualCdrom.RemotePassthroughBackingInfo")
    assert not [one for one in devices if is_a(one, "vm.device.VirtualFloppy")]
    assert web["config.firmware"] == "efi"
    assert {one.name for one in api.listing("Folder")} >= {"images", "linux"}
    assert not left_files(api)


def left_files(api: Vcenter) -> list[Path]:
    """Files that builds uploaded to the simulator's datastore."""
    store = api.listing("Datastore", "info")[0]
    return [path for path in Path(store.props["info"].url).rglob("*") if path.name.startswith("hclimg-")]


@pytest.mark.slow
def test_the_guest_is_told_about_itself(build: Build, api: Vcenter) -> None:
    """The simulator gives a customized machine the address that it is told."""
    done = build("""
      template = "DC0_H0_VM0"
      vm_name  = "web"
      customize {
        linux_options {
          host_name = "web"
          domain    = "example.org"
        }
        network_interface {
          ipv4_address = "127.0.0.1"
          ipv4_netmask = 8
        }
        dns_server_list = ["127.0.0.53"]
      }
    """)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The guest has the address 127.0.0.1." in done.stdout
    web = next(one.ref for one in api.listing("VirtualMachine") if one.name == "web")
    assert api.get(web, "guest.hostName")["guest.hostName"] == "web"


REFUSED = [
    ('template = "DC0_H0_VM9"\nvm_name = "web"', 'There is no machine or template "DC0_H0_VM9" in /DC0.', "DC0_H0_VM"),
    ('template = "DC0_H0_VM0"\nvm_name = "DC0_H0_VM1"', 'There is a machine or template "DC0_H0_VM1"', "-force"),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\ndatastore = "LocalDS_1"', 'no datastore "LocalDS_1"', "LocalDS_0"),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\nnetwork = "VM Netwrok"', 'no network "VM Netwrok"', "VM Network"),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\nresource_pool = "none"', 'no resource pool "none" in DC0_H0', ""),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\nlinked_clone = true', "has no snapshot", "create_snapshot"),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\ncluster = "DC0_C1"', 'There is no cluster "DC0_C1"', '"DC0_C0"'),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\ncluster = "DC0_C0"', 'not in the cluster "DC0_C0"', "DC0_H0"),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\nhost = "DC0_H9"', 'There is no host "DC0_H9"', '"DC0_H0"'),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\nfolder = "DC0_H0_VM1"', "in /DC0 is no folder", "another folder"),
    ('template = "old/DC0_H0_VM0"\nvm_name = "web"', 'no machine or template "old/DC0_H0_VM0"', '"DC0_H0_VM0"'),
    ('template = "DC0_H0_VM0"\nvm_name = "vm"\nfolder = "a/vm"\nnetwork = "none"', 'no network "none"', "VM Network"),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\ndatacenter = "DC1"', 'no datacenter "DC1"', "DC0"),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\nvapp { properties = { a = "b" } }', "no vApp property", ""),
    ('template = "DC0_H0_VM0"\nvm_name = "web"\nip_wait_timeout = "1s"', "VMware Tools told of no address", "ssh_host"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "message", "hint"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_the_world_refuses_is_explained_and_nothing_stays(
    settings: str, message: str, hint: str, build: Build, api: Vcenter
) -> None:
    done = build(settings)
    assert done.returncode == 1
    assert message in said(done)
    assert hint in said(done)
    assert "Traceback" not in done.stdout + done.stderr
    assert set(machines(api)) == MACHINES
    assert "a" not in {one.name for one in api.listing("Folder")}


@pytest.mark.slow
def test_a_template_is_cloned_without_a_warning(build: Build, api: Vcenter) -> None:
    assert build(CLONE + "convert_to_template = true").returncode == 0
    done = build(CLONE.replace('"DC0_H0_VM0"', '"web"').replace('vm_name  = "web"', 'vm_name = "second"'))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a machine and no template" not in done.stdout
    assert machines(api)["second"]["config.template"] is False


@pytest.mark.slow
def test_a_wrong_password(build: Build, vcsim: Vcsim) -> None:
    vcsim.password = "guess"
    done = build(CLONE)
    assert done.returncode == 1
    assert f"{vcsim.address} does not accept the password of user, or does not know the user." in said(done)
    assert "guess" not in done.stdout + done.stderr


@pytest.mark.slow
def test_force_replaces_a_machine_and_a_failed_build_leaves_nothing(build: Build, api: Vcenter) -> None:
    assert build(CLONE + "convert_to_template = true").returncode == 0
    first = next(one.ref for one in api.listing("VirtualMachine") if one.name == "web")
    assert build(CLONE).returncode == 1
    done = build(CLONE, "-force")
    assert done.returncode == 0, done.stdout + done.stderr
    (second,) = (one.ref for one in api.listing("VirtualMachine") if one.name == "web")
    assert second != first
    failed = build(CLONE.replace('"web"', '"other"'), steps='provisioner "shell" { inline = ["exit 3"] }')
    assert failed.returncode == 1
    assert set(machines(api)) == {*MACHINES, "web"}


@pytest.mark.slow
def test_a_session_that_ends_is_renewed(build: Build, api: Vcenter, tmp_path: Path) -> None:
    """While the provisioner runs, an administrator ends every other session."""
    ready, go = tmp_path / "ready", tmp_path / "go"
    import threading

    def end_sessions() -> None:
        while not ready.exists():
            if over.wait(0.05):
                return
        found = api.get(api.content.sessionManager, "sessionList", "currentSession")
        own = found["currentSession"].key
        for other in found["sessionList"]:
            if other.key != own:
                ended.append(other.key)
                api.call("end a session", lambda key=other.key: api.content.sessionManager.TerminateSession([key]))
        go.touch()

    over, ended = threading.Event(), list[str]()
    thread = threading.Thread(target=end_sessions)
    thread.start()
    wait = f'provisioner "shell-local" {{ inline = ["touch {ready}; while [ ! -e {go} ]; do sleep 0.05; done"] }}'
    done = build(CLONE, steps=wait)
    over.set()
    thread.join()
    assert ended
    assert done.returncode == 0, done.stdout + done.stderr
    assert "web" in machines(api)


@pytest.mark.slow
def test_the_address_must_be_in_the_wanted_network(build: Build, api: Vcenter) -> None:
    done = build(CLONE + 'ip_wait_address = "10.0.0.0/8"\nip_wait_timeout = "1s"')
    assert done.returncode == 1
    assert "told of no address of the guest in 10.0.0.0/8 within 1s: they told of 127.0.0.1 only." in said(done)
    assert set(machines(api)) == MACHINES


@pytest.mark.slow
def test_what_is_made_can_be_destroyed(build: Build, api: Vcenter) -> None:
    steps = """
      post-processor "artifice" {
        files               = ["t.pkr.hcl"]
        keep_input_artifact = false
      }
    """
    done = build(CLONE + "convert_to_template = true", steps=steps)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(machines(api)) == MACHINES


@pytest.mark.slow
def test_names_that_several_have_are_told_with_their_paths(build: Build, api: Vcenter, vcsim: Vcsim) -> None:
    dc = api.listing("Datacenter", "vmFolder")[0].props["vmFolder"]
    folder = api.call("make a folder", lambda: dc.CreateFolder("old"))
    source = api.listing("VirtualMachine")[0].ref
    deeper = api.call("make a folder", lambda: dc.CreateFolder("new"))
    pool = api.get(source, "resourcePool")["resourcePool"]
    spec = new("vm.CloneSpec", location=new("vm.RelocateSpec", pool=pool), powerOn=False, template=False)
    for place in (folder, deeper):
        api.run("clone", lambda place=place: source.CloneVM_Task(place, "base", spec), CancelToken())
    done = build('template = "base"\nvm_name = "web"')
    assert done.returncode == 1
    assert 'Write its path: "/DC0/vm/new/base", "/DC0/vm/old/base".' in said(done)


def test_changes_of_a_machine(api: Vcenter) -> None:
    ref = api.listing("VirtualMachine")[0].ref
    reconfigure(api, ref, "rename", new("vm.ConfigSpec", annotation="x"), CancelToken())
    found: dict[str, Any] = api.get(ref, "config.annotation", "parentVApp")
    assert found == {"config.annotation": "x"}
