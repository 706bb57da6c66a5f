"""Ansible on the machine itself: real ansible-core over a real SSH server, and what the command line becomes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.errors import CommandFailed
from hclimg.provisioners.ansible_local import AnsibleLocalConfig, AnsibleLocalProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording

STAND_IN = '#!/bin/sh\necho "in $(pwd)"\nenv | grep ^ANSIBLE_ | sort\nfor word; do echo "[$word]"; done\n'
Run = Callable[[str], list[str]]


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    path = tmp_path / "site.yml"
    path.write_text("- hosts: all\n")
    return path


@pytest.fixture
def run(recording: Recording, machine: Machine, playbook: Path, tmp_path: Path) -> Run:
    """ansible-local with these settings and a stand-in that says how it was called; what it printed."""
    tool = tmp_path / "tool"
    tool.write_text(STAND_IN)
    tool.chmod(0o755)

    def go(settings: str) -> list[str]:
        before = len(recording.output)
        text = f'command = "{tool}"\ngalaxy_command = "{tool}"\nstaging_directory = "{tmp_path}/staging"\n{settings}'
        component(AnsibleLocalProvisioner, text).provision(recording.ctx, machine)
        return recording.output[before:]

    return go


def test_the_command_line(run: Run, playbook: Path, tmp_path: Path) -> None:
    staging = tmp_path / "staging"
    lines = run(f'playbook_file = "{playbook}"\nextra_arguments = ["--tags", "a"]\ninventory_groups = ["web", "db"]')
    assert lines == [
        f"in {staging}",
        "[site.yml]",
        "[--extra-vars]",
        "[packer_build_name=test packer_builder_type=null]",
        "[--tags]",
        "[a]",
        "[-c]",
        "[local]",
        "[-i]",
        f"[{staging}/inventory]",
    ]
    assert (staging / "inventory").read_text() == "[web]\n127.0.0.1\n[db]\n127.0.0.1\n"


def test_what_is_uploaded_and_where(run: Run, playbook: Path, tmp_path: Path) -> None:
    for name in ("mine/tasks/main.yml", "more/other.yml", "gv/all", "hv/127.0.0.1", "c/acme/tools/galaxy.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x.cfg").write_text("{}\n")
    (tmp_path / "hosts").write_text("127.0.0.1\n")
    lines = run(
        f'playbook_files = ["{playbook}"]\nplaybook_dir = "{tmp_path}/d"\nplaybook_paths = ["{tmp_path}/more"]\n'
        f'role_paths = ["{tmp_path}/mine"]\ncollection_paths = ["{tmp_path}/c"]\ngroup_vars = "{tmp_path}/gv"\n'
        f'host_vars = "{tmp_path}/hv"\ninventory_file = "{tmp_path}/hosts"'
    )
    staging = tmp_path / "staging"
    found = sorted(str(path.relative_to(staging)) for path in staging.rglob("*") if path.is_file())
    assert found == [
        "collections/ansible_collections/acme/tools/galaxy.yml", "group_vars/all", "host_vars/127.0.0.1", "hosts",
        "more/other.yml", "roles/mine/tasks/main.yml", "site.yml", "x.cfg",
    ]  # fmt: skip
    assert lines[1] == f"ANSIBLE_COLLECTIONS_PATH={staging}/collections:{staging}/galaxy_collections"
    assert lines[-1] == f"[{staging}/hosts]"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [("- src: a.b\n", ["role"]), ("roles:\n- a.b\ncollections:\n- c.d\n", ["role", "collection"]),
     ("collections: [c.d]\n", ["collection"])],
)  # fmt: skip
def test_galaxy(run: Run, playbook: Path, tmp_path: Path, text: str, kinds: list[str]) -> None:
    (tmp_path / "requirements.yml").write_text(text)
    lines = run(
        f'playbook_file = "{playbook}"\ngalaxy_file = "{tmp_path}/requirements.yml"\ngalaxy_force_install = true\n'
        "clean_staging_directory = true"
    )
    asked = [kind for kind in ("role", "collection") if f"[{kind}]" in lines]
    assert asked == kinds
    staging = tmp_path / "staging"
    assert lines[1:7] == [
        f"[{kinds[0]}]", "[install]", "[-r]", "[requirements.yml]", "[-p]", f"[{staging}/galaxy_{kinds[0]}s]",
    ]  # fmt: skip
    assert lines[7] == "[--force]"
    assert f"ANSIBLE_ROLES_PATH={staging}/galaxy_roles:{staging}/roles" in lines
    assert not staging.exists()


def test_a_machine_without_ansible(recording: Recording, machine: Machine, playbook: Path, tmp_path: Path) -> None:
    text = f'playbook_file = "{playbook}"\ncommand = "no-such-ansible"\nstaging_directory = "{tmp_path}/staging"'
    with pytest.raises(CommandFailed) as caught:
        component(AnsibleLocalProvisioner, text).provision(recording.ctx, machine)
    assert caught.value.status == 127
    assert "install ansible-core" in caught.value.hint


def test_mistakes(playbook: Path, tmp_path: Path) -> None:
    (problem,) = decoded(AnsibleLocalConfig, "")[1]
    assert "playbook_files" in problem
    text = f'playbook_file = "{playbook}"\ninventory_file = "{playbook}"\ninventory_groups = ["a"]\ngalaxy_file = "/no"'
    missing, groups = sorted(decoded(AnsibleLocalConfig, text)[1], reverse=True)
    assert missing.startswith("4: ")
    assert groups.startswith("3: Conflicting arguments")
    for folder in ("a", "b"):
        (tmp_path / folder / "role").mkdir(parents=True)
    text = f'playbook_file = "{playbook}"\nrole_paths = ["{tmp_path}/a/role", "{tmp_path}/b/role"]'
    (problem,) = decoded(AnsibleLocalConfig, text)[1]
    assert "would be the same on the machine" in problem


@pytest.mark.slow
def test_real_ansible(recording: Recording, machine: Machine, tmp_path: Path) -> None:
    role = tmp_path / "mark/tasks"
    role.mkdir(parents=True)
    (role / "main.yml").write_text(
        "- name: Leave a mark\n  ansible.builtin.copy:\n"
        '    dest: "{{ path }}"\n    content: "{{ packer_build_name }} of {{ group }}\\n"\n'
    )
    (tmp_path / "gv").mkdir()
    (tmp_path / "gv/web.yml").write_text("group: web\n")
    (tmp_path / "site.yml").write_text("- hosts: web\n  gather_facts: false\n  roles: [mark]\n")
    (tmp_path / "bad.yml").write_text(
        "- hosts: web\n  gather_facts: false\n  tasks:\n  - name: Break\n    ansible.builtin.command: 'false'\n"
    )
    program = Path(sys.executable).with_name("ansible-playbook")
    text = (
        f'command = "PYTHONUNBUFFERED=1 {program}"\nrole_paths = ["{tmp_path}/mark"]\ngroup_vars = "{tmp_path}/gv"\n'
        f'inventory_groups = ["web"]\nextra_arguments = ["-e", "path={tmp_path}/marked"]\n'
        f'staging_directory = "{tmp_path}/staging"\nclean_staging_directory = true\n'
    )
    component(AnsibleLocalProvisioner, f'{text}playbook_file = "{tmp_path}/site.yml"').provision(recording.ctx, machine)
    assert (tmp_path / "marked").read_text() == "test of web\n"
    assert not (tmp_path / "staging").exists()

    bad = component(AnsibleLocalProvisioner, f'{text}playbook_file = "{tmp_path}/bad.yml"')
    with pytest.raises(CommandFailed) as caught:
        bad.provision(recording.ctx, machine)
    assert caught.value.status == 2
    assert caught.value.message.startswith('Ansible: the task "Break" failed on "127.0.0.1": non-zero return code')
    assert any("TASK [Break]" in line for line in caught.value.output)
