"""The shell-local provisioner: scripts on this host."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from hclimg.communicators.none import NoCommunicator
from hclimg.errors import Cancelled, CommandFailed
from hclimg.events import Said
from hclimg.provisioners.shell_local import ShellLocalProvisioner
from hclimg.sdk.local_script import LocalScriptConfig
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording

Run = Callable[[str], list[str]]
NOBODY = Machine(id="none", communicator=NoCommunicator())


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files of this test only: other tests, and other programs, have scripts of their own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("scratch")))


def leftovers() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("hclimg-shell-*"))


@pytest.fixture
def run(recording: Recording) -> Run:
    def go(text: str) -> list[str]:
        before = len(recording.output)
        component(ShellLocalProvisioner, text).provision(recording.ctx, NOBODY)
        return recording.output[before:]

    return go


def test_a_command_and_inline_commands(run: Run) -> None:
    before = leftovers()
    assert run('command = "echo one | cat"') == ["one"]
    assert run('inline = ["x=2", "echo $x", "pwd"]') == ["2", str(Path.cwd())]
    assert leftovers() == before


def test_scripts(run: Run, tmp_path: Path) -> None:
    for name in ("a b", "c"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{name}'\n")
        (tmp_path / name).chmod(0o755)
    assert run(f'scripts = ["{tmp_path}/a b", "{tmp_path}/c"]') == ["a b", "c"]


def test_a_script_that_is_not_executable(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("echo a\n")
    with pytest.raises(CommandFailed) as caught:
        run(f'script = "{tmp_path}/a"')
    assert "chmod +x" in caught.value.hint
    assert run(f'script = "{tmp_path}/a"\nexecute_command = ["/bin/sh", "{{{{.Script}}}}"]') == ["a"]


def test_variables(run: Run) -> None:
    text = 'env = { A = "it\'s" }\nenvironment_vars = ["B=$x"]\n'
    assert run(f'{text}inline = ["echo $A $B $PACKER_BUILD_NAME $PACKER_BUILDER_TYPE"]') == ["it's $x test null"]
    command = 'command = "echo $A"\nexecute_command = ["/bin/bash", "-c", "{{.Vars}} {{.Script}}"]'
    assert run(f"{text}{command}") == ["it's"]


def test_secrets_are_not_on_the_command_line(run: Run) -> None:
    """The value is this test's own: the command lines of the whole host are looked at."""
    value = token_hex(8)
    pattern = f"{value[:8]}[{value[8]}]{value[9:]}"  # which does not match itself
    look = f"cat /proc/*/cmdline 2>/dev/null | tr '\\\\0' ' ' | grep -c {pattern} || echo hidden"
    assert run(f'env = {{ TOKEN = "{value}" }}\ninline = ["{look}"]') == ["0", "hidden"]


def test_the_files_ending_and_the_interpreter(run: Run) -> None:
    for ending in (".bash", "bash"):
        assert run(f'inline = ["echo $${{0##*.}}"]\ntempfile_extension = "{ending}"') == ["bash"]
    assert run('inline = ["echo $${BASH_VERSION:+bash}"]\ninline_shebang = "/bin/bash -e"') == ["bash"]


def test_a_failing_command(run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run('command = "echo out; echo err >&2; exit 5"')
    assert caught.value.message == 'The script "echo out; echo err >&2; exit 5" ended with exit code 5 on this host.'
    assert sorted(caught.value.output) == ["err", "out"]
    run('command = "exit 5"\nvalid_exit_codes = [5]')
    with pytest.raises(CommandFailed, match="ended with exit code 1 on this host"):
        run('inline = ["false", "echo not reached"]')


def test_the_line_that_the_shell_named(run: Run) -> None:
    with pytest.raises(CommandFailed, match="127 on this host; its shell complained about line 3, \"nothing-such\""):
        run('inline = ["true", "nothing-such"]')


def test_a_script_that_removed_itself(run: Run) -> None:
    with pytest.raises(CommandFailed, match=r"ended with exit code 127 on this host\.$"):
        run('inline = ["rm $0", "nothing-such"]')


def test_guards(run: Run, tmp_path: Path) -> None:
    assert run(f'inline = ["touch {tmp_path}/made", "echo ran"]\ncreates = "{tmp_path}/made"') == ["ran"]
    assert run(f'inline = ["echo ran"]\ncreates = "{tmp_path}/made"') == []
    assert run('command = "echo ran"\nenv = { A = "1" }\nunless = "test $A = 1"') == []


def test_other_systems(run: Run, recording: Recording) -> None:
    assert run('command = "echo x"\nonly_on = ["windows", "darwin"]') == []
    assert "Skipped" in recording.of(Said)[-1].text
    assert run('command = "echo x"\nonly_on = ["linux"]') == ["x"]


def test_a_cancel_ends_what_the_script_started(recording: Recording, tmp_path: Path) -> None:
    before = leftovers()
    script = component(ShellLocalProvisioner, f'inline = ["touch {tmp_path}/started", "sleep 60"]')

    def cancel() -> None:
        while not (tmp_path / "started").exists():
            time.sleep(0.01)
        recording.ctx.cancel.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        script.provision(recording.ctx, NOBODY)
    thread.join()
    assert leftovers() == before


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", '1: Missing required argument; One of "command", "inline", "script" and "scripts" is required.'),
        ('command = "x"\ninline = ["y"]',
         '2: Conflicting arguments; Only one of "command", "inline", "script" and "scripts" can be set, '
         'but "command" and "inline" are.'),
        ('command = " "', '1: Empty script; "command" must not be empty.'),
        ('command = "x"\nonly_on = ["windos"]',
         '2: Incorrect value; Inappropriate value for "only_on": "windos" is not one of "darwin", "freebsd", "linux", '
         '"openbsd", "solaris", "windows". Did you mean "windows"?'),
        ('script = "/nonexistent"', '1: File not found; "script" names "/nonexistent", which does not exist.'),
    ],
)  # fmt: skip
def test_each_rule(text: str, problem: str) -> None:
    assert problem in decoded(LocalScriptConfig, text)[1]


def test_packers_keys_are_all_there() -> None:
    from hclimg.config.schema import schema_of

    packers = (
        "command execute_command inline inline_shebang script scripts environment_vars env env_var_format only_on "
        "tempfile_extension use_linux_pathing valid_exit_codes"
    )
    assert set(packers.split()) <= set(schema_of(LocalScriptConfig).settings)


def test_summaries() -> None:
    def summary(text: str) -> Any:
        return component(ShellLocalProvisioner, text).summary()

    assert summary('command = "make all"') == "make all"
    assert summary('inline = ["a", "b"]') == "2 commands"
    assert summary('script = "/bin/true"') == "/bin/true"
