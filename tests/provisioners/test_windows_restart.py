"""The provisioner ``windows-restart`` against a machine that goes down and comes back as a test says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from attrs import define, field

from hclimg.errors import CommandFailed, ConnectionLost, TimedOut
from hclimg.provisioners.windows_restart import WindowsRestartProvisioner
from hclimg.provisioners.windows_restart_config import KEYS, WindowsRestartConfig, for_reg
from hclimg.provisioners.windows_restarting import Restart
from hclimg.sdk.testing import check_component, decoded
from servers.recording import Recording
from servers.windows_desk import Answer, Desk
from servers.windows_desk import decoded as plain

RESTART = 'shutdown /r /f /t 0 /c "packer restart"'
ASK = 'shutdown /r /f /t 60 /c "packer restart test"'


@define
class Guest:
    """``answers`` are what commands that begin so answer, one after the other; the last one from then on."""

    answers: dict[str, list[Answer]] = field(factory=dict)

    def __call__(self, command: str) -> Answer:
        code = plain(command)
        if "Dns" in code and "Dns" not in self.answers:
            return 0, "WIN-1 restarted."
        for start, given in self.answers.items():
            if start in code:
                return given.pop(0) if len(given) > 1 else given[0]
        return (1, "") if command.startswith("reg query") else (0, "")


Run = Callable[..., Desk]


@pytest.fixture
def run(recording: Recording) -> Run:
    """``run({command: [answers]}, body)`` restarts such a guest."""

    def go(answers: dict[str, list[Answer]], body: str = "", *, gone: bool = False) -> Desk:
        config, problems = decoded(WindowsRestartConfig, body)
        assert problems == []
        assert config is not None
        desk = Desk(Guest(answers), gone=gone)
        restart = Restart.of(recording.ctx, desk, config)
        restart.pause = 0.01
        restart.run()
        return desk

    return go


def _commands(desk: Desk) -> list[str]:
    return [plain(command) for command in desk.commands]


def test_contract() -> None:
    check_component(WindowsRestartProvisioner, 'restart_timeout = "15m"')


def test_a_restart(run: Run, recording: Recording) -> None:
    desk = run({ASK: [(1115, ""), (1190, ""), (1717, ""), ConnectionLost("Cut.")]})
    assert _commands(desk)[:-1] == [RESTART, ASK, ASK, ASK, ASK]
    assert "Write-Output ('{0} restarted.'" in _commands(desk)[-1]
    assert recording.said == [
        "Restarting machine", "Waiting for machine to restart", "Machine successfully restarted, moving on",
    ]  # fmt: skip
    assert recording.output == ["WIN-1 restarted."]


def test_a_machine_that_is_back_already_is_not_restarted_again(run: Run) -> None:
    desk = run({ASK: [(0, "")]})
    assert _commands(desk)[:3] == [RESTART, ASK, "shutdown /a"]


@pytest.mark.parametrize("answer", [(1115, ""), (1190, ""), ConnectionLost("Cut."), TimedOut("Slow.")])
def test_a_restart_that_begins_at_once(answer: Answer, run: Run) -> None:
    assert _commands(run({RESTART: [answer], ASK: [(1, "")]}))[:2] == [RESTART, ASK]


def test_a_restart_command_that_fails(run: Run) -> None:
    with pytest.raises(CommandFailed, match="ended with exit code 5") as caught:
        run({"restart-it": [(5, "Access is denied.")]}, 'restart_command = "restart-it"')
    assert caught.value.output == ("Access is denied.",)
    assert "right to shut the machine down" in caught.value.hint


def test_the_check_is_repeated_until_it_succeeds(run: Run) -> None:
    checks: list[Answer] = [(1, "not yet"), ConnectionLost("Cut."), (0, "")]
    ready: list[Answer] = [(0, "no modules"), (0, "WIN restarted.")]
    desk = run({"check-it": checks, "Dns": ready}, 'restart_check_command = "check-it"')
    assert _commands(desk).count("check-it") == 3
    assert len([command for command in _commands(desk) if "Dns" in command]) == 2


def test_the_registry(run: Run) -> None:
    key = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
    desk = run({"PackagesPending": [(0, ""), (0, ""), (1, "")]}, "check_registry = true")
    assert [command for command in desk.commands if command.startswith("reg")] == [
        f'reg query "{key}\\RebootPending"', *[f'reg query "{key}\\PackagesPending"'] * 3,
        f'reg query "{key}\\RebootInProgress"',
    ]  # fmt: skip


NEVER = [
    ({ASK: [(1115, "")]}, "", r"waited for it to go down \(it said that a shutdown is under way \(exit code 1115"),
    ({"check-it": [(7, "busy")]}, 'restart_check_command = "check-it"',
     r"waited for restart_check_command to succeed \(its last end was exit code 7: busy"),
    ({"Dns": [(0, "no modules")]}, "", r"its PowerShell to work \(it printed: no modules"),
    ({"RebootPending": [(0, "")]}, "check_registry = true", re.escape(f"its registry key {KEYS[0]} to go away")),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "body", "message"), NEVER)
def test_a_machine_that_never_gets_ready(answers: dict[str, list[Answer]], body: str, message: str, run: Run) -> None:
    with pytest.raises(TimedOut, match=message) as caught:
        run(answers, f'{body}\nrestart_timeout = "50ms"')
    assert caught.value.message.startswith("The machine was not back ")
    assert "console" in caught.value.hint


def test_a_machine_that_never_comes_back(run: Run) -> None:
    with pytest.raises(TimedOut, match="WinRM did not answer"):
        run({}, gone=True)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (r"HKLM:SOFTWARE\A b", r"HKLM\SOFTWARE\A b"),
        (r"HKLM:\SOFTWARE\A", r"HKLM\SOFTWARE\A"),
        (r"Registry::HKEY_LOCAL_MACHINE\SOFTWARE", r"HKEY_LOCAL_MACHINE\SOFTWARE"),
        (r"hkcu:Software\A", r"hkcu\Software\A"),
    ],
)
def test_names_of_keys(key: str, expected: str) -> None:
    assert for_reg(key) == expected


PROBLEMS = [
    ('registry_keys = ["SOFTWARE\\\\A"]\ncheck_registry = true', "1: Invalid registry key"),
    ('registry_keys = ["HKLM:SOFTWARE\\\\A"]', "1: Argument without effect"),
    ('restart_timeout = "0s"', "1: Invalid duration"),
]


@pytest.mark.parametrize(("body", "start"), PROBLEMS)
def test_problems(body: str, start: str) -> None:
    (problem,) = decoded(WindowsRestartConfig, body)[1]
    assert problem.startswith(start)
