"""The provisioner ansible with real ansible-core: over SSH, in containers and in a directory; what goes wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.communicators.chroot import chroot_communicator, local_communicator
from hclimg.communicators.connect import connect
from hclimg.errors import CommandFailed
from hclimg.provisioners.ansible import AnsibleProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.process import processes_with
from hclimg.sdk.testing import MemoryJournal, component
from servers.containers import Containers
from servers.recording import Recording
from servers.sshd import Sshd
from servers.winrm import WinrmServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BINARY = bytes(range(256)) * 2000
PROGRAM = Path(sys.executable).with_name("ansible-playbook")
PLAY = """
- hosts: web
  gather_facts: false
  roles: [mark]
  tasks:
  - name: A file of any bytes
    ansible.builtin.copy: {src: binary, dest: "{{ top }}/binary", mode: "0640"}
  - name: Back again
    ansible.builtin.fetch: {src: "{{ top }}/binary", dest: "{{ playbook_dir }}/back", flat: true}
  - name: Somebody asks on standard input
    ansible.builtin.command: {cmd: cat, stdin: hello}
    register: said
  - ansible.builtin.assert: {that: "said.stdout == 'hello'"}
"""
ROLE = """
- name: Leave a mark
  ansible.builtin.copy:
    dest: "{{ top }}/mark"
    content: >
      {{ packer_build_name }} {{ packer_builder_type }} {{ inventory_hostname }} {{ color }} {{ group_names }}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A playbook with all that it needs: a role that Galaxy installs from an archive, and variables of a group."""
    folder = tmp_path / "site"
    for name, text in {
        "site.yml": PLAY,
        "mark/tasks/main.yml": ROLE,
        "mark/meta/main.yml": "galaxy_info: {author: a, description: b, license: MIT, min_ansible_version: '2.9'}\n",
        "inventory/group_vars/web.yml": "color: blue\n",
        "requirements.yml": f"roles:\n- {{src: 'file://{folder}/mark.tar.gz', name: mark}}\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with tarfile.open(folder / "mark.tar.gz", "w:gz") as tar:
        tar.add(folder / "mark", "mark")
    shutil.rmtree(folder / "mark")
    (folder / "binary").write_bytes(BINARY)
    return folder


def settings(site: Path, top: str, python: str) -> str:
    return (
        f'playbook_file = "{site}/site.yml"\ngroups = ["web"]\ninventory_directory = "{site}/inventory"\n'
        f'galaxy_file = "{site}/requirements.yml"\nroles_path = "{site}/roles"\n'
        f'extra_arguments = ["-e", "top={top}", "-e", "ansible_python_interpreter={python}"]\n'
    )


def check(site: Path, top: Path, *, lane: str = "test null") -> None:
    assert (top / "mark").read_text() == f"{lane} default blue ['web']\n"
    assert (top / "binary").read_bytes() == (site / "back").read_bytes() == BINARY
    assert (top / "binary").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in (site / "inventory").iterdir()] == ["group_vars"]


@pytest.mark.parametrize("way", ["", "use_proxy = false"])
def test_over_ssh(
    recorded: Callable[..., Recording], machine: Machine, sshd: Sshd, site: Path, tmp_path: Path, way: str
) -> None:
    facts = {
        "ConnType": "ssh", "Host": "127.0.0.1", "Port": sshd.port, "User": sshd.user,
        "SSHPrivateKey": sshd.key.private.reveal(),
    }  # fmt: skip
    journal = MemoryJournal()
    here = recorded(facts=facts, journal=journal)
    text = settings(site, str(tmp_path), sys.executable)
    component(AnsibleProvisioner, f"{text}{way}").provision(here.ctx, machine)
    check(site, tmp_path)
    assert sshd.logins == 1 + (way == "use_proxy = false")


def test_in_a_directory(recording: Recording, site: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    populate(root)
    machine = Machine(id="test", communicator=chroot_communicator(recording.ctx, root))
    text = settings(site, "/srv", sys.executable)
    component(AnsibleProvisioner, f"{text}use_sftp = true").provision(recording.ctx, machine)
    check(site, root / "srv")


def test_in_windows(recording: Recording, winrm: WinrmServer, tmp_path: Path) -> None:
    """wine's cmd.exe over WinRM, which Ansible itself could only reach with PowerShell on the other end."""
    config = winrm.configure()
    machine = Machine(id="test", communicator=connect(recording.ctx, config, host=config.host, port=config.port))
    (tmp_path / "p.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n  - ansible.builtin.raw: echo %OS% by ansible\n"
        "    register: said\n  - ansible.builtin.debug: {var: said.stdout_lines}\n"
    )
    text = f'playbook_file = "{tmp_path}/p.yml"\nextra_arguments = ["-e", "ansible_shell_type=cmd"]'
    component(AnsibleProvisioner, text).provision(recording.ctx, machine)
    assert any('"Windows_NT by ansible"' in line for line in recording.output)


def populate(root: Path) -> None:
    """A shell, the few programs that Ansible calls, and Python with what it needs."""
    base = Path(sys.base_prefix)
    for folder in ("tmp", "root", "etc", "dev", "srv", "bin", "usr/bin"):
        (root / folder).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "dev/null").touch()
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for name in subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True).stdout.split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    inside = root / sys.base_prefix[1:]
    unwanted = shutil.ignore_patterns("site-packages", "test", "tests", "config-*", "idlelib", "__pycache__")
    shutil.copytree(base / "lib" / version, inside / "lib" / version, ignore=unwanted, symlinks=True)
    program = Path(sys.executable).resolve()
    libraries = subprocess.run(["ldd", program, *(base / "lib" / version / "lib-dynload").glob("*.so")],
                               capture_output=True, text=True, check=True).stdout.split()  # fmt: skip
    for file in {str(program), *(word.rstrip(":") for word in libraries if word.startswith("/"))}:
        target = root / file[1:]
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    link = root / sys.executable[1:]
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(program)


def test_in_a_container(engine: Containers, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HCLIMG_HOME", str(tmp_path / "home"))
    root = tmp_path / "root"
    populate(root)
    archive = tmp_path / "python.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root, ".")
    engine.call("import", "--change", 'CMD ["/bin/sh"]', str(archive), "localhost/python:1")
    (tmp_path / "t.pkr.hcl").write_text(
        f'source "docker" "web" {{\n  docker_path = "{engine.program}"\n  image = "localhost/python:1"\n'
        "  pull = false\n  commit = true\n"
        '  run_command = ["-d", "-i", "--network", "none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]\n'
        f'}}\nbuild {{\n  sources = ["source.docker.web"]\n  provisioner "ansible" {{\n'
        f'{settings(site, "/srv", sys.executable)}user = "root"\n}}\n}}\n'
    )
    done = hclimg(tmp_path, "apply", "t.pkr.hcl")
    assert done.returncode == 0, done.stdout + done.stderr
    (image,) = engine.images() - {engine.call("image", "inspect", "--format", "{{.Id}}", "localhost/python:1")[-64:]}
    assert engine.run(image, "/bin/cat", "/srv/mark") == "web docker default blue ['web']"
    assert (site / "back").read_bytes() == BINARY


def hclimg(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hclimg", *arguments], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


# -- beside Packer ----------------------------------------------------------------

CALLED = """#!/bin/sh
[ "$1" = --version ] && { echo "ansible-playbook 2.9.6"; exit; }
for word; do
    echo "[$word]"
    case $last in -i) cat "$word" ;; esac
    last=$word
done > "called-$NAME"
"""
OLD_KEYS = "-o HostKeyAlgorithms=+ssh-rsa -o PubkeyAcceptedAlgorithms=+ssh-rsa"
"""Packer 1.6.6 knows no others, and today's OpenSSH does not take them unasked."""


def test_as_packer(sshd: Sshd, tmp_path: Path) -> None:
    """The same template: the program is called in the same way, and real Ansible leaves the same marks."""
    for name, text in {
        "called": CALLED,
        "ansible-playbook": f"#!/bin/sh\nexec {PROGRAM} \"$@\"\n",
        "p.yml": "- hosts: web\n  gather_facts: false\n  tasks:\n  - ansible.builtin.copy:\n"
        f"      dest: '{tmp_path}/mark-{{{{ lookup(\"env\", \"NAME\") }}}}'\n"
        "      content: '{{ packer_build_name }} {{ packer_builder_type }} {{ group_names }} {{ ansible_user }}'\n",
        "t.json": json.dumps({
            "builders": [{
                "type": "null", "name": "machine", "ssh_host": "127.0.0.1", "ssh_port": sshd.port,
                "ssh_username": sshd.user, "ssh_private_key_file": str(sshd.key_file),
            }],
            "provisioners": [
                {"type": "ansible", "playbook_file": "p.yml", "groups": ["web"], **more}
                for more in (
                    {"command": "./called", "empty_groups": ["db"], "extra_arguments": ["--tags", "a"]},
                    {"command": "./ansible-playbook",
                     "extra_arguments": ["-e", f"ansible_python_interpreter={sys.executable}"]},
                )
            ],
        }),
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for name, program in (("packer", ["packer", "build"]), ("hclimg", [sys.executable, "-m", "hclimg", "apply"])):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "ANSIBLE_SSH_COMMON_ARGS": OLD_KEYS, "NAME": name}
        done = subprocess.run([*program, "t.json"], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    theirs, ours = ((tmp_path / f"called-{name}").read_text() for name in ("packer", "hclimg"))
    assert alike(ours) == alike(theirs)
    assert (tmp_path / "mark-hclimg").read_text() == (tmp_path / "mark-packer").read_text()
    assert (tmp_path / "mark-hclimg").read_text() == f"machine null ['web'] {sshd.user}"


def alike(called: str) -> str:
    """Without the names of temporary files, the port, and where host keys go: with Packer to the user's own file."""
    called = re.sub(r"(ansible_port=)\d+", r"\1PORT", called)
    called = re.sub(r"'(-o IdentitiesOnly=yes)'|(-o IdentitiesOnly=yes) -o UserKnownHostsFile=[^]]+", r"\1\2", called)
    return re.sub(r"(private_key_file=|\[)/(?!.*p\.yml)[^]\n]+", r"\1FILE", called)


# -- what goes wrong --------------------------------------------------------------


@pytest.fixture
def fails(recording: Recording, tmp_path: Path) -> Callable[..., CommandFailed]:
    """A playbook with these tasks on this host; the error."""

    def run(tasks: str, settings: str = "") -> CommandFailed:
        (tmp_path / "site.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
        machine = Machine(id="test", communicator=local_communicator(recording.ctx))
        text = f'playbook_file = "{tmp_path}/site.yml"\n{settings}\nskip_version_check = true\n'
        text += f'extra_arguments = ["-e", "ansible_python_interpreter={sys.executable}"]'
        with pytest.raises(CommandFailed) as caught:
            component(AnsibleProvisioner, text).provision(recording.ctx, machine)
        return caught.value

    return run


IGNORED = "  - name: No matter\n    ansible.builtin.command: 'false'\n    ignore_errors: true\n"


def test_a_task_that_fails(fails: Callable[..., CommandFailed], tmp_path: Path) -> None:
    tasks = "  - name: Break\n    ansible.builtin.command: cat {{ item }}\n    loop: [/dev/null, /no]\n"
    error = fails(IGNORED + tasks)
    assert error.message.startswith('Ansible: the task "Break" failed on "default": non-zero return code (exit code 1)')
    assert 'No such file or directory (item "/no")' in error.message
    assert error.hint == f"The task is at {tmp_path}/site.yml:7:5."
    assert error.status == 2
    assert any("PLAY RECAP" in line for line in error.output)


def test_a_playbook_that_ansible_refuses(fails: Callable[..., CommandFailed], tmp_path: Path) -> None:
    error = fails("  - name: Break\n    no_such_module: {}\n")
    assert error.message.startswith(f"Ansible: {tmp_path}/site.yml:4:5: couldn't resolve module/action 'no_such_")


def test_a_machine_that_cannot_be_reached(
    recorded: Callable[..., Recording], machine: Machine, site: Path, held_port: Callable[[], int], tmp_path: Path
) -> None:
    here = recorded(facts={"ConnType": "ssh", "Host": "127.0.0.1", "Port": held_port(), "User": "x"})
    (tmp_path / "p.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.ping: }]\n")
    text = f'playbook_file = "{tmp_path}/p.yml"\nuse_proxy = false\nskip_version_check = true'
    with pytest.raises(CommandFailed) as caught:
        component(AnsibleProvisioner, text).provision(here.ctx, machine)
    assert caught.value.message.startswith('Ansible cannot reach "default" in the task "ansible.builtin.ping": ')
    assert "Without \"use_proxy = false\"" in caught.value.hint


@pytest.mark.parametrize("way", ["true", "false"])
def test_an_interrupt(sshd: Sshd, tmp_path: Path, way: str) -> None:
    """Nothing of Ansible is left, whatever it started."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "p.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "  - {name: Before, ansible.builtin.raw: 'true'}\n  - {name: Wait, ansible.builtin.raw: sleep 1000}\n"
    )
    (tmp_path / "t.pkr.hcl").write_text(
        f'source "null" "x" {{\n  ssh_host = "127.0.0.1"\n  ssh_port = {sshd.port}\n  ssh_username = "{sshd.user}"\n'
        f'  ssh_private_key_file = "{sshd.key_file}"\n}}\nbuild {{\n  sources = ["null.x"]\n'
        f'  provisioner "ansible" {{\n    playbook_file = "p.yml"\n    use_proxy = {way}\n  }}\n}}\n'
    )
    mine = f"MINE={tmp_path}"
    with subprocess.Popen(
        [sys.executable, "-m", "hclimg", "apply", "t.pkr.hcl"], cwd=tmp_path, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp"), "MINE": str(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines: list[str] = []
        while "TASK [Wait]" not in "".join(lines[-1:]):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait() != 0
    assert "This is a bug of hclimg" not in rest
    assert list(processes_with(mine)) == []
    assert list((tmp_path / "tmp").iterdir()) == []
