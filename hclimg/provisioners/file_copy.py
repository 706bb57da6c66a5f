"""What the ``file`` provisioner copies where: rsync's rule about trailing slashes."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

from hclimg.errors import BuildError
from hclimg.provisioners.file_config import FileConfig
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.windows import has_drive, is_windows, line_for, login_shell, with_backslashes, with_slashes

_CONTENT_MODE = 0o644
_GLOB = re.compile(r"[*?\[]")


def upload(ctx: Context, communicator: Communicator, config: FileConfig) -> None:
    """``/dir`` becomes ``destination/dir``, what is in ``/dir/`` goes right into the destination."""
    destination = _there(communicator, config.destination)
    if not config.all:
        ctx.say(f"Uploading content => {config.destination}")
        communicator.upload(config.content.encode(), destination, mode=_CONTENT_MODE)
        return
    for source in config.all:
        ctx.say(f"Uploading {source} => {config.destination}")
        path = Path(source).expanduser()
        if path.is_dir():
            inside = destination.rstrip("/") + "/" + path.absolute().name
            communicator.upload_dir(path, destination if source.endswith("/") else inside)
        else:
            communicator.upload(path, _in_directory(destination, path.name))


def _there(communicator: Communicator, path: str) -> str:
    """A path of the machine; those of Windows with forward slashes, and their drive first."""
    if has_drive(path):
        return with_slashes(path).lstrip("/")
    return with_slashes(path) if communicator.kind == "winrm" else path


def _in_directory(destination: str, name: str) -> str:
    return destination + name if destination.endswith("/") else destination


def download(ctx: Context, communicator: Communicator, config: FileConfig) -> None:
    """A source that ends with "/" is a directory, whose content goes into the destination; one may have wildcards."""
    for given in config.all:
        ctx.say(f"Downloading {given} => {config.destination}")
        source = _there(communicator, given)
        if source.endswith("/"):
            communicator.download_dir(source, Path(config.destination).expanduser())
        elif _GLOB.search(source.rpartition("/")[2]):
            for found in _expand(communicator, source):
                _fetch(communicator, found, Path(config.destination).expanduser() / found.rpartition("/")[2])
        else:
            target = _in_directory(config.destination, source.rpartition("/")[2])
            _fetch(communicator, source, Path(target).expanduser())


def _fetch(communicator: Communicator, source: str, target: Path) -> None:
    """A file, or a directory as a whole."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f'Cannot make the directory "{target.parent}": {error.strerror}.') from error
    communicator.download(source, target)


def _expand(communicator: Communicator, pattern: str) -> list[str]:
    """The machine's files that fit the wildcards. Raises BuildError when there are none."""
    found = (_expand_on_windows if is_windows(communicator) else _expand_by_shell)(communicator, pattern)
    if not found:
        raise BuildError(f'No file of the machine fits "{pattern}".')
    return found


def _expand_by_shell(communicator: Communicator, pattern: str) -> list[str]:
    folder, _, last = pattern.rpartition("/")
    lines: list[str] = []
    where = f"{quote(folder or '/')}/" if "/" in pattern else ""
    safe = re.sub(r"[^\w.*?\[\]!^-]", lambda found: "\\" + found[0], last)
    command = f"for f in {where}{safe}; do [ ! -f \"$f\" ] || printf '%s\\n' \"$f\"; done"
    communicator.run(f"/bin/sh -c {quote(command)}", on_output=lambda line, _stream: lines.append(line))
    return [line for line in lines if line.startswith(f"{folder}/" if "/" in pattern else "")]


def _expand_on_windows(communicator: Communicator, pattern: str) -> list[str]:
    folder, slash, _ = pattern.rpartition("/")
    names: list[str] = []
    command = f'dir /b /a-d "{with_backslashes(pattern)}"'
    status = communicator.run(
        line_for(login_shell(communicator), command),
        on_output=lambda line, stream: names.append(line) if stream == "stdout" else None,
    )
    return [f"{folder}{slash}{name}" for name in names if name] if status == 0 else []
