"""Post-processor ``compress``: every format is unpacked again by another program than the one that packed it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from hclimg.config.fields import Checker
from hclimg.errors import BuildError, Cancelled, CommandFailed, MissingProgram
from hclimg.postprocessors import archive
from hclimg.postprocessors.compress import CompressConfig, CompressPostProcessor, Format
from hclimg.postprocessors.files import replacing
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact

RAW = b"disk " * 1000


def unpack(kind: str, data: bytes) -> bytes:
    readers = {"gz": gzip.decompress, "bgzf": gzip.decompress, "xz": lzma.decompress, "bz": bz2.decompress}
    for name, read in readers.items():
        if kind.startswith(name):
            return read(data)
    program = {"lz4": ["lz4", "-dc"], "zst": ["zstd", "-dc"]}[kind[:3]]
    return subprocess.run(program, input=data, capture_output=True, check=True).stdout


def names() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def compress(ctx: Context, artifact: Artifact, **settings: Any) -> Artifact:
    return CompressPostProcessor(CompressConfig(**settings)).process(ctx, artifact)


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


SINGLE = ["gz", "bgzf", "xz", "bz2", "bzip2", "lz4", "zst", "zstd"]


@pytest.mark.parametrize("kind", SINGLE)
def test_a_single_file(ctx: Context, single: Artifact, kind: str) -> None:
    result = compress(ctx, single, output=f"{{{{.BuildName}}}}.raw.{kind}")
    assert result.files == (f"web.raw.{kind}",)
    assert result.description == f"compressed artifacts in: web.raw.{kind}"
    assert result.builder == "packer.post-processor.compress"
    assert unpack(kind, Path(f"web.raw.{kind}").read_bytes()) == RAW
    assert Path("out/disk.raw").read_bytes() == RAW


@pytest.mark.parametrize("kind", ["gz", "bgzf", "xz", "bz2"])
def test_a_single_file_without_programs(ctx: Context, single: Artifact, kind: str, no_programs: None) -> None:
    compress(ctx, single, output=f"disk.{kind}", compression_level=9)
    assert unpack(kind, Path(f"disk.{kind}").read_bytes()) == RAW


@pytest.mark.parametrize("kind", ["zst", "lz4"])
def test_a_program_that_is_needed_and_missing(ctx: Context, single: Artifact, kind: str, no_programs: None) -> None:
    with pytest.raises(MissingProgram) as caught:
        compress(ctx, single, output=f"disk.{kind}")
    assert "apt-get install" in caught.value.hint
    assert names() == ["out"]


@pytest.mark.parametrize("kind", ["", *(f".{name}" for name in SINGLE)])
def test_a_tar_archive(ctx: Context, artifact: Artifact, kind: str) -> None:
    compress(ctx, artifact, output=f"all.tar{kind}")
    packed = Path(f"all.tar{kind}").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(unpack(kind[1:], packed) if kind else packed)) as tar:
        assert tar.getnames() == ["out/disk.raw", "out/kernel"]
        member = tar.extractfile("out/disk.raw")
        assert member is not None
        assert member.read() == RAW


@pytest.mark.parametrize("level", [-1, 1, 9])
def test_a_zip_archive(ctx: Context, artifact: Artifact, level: int) -> None:
    Path("out/kernel").chmod(0o755)
    compress(ctx, artifact, output="all.zip", compression_level=level)
    assert subprocess.run(["python3", "-m", "zipfile", "-t", "all.zip"], capture_output=True).returncode == 0
    with zipfile.ZipFile("all.zip") as zipped:
        assert zipped.namelist() == ["out/disk.raw", "out/kernel"]
        assert zipped.read("out/disk.raw") == RAW
        assert zipped.getinfo("out/disk.raw").compress_type == zipfile.ZIP_DEFLATED
        assert zipped.getinfo("out/kernel").external_attr >> 16 & 0o777 == 0o755


def test_a_level_makes_a_difference(ctx: Context, single: Artifact) -> None:
    Path("out/disk.raw").write_bytes(Path(tarfile.__file__).read_bytes())
    for kind in ("gz", "xz", "zst", "zip"):
        compress(ctx, single, output=f"small.{kind}", compression_level=9)
        compress(ctx, single, output=f"fast.{kind}", compression_level=1)
        assert Path(f"small.{kind}").stat().st_size < Path(f"fast.{kind}").stat().st_size


@pytest.mark.parametrize(
    ("output", "settings", "expected"),
    [
        ("disk", {}, Format("tar", "gzip")),
        ("disk.img", {}, Format("tar", "gzip")),
        ("disk.v1.2", {}, Format("tar", "gzip")),
        ("disk.tar", {}, Format("tar", "")),
        ("disk.TAR.GZ", {}, Format("tar", "gzip")),
        ("disk.tgz", {}, Format("tar", "gzip")),
        ("disk.gz", {}, Format("", "gzip")),
        ("disk.tar.bzip2", {}, Format("tar", "bzip2")),
        ("disk.zip", {}, Format("zip", "")),
        ("disk", {"format": "zip"}, Format("zip", "")),
        ("disk", {"format": "tar.xz"}, Format("tar", "xz")),
        ("disk", {"format": "lz4"}, Format("", "lz4")),
        ("disk", {"archive": "tar"}, Format("tar", "")),
        ("disk", {"archive": "tar", "algorithm": "pgzip"}, Format("tar", "gzip")),
        ("disk", {"algorithm": "xz"}, Format("", "xz")),
    ],
)
def test_the_name_says_the_format(output: str, settings: dict[str, str], expected: Format) -> None:
    processor = CompressPostProcessor(CompressConfig(output=output, **settings))
    assert processor._format(output) == expected


def test_the_default_output_is_a_compressed_tar_archive(ctx: Context, artifact: Artifact) -> None:
    assert compress(ctx, artifact).files == ("packer_web_null",)
    with tarfile.open("packer_web_null", "r:gz") as tar:
        assert tar.getnames() == ["out/disk.raw", "out/kernel"]


def test_several_files_need_an_archive(ctx: Context, artifact: Artifact) -> None:
    with pytest.raises(BuildError, match="2 files") as caught:
        compress(ctx, artifact, output="disk.gz")
    assert "tar.gz" in caught.value.hint
    assert not Path("disk.gz").exists()


def test_no_files(ctx: Context, artifact: Artifact) -> None:
    with pytest.raises(BuildError, match="no files"):
        compress(ctx, evolve(artifact, files=()), output="disk.gz")


def test_the_output_must_not_be_the_input(ctx: Context, single: Artifact) -> None:
    os.link("out/disk.raw", "disk.gz")
    with pytest.raises(BuildError, match="of the artifact itself"):
        compress(ctx, evolve(single, files=("out/disk.raw",)), output="disk.gz")
    assert Path("out/disk.raw").read_bytes() == RAW


def test_an_output_that_exists_is_replaced_and_that_is_said(ctx: Context, single: Artifact, listener: Any) -> None:
    Path("disk.gz").write_text("old")
    compress(ctx, single, output="disk.gz")
    assert gzip.decompress(Path("disk.gz").read_bytes()) == RAW
    assert "disk.gz existed already and is replaced." in listener.said


def test_directories_are_packed_with_their_content(ctx: Context, artifact: Artifact) -> None:
    Path("out/link").symlink_to("kernel")
    compress(ctx, evolve(artifact, files=("out",)), output="all.tar")
    with tarfile.open("all.tar") as tar:
        assert tar.getnames() == ["out", "out/disk.raw", "out/kernel", "out/link"]
        assert tar.getmember("out/link").linkname == "kernel"


@pytest.mark.parametrize(
    ("path", "expected"), [("a/b", "a/b"), ("/a/b", "a/b"), ("../../a", "a"), ("./a/../b", "b"), ("a/", "a")]
)
def test_names_inside_an_archive_stay_below_it(path: str, expected: str) -> None:
    assert archive.inner_name(Path(path)) == expected


def test_a_program_that_fails(ctx: Context, single: Artifact, monkeypatch: pytest.MonkeyPatch, journal: Any) -> None:
    bad = Path("bin/pigz")
    bad.parent.mkdir()
    bad.write_text("#!/bin/sh\nhead -c 100 >/dev/null\necho 'no space' >&2\nexit 3\n")
    bad.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bad.parent.absolute()}:{os.environ['PATH']}")
    Path("out/disk.raw").write_bytes(os.urandom(4 << 20))
    Path("disk.gz").write_text("from before")
    with pytest.raises(CommandFailed, match="no space") as caught:
        compress(ctx, single, output="disk.gz")
    assert caught.value.status == 3
    assert Path("disk.gz").read_text() == "from before"
    assert names() == ["bin", "disk.gz", "out"]
    assert [record.kind for record in journal.entries] == ["file"]
    assert not journal.left


def test_a_cancel_leaves_nothing(ctx: Context, single: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program does not read, so only ending it wakes the writer."""
    slow = Path("bin/pigz")
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\necho ready > started\nexec sleep 1000\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent.absolute()}:{os.environ['PATH']}")
    Path("out/disk.raw").write_bytes(bytes(4 << 20))

    def cancel() -> None:
        while not Path("started").exists():
            threading.Event().wait(0.01)
        ctx.cancel.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        compress(ctx, single, output="disk.gz")
    thread.join()
    assert names() == ["bin", "out", "started"]
    assert Path("out/disk.raw").exists()


def _fill(ctx: Context) -> None:
    with replacing(ctx, Path("disk.gz")) as partial:
        partial.symlink_to("/dev/full")
        partial.write_bytes(b"x")


def test_a_full_disk(ctx: Context, journal: Any) -> None:
    with pytest.raises(BuildError, match=r"disk\.gz cannot be written: No space left") as caught:
        _fill(ctx)
    assert "Free some space" in caught.value.hint
    assert names() == []
    assert not journal.left


def test_a_file_that_cannot_be_read(ctx: Context, single: Artifact) -> None:
    Path("out/disk.raw").unlink()
    Path("out/disk.raw").mkdir()
    with pytest.raises(BuildError, match=r"disk\.gz cannot be made: out/disk\.raw: Is a directory"):
        compress(ctx, single, output="disk.gz")
    assert names() == ["out"]


class _Problems(Checker):
    def __init__(self) -> None:
        self.found: list[str] = []

    def error(self, summary: str, detail: str, *names: str) -> None:
        self.found.append(f"error: {summary}")

    def warn(self, summary: str, detail: str, *names: str) -> None:
        self.found.append(f"warning: {summary}")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"compression_level": 10}, ["warning: Compression level out of range"]),
        ({"compression_level": -2}, ["error: Compression level out of range"]),
        ({"format": "rar"}, ["error: Unknown format"]),
        ({"format": "tar.zst"}, []),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], expected: list[str]) -> None:
    problems = _Problems()
    CompressConfig(**settings).check(problems)
    assert problems.found == expected


def test_bgzf_can_be_read_block_by_block() -> None:
    """Each block says its own size, and together they are a gzip file."""
    from hclimg.postprocessors.bgzf import BgzfWriter

    data = os.urandom(200_000) + bytes(300_000)
    out = io.BytesIO()
    with BgzfWriter(out) as writer:
        for start in range(0, len(data), 70_001):
            writer.write(data[start : start + 70_001])
    packed, found, offset = out.getvalue(), b"", 0
    while offset < len(packed):
        assert packed[offset : offset + 4] == b"\x1f\x8b\x08\x04"
        size = int.from_bytes(packed[offset + 16 : offset + 18], "little") + 1
        found += gzip.decompress(packed[offset : offset + size])
        offset += size
    assert found == data
