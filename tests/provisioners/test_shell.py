"""The shell provisioner: what scripts see, what their ends mean, and what is left on the machine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from hclimg.communicators.connect import connect
from hclimg.errors import BuildError, CommandFailed, ConnectionLost, TimedOut
from hclimg.events import Said
from hclimg.provisioners.shell import ShellProvisioner
from hclimg.provisioners.shell_config import ShellConfig
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording
from servers.relay import Relay
from servers.sshd import Sshd

Run = Callable[[str], list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where scripts go on the machine."""
    path = tmp_path / "remote"
    path.mkdir()
    return path


@pytest.fixture
def run(recording: Recording, machine: Machine, folder: Path) -> Run:
    """Provision with these settings; what the scripts printed."""

    def go(text: str) -> list[str]:
        before = len(recording.output)
        component(ShellProvisioner, f'{text}\nremote_folder = "{folder}"').provision(recording.ctx, machine)
        return recording.output[before:]

    return go


@pytest.fixture(params=["streamed", "terminal", "sftp"])
def run_by_any(
    request: pytest.FixtureRequest, recording: Recording, machine_with: Callable[..., Machine], folder: Path
) -> Run:
    """The same by each way to get a script to the machine."""
    settings = {"streamed": {}, "terminal": {"ssh_pty": True}, "sftp": {"ssh_file_transfer_method": "sftp"}}
    machine = machine_with(**settings[request.param])

    def go(text: str) -> list[str]:
        before = len(recording.output)
        component(ShellProvisioner, f'{text}\nremote_folder = "{folder}"').provision(recording.ctx, machine)
        return recording.output[before:]

    return go


# -- what runs --------------------------------------------------------------------


def test_inline_commands_are_one_script(run_by_any: Run, folder: Path) -> None:
    assert run_by_any('inline = ["x=1", "echo $x", "cd /", "pwd", "case $- in *e*) echo stops at errors;; esac"]') == [
        "1", "/", "stops at errors",
    ]  # fmt: skip
    assert list(folder.iterdir()) == []


def test_a_script_sees_an_empty_input_and_its_own_path(run: Run, folder: Path) -> None:
    lines = run('inline = ["cat", "echo $0", "umask", "stat -c %a $0", "pwd"]')
    assert lines[0].startswith(f"{folder}/script_")
    assert lines[1:] == ["0022", "755", str(Path.home())]


def test_the_first_line_chooses_the_interpreter(run: Run) -> None:
    assert run('inline = ["#!/bin/bash", "echo $${BASH_VERSION:+bash}", "false", "echo on"]') == ["bash", "on"]
    assert run('inline_shebang = "/bin/bash -u"\ninline = ["echo $${BASH_VERSION:+bash} $-"]')[0].startswith("bash hu")
    assert run('inline_shebang = "/bin/sh"\ninline = ["#!/bin/bash", "echo $${BASH_VERSION:-sh}"]') == ["sh"]


def test_scripts_run_in_order(run_by_any: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name}\n")
    assert run_by_any(f'scripts = ["{tmp_path}/a", "{tmp_path}/b"]') == ["a", "b"]
    assert run_by_any(f'script = "{tmp_path}/b"') == ["b"]


def test_line_ends_of_windows(run: Run, tmp_path: Path) -> None:
    (tmp_path / "crlf.sh").write_bytes(b"#!/bin/sh\r\necho one\r\n")
    assert run(f'script = "{tmp_path}/crlf.sh"') == ["one"]
    with pytest.raises(CommandFailed) as caught:
        run(f'script = "{tmp_path}/crlf.sh"\nbinary = true')
    assert caught.value.status in (126, 127)


def test_a_large_script_arrives_whole(run: Run, tmp_path: Path) -> None:
    (tmp_path / "large.sh").write_bytes(b"#!/bin/sh\n" + b"# filling\n" * 800_000 + b"echo end\n")
    assert run(f'script = "{tmp_path}/large.sh"') == ["end"]


def test_one_script_is_one_command(recording: Recording, machine: Machine, folder: Path, sshd: Sshd) -> None:
    """The point of the fast way: no other round trips."""
    commands: list[str] = []
    inner = machine.communicator

    class Counting:
        kind, streams_stdin = "ssh", True

        def run(self, command: str, **more: object) -> int:
            commands.append(command)
            return inner.run(command, **more)

    text = f'inline = ["true"]\nenv = {{ A = "b" }}\nremote_folder = "{folder}"'
    for extra in ("", "use_env_var_file = true", 'execute_command = "sh {{.Path}}"'):
        counted = evolve(machine, communicator=Counting())
        component(ShellProvisioner, f"{text}\n{extra}").provision(recording.ctx, counted)
    assert len(commands) == 3
    assert list(folder.iterdir()) == []


# -- environment ------------------------------------------------------------------

VALUES = {
    "PLAIN": "x", "QUOTE": "it's", "DOUBLE": 'say "x"', "DOLLAR": "$HOME `id`", "LINES": "a\nb", "UTF": "é", "NONE": "",
}  # fmt: skip


@pytest.mark.parametrize("by_file", [False, True])
def test_values_arrive_as_they_are(run_by_any: Run, by_file: bool) -> None:
    show = "; ".join(f"""printf '%s=[%s]\\n' {name} "${name}\"""" for name in VALUES)
    settings = {"env": VALUES, "use_env_var_file": by_file, "inline": [show]}
    lines = run_by_any("\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items()))
    assert "\n".join(lines) == "\n".join(f"{name}=[{value}]" for name, value in VALUES.items())


def test_variables_of_the_build(recorded: Callable[..., Recording], sshd: Sshd, folder: Path) -> None:
    recording = recorded(
        build_name="web", build_type="qemu", facts={"PackerHTTPAddr": "10.0.2.2:8123", "PackerHTTPIP": "10.0.2.2"}
    )
    machine = Machine(id="x", communicator=connect(recording.ctx, sshd.config, host="127.0.0.1", port=sshd.port))
    component(ShellProvisioner, f'inline = ["env | grep ^PACKER | sort"]\nremote_folder = "{folder}"').provision(
        recording.ctx, machine
    )
    assert recording.output == [
        "PACKER_BUILDER_TYPE=qemu",
        "PACKER_BUILD_NAME=web",
        "PACKER_HTTP_ADDR=10.0.2.2:8123",
        "PACKER_HTTP_IP=10.0.2.2",
        "PACKER_HTTP_PORT=8123",
    ]


def test_both_ways_to_write_variables(run: Run) -> None:
    text = 'environment_vars = ["A=1=2", "B=list"]\nenv = { B = "map", C = "3" }\ninline = ["echo $A $B $C"]'
    assert run(text) == ["1=2 map 3"]


def test_variables_in_a_file_are_not_on_the_command_line(run: Run, folder: Path) -> None:
    look = "inline = [\"tr '\\\\0' ' ' < /proc/$PPID/cmdline | grep -c topsecret || echo $TOKEN | tr a-z A-Z\"]"
    assert run(f'{look}\nuse_env_var_file = true\nenv = {{ TOKEN = "topsecret" }}') == ["0", "TOPSECRET"]
    assert list(folder.iterdir()) == []


# -- execute_command --------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("{{ .Vars }} bash {{ .Path }}", "A=[it's] bash"),
        ("chmod +x {{ .Path }}; env {{ .Vars }} {{ .Path }}", "A=[it's]"),
        ("echo 'packer' | {{ .Vars }} sh {{ .Path }} # as root", "A=[it's]"),
        ("sh -c '{{ .Path }}'", "A=[]"),
        ("exit 0; {{ .Path }}", None),
        ("cd /tmp && {{ .Vars }} {{ .Path }}; true", "A=[it's]"),
        ("shopt -s extglob; {{ .Vars }} sh <(cat {{ .Path }})", "A=[it's]"),
    ],
)
def test_the_users_own_command(run_by_any: Run, command: str, expected: str | None) -> None:
    text = f'execute_command = "{command}"\nenv = {{ A = "it\'s" }}\ninline = ["echo A=[$A] ${{BASH:+bash}}"]'
    text = text.replace("${BASH", "$${BASH")
    lines = [line.rstrip() for line in run_by_any(text)]
    assert lines == ([] if expected is None else [expected])


def test_the_users_command_runs_in_the_users_shell(run: Run) -> None:
    """Packer hands the command line to the SSH server, which runs it in the shell of the account."""
    shell = os.environ.get("SHELL", "")
    account = Path("/etc/passwd").read_text().splitlines()[0].rpartition(":")[2]
    assert run('execute_command = "echo $0; {{.Path}}"\ninline = ["true"]')[0] in (account, shell)


def test_env_file_in_the_users_own_command(run: Run) -> None:
    text = 'use_env_var_file = true\nexecute_command = "test -f {{.EnvVarFile}} && . {{.EnvVarFile}} && {{.Path}}"'
    assert run(f'{text}\nenv = {{ A = "x" }}\ninline = ["echo $A"]') == ["x"]


def test_a_template_that_names_something_else(run: Run) -> None:
    with pytest.raises(BuildError, match="cannot be rendered") as caught:
        run('execute_command = "{{ .Pth }}"\ninline = ["true"]')
    assert "{{.Path}}" in caught.value.hint


# -- places -----------------------------------------------------------------------


def test_where_the_script_goes(run: Run, folder: Path) -> None:
    assert run('inline = ["echo $0"]\nremote_file = "setup.sh"') == [f"{folder}/setup.sh"]
    assert run(f'inline = ["echo $0"]\nremote_path = "{folder}/a file.sh"') == [f"{folder}/a file.sh"]
    assert run('inline = ["echo x"]\nremote_file = "stays.sh"\nskip_clean = true') == ["x"]
    assert [path.name for path in folder.iterdir()] == ["stays.sh"]


def test_a_folder_that_is_not_there(recording: Recording, machine: Machine) -> None:
    shell = component(ShellProvisioner, 'inline = ["true"]\nremote_folder = "/nonexistent"')
    with pytest.raises(BuildError, match=r'^Cannot write the script to "/nonexistent/script_\w+\.sh"') as caught:
        shell.provision(recording.ctx, machine)
    assert "remote_folder" in caught.value.hint
    assert not isinstance(caught.value, CommandFailed)


# -- ends -------------------------------------------------------------------------


def test_a_failing_script_shows_its_last_lines(run_by_any: Run, folder: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        run_by_any('inline = ["for i in $(seq 100); do echo line $i; done", "exit 42"]')
    assert caught.value.message == 'The script "inline script" ended with exit code 42.'
    assert caught.value.status == 42
    assert caught.value.output == tuple(f"line {i}" for i in range(81, 101))
    assert list(folder.iterdir()) == []


def test_a_failing_script_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.sh").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(CommandFailed, match=f'The script "{tmp_path}/bad.sh" ended with exit code 1'):
        run(f'script = "{tmp_path}/bad.sh"')


def test_exit_codes_that_mean_success(run: Run) -> None:
    run('inline = ["exit 3"]\nvalid_exit_codes = [0, 3]')
    with pytest.raises(CommandFailed) as caught:
        run('inline = ["exit 4"]\nvalid_exit_codes = [0, 3]')
    assert caught.value.hint == "Exit codes that mean success: 0, 3."
    with pytest.raises(CommandFailed):
        run('inline = ["true"]\nvalid_exit_codes = [3]')


def test_a_missing_interpreter(run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run('inline = ["#!/no/such/interpreter", "true"]')
    assert "interpreter" in caught.value.hint


@pytest.mark.parametrize("interpreter", ["/bin/dash -e", "/bin/bash -e"])
def test_the_line_that_the_shell_named(run_by_any: Run, interpreter: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        run_by_any(f'inline_shebang = "{interpreter}"\ninline = ["true", "no-such-command --now", "true"]')
    assert caught.value.message == (
        'The script "inline script" ended with exit code 127; its shell complained about line 3, '
        '"no-such-command --now".'
    )


def test_a_script_that_a_signal_killed(run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run('inline = ["kill -9 $$"]')
    assert caught.value.message == 'The script "inline script" ended with exit code 137 (killed by SIGKILL).'
    assert "memory" in caught.value.hint


def test_output_that_is_not_text_and_a_line_without_end(run: Run) -> None:
    lines = run(r"""inline = ["printf 'a\\377b\\n'", "head -c 300000 /dev/zero | tr '\\0' x"]""")
    assert lines[0] == "a\N{REPLACEMENT CHARACTER}b"
    assert "".join(lines[1:]) == "x" * 300_000
    assert len(lines) > 2  # no line is kept whole


# -- guards -----------------------------------------------------------------------


def test_a_script_whose_work_is_there_does_not_run(run_by_any: Run, tmp_path: Path, recording: Recording) -> None:
    made = tmp_path / "it is made"
    assert run_by_any(f'inline = ["touch \'{made}\'", "echo ran"]\ncreates = "{made}"') == ["ran"]
    assert run_by_any(f'inline = ["echo ran"]\ncreates = "{made}"') == []
    assert recording.of(Said)[-1].text == f"Skipped: {made} is there already."


def test_unless_sees_the_variables_of_the_scripts(run_by_any: Run, recording: Recording) -> None:
    text = 'inline = ["echo ran"]\nenv = {{ WANTED = "{}" }}\nunless = "test \\"$WANTED\\" = \'a b\'"'
    assert run_by_any(text.format("a b")) == []
    assert recording.of(Said)[-1].text == """Skipped: "test "$WANTED" = 'a b'" succeeds."""
    assert run_by_any(text.format("a c")) == ["ran"]


def test_pause_after(run: Run, recording: Recording) -> None:
    run('inline = ["true"]\npause_after = "10ms"')
    assert recording.of(Said)[-1].text == "Waiting 10ms"


# -- lost connections -------------------------------------------------------------

CUT = "kill -9 $(ps -o ppid= -p $PPID)"
"""What a script runs to end the server process of its own connection, as a restart does."""


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[str]:
    """A command that lasts until the end of the test: what comes after it in a script happens later than the test."""
    held = tmp_path / "held"
    held.touch()
    yield f"while [ -e {held} ]; do sleep 0.1; done"
    held.unlink()


def test_a_script_that_ends_the_connection(
    run: Run, recording: Recording, folder: Path, tmp_path: Path, hold: str
) -> None:
    text = f'inline = ["echo restarting >> {tmp_path}/runs", "{CUT}", "{hold}"]'
    with pytest.raises(ConnectionLost, match='The machine disconnected while the script "inline script" ran') as caught:
        run(text)
    assert "expect_disconnect" in caught.value.hint
    assert len(list(folder.iterdir())) == 1
    run(f"{text}\nexpect_disconnect = true")
    assert recording.of(Said)[-1].text == "The machine disconnected, as expected."
    run(f"{text}\nvalid_exit_codes = [0, 2300218]")
    assert (tmp_path / "runs").read_text() == "restarting\n" * 3
    assert len(list(folder.iterdir())) == 1, "those that were expected are cleaned up"
    assert run('inline = ["echo back"]') == ["back"]


def test_a_machine_that_does_not_come_back(run: Run, sshd: Sshd, hold: str) -> None:
    text = f'inline = ["kill -9 {sshd._process.pid}", "{CUT}", "{hold}"]\nexpect_disconnect = true'
    with pytest.raises(TimedOut, match="The machine did not come back within 300ms") as caught:
        run(f'{text}\nstart_retry_timeout = "300ms"')
    assert "start_retry_timeout" in caught.value.hint


def test_a_script_is_not_run_twice(run: Run, tmp_path: Path, hold: str) -> None:
    with pytest.raises(ConnectionLost):
        run(f'inline = ["echo x >> {tmp_path}/runs", "{CUT}", "{hold}"]')
    assert (tmp_path / "runs").read_text() == "x\n"


def test_a_cut_before_the_script_started_is_tried_again(
    recording: Recording, sshd: Sshd, relay: Callable[..., Relay], tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "large.sh").write_bytes(
        f"#!/bin/sh\necho run >> {tmp_path}/runs\nexit 0\n".encode() + b"# filling\n" * 800_000
    )
    front = relay(sshd.port, [3_000_000])
    config = sshd.configure(ssh_timeout=timedelta(minutes=5))
    communicator = connect(recording.ctx, config, host="127.0.0.1", port=front.port)
    shell = component(ShellProvisioner, f'script = "{tmp_path}/large.sh"\nremote_folder = "{folder}"')
    shell.provision(recording.ctx, Machine(id="x", communicator=communicator))
    assert (tmp_path / "runs").read_text() == "run\n", "half a script did not run, and the whole one ran once"
    assert any("trying again" in said.text for said in recording.of(Said))


# -- settings ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", '1: Missing required argument; One of "inline", "script" and "scripts" is required.'),
        ('inline = ["x"]\nscript = "/bin/true"',
         '2: Conflicting arguments; Only one of "inline", "script" and "scripts" can be set, '
         'but "inline" and "script" are.'),
        ("inline = []", '1: Empty script; "inline" must hold at least one command.'),
        ('script = "/nonexistent"', '1: File not found; "script" names "/nonexistent", which does not exist.'),
        ('inline = ["x"]\nenvironment_vars = ["A=1", "oops"]',
         '2: Invalid environment variable; "oops" is no environment variable; write "NAME=value".'),
        ('inline = ["x"]\nenv_var_format = "%s"',
         '2: Invalid format; "env_var_format" is "%s". It needs one "%s" for the name and one for the value.'),
        ('inlin = ["x"]', '1: Unsupported argument; An argument named "inlin" is not expected here. '
                          'Did you mean "inline"?'),
    ],
)  # fmt: skip
def test_each_rule(text: str, problem: str) -> None:
    assert problem in decoded(ShellConfig, text)[1]


def test_what_influences_the_result(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    shell = component(ShellProvisioner, f'script = "{tmp_path}/a"')
    assert shell.inputs() == (tmp_path / "a",)
    assert shell.summary() == f"{tmp_path}/a"
    assert component(ShellProvisioner, 'inline = ["a", "b"]').summary() == "2 commands"
