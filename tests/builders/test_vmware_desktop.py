"""vmware-iso and vmware-vmx through the program, with a stand-in for VMware's programs that records what it is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.builders.vmware.network import host_address, leased_address
from hclimg.errors import BuildError
from kill_kit import Project, every_record, interrupt, kill
from servers.sshd import Sshd
from servers.vmware import FakeVmware

ROOT = Path(__file__).resolve().parents[2]
Golden = Callable[[str, str], None]
Run = Callable[..., "subprocess.CompletedProcess[str]"]
STEP = 'provisioner "shell" { inline = ["echo provisioned > $HOME/made"] }'


def template(kind: str, sshd: Sshd, settings: str, steps: str = STEP) -> str:
    return f"""\
source "{kind}" "web" {{
  ssh_username         = "{sshd.user}"
  ssh_private_key_file = "{sshd.key_file}"
  ssh_port             = {sshd.port}
  boot_wait            = "0s"
{settings}
}}
build {{
  sources = ["source.{kind}.web"]
  {steps}
}}
"""


def iso_settings(vmware: FakeVmware, more: str = "") -> str:
    return f"""
  iso_url          = "install.iso"
  iso_checksum     = "none"
  ssh_host         = "127.0.0.1"
  disk_size        = 64
  shutdown_command = "touch {vmware.state}/off"
  {more}
"""


@pytest.fixture
def run(vmware: FakeVmware, sshd: Sshd, tmp_path: Path) -> Run:
    """``run(kind, settings, steps=…, command=…)`` writes a template and runs hclimg on it."""
    (tmp_path / "install.iso").write_bytes(b"an ISO")

    def call(
        kind: str, settings: str, *args: str, steps: str = STEP, command: str = "apply"
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "t.pkr.hcl").write_text(template(kind, sshd, settings, steps))
        home = {"HCLIMG_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "COLUMNS": "200", **vmware.env}
        return subprocess.run(
            [sys.executable, "-m", "hclimg", command, *args, "t.pkr.hcl"],
            cwd=tmp_path, env={**os.environ, **home}, capture_output=True, text=True,
        )  # fmt: skip

    return call


def normal(text: str, folder: Path) -> str:
    """Without what differs from run to run."""
    text = text.replace(str(folder.resolve()), "FOLDER")
    text = re.sub(r"/tmp/hclimg-[0-9a-f]+", "PRIVATE", text.replace(os.environ.get("TMPDIR", "/tmp"), "/tmp"))
    text = re.sub(r'(vnc\.port = ")\d+', r"\1PORT", text)
    return re.sub(r'(vnc\.password = ")[^"]+', r"\1PASSWORD", text)


def calls(vmware: FakeVmware, folder: Path) -> str:
    """A line for each call; ``list`` is left out, because it is asked again and again."""
    lines = (" ".join(call) for call in vmware.calls() if call[-1] != "list")
    return "".join(f"{normal(line, folder)}\n" for line in lines)


# -- vmware-iso -----------------------------------------------------------------------


def test_a_new_machine(run: Run, vmware: FakeVmware, golden: Golden, tmp_path: Path, sshd: Sshd) -> None:
    settings = iso_settings(
        vmware,
        """
  guest_os_type        = "debian12-64"
  cpus                 = 2
  memory               = 1024
  network_adapter_type = "vmxnet3"
  firmware             = "efi"
  serial               = "file:serial.log,yield"
  usb                  = true
  disk_additional_size = [32]
  cd_content           = { "meta-data" = "x" }
  floppy_content       = { "a.txt" = "x" }
  vmx_data             = { "svga.vramSize" = "8388608" }
  vmx_data_post        = { "annotation" = "made" }
  boot_command         = ["Hi<enter>"]
  boot_key_interval    = "1ms"
  headless             = true
""",
    )
    done = run("vmware-iso", settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (sshd.home / "made").read_text() == "provisioned\n"
    assert vmware.typed() == ["ffe1", "48", "69", "ff0d"]
    golden("vmware-iso-start.vmx", normal(vmware.started_with(), tmp_path))
    output = tmp_path / "output-web"
    golden("vmware-iso-result.vmx", normal((output / "packer-web.vmx").read_text(), tmp_path))
    golden("vmware-iso-calls.txt", calls(vmware, tmp_path))
    assert sorted(path.name for path in output.iterdir()) == [
        "disk-1-s001.vmdk", "disk-1.vmdk", "disk-s001.vmdk", "disk.vmdk", "packer-web.vmx",
    ]  # fmt: skip
    assert "VM files in directory: output-web" in done.stdout
    password = re.search(r'vnc\.password = "([^"]+)', vmware.started_with())
    assert password
    assert password[1] not in done.stdout + done.stderr
    assert not any(
        password[1].encode() in path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()
    )
    assert vmware.running() == []


def test_disks_by_vmwares_own_program(run: Run, vmware: FakeVmware, tmp_path: Path, golden: Golden) -> None:
    vmware.add("vmware-vdiskmanager")
    vmware.add("ovftool")
    done = run("vmware-iso", iso_settings(vmware, """
  disk_adapter_type = "nvme"
  disk_type_id      = "0"
  format            = "ova"
  ovftool_options   = ["--shaAlgorithm=sha256"]
  snapshot_name     = "clean"
"""))  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    golden("vmware-iso-disk-manager.txt", calls(vmware, tmp_path))
    assert (tmp_path / "output-web" / "packer-web.ova").read_text() == "exported"


def test_a_template_for_the_vmx_file(run: Run, vmware: FakeVmware, tmp_path: Path) -> None:
    (tmp_path / "my.vmx").write_text('displayName = "{{ .Name }}"\nguestOS = "{{ .GuestOS }}"\nmine = "yes"\n')
    done = run("vmware-iso", iso_settings(vmware, 'vmx_template_path = "my.vmx"\n vm_name = "box"'))
    assert done.returncode == 0, done.stdout + done.stderr
    vmx = vmware.started_with()
    assert 'mine = "yes"' in vmx
    assert 'displayName = "box"' in vmx
    assert 'scsi0:0.fileName = "disk.vmdk"' in vmx


def test_without_a_shutdown_command(run: Run, vmware: FakeVmware, tmp_path: Path) -> None:
    vmware.tell("no-tools")
    settings = iso_settings(vmware).replace("shutdown_command", "# shutdown_command")
    done = run("vmware-iso", settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The VMware Tools are not running" in done.stdout + done.stderr
    stops = [call[-1] for call in vmware.calls() if "stop" in call]
    assert stops == ["soft", "hard"]


def test_tools_are_uploaded(run: Run, vmware: FakeVmware, tmp_path: Path, sshd: Sshd) -> None:
    (tmp_path / "tools.iso").write_bytes(b"tools")
    where = sshd.home / "linux.iso"
    done = run("vmware-iso", iso_settings(vmware, f"""
  tools_source_path   = "tools.iso"
  tools_upload_flavor = "linux"
  tools_upload_path   = "{sshd.home}/{{{{ .Flavor }}}}.iso"
"""))  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert where.read_bytes() == b"tools"


# -- vmware-vmx -----------------------------------------------------------------------


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A machine to clone."""
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "base.vmdk").write_bytes(b"the disk")
    (folder / "base.vmx").write_text(
        '.encoding = "UTF-8"\ndisplayName = "base"\nscsi0.present = "TRUE"\nscsi0.virtualDev = "pvscsi"\n'
        'scsi0:0.present = "TRUE"\nscsi0:0.fileName = "base.vmdk"\nethernet0.present = "TRUE"\n'
        'ethernet0.connectionType = "nat"\n'
    )
    return folder / "base.vmx"


def test_a_clone(run: Run, vmware: FakeVmware, base: Path, golden: Golden, tmp_path: Path) -> None:
    vmware.tell("address", "127.0.0.1")
    done = run("vmware-vmx", f"""
  source_path          = "{base}"
  linked               = true
  attach_snapshot      = "clean"
  disk_additional_size = [32]
  vmdk_name            = "data"
  shutdown_command     = "touch {vmware.state}/off"
  display_name         = "A clone"
  vmx_remove_ethernet_interfaces = true
""")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    output = tmp_path / "output-web"
    golden("vmware-vmx-calls.txt", calls(vmware, tmp_path))
    golden("vmware-vmx-result.vmx", normal((output / "packer-web.vmx").read_text(), tmp_path))
    assert "The machine's address is 127.0.0.1." in done.stdout
    assert (output / "base.vmdk").read_bytes() == b"the disk"


def test_the_machine_to_clone_is_running(run: Run, vmware: FakeVmware, base: Path) -> None:
    (vmware.state / "machine-1").write_text(f"{os.getpid()}\n{base.resolve()}")
    done = run("vmware-vmx", f'source_path = "{base}"')
    (vmware.state / "machine-1").unlink()
    assert done.returncode == 1
    assert "is running." in done.stdout + done.stderr
    assert not (base.parent.parent / "output-web").exists()


# -- bad input, and the worst ---------------------------------------------------------------


def test_mistakes_are_told_together(run: Run, vmware: FakeVmware) -> None:
    done = run("vmware-iso", iso_settings(vmware, """
  remote_type  = "esx5"
  disk_type_id = "4"
  serial       = "com1"
  cores        = 3
  cpus         = 4
  tools_mode   = "attach"
  boot_command = ["x"]
  disable_vnc  = true
"""), command="validate")  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 1
    for text in ("vsphere-iso and vsphere-clone", "for ESXi", '"serial" must be', 'does not divide "cpus"',
                 '"tools_upload_flavor" or "tools_source_path"', "typed over VNC"):  # fmt: skip
        assert text in told, told
    assert vmware.calls() == []


def test_a_source_that_is_not_there(run: Run) -> None:
    done = run("vmware-vmx", 'source_path = "nowhere/base.vmx"', command="validate")
    assert done.returncode == 1
    assert "nowhere/base.vmx" in done.stdout + done.stderr


def test_without_vmware(run: Run, vmware: FakeVmware, tmp_path: Path) -> None:
    (vmware.path / "vmrun").unlink()
    done = run("vmware-iso", iso_settings(vmware))
    assert done.returncode == 1
    assert 'The program "vmrun" is not installed' in done.stdout + done.stderr
    assert not (tmp_path / "output-web").exists()


def test_ovftool_is_missed_before_anything_is_made(run: Run, vmware: FakeVmware, tmp_path: Path) -> None:
    done = run("vmware-iso", iso_settings(vmware, 'format = "ova"'))
    assert done.returncode == 1
    assert 'post-processor "vmware"' in done.stdout + done.stderr
    assert not (tmp_path / "output-web").exists()


def test_vmware_refuses_to_start(run: Run, vmware: FakeVmware, tmp_path: Path) -> None:
    vmware.tell("refuses", "The operation was canceled: no licence")
    done = run("vmware-iso", iso_settings(vmware))
    assert done.returncode == 1
    assert "vmrun start failed: The operation was canceled: no licence" in done.stdout + done.stderr
    assert not (tmp_path / "output-web").exists()


def test_no_address(run: Run, base: Path, vmware: FakeVmware, tmp_path: Path) -> None:
    done = run("vmware-vmx", f'source_path = "{base}"\n ssh_timeout = "1s"')
    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert "no IP address after 1s" in told
    assert "00:0c:29:00:00:01" in told
    assert vmware.running() == []
    assert not (tmp_path / "output-web").exists()


@pytest.mark.slow
@pytest.mark.parametrize("end", [kill, interrupt])
def test_ended_at_every_record(end: Callable[..., object], vmware: FakeVmware, sshd: Sshd, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "install.iso").write_bytes(b"an ISO")
    (folder / "t.pkr.hcl").write_text(template("vmware-iso", sshd, iso_settings(vmware), ""))
    project = Project(folder=folder, template="t.pkr.hcl", env=vmware.env)
    statuses = []
    for outcome in every_record(project, end, step=3):
        assert not outcome.failed, outcome
        assert vmware.running() == [], outcome
        output = folder / "output-web"
        assert output.exists() == bool(outcome.status == 0 or any(one.kind == "directory" for one in outcome.kept))
        if output.exists():
            subprocess.run(["rm", "-r", str(output)], check=True)
        statuses.append(outcome.status)
    assert statuses[-1] == 0
    assert len(statuses) > 3


# -- addresses ----------------------------------------------------------------------------


def test_the_last_lease_of_a_card_counts(tmp_path: Path) -> None:
    (tmp_path / "vmnet8").write_text(
        "lease 10.0.0.5 {\n\thardware ethernet 00:0c:29:00:00:01;\n}\n"
        "lease 10.0.0.6 {\n\thardware ethernet 00:0c:29:00:00:02;\n}\n"
        "lease 10.0.0.7 {\n\tstarts 4;\n\thardware ethernet 00:0C:29:00:00:01;\n}\n"
    )
    place = (str(tmp_path / "{vnet}"),)
    assert leased_address("vmnet8", "00:0c:29:00:00:01", place) == "10.0.0.7"
    assert leased_address("vmnet8", "00:0c:29:00:00:09", place) == ""
    assert leased_address("vmnet1", "00:0c:29:00:00:01", place) == ""


def test_this_host_in_a_virtual_network(tmp_path: Path) -> None:
    path = tmp_path / "networking"
    path.write_text(
        "VERSION=1,0\nanswer VNET_1_HOSTONLY_SUBNET 172.16.1.0\nanswer VNET_8_HOSTONLY_SUBNET 192.168.7.0\n"
    )
    assert host_address("vmnet8", (str(path),)) == "192.168.7.1"
    with pytest.raises(BuildError, match="vmnet9 is not known"):
        host_address("vmnet9", (str(path),))
