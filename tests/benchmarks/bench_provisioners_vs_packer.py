"""Shell, file, ansible, puppet and salt in one template on the quickstart's machine: by Packer 1.6.6 and by hclimg.

    python tests/benchmarks/bench_provisioners_vs_packer.py [-folder DIR]

The disk is the quickstart's Debian with python3 and puppet-agent besides, made once by the builder rootfs; Salt lies in
it as a directory. Both then boot it in QEMU, run the same template on it, and write a disk. The marks that the
provisioners left are read from the disks, without booting them: they must be the same. Prints them, and times with
their ratio. DIR keeps the prepared disk for the next time. Needs root, and the packages of `make test`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from hclimg.sdk.ssh_keys import generate_key_pair, write_private_file  # noqa: E402
from servers.salt import salt_tree  # noqa: E402

GUEST = """
source "rootfs" "guest" {{
  suite            = "bookworm"
  disk_size        = "3G"
  hostname         = "quickstart"
  packages         = ["python3", "puppet-agent"]
  output_directory = "guest"
}}

build {{
  sources = ["source.rootfs.guest"]

  provisioner "file" {{
    source      = "{salt}/"
    destination = "/opt/salt"
  }}
  provisioner "shell" {{
    inline = [
      "chmod +x /opt/salt/salt-call",
      "install -d -m 700 /root/.ssh",
      "echo '{public}' > /root/.ssh/authorized_keys",
    ]
  }}
}}
"""
TEMPLATE = """
source "qemu" "marked" {{
  disk_image       = true
  iso_url          = "{disk}"
  iso_checksum     = "none"
  format           = "qcow2"
  disk_interface   = "virtio"
  net_device       = "virtio-net"
  accelerator      = "tcg"
  qemuargs         = [["-cpu", "max"], ["-smp", "2"], ["-m", "1024"]]
  skip_resize_disk = true
  headless         = true
  boot_wait        = "1s"

  ssh_username         = "root"
  ssh_private_key_file = "{key}"
  ssh_timeout          = "10m"
  shutdown_command     = "systemctl poweroff"

  vm_name          = "marked.qcow2"
  output_directory = "out"
}}

build {{
  sources = ["source.qemu.marked"]

  provisioner "shell" {{
    inline = ["mkdir -p /etc/marks", "echo \\"by shell on $(uname -s)\\" > /etc/marks/shell"]
  }}
  provisioner "file" {{
    source      = "file"
    destination = "/etc/marks/file"
  }}
  provisioner "ansible" {{
    playbook_file = "site.yml"
    user          = "root"
    use_proxy     = false
  }}
  provisioner "puppet-masterless" {{
    manifest_file = "site.pp"
    prevent_sudo  = true
  }}
  provisioner "salt-masterless" {{
    local_state_tree = "states"
    salt_bin_dir     = "/opt/salt"
    skip_bootstrap   = true
    disable_sudo     = true
  }}
}}
"""
FILES = {
    "file": "by file\n",
    "site.yml": """
- hosts: all
  gather_facts: true
  tasks:
  - ansible.builtin.copy: {dest: /etc/marks/ansible, content: "by ansible on {{ ansible_distribution }}\\n"}
""",
    "site.pp": "file { '/etc/marks/puppet': content => \"by puppet on ${facts['os']['name']}\\n\" }\n",
    "states/top.sls": "base:\n  '*':\n    - mark\n",
    "states/mark.sls": "/etc/marks/salt:\n  file.managed:\n    - contents: by salt on {{ grains['os'] }}\n",
}
MARKS = {
    "shell": "by shell on Linux", "file": "by file", "ansible": "by ansible on Debian", "puppet": "by puppet on Debian",
    "salt": "by salt on Debian",
}  # fmt: skip
COMMANDS = {
    "packer": ["packer", "build", "-color=false", "-timestamp-ui", "t.pkr.hcl"],
    "hclimg": [sys.executable, "-m", "hclimg", "apply", "-timestamp-ui", "t.pkr.hcl"],
}


def run(command: list[str], folder: Path) -> float:
    """Seconds. What it printed is in ``folder/log``."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # ansible-playbook
    env |= {"PYTHONPATH": str(ROOT), "CHECKPOINT_DISABLE": "1", "PATH": path}
    started = time.perf_counter()
    with (folder / "log").open("w") as log:
        done = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{(folder / 'log').read_text()[-6000:]}")
    return time.perf_counter() - started


def guest(folder: Path) -> Path:
    """The prepared disk, with the key that opens it beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    disks = list((folder / "guest").glob("*.qcow2"))
    if not disks:
        pair = generate_key_pair("guest", key_type="rsa", bits=3072)
        write_private_file(folder / "key", pair.private.reveal())
        (folder / "t.pkr.hcl").write_text(GUEST.format(salt=salt_tree(), public=pair.public))
        run([sys.executable, "-m", "hclimg", "apply", "-force", "t.pkr.hcl"], folder)
        disks = [path for path in (folder / "guest").iterdir() if path.is_file() and path.stat().st_size > 1 << 20]
    (disk,) = disks
    return disk


def build(by: str, folder: Path, disk: Path) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "t.pkr.hcl").write_text(TEMPLATE.format(disk=disk, key=disk.parents[1] / "key"))
    return run(COMMANDS[by], folder)


def marks(disk: Path) -> dict[str, str]:
    """What stands in the disk's /etc/marks."""
    raw = disk.with_suffix(".raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw", disk, raw], check=True)
    listed = subprocess.run(["sfdisk", "--dump", raw], check=True, capture_output=True, text=True).stdout
    (start,) = (line.split("start=")[1].split(",")[0].strip() for line in listed.splitlines() if "type=83" in line)
    found = {}
    for name in MARKS:
        command = ["debugfs", "-R", f"cat /etc/marks/{name}", f"{raw}?offset={int(start) * 512}"]
        found[name] = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    raw.unlink()
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-folder", type=Path)
    options.add_argument("-only", choices=list(COMMANDS))
    chosen = options.parse_args()
    if not shutil.which("packer"):
        raise SystemExit("There is no packer to compare with: apt-get install packer")
    with tempfile.TemporaryDirectory(prefix="hclimg-bench-") as name:
        folder = Path(name)
        disk = guest((chosen.folder or folder).absolute())
        times, found = {}, {}
        for by in [chosen.only] if chosen.only else COMMANDS:
            times[by] = build(by, folder / by, disk)
            found[by] = marks(folder / by / "out/marked.qcow2")
            print(f"{by:8} {times[by]:7.1f} s   {found[by]}", flush=True)
        if not chosen.only:
            print(f"ratio    {times['hclimg'] / times['packer']:7.2f}")
        return 0 if all(each == MARKS for each in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
