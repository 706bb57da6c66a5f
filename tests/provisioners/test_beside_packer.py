"""The same templates by Packer 1.6.6, which has Chef and Salt built in, and by hclimg, on two equal machines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from servers.chef import attributes, install_chef, seen, server_has
from servers.rooted import Rooted

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent.parent
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOOL = re.compile(r"(sudo )?([\w/]*/)?(chef-solo|chef-client|knife|salt-call) ")
PROGRAMS = {"packer": ("packer", "build"), "hclimg": (sys.executable, "-m", "hclimg", "apply")}


@frozen
class Pair:
    """Two machines, and what the user has."""

    machines: dict[str, Rooted]
    folder: Path

    def build(self, **provisioner: Any) -> None:
        """With this provisioner, by each program on its machine."""
        for name, machine in self.machines.items():
            template = self.folder / f"{name}.json"
            sshd = machine.sshd
            builder = {
                "type": "null", "ssh_host": "127.0.0.1", "ssh_port": sshd.port, "ssh_username": sshd.user,
                "ssh_private_key_file": str(sshd.key_file),
            }  # fmt: skip
            template.write_text(json.dumps({"builders": [builder], "provisioners": [provisioner]}))
            env = {**os.environ, "PYTHONPATH": str(ROOT), "CHECKPOINT_DISABLE": "1"}
            done = subprocess.run(
                [*PROGRAMS[name], str(template)], cwd=self.folder, env=env, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    @property
    def lines(self) -> list[list[str]]:
        """The commands with which each ran the tools, in order; random names are the same."""
        both = []
        for machine in self.machines.values():
            found = [" ".join(UUID.sub("UUID", command).split()) for command in machine.commands]
            both.append([command for command in found if TOOL.match(command)])
        return both

    def names(self, *below: str) -> list[list[str]]:
        """What each left there."""
        return [sorted(machine.files(*below)) for machine in self.machines.values()]


@pytest.fixture
def pair(rooted_factory: Callable[[], Rooted], tmp_path: Path) -> Pair:
    folder = tmp_path / "host"
    for name, text in (
        ("cookbooks/base/recipes/default.rb", "# nothing\n"), ("roles/web.json", "{}\n"),
        ("data_bags/users/ann.json", "{}\n"), ("environments/prod.json", "{}\n"), ("secret", "opensesame\n"),
        ("validation.pem", "validator\n"), ("states/top.sls", "{}\n"), ("states/web/init.sls", "{}\n"),
        ("pillar/top.sls", "{}\n"), ("minion", "id: web\n"), ("grains", "role: web\n"),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    machines = {name: rooted_factory() for name in PROGRAMS}
    for machine in machines.values():
        install_chef(machine)
        machine.program("salt-call", "#!/bin/sh\necho applied\n")
    return Pair(machines, folder)


def settings(text: str) -> dict[str, str]:
    """A configuration of Chef, without what is empty."""
    pairs = [line.split(None, 1) for line in UUID.sub("UUID", text).replace("'", '"').splitlines() if line.strip()]
    return {name: re.sub(r",\s+", ",", value) for name, value in pairs if value.strip() != '""'}


def same_for_chef(pair: Pair) -> None:
    packer, hclimg = (seen(machine) for machine in pair.machines.values())
    assert pair.lines[0] == pair.lines[1]
    assert len(packer) == len(hclimg)
    for theirs, ours in zip(packer, hclimg, strict=True):
        assert settings(theirs["config"]) == settings(ours["config"])
        assert UUID.sub("", theirs["command"]) == UUID.sub("", ours["command"])
        assert theirs.keys() == ours.keys()
        if "attributes" in theirs:
            assert attributes(theirs) == attributes(ours)
            names = [[line.split(" ", 1)[1] for line in given["files"].splitlines()] for given in (theirs, ours)]
            assert names[0] == names[1]


CHEF = {
    "run_list": ["recipe[base]", "role[web]"], "json": {"port": 80, "of": {"a": ["<é>"]}}, "skip_install": True,
    "encrypted_data_bag_secret_path": "secret", "chef_environment": "prod", "chef_license": "accept",
}  # fmt: skip


def test_chef_solo(pair: Pair) -> None:
    pair.build(
        type="chef-solo", **CHEF, cookbook_paths=["cookbooks"], remote_cookbook_paths=["/srv/cookbooks"],
        roles_path="roles", data_bags_path="data_bags", environments_path="environments",
    )  # fmt: skip
    same_for_chef(pair)
    theirs, ours = pair.names("/tmp")
    assert sorted({*theirs} ^ {*ours}) == ["/tmp/packer-chef-solo/encrypted_data_bag_secret"]
    assert "/tmp/packer-chef-solo/node.json" in ours


def test_chef_solo_is_installed(pair: Pair) -> None:
    for machine in pair.machines.values():
        machine.program("curl", "#!/bin/sh\necho 'echo installed > /installed; echo \"$*\" >> /installed'\n")
        machine.program("bash", '#!/bin/sh\nexec sh "$@"\n')
    pair.build(type="chef-solo", version="17.10.0")
    same_for_chef(pair)
    found = [(machine.root / "installed").read_text() for machine in pair.machines.values()]
    assert found == ["installed\n-v 17.10.0\n"] * 2


def test_chef_client(pair: Pair) -> None:
    pair.build(
        type="chef-client", **CHEF, server_url="https://chef.example/organizations/web",
        validation_key_path="validation.pem", ssl_verify_mode="verify_none", trusted_certs_dir="/etc/chef/certs",
    )  # fmt: skip
    same_for_chef(pair)
    assert [server_has(machine) for machine in pair.machines.values()] == [[], []]
    assert pair.names("/tmp") == [[], []]


def test_chef_client_that_stays(pair: Pair) -> None:
    pair.build(
        type="chef-client", server_url="https://chef.example/organizations/web", validation_key_path="validation.pem",
        node_name="web", policy_name="web", policy_group="prod", prevent_sudo=True, skip_install=True,
        skip_clean_node=True, skip_clean_client=True, skip_clean_staging_directory=True,
    )  # fmt: skip
    same_for_chef(pair)
    assert [server_has(machine) for machine in pair.machines.values()] == [["client-web", "node-web"]] * 2
    theirs, ours = pair.names("/tmp")
    assert sorted({*theirs} ^ {*ours}) == ["/tmp/packer-chef-client/validation.pem"]


SALT = {"type": "salt-masterless", "local_state_tree": "states", "skip_bootstrap": True}


@pytest.mark.parametrize(
    "more",
    [
        {"local_pillar_roots": "pillar", "grains_file": "grains"},
        {"remote_state_tree": "/srv/other", "remote_pillar_roots": "/srv/more", "local_pillar_roots": "pillar"},
        {"minion_config": "minion", "custom_state": "web", "log_level": "debug", "disable_sudo": True},
        {"salt_call_args": "--state-output=terse", "no_exit_on_failure": True, "salt_bin_dir": "/usr/bin"},
    ],
    ids=["usual", "elsewhere", "minion", "arguments"],
)
def test_salt(pair: Pair, more: dict[str, Any]) -> None:
    pair.build(**SALT, **more)
    assert pair.lines[0] == pair.lines[1]
    theirs, ours = pair.names("/srv", "/etc/salt", "/tmp")
    assert theirs == ours
