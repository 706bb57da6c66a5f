"""Chef and Salt in a directory and in a container, where there is no sudo: stand-ins of them, and the usual places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hclimg.communicators.chroot import chroot_communicator
from hclimg.communicators.container import ContainerCommunicator
from hclimg.provisioners.chef_client import ChefClientProvisioner
from hclimg.provisioners.chef_solo import ChefSoloProvisioner
from hclimg.provisioners.salt_masterless import SaltMasterlessProvisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator, Machine
from hclimg.sdk.testing import component
from servers.chef import CLIENT, KNIFE, SOLO
from servers.containers import IMAGE, Containers
from servers.rooted import make_root

SALT = '#!/bin/sh\necho "$*" > /called\n'


@pytest.fixture(params=["chroot", pytest.param("docker", marks=pytest.mark.slow)])
def communicator(request: pytest.FixtureRequest, ctx: Context, tmp_path: Path) -> Iterator[Communicator]:
    if request.param == "chroot":
        make_root(tmp_path / "root")
        yield chroot_communicator(ctx, tmp_path / "root")
        return
    engine: Containers = request.getfixturevalue("dockerd")
    container = engine.call("run", "-d", "--network", "none", IMAGE, "sleep", "3600")
    yield ContainerCommunicator(ctx, engine.program, container, engine.env)
    engine.call("rm", "-f", container)


@pytest.fixture
def machine(communicator: Communicator) -> Machine:
    """With Chef and Salt, of sorts."""
    assert communicator.run("mkdir -p /usr/bin /chef/seen /chef/server /srv") == 0
    for name, text in (("chef-solo", SOLO), ("chef-client", CLIENT), ("knife", KNIFE), ("salt-call", SALT)):
        communicator.upload(text.encode(), f"/usr/bin/{name}", mode=0o755)
    return Machine(id="test", communicator=communicator)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    folder = tmp_path / "host"
    names = ("cookbooks/base/recipes/default.rb", "secret", "states/top.sls", "states/web/init.sls", "pillar/top.sls")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}\n")
    return folder


def lines(machine: Machine, command: str) -> list[str]:
    found: list[str] = []
    assert machine.communicator.run(command, on_output=lambda line, _: found.append(line)) == 0
    return found


def test_each(ctx: Context, machine: Machine, host: Path) -> None:
    def run(cls: Any, text: str) -> None:
        component(cls, text).provision(ctx, machine)

    run(
        ChefSoloProvisioner,
        f'skip_install = true\ncookbook_paths = ["{host}/cookbooks"]\nencrypted_data_bag_secret_path = "{host}/secret"',
    )
    at = "/tmp/packer-chef-solo"
    assert lines(machine, "cat /chef/seen/0-chef-solo/command") == [
        f"chef-solo --no-color -c {at}/solo.rb -j {at}/node.json"
    ]
    assert lines(machine, "cat /chef/seen/0-chef-solo/files") == [
        "644 ./cookbooks-0/base/recipes/default.rb", "600 ./encrypted_data_bag_secret", "600 ./node.json",
        "644 ./solo.rb",
    ]  # fmt: skip
    assert lines(machine, f"ls {at}") == ["cookbooks-0", "node.json", "solo.rb"]

    run(
        ChefClientProvisioner,
        f'skip_install = true\nserver_url = "https://chef.example"\nvalidation_key_path = "{host}/secret"',
    )
    assert lines(machine, "ls /chef/seen") == ["0-chef-solo", "1-chef-client", "2-knife", "3-knife"]
    assert lines(machine, "ls /chef/server /tmp | sort") == ["", "/chef/server:", "/tmp:", "packer-chef-solo"]

    run(
        SaltMasterlessProvisioner,
        f'skip_bootstrap = true\nlocal_state_tree = "{host}/states"\nlocal_pillar_roots = "{host}/pillar"\n'
        f'grains_file = "{host}/secret"',
    )
    assert lines(machine, "cat /called") == [
        "--local state.highstate --file-root=/srv/salt --pillar-root=/srv/pillar --retcode-passthrough -l info"
    ]
    assert lines(machine, "find /srv /etc/salt -type f | sort") == [
        "/etc/salt/grains", "/srv/pillar/top.sls", "/srv/salt/top.sls", "/srv/salt/web/init.sls",
    ]  # fmt: skip
