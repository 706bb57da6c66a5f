"""The provisioner ``windows-shell``: what it puts on a machine and the command lines that run it.

The way through cmd.exe is in test_windows_machines.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.errors import BuildError, CommandFailed, ConnectionLost
from hclimg.provisioners.cmd_text import FORM, set_variables
from hclimg.provisioners.windows_shell import WindowsShellProvisioner
from hclimg.provisioners.windows_shell_config import WindowsShellConfig
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import check_component, component
from hclimg.sdk.testing import decoded as settings
from servers.recording import Recording
from servers.windows_desk import Desk

VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n%"))
Run = Callable[..., Desk]


@pytest.fixture
def run(recording: Recording) -> Run:
    def provision(body: str, desk: Desk | None = None) -> Desk:
        desk = desk or Desk()
        component(WindowsShellProvisioner, body).provision(recording.ctx, Machine(id="test", communicator=desk))
        return desk

    return provision


def test_contract() -> None:
    check_component(WindowsShellProvisioner, 'inline = ["ver"]')


def _by_cmd(line: str) -> list[str]:
    """The commands of a line, as the rules of cmd.exe split it: carets and quotes, then ``&&``."""
    commands, current, quoted, at = [], "", False, 0
    while at < len(line):
        char = line[at]
        if char == '"':
            quoted = not quoted
        elif not quoted and char == "^":
            at += 1
            char = line[at]
        elif not quoted and line.startswith("&&", at):
            commands.append(current.strip(" "))
            current, at = "", at + 2
            continue
        else:
            assert quoted or char not in "&|<>()", f"{char} at {at} of {line}"
        current += char
        at += 1
    assert not quoted, line
    return [*commands, current]


def _set(command: str) -> tuple[str, str]:
    """What ``set "NAME=VALUE"`` sets: it takes what is between the first quote and the last."""
    text = command.removeprefix("set ")
    assert text.startswith('"')
    name, _, value = text[1 : text.rindex('"')].partition("=")
    return name, value


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True), VALUES, min_size=1))
def test_what_a_variable_is_set_to_is_what_the_template_says(variables: dict[str, str]) -> None:
    *commands, last = _by_cmd(set_variables(variables, FORM) + '"c:/script.bat"')
    assert dict(map(_set, commands)) == variables
    assert last.strip() == '"c:/script.bat"'


def test_plain_values_look_as_with_packer() -> None:
    assert set_variables({"A": "b c", "P": "%PATH%;C:\\x & y"}, FORM) == (
        'set "A=b c" && set "P=%PATH%;C:\\x & y" && '
    )


def test_a_format_of_ones_own_gets_values_as_they_are() -> None:
    assert set_variables({"A": 'b"&c'}, "set %s=%s& ") == 'set A=b"&c& '


def test_inline_commands(run: Run, recording: Recording) -> None:
    desk = run('inline = ["echo 1", "exit /b 0"]\nenv = { B = "x" }')
    assert desk.uploads == {"c:/Windows/Temp/script.bat": b"echo 1\r\nexit /b 0\r\n"}
    assert desk.commands == [
        'set "B=x" && set "PACKER_BUILDER_TYPE=null" && set "PACKER_BUILD_NAME=test" && "c:/Windows/Temp/script.bat"',
        r'del /f /q "c:\Windows\Temp\script.bat"',
    ]
    assert desk.files == {}
    assert recording.said == ["Provisioning with windows-shell: inline script"]


def test_scripts_and_line_ends(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.bat").write_bytes(b"a\r\nb\n")
    body = f'script = "{tmp_path}/a.bat"\nremote_path = "D:/x.cmd"\nexecute_command = "call {{{{.Path}}}}"\n'
    desk = run(body)
    assert desk.uploads == {"D:/x.cmd": b"a\r\nb\r\n"}
    assert desk.commands == ["call D:/x.cmd", r'del /f /q "D:\x.cmd"']
    assert run(body + "binary = true").uploads == {"D:/x.cmd": b"a\r\nb\n"}


def test_an_exit_code_that_is_not_valid(run: Run) -> None:
    lines = "\n".join(map(str, range(30)))
    desk = Desk(lambda command: (9009, lines) if command.startswith("set") else (0, ""))
    with pytest.raises(CommandFailed) as caught:
        run('inline = ["nosuch"]', desk)
    assert caught.value.message == 'The script "inline script" ended with exit code 9009 (command not found).'
    assert caught.value.output == tuple(map(str, range(10, 30)))
    assert "found no program" in caught.value.hint


def test_a_machine_that_goes_away_before_the_script_is_removed(run: Run, recording: Recording) -> None:
    run('inline = ["x"]', Desk(lambda command: ConnectionLost("Cut.") if command.startswith("del") else (0, "")))
    assert recording.said[-1] == "c:/Windows/Temp/script.bat could not be removed from the machine: Cut."


def test_a_machine_that_is_no_windows(run: Run) -> None:
    with pytest.raises(BuildError, match="windows-shell is for Windows") as caught:
        run('inline = ["x"]', Desk(lambda _: (0, "%OS% :OS"), kind="ssh"))
    assert caught.value.hint.startswith('Use the provisioner "shell" here.')


def test_powershell_as_login_shell(run: Run) -> None:
    desk = run('inline = ["x"]', Desk(lambda _: (0, "%OS%\nWindows_NT"), kind="ssh"))
    assert [command.split(";")[1] for command in desk.commands[1:]] == ["& cmd.exe /d /s /c $l"] * 2


PROBLEMS = [
    ("", ["1: Missing required argument; One of"]),
    ('scripts = ["no.bat"]', ['1: File not found; "scripts" names "no.bat"']),
    ('inline = ["x"]\nenv = { A = "1\\n2" }', ['2: Invalid environment variable; "A" has a line break']),
    ('inline = ["x"]\nenvironment_vars = ["A=1\\n2"]', ['2: Invalid environment variable; "A" has a line break']),
    ('inline = ["x"]\nenv_var_format = "set %s"', ["2: Invalid format"]),
    ('inline = ["x"]\nremote_path = ""', ["2: Missing required argument"]),
]


@pytest.mark.parametrize(("body", "expected"), PROBLEMS)
def test_problems(body: str, expected: list[str]) -> None:
    found = settings(WindowsShellConfig, body)[1]
    assert len(found) == len(expected)
    for problem, start in zip(found, expected, strict=True):
        assert problem.startswith(start), problem
