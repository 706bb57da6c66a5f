"""Windows programs on this host: a prefix of wine, whose cmd.exe runs command lines as that of Windows does.

The prefix takes seconds and 700 MB, so all workers of a test run share one. Its server is started first and apart from
everything: the first process of a prefix starts services in the background, which would keep a pipe open for ever.
There is no PowerShell: wine's powershell.exe does nothing. There is no console either, so that ``chcp`` has no effect
and cmd.exe prints in the code page 1252.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import IO, Any

import pytest
from attrs import define, frozen

SERVER = "/usr/lib/wine/wineserver64"
LINE, RESULT = "HCLIMG_LINE", "HCLIMG_RESULT"
# The middle cmd.exe, which is no batch file, puts the line in, so that the last one reads it as if it had been typed;
# the outer one keeps the exit code, of which Linux would leave 8 bits.
BATCH = f"@cmd /c cmd /s /c %%{LINE}%%\r\n@echo %ERRORLEVEL% >%{RESULT}%\r\n"


@define(eq=False)
class Command:
    """A command line that runs. ``result`` is where its exit code is written at the end."""

    process: subprocess.Popen[bytes]
    result: Path

    def wait(self) -> int:
        """The exit code, all 32 bits of it; 1 when it was killed."""
        self.process.wait()
        with suppress(FileNotFoundError, ValueError):
            code = int(self.result.read_text())
            self.result.unlink()
            return code
        return 1

    def kill(self) -> None:
        """End it with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


@frozen
class Wine:
    """A prefix whose server runs. ``given`` takes the place of the variables that its programs start with."""

    prefix: Path
    given: Mapping[str, str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a program of Linux needs to run one of Windows here; nothing else of this host goes in."""
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.prefix), "LANG": "C.UTF-8", "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=",
        }  # fmt: skip

    @property
    def drive(self) -> Path:
        """Where drive C: is."""
        return self.prefix / "drive_c"

    def start(self, line: str, folder: Path, variables: Mapping[str, str] | None = None, **popen: Any) -> Command:
        """Run a command line by cmd.exe in ``folder`` (of this host), with these variables of Windows besides its own.

        ``popen`` says what the standard streams are; by default nothing.
        """
        streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        result = self.prefix / f"result-{os.urandom(8).hex()}"
        env = {
            **self.environment, **(variables or {}), LINE: f'"{line}"', RESULT: f"Z:{result}".replace("/", "\\"),
        }  # fmt: skip
        process = subprocess.Popen(
            ["wine", "cmd", "/c", str(self._batch)], env=env, cwd=folder, start_new_session=True, **{**streams, **popen}
        )
        return Command(process, result)

    def run(self, line: str, folder: Path | None = None) -> str:
        """What a command line prints to stdout."""
        command = self.start(line, folder or self.drive, stdout=subprocess.PIPE)
        out, _ = command.process.communicate()
        command.wait()
        return out.decode("cp1252")

    @cached_property
    def variables(self) -> dict[str, str]:
        """The environment that each program of Windows starts with, by the names in capitals."""
        if self.given is not None:
            return dict(self.given)
        pairs = (line.partition("=") for line in self.run("set").splitlines())
        return {name.upper(): value for name, _, value in pairs if not name.startswith(("WINE", "HCLIMG"))}

    def here(self, path: str) -> Path:
        """Where a path of Windows is on this host, whatever the case of its letters."""
        pure = PureWindowsPath(path)
        assert pure.drive.upper() in ("C:", "Z:"), path
        place = self.drive if pure.drive.upper() == "C:" else Path("/")
        for part in pure.parts[1:]:
            place = next((c for c in _children(place) if c.name.lower() == part.lower()), place / part)
        return place

    def there(self, path: Path) -> str:
        """The path of Windows of a file of this host."""
        if path.is_relative_to(self.drive):
            return f"C:\\{path.relative_to(self.drive)}".replace("/", "\\")
        return f"Z:{path}".replace("/", "\\")

    @property
    def _batch(self) -> Path:
        return self.prefix / "line.bat"


def _children(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


@contextmanager
def wine_prefix(shared: Path) -> Iterator[Wine]:
    """The prefix of this test run, made by the first who comes and removed by the last who goes.

    ``shared`` is a directory that all workers of the run see.
    """
    wine = Wine(shared / "wine")
    with (shared / "wine.lock").open("w") as making, (shared / "wine.users").open("w") as users:
        fcntl.flock(making, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        if not wine._batch.exists():
            _make(wine)
        fcntl.flock(making, fcntl.LOCK_UN)
        yield wine
        fcntl.flock(making, fcntl.LOCK_EX)
        with suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _quiet(wine, SERVER, "-k")
            shutil.rmtree(wine.prefix, ignore_errors=True)  # a program that is still ending may write to it


def _make(wine: Wine) -> None:
    wine.prefix.mkdir(exist_ok=True)
    _quiet(wine, SERVER, "-p")
    _quiet(wine, "wine", "cmd", "/c", "exit")
    wine._batch.write_bytes(BATCH.encode())
    wine.run('mkdir "%TEMP%"')  # which a new prefix may not have made yet


def _quiet(wine: Wine, *command: str) -> None:
    nothing: IO[bytes] | int = subprocess.DEVNULL
    subprocess.run(command, env=wine.environment, stdin=nothing, stdout=nothing, stderr=nothing)


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    """A Windows, of sorts."""
    base = tmp_path_factory.getbasetemp()
    with wine_prefix(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) as made:
        yield made
