"""Provisioners of five kinds in one template, each leaving a mark in the quickstart's system, and the marks of a disk.

The disk is the quickstart's Debian with python3 and puppet-agent besides; Salt lies in it as a directory.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from servers.salt import salt_tree

SOURCE = """
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
{more}
}}
"""
IN_TURN = """
  provisioner "shell" {
    inline = ["mkdir -p /etc/marks", "echo \\"by shell on $(uname -s)\\" > /etc/marks/shell"]
  }
  provisioner "file" {
    source      = "file"
    destination = "/etc/marks/file"
  }
  provisioner "ansible" {
    playbook_file = "site.yml"
    user          = "root"
    use_proxy     = USE_PROXY
  }
  provisioner "puppet-masterless" {
    manifest_file = "site.pp"
    prevent_sudo  = true
  }
  provisioner "salt-masterless" {
    local_state_tree = "states"
    salt_bin_dir     = "/opt/salt"
    skip_bootstrap   = true
    disable_sudo     = true
  }
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


def guest(public: str, more: str = "") -> str:
    """The template of the prepared disk. Who has the key of ``public`` may log in. ``more``: further provisioners."""
    return SOURCE.format(salt=salt_tree(), public=public, more=more)


def in_turn(*, use_proxy: bool) -> str:
    """The provisioners. ``use_proxy``: whether Ansible reaches the machine through the program that builds it."""
    return IN_TURN.replace("USE_PROXY", str(use_proxy).lower())


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


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
