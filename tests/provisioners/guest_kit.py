"""A small system that every kind of machine can be made of: a container, a chroot, what is behind an SSH server.

Its programs are this host's /usr, with the test environment's Ansible and Salt beside it, mounted read-only: so nothing
is downloaded, and what a provisioner leaves in the system is all that changes in it.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ansible
from attrs import frozen

from hclimg.communicators.chroot import SYSTEM_PATH
from servers.chef import CLIENT, KNIFE, SOLO

DIRECTORIES = (
    "chef", "chef/seen", "dev", "etc", "etc/puppet", "home", "home/app", "opt", "opt/ansible", "opt/salt", "opt/site",
    "opt/stand-in", "proc", "root", "run", "srv", "sys", "tmp", "usr", "var", "var/cache", "var/cache/puppet",
    "var/lib", "var/lib/puppet", "var/log", "var/log/puppet", "var/tmp",
)  # fmt: skip
LINKS = {name: f"usr/{name}" for name in ("bin", "lib", "lib64", "sbin")}
AGENT = '#!/bin/sh\necho "puppet $*" > /etc/mark\n'
STAND_INS = {"chef-solo": SOLO, "chef-client": CLIENT, "knife": KNIFE, "puppet": AGENT}
"""Programs of which there is none here, or no server for them."""
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
    "etc/group": "root:x:0:\napp:x:1000:\n",
    "etc/shadow": "root:*:19000::::::\napp:*:19000::::::\n",
    "etc/gshadow": "root:*::\napp:!::\n",
    "etc/login.defs": "UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nUSERGROUPS_ENAB yes\n",
    "etc/os-release": 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
    "etc/debian_version": "12.0\n",
    "srv/scan/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "srv/scan/var/lib/dpkg/status": (
        "Package: base-files\nStatus: install ok installed\nVersion: 12.4\nArchitecture: amd64\n\n"
    ),
    "etc/old": "to be removed\n",
    "etc/settings": "a = 1\n",
    "opt/ansible/ansible-playbook": '#!/bin/sh\nPYTHONPATH=/opt/site exec python3 -m ansible playbook "$@"\n',
    **{f"opt/stand-in/{name}": text for name, text in STAND_INS.items()},
}
MODES = {"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700, "etc/shadow": 0o600, "etc/gshadow": 0o600,
         "opt/ansible/ansible-playbook": 0o755, **{f"opt/stand-in/{name}": 0o755 for name in STAND_INS}}  # fmt: skip
MOUNTS = {
    "/usr": "/usr",
    str(Path(ansible.__file__).parents[1]): "/opt/site",
    str(Path(sys.prefix) / "salt"): "/opt/salt",
}
"""Directories of this host, and where they are in the guest."""


def pack(path: Path) -> Path:
    """The archive of the system's files."""
    with tarfile.open(path, "w") as tar:
        for name in DIRECTORIES:
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        for name, target in LINKS.items():
            link = _entry(name, tarfile.SYMTYPE, 0o777)
            link.linkname = target
            tar.addfile(link)
        for name, text in FILES.items():
            file = _entry(name, tarfile.REGTYPE, 0o644)
            file.size = len(text)
            tar.addfile(file, io.BytesIO(text.encode()))
    return path


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, MODES.get(name, mode)
    return entry


@frozen
class Root:
    """The system unpacked at ``path``. ``command`` runs another with the mounts, which nobody else sees."""

    path: Path
    command: tuple[str, ...]

    def inside(self, *argv: str) -> tuple[str, ...]:
        return (*self.command, "chroot", str(self.path), *argv)


@contextmanager
def unpacked(archive: Path, path: Path, mounts: Mapping[str, str]) -> Iterator[Root]:
    path.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        tar.extractall(path, filter="fully_trusted")
    binds = [f"mount --rbind {source} {path}{target}" for source, target in {**mounts, "/dev": "/dev"}.items()]
    script = " && ".join([*binds, f"mount -t proc proc {path}/proc", "echo ready", "exec cat"])
    holder = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )  # fmt: skip
    assert holder.stdin
    assert holder.stdout
    try:
        assert holder.stdout.readline() == b"ready\n"
        yield Root(path, ("nsenter", f"--target={holder.pid}", "--mount", "--"))
    finally:
        holder.stdin.close()
        holder.stdout.close()
        holder.wait()


FORCED = """#!/bin/sh
exec {inside} /usr/bin/env -i HOME=/root PATH={path} SHELL=/bin/sh /bin/sh -c "cd; $SSH_ORIGINAL_COMMAND"
"""


def forced_command(root: Root, path: Path) -> Path:
    """What an SSH server must run for whoever logs in to be in the guest."""
    path.write_text(FORCED.format(inside=" ".join(root.inside()), path=SYSTEM_PATH))
    path.chmod(0o755)
    return path
