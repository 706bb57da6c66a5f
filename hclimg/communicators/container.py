"""Commands and files of a running container, through the command line of its engine (docker or podman).

Commands go by the environment, not by the arguments, which every user of the host can read. Files go as tar streams:
the engine writes them itself, as root, whoever the user of the commands is.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any, BinaryIO

from attrs import define, field

from hclimg.communicators.chroot import as_file
from hclimg.communicators.source import opened
from hclimg.communicators.tarstream import Entry, pack, walk
from hclimg.communicators.untar import unpack
from hclimg.errors import BuildError, CommandFailed, ConnectionLost
from hclimg.sdk.context import Context
from hclimg.sdk.machine import ByteSink, OutputSink
from hclimg.sdk.process import RUN_MARK, end_group, find_program, run_program, start, started_at

_VARIABLE = "HCLIMG_COMMAND"
_EVAL = f'_hclimg=${_VARIABLE}; unset {_VARIABLE}; eval "$_hclimg"'
_ANY_STATUS = range(-128, 256)
_BLOCK = 1 << 18
_WHO = 'printf "%s\\n" "$(id -u)" "$(id -g)" "$HOME" "$PWD"'


@define(eq=False)
class ContainerCommunicator:
    """A :class:`hclimg.sdk.machine.Communicator`. ``engine`` is the program, ``env`` what leads it to its daemon.

    ``user`` runs the commands (default: the image's); uploads become his with ``fix_owner``.
    """

    ctx: Context
    engine: str
    container: str
    env: Mapping[str, str] = field(factory=dict)
    user: str = ""
    pty: bool = False
    fix_owner: bool = True
    _who: tuple[str, str, str, str] | None = None

    @property
    def kind(self) -> str:
        return "docker"

    @property
    def streams_stdin(self) -> bool:
        return not self.pty

    def run(
        self,
        command: str,
        *,
        stdin: bytes | BinaryIO | None = None,
        on_output: OutputSink | None = None,
        timeout: timedelta | None = None,
    ) -> int:
        with as_file(stdin) as given:
            return self._exec(command, pty=self.pty, stdin=given, on_output=on_output, timeout=timeout)

    def pipe(self, command: str, *, stdin: BinaryIO, received: ByteSink) -> int:
        with stdin:
            return self._exec(command, pty=False, stdin=stdin, on_bytes=received)

    def _exec(self, command: str, *, pty: bool, **how: Any) -> int:
        user = ["--user", self.user] if self.user else []
        # An engine wants its own input to be a terminal before it passes that on to one.
        given = "-t" if pty and how.get("stdin") is None else "-i"
        done = run_program(
            self.ctx,
            [self.engine, "exec", given, *user, "-e", _VARIABLE, self.container, "/bin/sh", "-c", _EVAL],
            env={**self.env, _VARIABLE: command}, valid=_ANY_STATUS, **how,
        )  # fmt: skip
        if done.status:
            self._require_running(done.tail)
        return done.status if done.status >= 0 else 128 - done.status

    def upload(self, source: bytes | BinaryIO | Path, remote: str, *, mode: int | None = None) -> None:
        path = self._path(remote)
        above, _, name = path.rpartition("/")
        with tempfile.TemporaryDirectory(prefix="hclimg-") as folder, opened(source, mode) as opening:
            content = source if isinstance(source, Path) else Path(folder) / "content"
            if content is not source:
                with content.open("wb") as file:
                    for block in opening.blocks(_BLOCK):
                        file.write(block)
            stat = content.stat()
            bits = 0o644 if opening.mode is None else opening.mode
            entry = Entry(name, str(content), bits, stat.st_size, int(stat.st_mtime), is_dir=False)
            self._send([entry], above or "/", remote)
        self._own(path)

    def upload_dir(self, local: Path, remote: str, *, exclude: Sequence[str] = ()) -> None:
        path = self._path(remote)
        self._as_root(f'Cannot make the directory "{remote}"', "mkdir", "-p", path)
        self._send(list(walk(local, exclude)), path, remote)
        self._own(path)

    def download(self, remote: str, local: BinaryIO | Path) -> None:
        with tempfile.TemporaryDirectory(prefix="hclimg-") as folder:
            top = Path(folder)
            with self._receiving(self._path(remote), remote) as stream:
                unpack(stream, top)
            found = [path for path in top.iterdir() if path.is_file()]
            if not found:
                raise BuildError(f'Cannot read "{remote}": it is no file.')
            with found[0].open("rb") as content:
                _deliver(content, local)

    def download_dir(self, remote: str, local: Path, *, exclude: Sequence[str] = ()) -> None:
        with self._receiving(f"{self._path(remote).rstrip('/')}/.", remote) as stream:
            unpack(stream, local, exclude)

    def reconnect(self, timeout: timedelta) -> None:  # noqa: ARG002
        """A container that stopped does not start again by itself. Raises ConnectionLost."""
        self._require_running(())

    def close(self) -> None:
        """There is nothing to close."""

    # -- how it is done ---------------------------------------------------------------

    def _call(self, what: str, *arguments: str, stdin: Path | None = None) -> str:
        try:
            return run_program(self.ctx, [self.engine, *arguments], stdin=stdin, env=self.env).stdout
        except CommandFailed as error:
            self._require_running(error.output)
            raise BuildError(f"{what}: {_reason(error.output) or f'exit code {error.status}'}.") from error

    def _as_root(self, what: str, *command: str) -> None:
        self._call(what, "exec", "--user", "0", self.container, *command)

    def _require_running(self, said: tuple[str, ...]) -> None:
        """A command that fails in a container that is not there any more did not fail by itself."""
        template = "{{.State.Running}}"
        done = run_program(
            self.ctx, [self.engine, "container", "inspect", "--format", template, self.container],
            env=self.env, valid=_ANY_STATUS,
        )  # fmt: skip
        if done.status or done.stdout.strip() != "true":
            reason = _reason(said)
            hint = f'Its last words: "{reason}".' if reason else ""
            raise ConnectionLost("The container is not running any more.", hint=hint)

    def _identity(self) -> tuple[str, str, str, str]:
        """User, group, home and working directory of the commands."""
        if self._who is None:
            lines: list[str] = []
            self.run(_WHO, on_output=lambda line, stream: lines.append(line) if stream == "stdout" else None)
            uid, gid, home, here = [*lines, "", "", "", ""][:4]
            self._who = (uid.strip() or "0", gid.strip() or "0", home.strip() or "/root", here.strip() or "/")
        return self._who

    def _path(self, remote: str) -> str:
        """Absolute, with the meaning of ``~`` and of a relative path that a command would see."""
        if remote.startswith("/"):
            return remote
        _, _, home, here = self._identity()
        if remote == "~" or remote.startswith("~/"):
            return f"{home}{remote[1:]}"
        return f"{here.rstrip('/')}/{remote}"

    def _own(self, path: str) -> None:
        uid, gid, _, _ = self._identity() if self.fix_owner else ("0", "0", "", "")
        if (uid, gid) != ("0", "0"):
            self._as_root(f'Cannot give "{path}" to the user {uid}', "chown", "-R", f"{uid}:{gid}", path)

    def _send(self, entries: list[Entry], directory: str, remote: str) -> None:
        with tempfile.NamedTemporaryFile(prefix="hclimg-") as file:
            for block in pack(entries, _BLOCK):
                file.write(block)
            file.flush()
            target = f"{self.container}:{directory}"
            self._call(f'Cannot write "{remote}"', "cp", "-", target, stdin=Path(file.name))

    def _following(self) -> list[str]:
        """podman follows links by itself, also where it is installed as docker, and refuses the option."""
        said = run_program(self.ctx, [self.engine, "--version"], env=self.env).stdout
        return [] if "podman" in said.lower() else ["-L"]

    @contextmanager
    def _receiving(self, path: str, remote: str) -> Iterator[IO[bytes]]:
        """The tar stream of a path of the container, links followed at the top."""
        from tarfile import TarError

        self.ctx.cancel.check()
        command = [find_program(self.engine), "cp", *self._following(), f"{self.container}:{path}", "-"]
        record = self.ctx.journal.intend("process", name=Path(command[0]).name)
        with tempfile.TemporaryFile() as errors:
            process = start(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                env={**os.environ, **self.env, RUN_MARK: self.ctx.run.id}, start_new_session=True,
            )  # fmt: skip
            record.made(pid=str(process.pid), started=started_at(process.pid))
            assert process.stdout is not None
            damaged = False
            try:
                with self.ctx.cancel.closing(lambda: end_group(process)), process.stdout as stream:
                    try:
                        yield stream
                    except (TarError, EOFError):
                        damaged = True
                    while stream.read(_BLOCK):
                        continue
            finally:
                end_group(process) if process.poll() is None else None
                status = process.wait()
                record.gone()
            self.ctx.cancel.check()
            if status or damaged:
                errors.seek(0)
                said = tuple(errors.read().decode("utf-8", "replace").splitlines())
                self._require_running(said)
                raise BuildError(f'Cannot read "{remote}": {_reason(said) or "the stream of the engine is damaged"}.')


def _deliver(content: IO[bytes], local: BinaryIO | Path) -> None:
    if isinstance(local, Path):
        with local.open("wb") as file:
            copyfileobj(content, file)
    else:
        copyfileobj(content, local)


def _reason(output: tuple[str, ...]) -> str:
    lines = [line for line in output if line.strip()]
    text = lines[-1] if lines else ""
    for prefix in ("Error response from daemon: ", "Error: "):
        text = text.removeprefix(prefix)
    return text.strip().rstrip(".")
