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
from typing import Any

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
    "ansible": Work(
        """
        playbook_file = "site.yml"
        command       = "COMMAND"
        """.replace("COMMAND", str(Path(sys.executable).with_name("ansible-playbook"))),
        {"site.yml": PLAYBOOK}, "ansible-core 2.19",
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
    "hcp-sbom": Work('auto_generate = true\nscan_path = "/srv/scan"\ndestination = "sbom.json"', {}, "–"),
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


@pytest.fixture(scope="module")
def untouched() -> dict[str, Tree]:
    """Image a of each engine."""
    return {}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def hclimg(folder: Path, source: str, provisioner: str) -> None:
    kind = source.split('"')[1]
    (folder / "t.pkr.hcl").write_text(f'{source}\nbuild {{\nsources = ["source.{kind}.it"]\n{provisioner}\n}}\n')
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", "apply", "-force", "t.pkr.hcl"], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(folder / ".hclimg")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


# -- the machines -----------------------------------------------------------------


@frozen
class Trial:
    """One provisioner on one kind of machine. ``fixture`` gives what the kind needs."""

    name: str
    communicator: str
    archive: Path
    folder: Path
    fixture: Callable[[str], Any]

    @property
    def block(self) -> str:
        return f'provisioner "{self.name}" {{\n{WORKS[self.name].settings}\n}}'


def over_ssh(trial: Trial) -> tuple[Tree, Tree]:
    with unpacked(trial.archive, trial.folder / "root", MOUNTS) as root:
        command = forced_command(root, trial.folder / "inside")
        sshd: Sshd = trial.fixture("sshd_factory")(extra=f"ForceCommand {command}\n")
        before = tree_below(root.path)
        source = (
            f'source "null" "it" {{\nssh_host = "127.0.0.1"\nssh_port = {sshd.port}\nssh_username = "{sshd.user}"\n'
            f'ssh_private_key_file = "{sshd.key_file}"\n}}'
        )
        hclimg(trial.folder, source, trial.block)
        return before, tree_below(root.path)


def in_a_chroot(trial: Trial) -> tuple[Tree, Tree]:
    recording: Recording = trial.fixture("recording")
    with unpacked(trial.archive, trial.folder / "root", MOUNTS) as root:
        before = tree_below(root.path)
        cls = Registry().load(Kind.PROVISIONER, trial.name)
        assert cls is not None
        communicator = HostCommunicator("chroot", recording.ctx, root.path, root.inside(), clean=True)
        machine = Machine(id="it", communicator=communicator)
        component(cls, WORKS[trial.name].settings).provision(recording.ctx, machine)
        return before, tree_below(root.path)


def in_a_container(trial: Trial) -> tuple[Tree, Tree]:
    engine: Containers = trial.fixture(trial.communicator)
    engine.call("import", str(trial.archive), "localhost/guest:1")
    untouched: dict[str, Tree] = trial.fixture("untouched")
    if engine.program not in untouched:
        untouched[engine.program] = exported(trial.folder, engine, "")
    return untouched[engine.program], exported(trial.folder, engine, trial.block)


def exported(folder: Path, engine: Containers, provisioner: str) -> Tree:
    volumes = ", ".join(f'"{source}" = "{target}:ro"' for source, target in MOUNTS.items())
    source = (
        f'source "docker" "it" {{\ndocker_path = "{engine.program}"\nimage = "localhost/guest:1"\npull = false\n'
        'run_command = ["-d", "-i", "--network", "none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]\n'
        f'volumes = {{ {volumes} }}\nexport_path = "image.tar"\n}}'
    )
    hclimg(folder, source, provisioner)
    with tarfile.open(folder / "image.tar") as tar:
        return tree_of(tar)


MACHINES: dict[str, Callable[[Trial], tuple[Tree, Tree]]] = {
    "ssh": over_ssh, "chroot": in_a_chroot, "docker": in_a_container, "podman": in_a_container,
}  # fmt: skip


@pytest.mark.slow
@AS_ROOT
@pytest.mark.parametrize("communicator", MACHINES)
@pytest.mark.parametrize("name", WORKS)
def test_what_is_left(
    request: pytest.FixtureRequest, archive: Path, tmp_path: Path, name: str, communicator: str,
    golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write(tmp_path, WORKS[name].files)
    trial = Trial(name, communicator, archive, tmp_path, request.getfixturevalue)
    before, after = MACHINES[communicator](trial)
    golden(f"left-by-{name}.txt", changes(_without(before), _without(after), UNSTEADY))


def _without(tree: Tree) -> Tree:
    return {path: entry for path, entry in tree.items() if not any(fnmatch(path, pattern) for pattern in OTHERS)}


# -- Windows ----------------------------------------------------------------------

WINDOWS = {
    "file": Work('source = "tree/"\ndestination = "marked"', {"tree/mark": "by hclimg\r\n"}, "–"),
    "windows-shell": Work('inline = ["mkdir marked", "echo by hclimg>marked\\\\mark"]', {}, "wine's cmd.exe"),
    "python": Work(
        'where = "host"\nscript = "mark.py"',
        {"mark.py": 'machine.run("mkdir marked")\nmachine.run("echo by hclimg>marked\\\\mark")\n'}, "on this host",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", WINDOWS)
def test_over_winrm(winrm: WinrmServer, name: str, tmp_path: Path) -> None:
    """cmd.exe and files are wine's."""
    write(tmp_path, WINDOWS[name].files)
    block = f'provisioner "{name}" {{\n{WINDOWS[name].settings}\n}}'
    hclimg(tmp_path, f'source "null" "it" {{\n{winrm.template}\n}}', block)
    assert (winrm.folder / "marked/mark").read_text().strip() == "by hclimg"


# -- the table --------------------------------------------------------------------

POSIX = "needs a POSIX shell"
LOCAL = {
    "shell-local": "runs on this host, with any communicator", "sleep": "does nothing on the machine",
    "breakpoint": "does nothing on the machine",
}  # fmt: skip
"""Provisioners that do not talk to the machine."""
ELSEWHERE = {
    "ansible": ("the inventory only", "Ansible itself speaks WinRM"),
    "ansible-local": (POSIX, ""), "shell": (POSIX, ""),
    "powershell": ("✓", "commands and files over wine; no PowerShell here: a parser reads the scripts"),
    "windows-restart": ("✓", "stand-in that goes down and comes back"),
    "salt-masterless": ("✓", "stand-in on Windows"),
    "chef-solo": ("✓", "stand-in on Windows"),
    "chef-client": ("✓", "stand-in on Windows"),
    "puppet-masterless": ("✓", "stand-in on Windows"),
    "puppet-server": ("✓", "the command as another user's task on Windows"),
    "hcp-sbom": ("reads databases of Linux", ""),
}
"""What is to be said of winrm where nothing runs here; with ✓ other tests of this directory are about it."""
BEGIN, END = "<!-- table: written by tests/provisioners/test_every_communicator.py -->\n", "<!-- end of the table -->\n"


def row(name: str) -> list[str]:
    if name in LOCAL:
        return [f"`{name}`", *["–"] * (len(MACHINES) + 1), LOCAL[name]]
    here = WORKS.get(name)
    windows, more = ("✓", WINDOWS[name].real) if name in WINDOWS else ELSEWHERE[name]
    real = "; ".join(dict.fromkeys(text for text in (here.real if here else "", more) if text not in ("", "–")))
    cells = ["✓"] * len(MACHINES) if here else ["✓ OpenSSH of Windows", *["–"] * (len(MACHINES) - 1)]
    return [f"`{name}`", *cells, windows, real or "–"]


def table() -> str:
    heading = ["provisioner", *MACHINES, "winrm", "what ran"]
    names = Registry().names(Kind.PROVISIONER)
    rows = [heading, ["---"] * len(heading), *(row(name) for name in sorted(names))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def test_the_table_of_the_docs(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs/provisioners.md"
    before, _, rest = page.read_text().partition(BEGIN)
    stands, _, after = rest.partition(END)
    if request.config.getoption("--update-golden"):
        page.write_text(f"{before}{BEGIN}{table()}{END}{after}")
        return
    assert stands == table()
