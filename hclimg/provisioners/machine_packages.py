"""The packages in a running machine, and documents about them that it has already."""

from __future__ import annotations

import io
import shlex
from datetime import UTC, datetime

from hclimg.errors import BuildError
from hclimg.sbom.documents import About, document, require
from hclimg.sbom.packages import FILES, OLD_RPM, QUERY, RPM, Package, queried, system_of
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator


def fetched(ctx: Context, machine: Communicator, source: str) -> str:
    """The text of a file in the machine. Raises BuildError when there is none, or it is no text."""
    ctx.say(f"Downloading {source}.")
    try:
        return _download(machine, source).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BuildError(f"{source} is not text in UTF-8: {error.reason}.") from error


def generated(ctx: Context, machine: Communicator, kind: str, name: str, root: str) -> str:
    """A bill of materials of the system below ``root``."""
    require()
    root = root.rstrip("/")
    there = _there(machine, root)
    rpms = [path for path in (*RPM, *OLD_RPM) if path in there]
    files = {path: _download(machine, root + path) for path in FILES if path in there and path not in rpms}
    system = system_of(files, _rpms(machine, root, rpms[0]) if rpms else ())
    ctx.say(f"{system.title} has {len(system.packages)} packages.")
    made = datetime.fromtimestamp(int(ctx.run.started), UTC)
    return document(kind, About(name=name, run=ctx.run.id, made=made), system)


def _there(machine: Communicator, root: str) -> set[str]:
    """Which of the files exist."""
    paths = " ".join(shlex.quote(root + path) for path in (*FILES, *OLD_RPM))
    script = f'for f in {paths}; do if [ -e "$f" ]; then echo "$f"; fi; done'
    lines = _asked(machine, script, "The machine has no POSIX shell.")
    return {line.strip().removeprefix(root) for line in lines}


def _rpms(machine: Communicator, root: str, database: str) -> list[Package]:
    option = f"--dbpath {shlex.quote(root + database.rpartition('/')[0])} " if root else ""
    command = f"LC_ALL=C rpm {option}-qa --queryformat {shlex.quote(QUERY)}"
    return list(queried(_asked(machine, command, "The machine's rpm does not list its packages.")))


def _asked(machine: Communicator, command: str, failure: str) -> list[str]:
    lines: list[str] = []
    said: list[str] = []
    status = machine.run(command, on_output=lambda line, way: (lines if way == "stdout" else said).append(line))
    if status:
        hint = "auto_generate lists packages of dpkg, rpm and apk; otherwise give the machine's own file as source."
        raise BuildError(f"{failure} {' '.join(said)}".strip(), hint=hint)
    return lines


def _download(machine: Communicator, path: str) -> bytes:
    target = io.BytesIO()
    machine.download(path, target)
    return target.getvalue()
