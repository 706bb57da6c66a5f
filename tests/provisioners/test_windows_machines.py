"""The provisioners for Windows, through WinRM and through OpenSSH, into the cmd.exe of wine.

PowerShell is played by a stand-in (tests/servers/powershell.py): that its command lines and files arrive is real, what
PowerShell would do with them is not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from hclimg.communicators.connect import clear_authorized_keys, connect
from hclimg.errors import BuildError, CommandFailed, TimedOut
from hclimg.provisioners.file import FileProvisioner
from hclimg.provisioners.powershell import PowershellProvisioner
from hclimg.provisioners.shell import ShellProvisioner
from hclimg.provisioners.windows_restart import WindowsRestartProvisioner
from hclimg.provisioners.windows_shell import WindowsShellProvisioner
from hclimg.sdk.components import Provisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component
from hclimg.sdk.windows import LoginShell
from servers.powershell import PowerShell
from servers.recording import Recording
from servers.windows_sshd import WindowsSshd
from servers.wine import Wine
from servers.winrm import PASSWORD, USER, WinrmServer
from servers.winrm_packer import is_packers, packers
from servers.winrm_powershell import Write
from servers.winrm_shells import Shell

pytestmark = pytest.mark.slow  # wine takes seconds to set itself up


BATCH = "machines.bat"
OWN = f'remote_path = "c:/Windows/Temp/{BATCH}"\n'
"""Other modules have batch files on the same drive, under the name that they have when nobody says."""


@frozen(eq=False)
class Windows:
    """A machine and what came to it."""

    machine: Machine
    wine: Wine
    powershell: PowerShell
    lines: list[str]
    recording: Recording

    def provision(self, cls: type[Provisioner[Any]], body: str) -> list[str]:
        """What was printed."""
        before = len(self.recording.output)
        component(cls, body).provision(self.recording.ctx, self.machine)
        return [line.rstrip() for line in self.recording.output[before:]]

    @property
    def left(self) -> list[str]:
        """Scripts of this module that are still there."""
        names = [path.name for path in self.wine.here("C:/Windows/Temp").iterdir()]
        return [name for name in names if name == BATCH or name.endswith(".ps1")]


def over_ssh(recording: Recording, server: WindowsSshd, **settings: Any) -> Windows:
    config = server.sshd.configure(**settings)
    communicator = connect(recording.ctx, config, host=config.host, port=config.port)
    machine = Machine(id="windows", communicator=communicator)
    return Windows(machine, server.wine, server.powershell, server.lines, recording)


def over_winrm(recording: Recording, server: WinrmServer) -> Windows:
    def run_line(line: str) -> tuple[str, int]:
        said: list[str] = []
        status = powershell.run(line, said.append)
        return "\r\n".join(said), status

    powershell = PowerShell(server.wine.here, run_line)

    def program(_shell: Shell, line: str, _stdin: object, write: Write) -> int:
        return powershell.run(line, lambda text: write("stdout", f"{text}\r\n".encode()))

    server.stand_ins.append((lambda line: line.startswith(("powershell ", "pwsh ")), program))
    config = server.config
    communicator = connect(recording.ctx, config, host=config.host, port=config.port)
    return Windows(Machine(id="windows", communicator=communicator), server.wine, powershell, server.lines, recording)


@pytest.fixture(params=["winrm", "ssh", "ssh-powershell"])
def windows(request: pytest.FixtureRequest, recording: Recording) -> Windows:
    if request.param == "winrm":
        return over_winrm(recording, request.getfixturevalue("winrm"))
    shell = LoginShell.CMD if request.param == "ssh" else LoginShell.POWERSHELL
    return over_ssh(recording, request.getfixturevalue("windows_sshd_factory")(shell=shell))


LOOP = "@echo off\nset n=0\n:again\nset /a n=n+1 >nul\nif not %n%==3 goto again\necho %n%\n"


# -- windows-shell ------------------------------------------------------------


def test_commands_by_cmd(windows: Windows, tmp_path: Path) -> None:
    (tmp_path / "loop.bat").write_text(LOOP)
    body = (
        f'scripts = ["{tmp_path}/loop.bat"]\n{OWN}'
        'environment_vars = ["QUOTED=a \\"b & c\\" > d", "ODD=5\\" pipe", "PLUS=%OS%;x"]\n'
    )
    assert windows.provision(WindowsShellProvisioner, body) == ["3"]
    script = 'inline = ["@set QUOTED", "@set ODD", "@set PLUS", "@set PACKER_BUILD_NAME"]\n'
    assert windows.provision(WindowsShellProvisioner, script + body.partition("\n")[2]) == [
        'QUOTED=a "b & c" > d', 'ODD=5" pipe', "PLUS=Windows_NT;x", "PACKER_BUILD_NAME=test",
    ]  # fmt: skip
    assert windows.left == []


def test_a_batch_file_that_fails(windows: Windows) -> None:
    body = f'inline = ["@echo one", "@echo two 1>&2", "@exit /b 42"]\n{OWN}'
    with pytest.raises(CommandFailed) as caught:
        windows.provision(WindowsShellProvisioner, body)
    assert caught.value.status == 42
    assert sorted(line.strip() for line in caught.value.output) == ["one", "two"]
    assert windows.left == []
    windows.provision(WindowsShellProvisioner, body + "valid_exit_codes = [42]")


def test_output_that_is_not_utf_8(windows: Windows, tmp_path: Path) -> None:
    (tmp_path / "x.bat").write_bytes(b"@echo caf\xe9\r\n")
    (line,) = windows.provision(WindowsShellProvisioner, f'script = "{tmp_path}/x.bat"\n{OWN}')
    assert line.startswith("caf")


# -- powershell ---------------------------------------------------------------


def test_commands_by_powershell(windows: Windows) -> None:
    value = "50 $HOME \\\"q\\\" 'a' “b” ` é"
    body = f'inline = ["Write-Output \'one\'", "Write-Output $env:V", "exit 7"]\nenv = {{ V = "{value}" }}\n'
    with pytest.raises(CommandFailed) as caught:
        windows.provision(PowershellProvisioner, body)
    assert caught.value.status == 7
    assert windows.left == []
    said = windows.provision(PowershellProvisioner, body + "valid_exit_codes = [7]")
    assert said == ["one", value.replace("\\", "")]


def test_a_script_by_powershell(windows: Windows, tmp_path: Path) -> None:
    (tmp_path / "a.ps1").write_text("Write-Output $env:V\nexit 3\n")
    body = f'script = "{tmp_path}/a.ps1"\nenv = {{ V = "x y" }}\nvalid_exit_codes = [3]\n'
    assert windows.provision(PowershellProvisioner, body) == ["x y"]
    body += 'remote_path = "C:\\\\Windows\\\\Temp\\\\my a.ps1"'
    assert windows.provision(PowershellProvisioner, body) == ["x y"]
    assert windows.left == []


def test_elevated(windows: Windows) -> None:
    body = 'inline = ["Write-Output \'hi\'"]\nelevated_user = "Bob"\nelevated_password = "p w\'d"'
    assert windows.provision(PowershellProvisioner, body) == ["hi"]
    assert windows.powershell.users == [("Bob", "p w'd")]
    assert windows.left == []
    assert not [line for line in windows.lines if "p w" in line]


# -- files and keys -----------------------------------------------------------


def test_files(windows: Windows, tmp_path: Path) -> None:
    name = f"C:/hclimg{os.urandom(4).hex()}"
    there = windows.wine.here(name)
    there.mkdir()
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "b.txt").write_text("b")
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.txt").chmod(0o444)
    back = name.replace("/", "\\\\")
    windows.provision(FileProvisioner, f'source = "{tmp_path}/a.txt"\ndestination = "{back}\\\\"')
    windows.provision(FileProvisioner, f'source = "{tmp_path}/tree"\ndestination = "{name}"')
    windows.provision(FileProvisioner, f'content = "c"\ndestination = "/{name}/c d.txt"')
    assert (there / "a.txt").read_text() == "a"
    assert (there / "a.txt").stat().st_mode & 0o200
    assert (there / "tree/sub/b.txt").read_text() == "b"
    assert (there / "c d.txt").read_text() == "c"
    for pattern in (f"{back}\\\\*.txt", f"{name}/tree/"):
        body = f'source = "{pattern}"\ndestination = "{tmp_path}/got/"\ndirection = "download"'
        windows.provision(FileProvisioner, body)
    found = sorted(str(path.relative_to(tmp_path / "got")) for path in (tmp_path / "got").rglob("*.txt"))
    assert found == ["a.txt", "c d.txt", "sub/b.txt"]


def test_a_directory_that_is_missing(recording: Recording, windows_sshd: WindowsSshd) -> None:
    with pytest.raises(BuildError, match="No such file") as caught:
        over_ssh(recording, windows_sshd).provision(FileProvisioner, 'content = "x"\ndestination = "C:/no/such/file"')
    assert caught.value.hint.startswith("Directories are not made on the way")


@pytest.mark.parametrize("shell", [LoginShell.CMD, LoginShell.POWERSHELL])
def test_the_temporary_key_is_taken_away(
    shell: LoginShell, recording: Recording, windows_sshd_factory: Callable[..., WindowsSshd]
) -> None:
    server = windows_sshd_factory(shell=shell)
    windows = over_ssh(recording, server, ssh_clear_authorized_keys=True)
    config = server.sshd.configure(ssh_clear_authorized_keys=True)
    for_all = server.wine.here("C:/ProgramData/ssh/administrators_authorized_keys")
    files = [server.home / ".ssh/authorized_keys", for_all]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"ssh-rsa AAAA other\r\n{server.sshd.key.public}\r\n")
    clear_authorized_keys(recording.ctx, config, windows.machine.communicator, server.sshd.key.public)
    assert [file.read_bytes() for file in files] == [b"ssh-rsa AAAA other\r\n"] * 2
    clear_authorized_keys(recording.ctx, config, windows.machine.communicator, server.sshd.key.public)
    assert recording.said[-1] == "The temporary key could not be removed from authorized_keys."


def test_the_shell_provisioner_says_what_to_use(windows: Windows) -> None:
    with pytest.raises(BuildError, match="this machine is Windows") as caught:
        windows.provision(ShellProvisioner, 'inline = ["true"]')
    assert "powershell or windows-shell" in caught.value.hint


# -- restarts -----------------------------------------------------------------


def test_a_restart_over_ssh(recording: Recording, windows_sshd: WindowsSshd) -> None:
    windows = over_ssh(recording, windows_sshd)

    def shutdown(line: str, _write: object) -> int:
        if "/t 0" in line:
            windows_sshd.sshd.stop()
            windows_sshd.sshd.start()
        return 0

    windows_sshd.stand_ins["shutdown "] = shutdown
    logins = windows_sshd.sshd.logins
    assert windows.provision(WindowsRestartProvisioner, "check_registry = true") == ["WIN-1 restarted."]
    assert windows_sshd.sshd.logins > logins
    assert windows.lines[1:4] == [
        'shutdown /r /f /t 0 /c "packer restart"', 'shutdown /r /f /t 60 /c "packer restart test"', "shutdown /a",
    ]  # fmt: skip
    assert [line for line in windows.lines if line.startswith("reg query")]


def test_a_restart_over_winrm(recording: Recording, winrm: WinrmServer) -> None:
    windows, answers = over_winrm(recording, winrm), [0, 1115, 0, 0]

    def shutdown(_shell: Shell, line: str, _stdin: object, _write: object) -> int:
        if line.endswith('restart test"') and answers[0] == 0:
            winrm.stop()
            winrm.start()
        return answers.pop(0)

    winrm.stand_ins.append((lambda line: line.startswith("shutdown"), shutdown))
    assert windows.provision(WindowsRestartProvisioner, "") == ["WIN-1 restarted."]
    asked = [line for line in windows.lines if line.startswith("shutdown")]
    assert asked[:3] == [
        'shutdown /r /f /t 0 /c "packer restart"', *['shutdown /r /f /t 60 /c "packer restart test"'] * 2,
    ]  # fmt: skip


def test_a_machine_that_never_comes_back_over_ssh(recording: Recording, windows_sshd: WindowsSshd) -> None:
    windows = over_ssh(recording, windows_sshd)

    def shutdown(_line: str, _write: object) -> int:
        windows_sshd.sshd.stop()
        return 0

    windows_sshd.stand_ins["shutdown "] = shutdown
    with pytest.raises(TimedOut, match="not back 2s after its restart began: hclimg waited for it to go down"):
        windows.provision(WindowsRestartProvisioner, 'restart_timeout = "2s"')


# -- beside Packer ------------------------------------------------------------

TEMPLATE = """{{"builders": [{{"type": "null", "communicator": "winrm", "winrm_host": "127.0.0.1",
 "winrm_port": "{port}", "winrm_username": "{user}", "winrm_password": "{password}"}}], "provisioners": [
 {{"type": "windows-shell", "environment_vars": ["MARK=a b"], "remote_path": "c:/Windows/Temp/beside.bat",
   "inline": ["@echo %MARK% by %PACKER_BUILDER_TYPE%>C:\\\\{mark}", "@ver>>C:\\\\{mark}"]}},
 {{"type": "powershell", "script": "{script}",
   "environment_vars": ["V=50 $HOME \\"q\\" 'a' ` é", "W={{{{.WinRMPassword}}}}"]}},
 {{"type": "windows-restart"}}]}}"""
DIFFERENCE = (
    "\"& { if (Test-Path variable:global:ProgressPreference){set-variable -name variable:global:ProgressPreference "
    "-value 'SilentlyContinue'};. c:/Windows/Temp/packer-ps-env-vars.ps1; &'c:/Windows/Temp/script.ps1';",
    "-command \"& { $global:ProgressPreference='SilentlyContinue'; . 'c:/Windows/Temp/packer-ps-env-vars.ps1'; "
    "& 'c:/Windows/Temp/script.ps1';",
)
FILE = re.compile(r"(script|packer-ps-env-vars)-[0-9a-f-]+\.ps1")


def by(tool: list[str], server: WinrmServer, folder: Path) -> tuple[bytes, list[str], list[str]]:
    """What a tool leaves on a machine of its own, what its PowerShell prints, and its command lines."""
    said: list[str] = []

    def run_script(_shell: Shell, line: str, _stdin: object, write: Write) -> int:
        def tell(text: str) -> None:
            said.append(text)
            write("stdout", f"{text}\r\n".encode())

        return PowerShell(server.wine.here, lambda _line: ("", 0)).run(line, tell)

    server.stand_ins += [
        (is_packers, packers),
        (lambda line: line.startswith("powershell"), run_script),
        (lambda line: line.startswith("shutdown"), lambda *_: 0),
    ]
    (folder / "a.ps1").write_text("Write-Output $env:V\nWrite-Output $env:W\nWrite-Output $env:PACKER_BUILDER_TYPE\n")
    mark = f"mark{server.port}.txt"
    template = folder / f"{server.port}.json"
    template.write_text(TEMPLATE.format(
        port=server.port, user=USER, password=PASSWORD, mark=mark, script=folder / "a.ps1"
    ))  # fmt: skip
    env = {**os.environ, "CHECKPOINT_DISABLE": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [*tool, str(template)]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = (FILE.sub(r"\1.ps1", line).replace(mark, "mark") for line in server.lines if "-EncodedCommand" not in line)
    own = [line for line in shown if not line.startswith(("echo ", "del ")) and "packer-cleanup" not in line]
    return server.wine.here(f"C:/{mark}").read_bytes(), said, own


def test_packer_does_the_same(winrm_factory: Callable[..., WinrmServer], tmp_path: Path) -> None:
    marks, said, lines = by(["packer", "build"], winrm_factory(), tmp_path)
    assert marks.startswith(b"a b by null\r\n")
    ours = by([sys.executable, "-m", "hclimg", "apply"], winrm_factory(), tmp_path)
    assert ours[0] == marks
    # Packer writes no mark of UTF-8 into its file of variables, which Windows PowerShell reads as cp1252 then.
    assert said == ['50 $HOME "q" \'a\' ` é', PASSWORD, "null", "WIN-1 restarted."]
    assert ours[1] == said
    # In the command line of PowerShell, -command is told, and it is the variable itself that Packer means to set.
    assert [line.replace(*DIFFERENCE) for line in lines] == ours[2]
