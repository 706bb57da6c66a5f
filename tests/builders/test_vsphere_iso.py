"""vsphere-iso against govmomi's simulator. What is typed is seen by our own extension of it, not by VMware's code."""

from __future__ import annotations

from pathlib import Path

import pytest
from vsphere_kit import ADDRESS, MACHINES, STEP, Build, api, build, machines, mark

from hclimg.clouds.vsphere.client import Vcenter, is_a
from servers.sshd import Sshd
from servers.vcsim import Vcsim

__all__ = ["api", "build"]

INSTALL = f"""
  vm_name       = "fresh"
  guest_os_type = "otherGuest64"
  iso_url       = "install.iso"
  iso_checksum  = "none"
  boot_wait     = "0s"
  boot_keygroup_interval = "1ms"
  {ADDRESS}
  disk_controller_type = ["pvscsi"]
  storage {{ disk_size = 64 }}
  network_adapters {{
    network      = "VM Network"
    network_card = "vmxnet3"
  }}
  usb_controller = ["xhci"]
"""


@pytest.fixture
def iso(tmp_path: Path) -> Path:
    path = tmp_path / "install.iso"
    path.write_bytes(b"installer" * 1000)
    return path


def on_datastore(api: Vcenter) -> dict[str, int]:
    root = Path(api.listing("Datastore", "info")[0].props["info"].url)
    return {
        str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.suffix in (".iso", ".flp")
    }


def test_a_machine_is_installed_from_an_uploaded_iso(
    build: Build, api: Vcenter, vcsim: Vcsim, sshd: Sshd, iso: Path
) -> None:
    settings = INSTALL + """
      boot_command   = ["<esc>Ab<enter>", "{{ .Name }}"]
      http_content   = { "/ks.cfg" = "install" }
      floppy_content = { "ks.cfg" = "install" }
      remove_cdrom   = true
      create_snapshot = true
    """  # fmt: skip
    done = build(settings, kind="vsphere-iso", steps=STEP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (sshd.home / "made").exists()
    assert vcsim.typed[:4] == [
        (0x29 << 16 | 7, {}), (0x04 << 16 | 7, {"LeftShift": True}), (0x05 << 16 | 7, {}), (0x28 << 16 | 7, {}),
    ]  # fmt: skip
    assert len(vcsim.typed) == 4 + len("fresh")
    fresh = machines(api)["fresh"]
    devices = fresh["config.hardware"].device
    assert [one.capacityInKB for one in devices if is_a(one, "vm.device.VirtualDisk")] == [64 << 10]
    assert any(is_a(one, "vm.device.VirtualVmxnet3") for one in devices)
    assert not [one for one in devices if is_a(one, "vm.device.VirtualCdrom") or is_a(one, "vm.device.VirtualFloppy")]
    assert mark(fresh) == ""
    assert on_datastore(api) == {"packer_cache/install.iso": 9000}  # a cache for the next build; the floppy is gone


@pytest.mark.slow
def test_the_uploaded_iso_is_used_again_or_cleaned_up(build: Build, api: Vcenter, iso: Path) -> None:
    assert build(INSTALL, kind="vsphere-iso").returncode == 0
    again = build(INSTALL, "-force", kind="vsphere-iso")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "packer_cache/install.iso is there already" in again.stdout
    clean = (
        INSTALL + 'set_host_for_datastore_uploads = true\nremote_cache_cleanup = true\nremote_cache_path = "other"\n'
    )
    assert build(clean, "-force", kind="vsphere-iso").returncode == 0
    assert set(on_datastore(api)) == {"packer_cache/install.iso"}


@pytest.mark.slow
def test_a_failed_installation_leaves_nothing(build: Build, api: Vcenter, iso: Path) -> None:
    settings = INSTALL + 'cd_content = { "a" = "b" }\nremote_cache_cleanup = true\nfolder = "new"\n'
    done = build(settings, kind="vsphere-iso", steps='provisioner "shell" { inline = ["exit 3"] }')
    assert done.returncode == 1
    assert set(machines(api)) == MACHINES
    assert on_datastore(api) == {}
    assert "new" not in {one.name for one in api.listing("Folder")}
