"""Packs files into one: tar and zip archives, and streams compressed by a program of the host or by Python.

A program that uses all the processors (pigz, xz, zstd, lbzip2) is preferred; what Python itself can write works
without one.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from hclimg.errors import CommandFailed
from hclimg.sdk.context import Context

BLOCK = 1 << 20
PROGRESS_EVERY = 16 * BLOCK

# Algorithm → programs in order of preference; "{n}" is the number of processors.
PROGRAMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "gzip": (("pigz", "-c", "-n", "-p", "{n}"),),
    "xz": (("xz", "-c", "-T", "{n}"),),
    "bzip2": (("lbzip2", "-c", "-n", "{n}"), ("pbzip2", "-c", "-p{n}"), ("bzip2", "-c")),
    "zstd": (("zstd", "-q", "-c", "-T{n}"),),
    "lz4": (("lz4", "-q", "-c"),),
}


def pack(ctx: Context, sources: list[Path], target: Path, archive: str, algorithm: str, level: int | None) -> int:
    """Write ``target`` from the sources; the number of bytes that went in. ``level`` None is the algorithm's own."""
    count = _Counter(ctx, f"Packing {target.name}", sum(_size(source) for source in sources))
    if archive == "zip":
        _zip(sources, target, level, count)
    else:
        with compressor(ctx, target, algorithm, level) as out:
            if archive == "tar":
                _tar(sources, out, count)
            else:
                with sources[0].open("rb") as file:
                    _copy(file, out, count)
    return count.done


def pack_members(ctx: Context, members: Mapping[str, Path], target: Path, algorithm: str, level: int | None) -> None:
    """Write ``target``, a tar archive of files under other names, which belong to nobody in particular."""
    count = _Counter(ctx, f"Packing {target.name}", sum(_size(source) for source in members.values()))
    with compressor(ctx, target, algorithm, level) as out, _tar_to(out) as tar:
        for name, path in members.items():
            info = tar.gettarinfo(path.resolve(), arcname=name)
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            info.mode = 0o644
            _add(tar, info, path, count)


class _Counter:
    """Reports progress and notices a cancel, between blocks."""

    def __init__(self, ctx: Context, what: str, total: int) -> None:
        self._ctx, self._what, self._total, self.done = ctx, what, total, 0

    def add(self, number: int) -> None:
        self._ctx.cancel.check()
        before, self.done = self.done, self.done + number
        if before // PROGRESS_EVERY != self.done // PROGRESS_EVERY:
            self._ctx.progress(self._what, self.done, max(self._total, self.done))


class _Counted:
    """A file to read from that counts."""

    def __init__(self, file: BinaryIO, count: _Counter) -> None:
        self._file, self._count = file, count

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._count.add(len(block))
        return block


def _copy(source: BinaryIO, out: BinaryIO, count: _Counter) -> None:
    while block := source.read(BLOCK):
        count.add(len(block))
        out.write(block)


def _tar(sources: list[Path], out: BinaryIO, count: _Counter) -> None:
    with _tar_to(out) as tar:
        for path in _walk(sources):
            _add(tar, tar.gettarinfo(path, arcname=inner_name(path)), path, count)


def _tar_to(out: BinaryIO) -> tarfile.TarFile:
    """A stream: the program that compresses cannot seek."""
    return tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT, bufsize=BLOCK)


def _add(tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path, count: _Counter) -> None:
    if not info.isreg():
        tar.addfile(info)
        return
    with path.open("rb") as file:
        tar.addfile(info, cast("IO[bytes]", _Counted(file, count)))


class _Member(zipfile.ZipInfo):
    """A file in a zip archive, with its own level, which zipfile has no public name for before Python 3.13."""

    _compresslevel: int | None

    def deflate(self, level: int | None) -> None:
        self.compress_type, self._compresslevel = zipfile.ZIP_DEFLATED, level


def _zip(sources: list[Path], target: Path, level: int | None, count: _Counter) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for path in _walk(sources):
            if path.is_dir():
                archive.write(path, inner_name(path))
                continue
            info = _Member.from_file(path, inner_name(path), strict_timestamps=False)
            info.deflate(level)
            with path.open("rb") as file, archive.open(info, "w") as out:
                _copy(file, cast("BinaryIO", out), count)


def _walk(sources: list[Path]) -> Iterator[Path]:
    for source in sources:
        yield source
        if source.is_dir() and not source.is_symlink():
            yield from sorted(source.rglob("*"))


def _size(source: Path) -> int:
    return sum(path.stat().st_size for path in _walk([source]) if path.is_file())


def inner_name(path: Path) -> str:
    """The name inside an archive: the path as it is, without what would lead out of the directory of unpacking."""
    parts = Path(os.path.normpath(path)).parts
    return "/".join(part for part in parts if part not in ("/", ".."))


@contextmanager
def compressor(ctx: Context, target: Path, algorithm: str, level: int | None) -> Iterator[BinaryIO]:
    """Something to write to; what is written arrives in ``target`` compressed."""
    argv = _program(algorithm, level)
    if argv:
        with _piped(ctx, argv, target) as pipe:
            yield pipe
        return
    with target.open("wb") as file, _in_python(algorithm, level, file) as out:
        yield out


def _program(algorithm: str, level: int | None) -> list[str] | None:
    """The command line of the first program that is installed; None when Python does it. Raises MissingProgram."""
    from shutil import which

    from hclimg.sdk.process import find_program

    processors = str(len(os.sched_getaffinity(0)))
    for name, *options in PROGRAMS.get(algorithm, ()):
        if which(name):
            return [name, *(o.replace("{n}", processors) for o in options), *([f"-{level}"] if level else [])]
    if algorithm and algorithm not in WRITERS:
        find_program(PROGRAMS[algorithm][0][0])
    return None


@contextmanager
def _piped(ctx: Context, argv: list[str], target: Path) -> Iterator[BinaryIO]:
    import subprocess

    from hclimg.sdk.process import end_group, start

    pipe_to = subprocess.PIPE
    with target.open("wb") as out:  # not in the journal: the program ends by itself when its input does
        process = start(argv, stdin=pipe_to, stdout=out, stderr=pipe_to, start_new_session=True)
    assert process.stdin is not None
    assert process.stderr is not None
    finished = False
    with process.stderr, ctx.cancel.closing(lambda: end_group(process)):
        try:
            try:
                with process.stdin as pipe:
                    yield cast("BinaryIO", pipe)
            except BrokenPipeError:
                ctx.cancel.check()  # otherwise the program gave up: its exit code tells why
            said = process.stderr.read().decode("utf-8", "replace").splitlines()
            status, finished = process.wait(), True
        finally:
            if not finished:
                end_group(process)
    ctx.cancel.check()
    if status:
        raise CommandFailed(f"{argv[0]} ended with exit code {status}: {' '.join(said)}", exit_code=status,
                            output=tuple(said))  # fmt: skip


def _in_python(algorithm: str, level: int | None, file: BinaryIO) -> BinaryIO:
    if algorithm == "":
        return cast("BinaryIO", _NotClosing(file))
    return WRITERS[algorithm](file, level)


class _NotClosing:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __enter__(self) -> BinaryIO:
        return self._file

    def __exit__(self, *_: object) -> None:
        """The file is closed by who opened it."""


def _gzip(file: BinaryIO, level: int | None) -> BinaryIO:
    import gzip

    return cast("BinaryIO", gzip.GzipFile("", "wb", 9 if level is None else level, file, mtime=0))


def _xz(file: BinaryIO, level: int | None) -> BinaryIO:
    import lzma

    return cast("BinaryIO", lzma.LZMAFile(file, "wb", preset=level))


def _bzip2(file: BinaryIO, level: int | None) -> BinaryIO:
    import bz2

    return cast("BinaryIO", bz2.BZ2File(file, "wb", compresslevel=level or 9))


def _bgzf(file: BinaryIO, level: int | None) -> BinaryIO:
    from hclimg.postprocessors.bgzf import BgzfWriter

    return cast("BinaryIO", BgzfWriter(file, level))


WRITERS: dict[str, Callable[[BinaryIO, int | None], BinaryIO]] = {
    "gzip": _gzip, "xz": _xz, "bzip2": _bzip2, "bgzf": _bgzf,
}  # fmt: skip
