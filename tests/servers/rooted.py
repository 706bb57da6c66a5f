"""A machine of its own behind a real SSH server: whoever logs in is in a directory with busybox, and root there.

Its /tmp, /etc and /srv are not those of this host, so tools may use the places that they use anyway. Each command that
comes in is written down.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen

from hclimg.sdk.ssh_keys import KeyPair
from servers.containers import rootfs
from servers.ports import HeldPort
from servers.sshd import Sshd

SUDO = '#!/bin/sh\n[ "$1" != -E ] || shift\nexec "$@"\n'
# What sshd is asked for goes through a file: a command may have several lines.
INSIDE = """#!/bin/sh
number=$(ls {seen} | wc -l)
printf '%s' "$SSH_ORIGINAL_COMMAND" > {seen}/$(printf %04d "$number")
exec chroot {root} /bin/env -i HOME=/root PATH=/usr/bin:/bin SHELL=/bin/sh /bin/sh -c "cd; $SSH_ORIGINAL_COMMAND"
"""


@frozen
class Rooted:
    """``root`` is the machine's ``/`` on this host."""

    root: Path
    sshd: Sshd
    seen: Path

    def program(self, name: str, text: str) -> None:
        """Put a script into the machine's PATH."""
        path = self.root / "usr/bin" / name
        path.write_text(text)
        path.chmod(0o755)

    @property
    def commands(self) -> list[str]:
        """What was run, in order."""
        return [path.read_text().strip() for path in sorted(self.seen.iterdir())]

    def files(self, *below: str) -> dict[str, str]:
        """The mode of each file and directory that is there below these directories, by its path."""
        found = {}
        for top in below:
            for path in sorted((self.root / top.lstrip("/")).rglob("*")):
                found[f"/{path.relative_to(self.root)}"] = f"{path.stat().st_mode:o}"
        return found


def make_root(root: Path) -> None:
    root.mkdir(parents=True)
    with tarfile.open(rootfs(root.with_suffix(".tar"))) as tar:
        tar.extractall(root, filter="tar")
    for name in ("usr/bin", "srv", "dev"):
        (root / name).mkdir(parents=True)
    (root / "dev/null").touch()
    _install(root, "scp")


def _install(root: Path, name: str) -> None:
    """A program of this host with its libraries: Packer sends files to the machine's scp."""
    program = shutil.which(name)
    assert program
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split()
    for file in (program, *(word for word in listed if word.startswith("/"))):
        (root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, root / file[1:])


@pytest.fixture
def rooted_factory(tmp_path: Path, user_key: KeyPair, held_port: HeldPort) -> Iterator[Callable[[], Rooted]]:
    made: list[Rooted] = []

    def make() -> Rooted:
        folder = tmp_path / f"rooted{len(made)}"
        make_root(folder / "root")
        (folder / "seen").mkdir()
        inside = folder / "inside"
        inside.write_text(INSIDE.format(seen=folder / "seen", root=folder / "root"))
        inside.chmod(0o755)
        sshd = Sshd(folder / "sshd", user_key, held_port(), f"ForceCommand {inside}\n")
        made.append(Rooted(folder / "root", sshd, folder / "seen"))
        made[-1].program("sudo", SUDO)
        sshd.prepare()
        sshd.start()
        return made[-1]

    yield make
    for machine in made:
        machine.sshd.stop()


@pytest.fixture
def rooted(rooted_factory: Callable[[], Rooted]) -> Rooted:
    return rooted_factory()
