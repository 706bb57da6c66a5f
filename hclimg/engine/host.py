"""Removes what dead runs left behind on this host: processes, directories, files.

A process must be the one that was written down: same pid, same start, same boot; one whose pid never came is found by
the mark that runs put into the environment of what they start.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hclimg.engine.journal import Ledger, Resource, boot_id
from hclimg.errors import CleanupError
from hclimg.sdk.process import GRACE, RUN_MARK, find_program, processes_with, started_at

PROC = Path("/proc")
LocalRemover = Callable[[Resource, Ledger], None]
"""Removes a resource; it may be gone already. Raises CleanupError with the reason when it is still there."""

# -- files and directories ----------------------------------------------------------


def remove_file(resource: Resource, _: Ledger) -> None:
    path = _path(resource)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CleanupError(f"it cannot be deleted: {error.strerror}") from error


def remove_files(resource: Resource, _: Ledger) -> None:
    """Files of one directory, and the directory when the run made it and nothing else is in it."""
    folder = _path(resource)
    try:
        for name in filter(None, resource.identity.get("names", "").split("/")):
            (folder / name).unlink(missing_ok=True)
        if resource.identity.get("new") and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise CleanupError(f"{error.filename} cannot be deleted: {error.strerror}") from error


def remove_directory(resource: Resource, _: Ledger) -> None:
    """Delete it with what is in it. What is mounted in it is unmounted first, never deleted."""
    path = _path(resource)
    if path.is_symlink():
        raise CleanupError("it is a link now")
    if not path.exists():
        return
    for mounted in mounts_in(path):
        _unmount(mounted)
    if mounts_in(path):
        raise CleanupError("something is mounted in it")
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise CleanupError(f"it cannot be deleted: {error.strerror} ({error.filename})") from error


def mounts_in(path: Path) -> list[Path]:
    """What is mounted at or below a path, the last mounted first."""
    inside = []
    for line in (PROC / "self/mountinfo").read_text().splitlines():
        at = Path(re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), line.split()[4]))
        if at.is_relative_to(path.resolve()):
            inside.append(at)
    return inside[::-1]


def _unmount(path: Path) -> None:
    done = subprocess.run([find_program("umount"), "--", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CleanupError(f"{path} cannot be unmounted: {done.stderr.strip()}")


def _path(resource: Resource) -> Path:
    """A path that can be deleted: never a relative one, nor one at the top of the file system, nor the user's home."""
    path = Path(resource.identity.get("path", ""))
    if not path.is_absolute() or len(path.parts) < 3 or path == Path.home() or ".." in path.parts:
        raise CleanupError(f"{path} is no path that may be deleted")
    return path


# -- processes --------------------------------------------------------------------


def end_process(resource: Resource, ledger: Ledger) -> None:
    """End a process and those of its group: first they are asked to, then they are made to."""
    if ledger.boot != boot_id():
        return
    running = {pid: fd for pid in _processes(resource, ledger.run) if (fd := _open_process(pid)) is not None}
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            running = _signalled(running, number)
        if running:
            raise CleanupError(f"process {min(running)} does not end")
    finally:
        for fd in running.values():
            os.close(fd)


def _processes(resource: Resource, run: str) -> Iterator[int]:
    """The process that was written down, and what the run started in its group; all of the run without a pid."""
    pid = int(resource.identity.get("pid") or 0)
    if pid and resource.identity.get("started") == _start_of(pid):
        yield pid
    for other in _marked(run):
        if other != pid and (not pid or _group_of(other) == pid):
            yield other


def _marked(run: str) -> Iterator[int]:
    """Processes with the mark of the run; not this one, nor those that started it."""
    spared = set(_ancestors())
    for pid in processes_with(f"{RUN_MARK}={run}"):
        if pid not in spared and _start_of(pid):
            yield pid


def _ancestors() -> Iterator[int]:
    pid = os.getpid()
    while pid > 0:
        yield pid
        stat = _stat(pid)
        pid = int(stat[1]) if stat else 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (state, parent, group, …); nothing for one that has ended."""
    try:
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if fields[0] in "ZX" else fields


def _start_of(pid: int) -> str:
    return started_at(pid) if _stat(pid) else ""


def _group_of(pid: int) -> int:
    stat = _stat(pid)
    return int(stat[2]) if stat else 0


def _open_process(pid: int) -> int | None:
    """A handle that keeps meaning this process, whoever gets the pid later."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _signalled(running: dict[int, int], number: int) -> dict[int, int]:
    """Signal the processes and give them time to end; those that have not. Handles of the others are closed."""
    waiting = select.poll()
    for fd in running.values():
        waiting.register(fd, select.POLLIN)
        try:
            signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            continue  # it has ended; the poll will tell
        except PermissionError as error:
            raise CleanupError("it belongs to another user") from error
    left, deadline = dict(running), time.monotonic() + GRACE
    while left and (rest := deadline - time.monotonic()) > 0:
        ended = {fd for fd, _ in waiting.poll(rest * 1000)}
        for pid in [pid for pid, fd in left.items() if fd in ended]:
            fd = left.pop(pid)
            waiting.unregister(fd)
            os.close(fd)
    return left


LOCAL: Mapping[str, LocalRemover] = {
    "process": end_process, "directory": remove_directory, "file": remove_file, "files": remove_files,
}  # fmt: skip
"""The kinds that this host can remove by itself."""
