"""Files that post-processors write: whole or not at all, and one writer at a time when several builds share one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step

LOCK_POLL = 0.05


@contextmanager
def locked(ctx: Context, path: Path) -> Iterator[None]:
    """Hold ``PATH.lock`` against other builds and other processes. A process that dies lets go of it."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock")
    while True:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            ctx.sleep(LOCK_POLL)
            continue
        if _is_still(lock, descriptor):
            break
        os.close(descriptor)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # before it is let go of: who holds a file without a name tries again
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def replacing(ctx: Context, target: Path) -> Iterator[Path]:
    """A path to write to; it becomes ``target`` when the block ends well, and is removed otherwise.

    What goes wrong while writing becomes a BuildError.
    """
    partial = target.with_name(f".{target.name}.{ctx.run.id}.{os.getpid()}.partial")
    record = ctx.journal.intend("file", path=str(partial.absolute()))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(target)
    except OSError as error:
        other = error.filename if error.filename not in (None, str(partial), partial) else None
        raise _translated(target, error, other) from error
    finally:
        partial.unlink(missing_ok=True)
        record.gone()


@step("Creating working directory", undo="Removing working directory")
def working_directory(ctx: Context, target: Path) -> Iterator[Path]:
    """Beside what is being made, where room for an image is."""
    from hclimg.sdk.disk import remove_directory
    path = target.absolute().with_name(f".{target.name}.{ctx.run.id}.work")
    record = ctx.journal.intend("directory", path=str(path))
    try:
        path.mkdir(mode=0o700, parents=True)
    except OSError as error:
        record.gone()
        raise BuildError(f"{target} cannot be written: {error.strerror}.") from error
    record.made()
    yield path
    remove_directory(ctx, path, record)


def write_text(ctx: Context, target: Path, text: str) -> None:
    """Write a whole text file."""
    with replacing(ctx, target) as partial:
        partial.write_text(text, encoding="utf-8")


def _translated(target: Path, error: OSError, other: str | None) -> BuildError:
    """The sentence for an error of the operating system; ``other`` is the file, when it is not the target."""
    import errno

    if other:
        return BuildError(f"{target} cannot be made: {other}: {error.strerror or error}.")

    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Free some space, or let the output go to another file system."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "Let the output go to a directory that you may write to."
    return BuildError(f"{target} cannot be written: {error.strerror or error}.", hint=hint)
