"""Alibaba Cloud at its real names, for programs that know no others, with one SSH server as all its instances.

Everything is in a network namespace: the API on port 80 of 127.0.0.1, the guest on port 22.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import define

from hclimg.sdk.ssh_keys import generate_key_pair
from servers.alicloud_ecs.simulator import Simulator
from servers.namespace import Namespace, namespace
from servers.sshd import Sshd

NAMES = (
    "ecs-cn-hangzhou.aliyuncs.com", "ecs.aliyuncs.com", "ecs.cn-beijing.aliyuncs.com", "vpc.aliyuncs.com",
    "vpc.cn-beijing.aliyuncs.com", "location-readonly.aliyuncs.com", "sts.aliyuncs.com",
)  # fmt: skip

# What the seed's template calls in the guest: what would take half a minute, and what would need CentOS.
COMMANDS = {"sleep": "exit 0", "yum": 'echo "yum $*" >>"$HOME/installed"'}


@define
class Cloud:
    simulator: Simulator
    guest: Sshd
    place: Namespace

    @property
    def installed(self) -> str:
        """What ``yum`` was asked for in the guest."""
        return (self.guest.home / "installed").read_text()

    def run(self, *argv: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """A program in the namespace, with the access key in its environment."""
        env: Mapping[str, str] = {**os.environ, **self.simulator.environment, **environment}
        command = self.place.command("env", f"--chdir={folder}", *argv)
        return subprocess.run(
            command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
        )


@contextmanager
def cloud(folder: Path) -> Iterator[Cloud]:
    simulator = Simulator()
    commands = folder / "commands"
    commands.mkdir(parents=True)
    for name, script in COMMANDS.items():
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    with namespace(folder, NAMES) as place, simulator.listening(place.bound(80)):
        guest = Sshd(
            folder / "guest", generate_key_pair("guest", key_type="ed25519"), 22,
            environment={"PATH": f"{commands}:/usr/bin:/bin"}, inside=tuple(place.command()),
        )  # fmt: skip
        guest.prepare()
        simulator.login(guest)
        guest.start()
        try:
            yield Cloud(simulator, guest, place)
        finally:
            guest.stop()
