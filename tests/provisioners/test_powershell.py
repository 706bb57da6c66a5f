"""The provisioner ``powershell``: what it puts on a machine, the command lines that run it, and what it says.

There is no PowerShell here: an independent parser reads what is meant for it (tests/powershell_reader.py). The way
there and back is in test_windows_machines.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.errors import BuildError, CommandFailed, ConnectionLost
from hclimg.provisioners.powershell import PowershellProvisioner
from hclimg.provisioners.powershell_config import PowershellConfig
from hclimg.provisioners.powershell_text import BOM, encoded, literal, set_variables
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import check_component, component
from hclimg.sdk.testing import decoded as settings
from hclimg.sdk.windows import LoginShell, line_for
from powershell_reader import assignments, nodes, parse, text, value
from servers.recording import Recording
from servers.windows_desk import Desk, decoded

VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
Run = Callable[..., Desk]


@pytest.fixture
def run(recording: Recording) -> Run:
    """``run('inline = ["x"]', answer)`` provisions a desk that answers so."""

    def provision(body: str, desk: Desk | None = None) -> Desk:
        desk = desk or Desk()
        component(PowershellProvisioner, body).provision(recording.ctx, Machine(id="test", communicator=desk))
        return desk

    return provision


def test_contract() -> None:
    check_component(PowershellProvisioner, 'inline = ["Get-Date"]')


# -- text ---------------------------------------------------------------------


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_()-]*", fullmatch=True), VALUES, min_size=1))
def test_what_a_variable_is_set_to_is_what_the_template_says(variables: dict[str, str]) -> None:
    wanted = {f"env:{name}": value for name, value in variables.items()}
    assert assignments(set_variables(variables, '$env:%s="%s"; ')) == wanted


@given(VALUES)
def test_a_format_with_single_quotes_has_its_own_quoting(value: str) -> None:
    assert assignments(set_variables({"A": value}, "$env:%s = '%s'\n")) == {"env:A": value}


@given(VALUES)
def test_a_literal_is_what_it_was_made_of(word: str) -> None:
    assert value(literal(word)) == word


def test_a_format_of_ones_own_takes_names_in_any_order() -> None:
    assert set_variables({"A": "1"}, "Set-Item env:%[1]s '%[2]s'") == "Set-Item env:A '1'"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n")))
def test_a_powershell_as_login_shell_gets_the_line_of_cmd_exe(line: str) -> None:
    from base64 import b64decode

    sent = line_for(LoginShell.POWERSHELL, line)
    assert '"' not in sent
    (coded,) = (found for node in nodes(parse(sent), "string_literal") for found in [value(text(node))])
    assert b64decode(coded).decode() == f" {line}"
    assert line_for(LoginShell.CMD, line) == line


def test_encoded_code_needs_no_quotes() -> None:
    line = encoded("Write-Output 'a \"b\" $c'")
    assert re.fullmatch(r"[\w /+=.-]+", line)
    assert decoded(line) == "$ProgressPreference='SilentlyContinue';Write-Output 'a \"b\" $c'"


# -- on a machine -------------------------------------------------------------


def test_inline_commands(run: Run, recording: Recording) -> None:
    desk = run('inline = ["Write-Output 1", "throw \\"x\\""]\nenvironment_vars = ["GREETING=50 $ é"]')
    script, variables = sorted(desk.uploads, key=lambda path: "env-vars" in path)
    assert re.fullmatch(r"c:/Windows/Temp/script-\w+\.ps1", script)
    assert re.fullmatch(r"c:/Windows/Temp/packer-ps-env-vars-\w+\.ps1", variables)
    assert desk.commands == [
        f'powershell -executionpolicy bypass -file "{script}"',
        f'del /f /q "{variables}" "{script}"'.replace("/", "\\").replace("\\f \\q", "/f /q"),
    ]
    assert desk.files == {}
    code = desk.uploads[script].decode()
    parse(code)
    lines = code.splitlines()
    assert lines[0].endswith("try { Write-Output 1")
    assert lines[1] == 'throw "x"'
    assert f". '{variables}'" in lines[0]
    assert lines[-1] == "exit $LastExitCode"
    assert desk.uploads[variables].startswith(BOM)
    assert assignments(desk.uploads[variables].removeprefix(BOM).decode()) == {
        "env:GREETING": "50 $ é", "env:PACKER_BUILDER_TYPE": "null", "env:PACKER_BUILD_NAME": "test",
    }  # fmt: skip
    assert recording.said == ["Provisioning with Powershell: inline script"]


def test_a_script(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.ps1").write_text("Write-Output 'é'\r\n", newline="")
    desk = run(f'script = "{tmp_path}/a.ps1"\nremote_path = "c:/x/my script.ps1"\nremote_env_var_path = "c:/x/v.ps1"')
    assert desk.uploads["c:/x/my script.ps1"] == BOM + "Write-Output 'é'\r\n".encode()
    start, _, code = desk.commands[0].partition('"')
    assert start == "powershell -executionpolicy bypass -command "
    assert code.endswith('"')
    code = code.removeprefix("& { ").removesuffix(' }"')
    assert [text(node) for node in nodes(parse(code), "command")] == [
        ". 'c:/x/v.ps1'", "& 'c:/x/my script.ps1'",
    ]  # fmt: skip
    assert desk.commands[1] == r'del /f /q "c:\x\v.ps1" "c:\x\my script.ps1"'


@pytest.mark.parametrize(
    ("body", "start"),
    [
        ('execution_policy = "none"', "powershell -file "),
        ('execution_policy = "remotesigned"', "powershell -executionpolicy remotesigned -file "),
        ("use_pwsh = true", "pwsh -executionpolicy bypass -file "),
        ('execute_command = "pwsh -c {{.Path}} {{.Vars}}"\nremote_path = "c:/s.ps1"', "pwsh -c c:/s.ps1 c:/Windows/"),
    ],
)
def test_the_command_line(body: str, start: str, run: Run) -> None:
    assert run(f'inline = ["x"]\n{body}').commands[0].startswith(start)


def test_bytes_stay_as_they_are(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.ps1").write_bytes("é".encode())
    (tmp_path / "b.ps1").write_bytes(b"\xe9 is not UTF-8")
    (tmp_path / "c.ps1").write_bytes("é\n# SIG # Begin signature block\n".encode())
    for name, more in (("a", "binary = true"), ("b", ""), ("c", "")):
        desk = run(f'script = "{tmp_path}/{name}.ps1"\nremote_path = "c:/s.ps1"\n{more}')
        assert desk.uploads["c:/s.ps1"] == (tmp_path / f"{name}.ps1").read_bytes()


def test_debug_mode_and_skip_clean(run: Run) -> None:
    desk = run('inline = ["x"]\ndebug_mode = 2\nskip_clean = true\nremote_env_var_path = "c:/v.ps1"')
    assert desk.uploads["c:/v.ps1"].decode().splitlines()[-1] == "Set-PsDebug -Trace 2"
    assert len(desk.commands) == 1
    assert len(desk.files) == 2


def test_an_exit_code_that_is_not_valid(run: Run) -> None:
    desk = Desk(lambda command: (3010, "one\ntwo") if "-file" in command else (0, ""))
    with pytest.raises(CommandFailed) as caught:
        run('inline = ["x"]', desk)
    assert caught.value.message == 'The script "inline script" ended with exit code 3010 (a restart is needed).'
    assert caught.value.output == ("one", "two")
    assert "valid_exit_codes (0, 3010)" in caught.value.hint
    assert desk.files == {}
    run('inline = ["x"]\nvalid_exit_codes = [0, 3010]', desk)


@pytest.mark.parametrize("status", [0xC000013A, 0xC000013A - (1 << 32)])
def test_a_script_that_was_killed(status: int, run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run('inline = ["x"]', Desk(lambda command: (status, "") if "-file" in command else (0, "")))
    expected = 'The script "inline script" ended with exit code 0xC000013A (ended from outside, as by Ctrl-C).'
    assert caught.value.message == expected


def test_what_had_not_started_is_tried_again(run: Run, recording: Recording) -> None:
    answers = iter([ConnectionLost("Cut.", started=False), (0, ""), (0, ""), (0, "")])
    desk = run('inline = ["x"]', Desk(lambda _: next(answers)))
    assert desk.reconnects == 1
    assert "Cut. The script had not started; trying again." in recording.said


def test_what_arrived_is_removed_when_the_rest_cannot_be_uploaded(run: Run) -> None:
    desk = Desk(lambda command: BuildError("Full.") if "-file" in command else (0, ""))
    with pytest.raises(BuildError, match=r"Full\."):
        run('inline = ["x"]', desk)
    assert desk.files == {}


def test_a_script_that_had_started_is_not(run: Run) -> None:
    desk = Desk(lambda command: ConnectionLost("Cut.") if "-file" in command else (0, ""))
    with pytest.raises(ConnectionLost, match="disconnected while the script"):
        run('inline = ["x"]', desk)
    assert desk.reconnects == 0
    assert len(desk.commands) == 1


def test_a_machine_that_is_no_windows(run: Run) -> None:
    with pytest.raises(BuildError, match="powershell is for Windows, and this machine has a POSIX shell"):
        run('inline = ["x"]', Desk(lambda _: (0, "%OS% :OS"), kind="ssh"))


def test_ones_own_command_may_be_for_another_system(run: Run) -> None:
    desk = run('inline = ["x"]\nexecute_command = "pwsh {{.Path}}"', Desk(lambda _: (0, "%OS% :OS"), kind="ssh"))
    assert all(path.startswith("/tmp/") for path in desk.uploads)
    assert desk.commands[2].startswith('rm -f "/tmp/')


# -- elevated -----------------------------------------------------------------


def test_elevated(run: Run, recording: Recording) -> None:
    desk = run(
        'inline = ["x"]\nelevated_user = "O\'Neil"\nelevated_password = "p\'w$"\nremote_path = "c:/s.ps1"\n'
        "elevated_execute_command = \"powershell -c \\\"& { 'a' ; {{.Path}} }\\\"\""
    )
    (wrapper,) = (path for path in desk.uploads if "elevated" in path)
    assert desk.commands[0] == f'powershell -noprofile -executionpolicy bypass -file "{wrapper}"'
    code = desk.uploads[wrapper].decode()
    given = dict(re.findall(r"^\$(user|password|command) = (.*)$", code, re.MULTILINE))
    assert {name: value(word) for name, word in given.items()} == {
        "user": "O'Neil", "password": "p'w$", "command": "powershell -c \"& { 'a' ; c:/s.ps1 }\"",
    }  # fmt: skip
    parse(code)
    assert desk.files == {}
    assert not [line for line in (*desk.commands, *recording.said) if "p'w" in line]


def test_the_password_does_not_stay_with_skip_clean(run: Run) -> None:
    desk = run('inline = ["x"]\nelevated_user = "SYSTEM"\nskip_clean = true')
    assert len(desk.files) == 2
    assert not [path for path in desk.files if "elevated" in path]


def test_the_script_removes_itself_before_anything_can_fail() -> None:
    code = Path(__file__).parents[2] / "hclimg" / "provisioners" / "elevated.ps1"
    commands = [text(node).split()[0] for node in nodes(parse(code.read_text()), "command")]
    assert commands[0] == "Remove-Item"


# -- what is wrong ------------------------------------------------------------

PROBLEMS = [
    ("", ["1: Missing required argument; One of"]),
    ('inline = []', ["1: Empty script"]),
    ('script = "no.ps1"', ['1: File not found; "script" names "no.ps1"']),
    ('inline = ["x"]\nscript = "no.ps1"', ["2: Conflicting arguments", "2: File not found"]),
    ('inline = ["x"]\nelevated_password = "x"', ['2: Missing required argument; "elevated_password"']),
    ('inline = ["x"]\nelevated_user = "bob"', ['2: Missing password; "bob" has no "elevated_password"']),
    ('inline = ["x"]\nelevated_user = "NT AUTHORITY\\\\SYSTEM"', []),
    ('inline = ["x"]\nelevated_user = "bob"\nelevated_password = later', []),
    ('inline = ["x"]\nelevated_env_var_format = "%s=%s"', ["2: Argument without effect"]),
    ('inline = ["x"]\nenv_var_format = "%s"', ["2: Invalid format"]),
    ('inline = ["x"]\nexecution_policy = "bypas"', ["2: Incorrect value"]),
    ('inline = ["x"]\nexecute_command = "x"\nuse_pwsh = true', ["3: Argument without effect"]),
    ('inline = ["x"]\nremote_path = "c:/a\'b"', ["2: Invalid path"]),
    ('inline = ["x"]\ndebug_mode = 3', ["2: Invalid level"]),
    ('inline = ["x"]\nenvironment_vars = ["A"]', ["2: Invalid environment variable"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), PROBLEMS)
def test_problems(body: str, expected: list[str]) -> None:
    found = settings(PowershellConfig, body)[1]
    assert len(found) == len(expected)
    for problem, start in zip(found, expected, strict=True):
        assert problem.startswith(start), problem
