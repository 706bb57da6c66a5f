"""Programs of the host: run one to its end, or keep one running while a build needs it.

Arguments may be seen by every user of the host, so secrets go through ``stdin`` or a file, never through ``argv``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, BinaryIO

from attrs import frozen

from hclimg.errors import BuildError, CommandFailed, MissingProgram, TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.journal import NoJournal
from hclimg.sdk.lines import LineSplitter
from hclimg.sdk.machine import ByteSink, OutputSink
from hclimg.sdk.steps import step

TAIL = 20  # lines of output that an error carries
PIECE = 1 << 16  # bytes that are read at once
GRACE = 5.0  # seconds between asking a program to end and ending it
_LOOK = 0.05  # seconds between two looks at processes that end

RUN_MARK = "HCLIMG_RUN"
"""The environment variable that marks what a run started, should its pid never have reached the journal."""

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-img": "qemu-utils",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "blkid": "util-linux",
    "sfdisk": "fdisk",
    "grub-mkimage": "grub-common grub-pc-bin",
    "xorriso": "xorriso",
    "mformat": "mtools",
    "ssh-keygen": "openssh-client",
    "chroot": "coreutils",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "swtpm": "swtpm",
    "zstd": "zstd",
    "lz4": "lz4",
}
"""Which Debian package has a program: for the hint of MissingProgram."""


@frozen
class Completed:
    """``tail`` holds the last lines that it printed, both streams in the order in which they came. ``stdout`` is empty
    when its lines went to somebody else; when its bytes did, they are in neither."""

    status: int
    stdout: str
    tail: tuple[str, ...]


_starting = threading.Lock()


@contextmanager
def no_program_starts() -> Iterator[None]:
    """Write a file that will be executed only inside this.

    A child that is forked while the file is open holds it too until it executes its own program, and the system
    refuses to execute a file that somebody holds for writing ("Text file busy").
    """
    with _starting:
        yield


def start(argv: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    """Every program is started here. ``how`` are the arguments of Popen. Raises BuildError when it cannot be."""
    with _starting:
        try:
            return subprocess.Popen(argv, **how)
        except OSError as error:
            raise BuildError(f"{argv[0]} cannot be started: {error.strerror}.") from error
        except ValueError as error:  # of what goes to the system: arguments, environment, directory
            hint = "A text of the template contains the character U+0000, which ends a text for the system."
            raise BuildError(f"{argv[0]} cannot be started: {error}.", hint=hint) from error


def find_program(name: str) -> str:
    """The path of a program of the host. Raises MissingProgram."""
    from shutil import which

    found = which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        package = PACKAGES.get(name)
        hint = f"On Debian or Ubuntu: apt-get install {package}" if package else f'Install "{name}" or add it to PATH.'
        raise MissingProgram(f'The program "{name}" is not installed on this machine.', hint=hint)
    return found


def run_program(
    ctx: Context,
    argv: Sequence[str | os.PathLike[str]],
    *,
    stdin: bytes | Path | BinaryIO | None = None,
    env: Mapping[str, str] | None = None,
    inherit: bool = True,
    cwd: Path | None = None,
    on_output: OutputSink | None = None,
    on_bytes: ByteSink | None = None,
    timeout: timedelta | None = None,
    valid: Sequence[int] = (0,),
    pass_fds: Sequence[int] = (),
    hint: str = "",
    outlives: bool = False,
) -> Completed:
    """Run a program to its end.

    ``env`` is added to the environment, or is all of it without ``inherit``. Output goes line by line to ``on_output``,
    or as it comes to ``on_bytes``. ``stdin`` that is an open file of the system is given to the program as it is and
    closed here; ``pass_fds`` are open files that it gets under the same numbers. A program that
    ``outlives`` a run that is killed is not ended by the clean-up: the caller has a record of what it makes, and the
    remover of that waits for it.
    A cancel or the timeout ends the program and everything that it started (its process group). Raises MissingProgram,
    CommandFailed when the exit code is not in ``valid``, TimedOut, Cancelled.
    """
    ctx.cancel.check()
    command = [find_program(os.fspath(argv[0])), *[os.fspath(argument) for argument in argv[1:]]]
    source = stdin.open("rb") if isinstance(stdin, Path) else None if isinstance(stdin, bytes) else stdin
    journal = NoJournal() if outlives else ctx.journal
    record = journal.intend("process", name=Path(command[0]).name)
    try:
        process = start(
            command,
            stdin=source or (subprocess.PIPE if isinstance(stdin, bytes) else subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**(os.environ if inherit else {}), **(env or {}), RUN_MARK: "" if outlives else ctx.run.id},
            cwd=cwd,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except BuildError:
        record.gone()
        raise
    finally:
        if source:
            source.close()
    record.made(pid=str(process.pid), started=started_at(process.pid))
    reader = _Reader(process, on_output, on_bytes)
    with ctx.cancel.closing(lambda: end_group(process)):
        if isinstance(stdin, bytes):
            _feed(process, stdin)
        try:
            status = process.wait(timeout.total_seconds() if timeout else None)
        except subprocess.TimeoutExpired:
            end_group(process)
            raise TimedOut(f"{command[0]} did not end within {timeout}.", hint=hint) from None
        finally:
            reader.join()
            record.gone()
    ctx.cancel.check()
    done = Completed(status, "\n".join(reader.stdout), tuple(reader.tail))
    if status not in valid:
        name = Path(command[0]).name
        raise CommandFailed(f"{name} ended with exit code {status}.", exit_code=status, output=done.tail, hint=hint)
    return done


@step("Starting process", undo="Stopping process")
def running_program(
    ctx: Context,
    argv: Sequence[str | os.PathLike[str]],
    *,
    name: str,
    log: Path | None = None,
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a program running until the scope closes; its output goes to the file ``log``. ``env`` is added to the
    environment."""
    command = [find_program(os.fspath(argv[0])), *[os.fspath(argument) for argument in argv[1:]]]
    record = ctx.journal.intend("process", name=name)
    out: IO[bytes] | int = log.open("ab") if log else subprocess.DEVNULL
    try:
        process = start(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            env={**os.environ, **(env or {}), RUN_MARK: ctx.run.id},
        )
    except BuildError:
        record.gone()
        raise
    finally:
        if not isinstance(out, int):
            out.close()
    record.made(pid=str(process.pid), started=started_at(process.pid))
    yield process
    end_group(process)
    record.gone()


def started_at(pid: int) -> str:
    """When a process started, in clock ticks since boot: with the pid it identifies a process. Empty: no process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a process and its children to end, end them when they do not, and wait until the process is gone."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def processes_with(variable: str) -> Iterator[int]:
    """The processes of this host that were started with an environment variable, given as ``NAME=value``."""
    wanted = variable.encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found = wanted in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it has ended meanwhile, or belongs to somebody else
        if found:
            yield int(entry.name)


def end_processes(variable: str) -> None:
    """End all processes that were started with an environment variable (``NAME=value``), and what they start meanwhile,
    by programs that are gone: they are not our children, so their end is looked for."""
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline:
        pids = list(processes_with(variable))
        if not pids:
            return
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK)


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Write all of stdin from a thread of its own, so that a program that does not read cannot block a cancel."""
    assert process.stdin is not None
    pipe = process.stdin

    def write() -> None:
        try:
            with pipe:
                pipe.write(data)
        except (BrokenPipeError, ValueError):
            return  # the program ended, or did not want all of it: its exit code tells

    threading.Thread(target=write, daemon=True).start()


class _Reader:
    """Reads both streams of a process line by line. All of stdout is kept only when nobody listens."""

    def __init__(
        self, process: subprocess.Popen[bytes], on_output: OutputSink | None, on_bytes: ByteSink | None
    ) -> None:
        self.tail: deque[str] = deque(maxlen=TAIL)
        self.stdout: list[str] = []
        self._on_output = on_output
        self._on_bytes = on_bytes
        streams = (("stdout", process.stdout), ("stderr", process.stderr))
        self._threads = [threading.Thread(target=self._read, args=s, daemon=True) for s in streams]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: str, pipe: IO[bytes]) -> None:
        splitter = LineSplitter(self._line, stream)
        with pipe:
            while piece := os.read(pipe.fileno(), PIECE):
                if self._on_bytes:
                    self._on_bytes(stream, piece)
                if not self._on_bytes or stream == "stderr":
                    splitter.feed(piece)
        splitter.close()

    def _line(self, line: str, stream: str) -> None:
        self.tail.append(line)
        if self._on_output:
            self._on_output(line, stream)
        elif stream == "stdout":
            self.stdout.append(line)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
