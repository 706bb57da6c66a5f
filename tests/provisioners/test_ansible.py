"""The provisioner ansible: what its settings become for the program, with a stand-in that says how it was called."""

from __future__ import annotations

import json
from collections.abc import Callable
from getpass import getuser
from pathlib import Path

import pytest

from hclimg.errors import CommandFailed, MissingProgram
from hclimg.provisioners.ansible import AnsibleConfig, AnsibleProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import MemoryJournal, component, decoded
from hclimg.sdk.testing import recording as a_recording
from servers.recording import Recording
from servers.sshd import Sshd

# Says how it was called, and what is in the files that it was given.
STAND_IN = r"""#!/bin/sh
[ "$1" = --version ] && { echo "ansible-playbook [core 2.16.3]"; exit; }
echo "in $(pwd)"
env | grep -e ^ANSIBLE_ -e ^MINE | sort
for word; do
    echo "[$word]"
    case $word in
    @*) echo "$(stat -c %a "${word#@}") $(cat "${word#@}")" ;;
    ansible_ssh_private_key_file=*) stat -c "key %a" "${word#*=}"; head -n 1 "${word#*=}" ;;
    esac
    case $last in -i) stat -c "inventory %a" "$word"; cat "$word" ;; esac
    last=$word
done
exit ${ENDS:-0}
"""
Run = Callable[..., list[str]]


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    path = tmp_path / "site.yml"
    path.write_text("- hosts: all\n")
    return path


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / "tool"
    path.write_text(STAND_IN)
    path.chmod(0o755)
    return path


@pytest.fixture
def run(machine: Machine, playbook: Path, tool: Path, tmp_path: Path) -> Run:
    """The provisioner with these settings and facts of the machine; what the stand-in printed. Nothing is left."""

    def go(settings: str, **facts: object) -> list[str]:
        journal = MemoryJournal()
        text = f'playbook_file = "{playbook}"\ncommand = "{tool}"\ngalaxy_command = "{tool}"\n{settings}'
        with a_recording(tmp_path, facts=facts, journal=journal) as here:
            component(AnsibleProvisioner, text).provision(here.ctx, machine)
            said = here.output
        assert journal.left == []
        return said

    return go


def words(lines: list[str]) -> list[str]:
    return [line[1:-1] for line in lines if line.startswith("[") and line.endswith("]")]


def after(lines: list[str], start: str) -> list[str]:
    return lines[lines.index(start) + 1 :]


def test_through_hclimg(run: Run, playbook: Path) -> None:
    lines = run('extra_arguments = ["--tags", "a"]\ngroups = ["web", "db"]\nempty_groups = ["none"]\nlimit = "web"')
    assert lines[0] == f"in {Path.cwd()}"
    given = words(lines)
    ssh = given[5]
    assert ssh.startswith("-o IdentitiesOnly=yes -o UserKnownHostsFile=/")
    key, inventory = given[11].partition("=")[2], given[13]
    assert given[:6] == ["-e", 'packer_build_name="test"', "-e", "packer_builder_type=null", "--ssh-extra-args", ssh]
    assert given[6:12] == ["--limit", "web", "--tags", "a", "-e", f"ansible_ssh_private_key_file={key}"]
    assert given[12] == "-i"
    assert given[-1] == str(playbook)
    assert after(lines, f"[ansible_ssh_private_key_file={key}]")[:2] == [
        "key 600", "-----BEGIN OPENSSH PRIVATE KEY-----",
    ]  # fmt: skip
    mode, line, *groups = after(lines, f"[{inventory}]")[:7]
    assert mode == "inventory 600"
    assert line.startswith(f"default ansible_host=127.0.0.1 ansible_user={getuser()} ansible_port=")
    assert groups == ["[web]", line, "[db]", line, "[none]"]
    assert "ANSIBLE_HOST_KEY_CHECKING=False" in lines
    assert "ANSIBLE_SCP_IF_SSH=True" in lines
    assert "ANSIBLE_SSH_TRANSFER_METHOD=piped" in lines
    assert not Path(key).parent.exists()


SSH = {"ConnType": "ssh", "Host": "192.0.2.7", "Port": 2222, "User": "ann", "Password": "opensesame"}


def test_directly_with_a_key(run: Run) -> None:
    lines = run("use_proxy = false", SSHPrivateKey="-----BEGIN KEY-----\nabc", **SSH)
    assert "-----BEGIN KEY-----" in lines
    assert "default ansible_host=192.0.2.7 ansible_user=ann ansible_port=2222" in lines
    assert not any("opensesame" in line for line in lines)
    assert "ANSIBLE_SSH_TRANSFER_METHOD=piped" not in lines


def test_directly_with_a_password(run: Run) -> None:
    lines = run('use_proxy = false\nuser = "bob"', **SSH)
    (secrets,) = [word for word in words(lines) if word.startswith("@")]
    assert after(lines, f"[{secrets}]")[0] == '600 {"ansible_password": "opensesame"}'
    assert "default ansible_host=192.0.2.7 ansible_user=bob ansible_port=2222" in lines
    assert not any("opensesame" in word for word in words(lines))


def test_a_password_that_the_template_gives(run: Run) -> None:
    lines = run('use_proxy = false\nextra_arguments = ["-e", "ansible_password={{ build `Password` }}"]', **SSH)
    assert "ansible_password=opensesame" in words(lines)
    assert not any(word.startswith("@") for word in words(lines))


@pytest.mark.parametrize(
    ("setting", "scheme"), [("", ""), ("ansible_winrm_use_http = true", " ansible_winrm_scheme=http")]
)
def test_directly_by_winrm(run: Run, setting: str, scheme: str) -> None:
    lines = run(f"use_proxy = false\n{setting}", **{**SSH, "ConnType": "winrm", "Port": 5985})
    assert (
        f"default ansible_host=192.0.2.7 ansible_connection=winrm ansible_winrm_transport=basic{scheme} "
        "ansible_shell_type=powershell ansible_user=ann ansible_port=5985"
    ) in lines
    assert "--ssh-extra-args" not in words(lines)
    assert any(json.dumps({"ansible_password": "opensesame"}) in line for line in lines)


@pytest.mark.parametrize("facts", [{"ConnType": "docker", "Host": ""}, {"ConnType": "chroot", "Host": "x"}, {}])
def test_a_machine_that_only_hclimg_reaches(run: Run, facts: dict[str, object]) -> None:
    lines = run("use_proxy = false", **facts)
    assert any(line.startswith("default ansible_host=127.0.0.1 ") for line in lines)


def test_inventories(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    folder.mkdir()
    template = r'inventory_file_template = "{{ .HostAlias }} at={{ .Host }} as={{ .User }}"'
    lines = run(f'host_alias = "web1"\nuser = "root"\ninventory_directory = "{folder}"\n{template}')
    assert lines[-2:] == ["web1 at=127.0.0.1 as=root", f"[{tmp_path}/site.yml]"]
    assert words(lines)[-2].startswith(f"{folder}/hclimg-ansible-")
    assert list(folder.iterdir()) == []
    run(f'inventory_directory = "{folder}"\nkeep_inventory_file = true')
    (kept,) = folder.iterdir()
    assert kept.read_text().startswith("default ansible_host=127.0.0.1 ")
    assert words(run(f'inventory_file = "{kept}"'))[-2] == str(kept)
    assert words(run('inventory_file = "a,b,"\nlimit = "a"'))[-2] == "a,b,"


def test_settings_of_the_server(run: Run, sshd: Sshd) -> None:
    (sshd.folder / "client.pub").write_text(sshd.key.public)
    lines = run(
        f'ssh_host_key_file = "{sshd.folder}/host_key"\nssh_authorized_key_file = "{sshd.folder}/client.pub"\n'
        'ansible_ssh_extra_args = ["-o A=b", "-o C=d"]\nsftp_command = "sftp-server"'
    )
    assert not any("ansible_ssh_private_key_file" in word for word in words(lines))
    (extra,) = [word for word in words(lines) if "UserKnownHostsFile" in word]
    assert extra.startswith("-o A=b -o C=d -o UserKnownHostsFile=/")
    assert "ANSIBLE_SSH_TRANSFER_METHOD=piped" not in lines
    assert "ANSIBLE_SSH_TRANSFER_METHOD=sftp" in run('use_sftp = true\nansible_proxy_key_type = "RSA"')


def test_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANSIBLE_SSH_TRANSFER_METHOD", "scp")
    monkeypatch.setenv("ANSIBLE_ROLES_PATH", "/mine")
    lines = run(
        'ansible_env_vars = ["ANSIBLE_HOST_KEY_CHECKING=True", "MINE={{ build `ID` }}"]\nroles_path = "/tmp/r"\n'
        'collections_path = "/tmp/c"',
        ID="i-1",
        PackerHTTPAddr="10.0.2.2:8080",
    )
    assert {"ANSIBLE_HOST_KEY_CHECKING=True", "MINE=i-1", "ANSIBLE_SSH_TRANSFER_METHOD=scp"} <= set(lines)
    assert "ANSIBLE_ROLES_PATH=/tmp/r:/mine" in lines
    assert (
        "ANSIBLE_COLLECTIONS_PATH=/tmp/c:~/.ansible/collections:/usr/share/ansible/collections" in lines
    )
    assert "packer_http_addr=10.0.2.2:8080" in words(lines)


def test_the_places_of_ansible_cfg(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\nroles_path = shared:/srv/%(roles)s\n")
    monkeypatch.chdir(tmp_path)
    assert f"ANSIBLE_ROLES_PATH=/tmp/r:{tmp_path}/shared:/srv/%(roles)s" in run('roles_path = "/tmp/r"')


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("- src: a.b\n", [["install"]]),
        ("---\nroles:\n- a.b\ncollections:\n- c.d\n", [["install"], ["collection", "install"]]),
        ('{"collections": ["c.d"]}', [["collection", "install"]]),
    ],
)
def test_galaxy(run: Run, tmp_path: Path, text: str, calls: list[list[str]]) -> None:
    file = tmp_path / "requirements.yml"
    file.write_text(text)
    places = {"install": "/tmp/r", "collection": "/tmp/c"}
    lines = run(
        f'galaxy_file = "{file}"\ngalaxy_force_install = true\ngalaxy_force_with_deps = true\n'
        'roles_path = "/tmp/r"\ncollections_path = "/tmp/c"'
    )
    wanted = [
        word
        for call in calls
        for word in (*call, "-r", str(file), "-f", "--force-with-deps", "-p", places[call[0]])
    ]
    given = words(lines)
    assert given[: len(wanted)] == wanted
    assert given[len(wanted)] == "-e"


def test_a_version(playbook: Path, recording: Recording, machine: Machine, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] || exit 0\necho "ansible-playbook 1.9.4"\n')
    old.chmod(0o755)
    text = f'playbook_file = "{playbook}"\ncommand = "{old}"'
    with pytest.raises(CommandFailed, match=r"is Ansible 1\.9; hclimg needs 2\.0 or newer"):
        component(AnsibleProvisioner, text).provision(recording.ctx, machine)
    component(AnsibleProvisioner, f"{text}\nskip_version_check = true").provision(recording.ctx, machine)


def test_no_ansible_here(
    recording: Recording, machine: Machine, playbook: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram) as caught:
        component(AnsibleProvisioner, f'playbook_file = "{playbook}"').provision(recording.ctx, machine)
    assert '"ansible-playbook" is not installed' in caught.value.message
    assert "pip install ansible-core" in caught.value.hint


def test_an_end_that_says_nothing(run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run('ansible_env_vars = ["ENDS=2"]')
    assert caught.value.message.endswith("tool ended with exit code 2.")
    assert "A task failed" in caught.value.hint
    assert len(caught.value.output) == 20


# -- mistakes ---------------------------------------------------------------------


def test_files_that_are_not_there(playbook: Path, tmp_path: Path) -> None:
    lines = (
        'playbook_file = "/no/site.yml"', 'galaxy_file = "/no/requirements.yml"', 'inventory_file = "/no/hosts"',
        'inventory_directory = "/no/inventory"', 'ssh_host_key_file = "/no/key"',
        f'ssh_authorized_key_file = "{tmp_path}"',
    )  # fmt: skip
    problems = decoded(AnsibleConfig, "\n".join(lines))[1]
    assert sorted(problem.split(":")[0] for problem in problems if "without effect" not in problem) == list("123456")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- hosts: all\n  tasks:\n   - name: a\n    shell: b\n", r"site.yml:4:5: did not find expected"),
        ("hosts: all\n", "a playbook is a list of plays"),
        ("", "a playbook is a list of plays"),
        ("- hosts: all\n  roles: [a.b.c, '{{ x }}', here, gone]\n", r'site.yml:2 names the role "gone"'),
        ("- hosts: all\n  roles:\n  - role: here\n  - {name: gone, tags: x}\n", r'site.yml:4 names the role "gone"'),
    ],
)
def test_a_playbook_that_is_wrong(playbook: Path, text: str, problem: str) -> None:
    playbook.write_text(text)
    (playbook.parent / "roles/here").mkdir(parents=True)
    (found,) = decoded(AnsibleConfig, f'playbook_file = "{playbook}"')[1]
    assert problem in found


def test_a_playbook_with_tags_of_its_own(playbook: Path) -> None:
    playbook.write_text("- hosts: all\n  vars: {a: !vault x, b: !unsafe '{{ c }}'}\n")
    assert decoded(AnsibleConfig, f'playbook_file = "{playbook}"')[1] == []


def test_what_has_no_effect(playbook: Path) -> None:
    text = (
        f'playbook_file = "{playbook}"\nuse_proxy = false\nlocal_port = 1\ngroups = ["a"]\n'
        f'inventory_file = "{playbook}"\ngalaxy_force_install = true'
    )
    problems = decoded(AnsibleConfig, text)[1]
    assert [problem.partition(";")[0] for problem in problems] == [
        "3: Argument without effect", "4: Argument without effect", "6: Argument without effect",
    ]  # fmt: skip


def test_settings_that_are_wrong(playbook: Path) -> None:
    text = f'playbook_file = "{playbook}"\nlocal_port = 70000\nansible_env_vars = ["a b=c"]'
    problems = decoded(AnsibleConfig, text)[1]
    assert [problem.split(":")[0] for problem in problems] == ["2", "3"]
    (kind,) = decoded(AnsibleConfig, f'playbook_file = "{playbook}"\nansible_proxy_key_type = "DSA"')[1]
    assert '"ECDSA"' in kind
