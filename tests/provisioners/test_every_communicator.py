"""Every provisioner over every communicator that it supports: what it leaves in the system is the same.

``golden/left-by-PROVISIONER.txt`` lists the files that differ between the system before and after. The containers are
built by ``hclimg apply`` (image a: nothing done; image b: provisioned), as is the machine behind SSH (builder null);
no builder makes a chroot of an arbitrary directory, so there the provisioner is called by itself. The table in
docs/provisioners.md is written from what stands here (``pytest --update-golden``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
from attrs import frozen
from guest_kit import MOUNTS, forced_command, pack, unpacked

from hclimg.communicators.chroot import HostCommunicator
from hclimg.registry import Kind, Registry
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component
from image_trees import Tree, changes, tree_below, tree_of
from servers.containers import Containers
from servers.recording import Recording
from servers.sshd import Sshd
from servers.winrm import WinrmServer

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="chroot and mounts need root")

pytestmark = pytest.mark.slow


@frozen
class Work:
    """What a provisioner is to do: its settings, the files that they name, and which real software runs."""

    settings: str
    files: dict[str, str]
    real: str


MARKING = """
  tasks:
  - ansible.builtin.setup: {gather_subset: ["!all", "!min", distribution]}
  - ansible.builtin.copy: {dest: /etc/mark, content: "by ansible on {{ ansible_distribution }}\\n", mode: "0600"}
  - ansible.builtin.file: {path: /etc/settings, mode: "0640", owner: app}
  - ansible.builtin.file: {path: /etc/old, state: absent}
"""
PLAYBOOK = f"- hosts: all\n  gather_facts: false{MARKING}"
STAND_IN = "stand-in: no Chef can be installed here"
WORKS = {
    "shell": Work(
        """
        inline = [
          "echo by shell > /etc/mark", "chmod 640 /etc/settings", "rm /etc/old", "ln -s mark /etc/link",
          "install -d -o app -g app -m 750 /srv/app",
        ]
        """,
        {}, "the machine's sh",
    ),
    "file": Work(
        """
        source      = "tree/"
        destination = "/srv"
        """,
        {"tree/a": "a\n", "tree/sub/b": "b\n"}, "–",
    ),
    "python": Work(
        """
        inline = [
          "import os, pathlib", "pathlib.Path('/etc/mark').write_text('by python\\\\n')",
          "os.chmod('/etc/settings', 0o640)", "os.remove('/etc/old')",
        ]
        """,
        {}, "Python 3.11",
    ),
    "ansible-local": Work(
        """
        playbook_file           = "site.yml"
        command                 = "/opt/ansible/ansible-playbook"
        clean_staging_directory = true
        """,
        {"site.yml": PLAYBOOK}, "ansible-core 2.19",
    ),
    "puppet-masterless": Work(
        """
        manifest_file           = "site.pp"
        prevent_sudo            = true
        clean_staging_directory = true
        """,
        {"site.pp": """
file { '/etc/mark': content => "by puppet on ${facts['os']['name']}\\n", mode => '0600' }
file { '/etc/settings': mode => '0640', owner => 'app' }
file { '/etc/old': ensure => absent }
"""}, "Debian's Puppet 7",
    ),
    "puppet-server": Work(
        """
        puppet_server    = "puppet.example"
        puppet_node      = "web"
        client_cert_path = "certs"
        puppet_bin_dir   = "/opt/stand-in"
        prevent_sudo     = true
        """,
        {"certs/web.pem": "certificate\n"}, "stand-in: no server",
    ),
    "salt-masterless": Work(
        """
        local_state_tree = "states"
        skip_bootstrap   = true
        disable_sudo     = true
        salt_bin_dir     = "/opt/salt"
        """,
        {"states/top.sls": "base:\n  '*':\n    - mark\n", "states/mark.sls": """
/etc/mark:
  file.managed:
    - contents: by salt on {{ grains['os'] }}
    - mode: "0600"
/etc/settings:
  file.managed:
    - replace: false
    - mode: "0640"
    - user: app
/etc/old:
  file.absent: []
"""}, "Salt 3008",
    ),
    "chef-solo": Work(
        """
        cookbook_paths  = ["cookbooks"]
        run_list        = ["base"]
        skip_install    = true
        prevent_sudo    = true
        execute_command = "/opt/stand-in/chef-solo --no-color -c {{.ConfigPath}} -j {{.JsonPath}}"
        """,
        {"cookbooks/base/recipes/default.rb": "# nothing\n"}, STAND_IN,
    ),
    "chef-client": Work(
        """
        server_url             = "https://chef.example/organizations/web"
        node_name              = "web"
        validation_key_path    = "validation.pem"
        validation_client_name = "web-validator"
        run_list               = ["base"]
        skip_install           = true
        prevent_sudo           = true
        execute_command        = "/opt/stand-in/chef-client --no-color -c {{.ConfigPath}} -j {{.JsonPath}}"
        knife_command          = "/opt/stand-in/knife {{.Args}} {{.Flags}}"
        """,
        {"validation.pem": "validator\n"}, STAND_IN,
    ),
}
OTHERS = {
    "etc/lvm*": "Salt asks this host's lvm for its volumes, where there is one",
    "run/lock*": "the same",
    "var/cache/puppet/reports/*": "named after the host and the minute",
}
"""Patterns of paths that appear on some hosts only, with the reason: not looked at."""
UNSTEADY = {
    "etc/salt/minion_id": "the name of the host",
    "var/cache/salt/minion/*": "caches with times in them",
    "var/lib/puppet/*": "reports and state with times in them",
    "var/cache/puppet/*": "the same",
}
"""Patterns of paths whose content is different each time, with the reason: only their modes and owners are compared."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(tmp_path_factory.mktemp("guest") / "guest.tar")


@pytest.fixture
def work(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Work]:
    monkeypatch.chdir(tmp_path)
    found = WORKS[request.param]
    for name, text in found.files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return request.param, found


def hclimg(folder: Path, source: str, provisioner: str, env: dict[str, str]) -> None:
    (folder / "t.pkr.hcl").write_text(f'{source}\nbuild {{\nsources = ["source.{_kind(source)}.it"]\n{provisioner}\n}}\n')
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", "apply", "-force", "t.pkr.hcl"], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(folder / ".hclimg"), **env},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _kind(source: str) -> str:
    return source.split('"')[1]


def _block(name: str, work: Work) -> str:
    return f'provisioner "{name}" {{\n{work.settings}\n}}'


# -- the machines -----------------------------------------------------------------


def over_ssh(request: pytest.FixtureRequest, archive: Path, folder: Path, name: str, work: Work) -> tuple[Tree, Tree]:
    with unpacked(archive, folder / "root", MOUNTS) as root:
        command = forced_command(root, folder / "inside")
        sshd: Sshd = request.getfixturevalue("sshd_factory")(extra=f"ForceCommand {command}\n")
        before = tree_below(root.path)
        source = (
            f'source "null" "it" {{\nssh_host = "127.0.0.1"\nssh_port = {sshd.port}\nssh_username = "{sshd.user}"\n'
            f'ssh_private_key_file = "{sshd.key_file}"\n}}'
        )
        hclimg(folder, source, _block(name, work), {})
        return before, tree_below(root.path)


def in_a_chroot(request: pytest.FixtureRequest, archive: Path, folder: Path, name: str, work: Work) -> tuple[Tree, Tree]:
    recording: Recording = request.getfixturevalue("recording")
    with unpacked(archive, folder / "root", MOUNTS) as root:
        before = tree_below(root.path)
        cls = Registry().load(Kind.PROVISIONER, name)
        assert cls is not None
        communicator = HostCommunicator("chroot", recording.ctx, root.path, root.inside(), clean=True)
        component(cls, work.settings).provision(recording.ctx, Machine(id="it", communicator=communicator))
        return before, tree_below(root.path)


def in_a_container(request: pytest.FixtureRequest, archive: Path, folder: Path, name: str, work: Work) -> tuple[Tree, Tree]:
    engine: Containers = request.getfixturevalue(request.node.callspec.params["communicator"])
    engine.call("import", str(archive), "localhost/guest:1")
    volumes = ", ".join(f'"{source}" = "{target}:ro"' for source, target in MOUNTS.items())
    source = (
        f'source "docker" "it" {{\ndocker_path = "{engine.program}"\nimage = "localhost/guest:1"\npull = false\n'
        'run_command = ["-d", "-i", "--network", "none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]\n'
        f'volumes = {{ {volumes} }}\nexport_path = "image.tar"\n}}'
    )
    trees = []
    for provisioner in ("", _block(name, work)):
        hclimg(folder, source, provisioner, engine.env)
        with tarfile.open(folder / "image.tar") as tar:
            trees.append(tree_of(tar))
    return trees[0], trees[1]


MACHINES: dict[str, Callable[..., tuple[Tree, Tree]]] = {
    "ssh": over_ssh, "chroot": in_a_chroot, "docker": in_a_container, "podman": in_a_container,
}  # fmt: skip


@pytest.mark.parametrize("communicator", MACHINES)
@pytest.mark.parametrize("work", WORKS, indirect=True)
def test_what_is_left(
    request: pytest.FixtureRequest, archive: Path, tmp_path: Path, work: tuple[str, Work], communicator: str,
    golden: Callable[[str, str], None],
) -> None:  # fmt: skip
    before, after = MACHINES[communicator](request, archive, tmp_path, *work)
    golden(f"left-by-{work[0]}.txt", changes(_without(before), _without(after), UNSTEADY))


def _without(tree: Tree) -> Tree:
    return {path: entry for path, entry in tree.items() if not any(fnmatch(path, pattern) for pattern in OTHERS)}
