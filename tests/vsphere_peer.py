"""The same vsphere-clone template built by Packer 1.6.6 and by hclimg against govmomi's vCenter simulator.

``python tests/vsphere_peer.py`` prints the wall times of whole processes and their ratio.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from hclimg.sdk.ssh_keys import generate_key_pair
from servers.ports import held_ports
from servers.sshd import Sshd
from servers.vcsim import Vcsim, vcsim_running

ROOT = Path(__file__).resolve().parent.parent
PACKER = ("packer", "build")
HCLIMG = (sys.executable, "-m", "hclimg", "apply")
ROUNDS = 5


@frozen
class Peers:
    """A simulator, a guest, and a directory to work in."""

    vcsim: Vcsim
    sshd: Sshd
    folder: Path

    def build(self, program: tuple[str, ...], name: str) -> float:
        """Build the machine ``name``; seconds that it took. The simulator gives the guest the address of its
        customization, which is also the one that Packer's wait looks at."""
        path = self.folder / f"{name}.json"
        path.write_text(TEMPLATE % {
            "server": self.vcsim.address, "name": name, "user": self.sshd.user, "key": self.sshd.key_file,
            "port": self.sshd.port,
        })  # fmt: skip
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HCLIMG_HOME": str(self.folder / "home"),
            "CHECKPOINT_DISABLE": "1",
        }
        started = time.monotonic()
        done = subprocess.run(
            [*program, str(path)], cwd=self.folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return time.monotonic() - started


TEMPLATE = """\
{"builders": [{
  "type": "vsphere-clone", "vcenter_server": "%(server)s", "username": "user", "password": "pass",
  "insecure_connection": "true", "template": "DC0_H0_VM0", "vm_name": "%(name)s", "host": "DC0_H0", "CPUs": 2,
  "RAM": 512, "notes": "made", "create_snapshot": true, "convert_to_template": true, "ip_settle_timeout": "1s",
  "ssh_username": "%(user)s", "ssh_private_key_file": "%(key)s", "ssh_port": %(port)d,
  "customize": {
    "linux_options": {"host_name": "web", "domain": "example.org"},
    "network_interface": {"ipv4_address": "127.0.0.1", "ipv4_netmask": 8}
  }
}],
"provisioners": [{"type": "shell", "inline": ["true"]}, {"type": "shell", "inline": ["true"]}]}
"""


@contextmanager
def peers(folder: Path) -> Iterator[Peers]:
    with held_ports() as hold, vcsim_running(folder / "vcsim") as vcsim:
        sshd = Sshd(folder / "sshd", generate_key_pair("peer", key_type="ed25519"), hold())
        sshd.prepare()
        sshd.start()
        try:
            yield Peers(vcsim, sshd, folder)
        finally:
            sshd.stop()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, peers(Path(folder)) as both:
        pairs = [(both.build(PACKER, f"p{n}"), both.build(HCLIMG, f"h{n}")) for n in range(ROUNDS)]
    theirs, ours = zip(*pairs, strict=True)
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"packer {statistics.median(theirs):.2f} s, hclimg {statistics.median(ours):.2f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
