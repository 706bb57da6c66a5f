"""salt-masterless: real Salt over a real SSH server, and the commands and files that a stand-in sees."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.communicators.connect import connect
from hclimg.errors import BuildError, CommandFailed
from hclimg.provisioners.salt_masterless import SaltMasterlessConfig, SaltMasterlessProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import check_component, component, decoded
from servers.recording import Recording
from servers.rooted import Rooted
from servers.sshd import Sshd

# A salt-call that says how it was called, and ends as it is told.
STAND_IN = """#!/bin/sh
for word; do echo "[$word]"; done
[ ! -e "$(dirname "$0")/fails" ] || exit 2
"""
Run = Callable[..., list[str]]


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "salt-call").write_text(STAND_IN)
    (folder / "salt-call").chmod(0o755)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "states"
    folder.mkdir()
    (folder / "top.sls").write_text("base:\n  '*':\n    - mark\n")
    (folder / "mark.sls").write_text(
        f"mark:\n  file.managed:\n    - name: {tmp_path}/marked\n"
        "    - contents: by salt for {{ pillar['role'] }} {{ grains.get('place', '') }}\n"
    )
    return folder


@pytest.fixture
def pillar(tmp_path: Path) -> Path:
    folder = tmp_path / "pillar"
    folder.mkdir()
    (folder / "top.sls").write_text("base:\n  '*':\n    - roles\n")
    (folder / "roles.sls").write_text("role: web\n")
    return folder


@pytest.fixture
def run(recording: Recording, machine: Machine, stand_in: Path, tree: Path, tmp_path: Path) -> Run:
    """salt-masterless with these settings; what it printed. Nothing is written outside the test's directory."""

    def go(settings: str = "", program: Path = stand_in) -> list[str]:
        before = len(recording.output)
        text = (
            f'local_state_tree = "{tree}"\nsalt_bin_dir = "{program}"\ntemp_config_dir = "{tmp_path}/temporary"\n'
            f'remote_state_tree = "{tmp_path}/srv/salt"\nremote_pillar_roots = "{tmp_path}/srv/pillar"\n{settings}'
        )
        component(SaltMasterlessProvisioner, text).provision(recording.ctx, machine)
        return recording.output[before:]

    return go


SKIP = "skip_bootstrap = true\n"


def test_the_command_line(run: Run, pillar: Path, tmp_path: Path) -> None:
    assert run(f'{SKIP}local_pillar_roots = "{pillar}"') == [
        "[--local]", "[state.highstate]", f"[--file-root={tmp_path}/srv/salt]",
        f"[--pillar-root={tmp_path}/srv/pillar]", "[--retcode-passthrough]", "[-l]", "[info]",
    ]  # fmt: skip
    assert (tmp_path / "srv/salt/mark.sls").exists()
    assert (tmp_path / "srv/pillar/roles.sls").read_text() == "role: web\n"
    assert list((tmp_path / "temporary").iterdir()) == []
    lines = run(
        f'{SKIP}custom_state = "a,b"\nlog_level = "debug"\nsalt_call_args = "--state-output=terse saltenv=dev"\n'
        "no_exit_on_failure = true"
    )
    assert lines == [
        "[--local]", "[state.sls]", "[a,b]", f"[--file-root={tmp_path}/srv/salt]",
        f"[--pillar-root={tmp_path}/srv/pillar]", "[-l]", "[debug]", "[--state-output=terse]", "[saltenv=dev]",
    ]  # fmt: skip


def test_what_the_machine_has_stays(run: Run, tmp_path: Path) -> None:
    there = tmp_path / "srv/salt"
    there.mkdir(parents=True)
    (there / "own.sls").write_text("{}\n")
    (there / "mark.sls").write_text("old\n")
    run(SKIP)
    assert sorted(path.name for path in there.iterdir()) == ["mark.sls", "own.sls", "top.sls"]
    assert "by salt" in (there / "mark.sls").read_text()


def test_exit_codes(run: Run, stand_in: Path, tmp_path: Path) -> None:
    (stand_in / "fails").touch()
    with pytest.raises(CommandFailed) as caught:
        run(SKIP)
    assert caught.value.message == "Salt ended with exit code 2."
    assert caught.value.output[-1] == "[info]"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_machine_without_salt(run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run(SKIP, Path("/nowhere"))
    assert "leave out skip_bootstrap" in caught.value.hint
    with pytest.raises(CommandFailed):
        run(f"{SKIP}no_exit_on_failure = true", Path("/nowhere"))


@pytest.fixture
def formula(tmp_path: Path) -> Path:
    """A repository with a formula of two versions."""
    folder = tmp_path / "web-formula"
    (folder / "web").mkdir(parents=True)
    (folder / "docs").mkdir()
    (folder / "docs/README").touch()
    who = {f"GIT_{who}_{what}": "me@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(folder), *arguments], check=True, env={**os.environ, **who})

    git("init", "-q", "-b", "main")
    for version in ("one", "two"):
        (folder / "web/init.sls").write_text(f"# {version}\n")
        git("add", ".")
        git("commit", "-q", "-m", version)
        git("tag", f"v-{version}")
    return folder


def commit_of(repository: Path, name: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), "rev-parse", name], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_formulas(run: Run, formula: Path, tree: Path, tmp_path: Path, recording: Recording) -> None:
    there = tmp_path / "srv/salt/web/init.sls"
    for ref, version in (("", "two"), ("?ref=v-one", "one"), ("?ref=main", "two")):
        run(f'{SKIP}formulas = ["git::file://{formula}//web{ref}"]')
        assert there.read_text() == f"# {version}\n"
    for name in (commit_of(formula, "v-one"), commit_of(formula, "v-one")[:10]):
        run(f'{SKIP}formulas = ["{formula}//web?ref=v-two"]')
        run(f'{SKIP}formulas = ["{formula}//web?ref={name}"]')
        assert there.read_text() == "# one\n"
    assert not (tree / "web").exists()
    assert list(recording.ctx.run.directory.glob("salt-*")) == []
    (tree / "web").mkdir()
    (tree / "web/init.sls").write_text("# own\n")
    run(f'{SKIP}formulas = ["{formula}//web"]')
    assert there.read_text() == "# own\n"
    assert f"The formula web is in {tree} already" in recording.said


def test_formulas_that_cannot_be_fetched(run: Run, formula: Path) -> None:
    with pytest.raises(BuildError, match=r'The formula "web" cannot be fetched from .*: .*no-such-branch'):
        run(f'{SKIP}formulas = ["{formula}//web?ref=no-such-branch"]')
    with pytest.raises(BuildError, match='has no directory "wbe"; it has docs, web'):
        run(f'{SKIP}formulas = ["{formula}//wbe"]')
    with pytest.raises(BuildError, match=r"cannot be fetched from /no/such"):
        run(f'{SKIP}formulas = ["/no/such//web"]')


def test_contract(tree: Path) -> None:
    check_component(SaltMasterlessProvisioner, f'local_state_tree = "{tree}"')


def test_mistakes(tree: Path, tmp_path: Path) -> None:
    problems = decoded(
        SaltMasterlessConfig,
        'local_state_tree = "/no/states"\nlocal_pillar_roots = "/no/pillar"\nminion_config = "/no/minion"\n'
        'grains_file = "/no/grains"\nremote_state_tree = "/srv/x"\nbootstrap_args = "-X"\nskip_bootstrap = true\n'
        'formulas = ["https://github.com/a/b.git", "hg::https://x//y", "/x//../y", "/x//y?sshkey=abc"]\n'
        'guest_os_type = "windows"',
    )[1]
    assert [problem.split(":")[0] for problem in problems] == ["1", "2", "3", "4", "5", "6", "8", "8", "8", "8"]
    assert "set \"remote_state_tree\" there, as file_roots" in problems[4]
    assert "//DIRECTORY" in problems[6]
    assert 'not by "hg"' in problems[7]
    assert "must be in the repository" in problems[8]
    assert '"sshkey" is not supported' in problems[9]
    (tree / "top.sls").unlink()
    (warning,) = decoded(SaltMasterlessConfig, f'local_state_tree = "{tree}"')[1]
    assert "has no top.sls" in warning
    assert decoded(SaltMasterlessConfig, f'local_state_tree = "{tree}"\ncustom_state = "mark"')[1] == []
    (problem,) = decoded(SaltMasterlessConfig, f'local_state_tree = "{tree}/mark.sls"')[1]
    assert "which is a file" in problem


# -- a machine of its own -----------------------------------------------------------


@pytest.fixture
def inside(recording: Recording, rooted: Rooted, tree: Path) -> Callable[[str], list[str]]:
    """salt-masterless on a machine where all places are the usual ones; what it printed."""
    config = rooted.sshd.config
    communicator = connect(recording.ctx, config, host=config.ssh_host, port=config.ssh_port)
    machine = Machine(id="test", communicator=communicator)

    def go(settings: str) -> list[str]:
        text = f'local_state_tree = "{tree}"\n{settings}'
        component(SaltMasterlessProvisioner, text).provision(recording.ctx, machine)
        return recording.output

    return go


def test_the_usual_places(inside: Callable[[str], list[str]], rooted: Rooted, pillar: Path, tmp_path: Path) -> None:
    rooted.program("salt-call", STAND_IN + "cat /etc/salt/minion /etc/salt/grains\n")
    (tmp_path / "minion").write_text("id: web\n")
    (tmp_path / "grains").write_text("place: here\n")
    assert inside(
        f'{SKIP}local_pillar_roots = "{pillar}"\nminion_config = "{tmp_path}/minion"\ngrains_file = "{tmp_path}/grains"'
    ) == ["[--local]", "[state.highstate]", "[--retcode-passthrough]", "[-l]", "[info]", "id: web", "place: here"]
    assert rooted.commands[-1] == "sudo salt-call --local state.highstate --retcode-passthrough -l info"
    assert rooted.files("/srv", "/etc/salt", "/tmp") == {
        "/srv/pillar": "40755", "/srv/pillar/roles.sls": "100644", "/srv/pillar/top.sls": "100644",
        "/srv/salt": "40755", "/srv/salt/mark.sls": "100644", "/srv/salt/top.sls": "100644",
        "/etc/salt/grains": "100644", "/etc/salt/minion": "100644", "/tmp/salt": "40755",
    }  # fmt: skip


INSTALLER = """#!/bin/sh
echo "installing $*"
printf '#!/bin/sh\\necho "applied by $0"\\n' > /usr/bin/salt-call
chmod +x /usr/bin/salt-call
"""


@pytest.mark.parametrize("by", ["curl", "wget"])
def test_salt_is_installed(inside: Callable[[str], list[str]], rooted: Rooted, by: str) -> None:
    """A stand-in for the program that fetches, and for what it fetches."""
    (rooted.root / "bin/wget").unlink()
    rooted.program(by, f'#!/bin/sh\necho "$*" > /asked\ncat > /tmp/install_salt.sh <<\'END\'\n{INSTALLER}END\n')
    assert inside('bootstrap_args = "-P stable 3006"') == ["installing -P stable 3006", "applied by /usr/bin/salt-call"]
    assert "https://github.com/saltstack/salt-bootstrap/" in (rooted.root / "asked").read_text()
    assert rooted.files("/tmp") == {"/tmp/salt": "40755"}


def test_an_installer_that_does_not_come_or_fails(inside: Callable[[str], list[str]], rooted: Rooted) -> None:
    (rooted.root / "bin/wget").unlink()
    with pytest.raises(BuildError, match=r"^Salt's installer cannot be fetched: .*not found") as caught:
        inside("")
    assert "skip_bootstrap = true" in caught.value.hint
    rooted.program("curl", "#!/bin/sh\necho 'echo no such version; exit 4' > /tmp/install_salt.sh\n")
    with pytest.raises(CommandFailed, match=r"^Salt's installer ended with exit code 4\.$") as failed:
        inside("")
    assert failed.value.output == ("no such version",)
    assert rooted.files("/tmp") == {}


# -- real Salt ----------------------------------------------------------------------


@pytest.fixture
def real(sshd_factory: Callable[..., Sshd], recording: Recording, tree: Path, salt: Path, tmp_path: Path) -> Run:
    """Real Salt, whose own files are in the test's directory, too."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "minion").write_text(f"id: test\nroot_dir: {own}\ngrains: {{place: here}}\n")
    server = sshd_factory(started=False)
    server.environment = {"PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"}
    server.prepare()
    server.start()
    communicator = connect(recording.ctx, server.config, host="127.0.0.1", port=server.port)

    def go(settings: str = "") -> list[str]:
        before = len(recording.output)
        text = (
            f'local_state_tree = "{tree}"\nsalt_bin_dir = "{salt}"\ntemp_config_dir = "{tmp_path}/temporary"\n'
            f'remote_state_tree = "{tmp_path}/srv/salt"\nremote_pillar_roots = "{tmp_path}/srv/pillar"\n'
            f'skip_bootstrap = true\nsalt_call_args = "--config-dir={own}"\ndisable_sudo = true\n{settings}'
        )
        machine = Machine(id="test", communicator=communicator)
        component(SaltMasterlessProvisioner, text).provision(recording.ctx, machine)
        return recording.output[before:]

    return go


@pytest.mark.slow
def test_real_salt(real: Run, pillar: Path, tree: Path, tmp_path: Path) -> None:
    lines = real(f'local_pillar_roots = "{pillar}"')
    assert (tmp_path / "marked").read_text() == "by salt for web here\n"
    assert "Succeeded: 1 (changed=1)" in lines

    (tree / "mark.sls").write_text(
        "first:\n  cmd.run:\n    - name: echo out; exit 3\n"
        "second:\n  test.nop:\n    - require:\n      - cmd: first\n"
        "bad:\n  file.managed:\n    - name: /proc/nothing/here\n    - contents: x\n"
        "third:\n  test.nop: []\n"
    )
    with pytest.raises(CommandFailed) as caught:
        real()
    assert caught.value.status == 2
    assert caught.value.message.startswith('3 of 4 states failed: "first" (cmd.run of "echo out; exit 3"): ')
    assert "retcode: 3 stderr: stdout: out)" in caught.value.message
    assert '"bad" (file.managed of "/proc/nothing/here"): Parent directory not present' in caught.value.message
    assert caught.value.message.endswith("; 1 more because it requires one that failed.")
    assert "Failed:    3" in real("no_exit_on_failure = true")

    (tree / "mark.sls").write_text("mark:\n  file.managed:\n    - name: {{ pillar['nothing']['here'] }}\n")
    with pytest.raises(CommandFailed, match=r"^Salt cannot begin: Rendering SLS 'base:mark' failed: Jinja variable"):
        real()
    (pillar / "roles.sls").write_text("role: {{ nothing.here }}\n")
    with pytest.raises(CommandFailed, match=r"^Salt cannot begin: .*SLS 'roles' failed\. Jinja variable 'nothing' is"):
        real(f'local_pillar_roots = "{pillar}"')
    (pillar / "roles.sls").write_text("role: web\n")
    (tree / "mark.sls").write_text("mark:\n  file.managed\n    - name: [\n")
    with pytest.raises(CommandFailed, match=r"^Salt cannot begin: Rendering SLS 'base:mark' failed: mapping values"):
        real(f'local_pillar_roots = "{pillar}"')
