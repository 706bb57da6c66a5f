"""Disks before and after the build, made by the real qemu-img."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hclimg.builders.qemu.config import DiskConfig, QemuConfig, QemuImgArgs
from hclimg.builders.qemu.disks import create_disks, disk_paths, finish_disks, plan_disks
from hclimg.errors import BuildError
from hclimg.sdk.context import Context

MIB = 1 << 20


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A qcow2 image of 8 MiB, with a mark at its beginning."""
    raw, image = tmp_path / "base.raw", tmp_path / "base.qcow2"
    raw.write_bytes(b"mark" + b"\xaa" * (MIB - 4) + bytes(7 * MIB))
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, image], check=True)
    return image


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def config(*rows: tuple[str, ...], **disk: Any) -> QemuConfig:
    return QemuConfig(disk=DiskConfig(**disk), qemuargs=rows)


def info(path: Path) -> dict[str, Any]:
    done = subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def start(path: Path, count: int = 4) -> bytes:
    """The first bytes that a machine would read."""
    raw = path.with_name("read.raw")
    subprocess.run(["qemu-img", "convert", "-O", "raw", path, raw], check=True)
    return raw.read_bytes()[:count]


def write(path: Path, kind: str, offset: int) -> None:
    """What a machine would write: 64 KiB of 0x42."""
    subprocess.run(["qemu-io", "-f", kind, "-c", f"write -P 0x42 {offset} 64k", path], check=True, capture_output=True)


# -- the plan -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "working", "convert", "overlay", "cache"),
    [
        ({}, "qcow2", True, False, "unsafe"),
        ({"skip_compaction": True}, "qcow2", False, False, "writeback"),
        ({"skip_compaction": True, "disk_compression": True}, "qcow2", True, False, "unsafe"),
        ({"disk_cache": "none"}, "qcow2", True, False, "none"),
        ({"disk_image": True}, "qcow2", True, True, "unsafe"),
        ({"disk_image": True, "skip_compaction": True}, "qcow2", False, False, "writeback"),
        ({"disk_image": True, "use_backing_file": True}, "qcow2", False, True, "writeback"),
        ({"format": "raw"}, "raw", False, False, "writeback"),
        ({"format": "raw", "disk_image": True}, "qcow2", True, True, "unsafe"),
        ({"format": "vmdk"}, "qcow2", True, False, "unsafe"),
        ({"format": "vdi", "disk_image": True}, "qcow2", True, True, "unsafe"),
    ],
)
def test_plans(settings: dict[str, Any], working: str, convert: bool, overlay: bool, cache: str) -> None:
    plan = plan_disks(config(**settings))
    assert (plan.format, plan.convert, plan.overlay, plan.cache) == (working, convert, overlay, cache)


def test_the_users_own_drive_for_a_raw_image_gets_a_raw_disk() -> None:
    plan = plan_disks(config(("-drive", "file=x,format=raw"), format="raw", disk_image=True))
    assert (plan.format, plan.convert, plan.overlay) == ("raw", False, False)


# -- new disks ----------------------------------------------------------------


def test_new_disks_of_the_wanted_sizes(ctx: Context, out: Path) -> None:
    settings = config(disk_size="16M", disk_additional_size=("32M", "1G"))
    paths = disk_paths(settings, out, "vm.qcow2")
    assert [path.name for path in paths] == ["vm.qcow2", "vm.qcow2-1", "vm.qcow2-2"]
    disks = create_disks(ctx, settings, "x.iso", paths)
    assert [info(disk.path)["virtual-size"] for disk in disks] == [16 * MIB, 32 * MIB, 1024 * MIB]
    assert {disk.format for disk in disks} == {"qcow2"}


@pytest.mark.parametrize("kind", ["qcow2", "raw", "vmdk", "vdi", "vhdx"])
def test_the_result_has_the_wanted_format(ctx: Context, out: Path, kind: str) -> None:
    settings = config(format=kind, disk_size="16M", disk_additional_size=("8M",))
    paths = disk_paths(settings, out, "vm")
    disks = create_disks(ctx, settings, "x.iso", paths)
    write(paths[0], disks[0].format, 0)
    finish_disks(ctx, settings, "x.iso", paths)
    assert [info(path)["format"] for path in paths] == [kind, kind]
    assert start(paths[0]) == b"\x42" * 4
    assert sorted(path.name for path in out.iterdir() if path.name != "read.raw") == ["vm", "vm-1"]


def test_more_arguments_reach_qemu_img(ctx: Context, out: Path) -> None:
    arguments = QemuImgArgs(create=("-o", "cluster_size=128k"), convert=("-o", "cluster_size=2M"))
    settings = config(disk_size="16M", qemu_img_args=arguments)
    paths = disk_paths(settings, out, "vm")
    create_disks(ctx, settings, "x.iso", paths)
    assert info(paths[0])["cluster-size"] == 128 << 10
    finish_disks(ctx, settings, "x.iso", paths)
    assert info(paths[0])["cluster-size"] == 2 << 20


def test_compression(ctx: Context, out: Path) -> None:
    sizes = []
    for compressed in (False, True):
        settings = config(disk_size="16M", disk_compression=compressed)
        paths = disk_paths(settings, out, f"vm{compressed}")
        create_disks(ctx, settings, "x.iso", paths)
        for offset in range(0, 8 * MIB, 65536):
            write(paths[0], "qcow2", offset) if offset % (MIB) == 0 else None
        finish_disks(ctx, settings, "x.iso", paths)
        sizes.append(paths[0].stat().st_size)
    assert sizes[1] < sizes[0]


# -- from an image ------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"skip_compaction": True},
        {"format": "raw"},
        {"disk_compression": True},
        {"format": "vmdk"},
        {"skip_compaction": True, "qemu_img_args": QemuImgArgs(convert=("-o", "cluster_size=128k"))},
    ],
)
def test_the_result_is_the_image_with_what_was_written(
    ctx: Context, base: Path, out: Path, settings: dict[str, Any]
) -> None:
    wanted = config(disk_image=True, disk_size="32M", **settings)
    paths = disk_paths(wanted, out, "vm")
    disks = create_disks(ctx, wanted, str(base), paths)
    assert info(paths[0])["virtual-size"] == 32 * MIB
    before = base.read_bytes()
    write(paths[0], disks[0].format, 65536)
    finish_disks(ctx, wanted, str(base), paths)
    result = info(paths[0])
    assert "backing-filename" not in result
    assert (result["format"], result["virtual-size"]) == (wanted.disk.format, 32 * MIB)
    seen = start(paths[0], 65540)
    assert (seen[:4], seen[65536:]) == (b"mark", b"\x42" * 4)
    assert base.read_bytes() == before


def test_the_overlay_is_small_until_the_end(ctx: Context, base: Path, out: Path) -> None:
    paths = disk_paths(config(), out, "vm")
    create_disks(ctx, config(disk_image=True, disk_size="32M"), str(base), paths)
    assert info(paths[0])["backing-filename"] == str(base)
    assert info(paths[0])["backing-filename-format"] == "qcow2"
    assert paths[0].stat().st_size < 300_000


def test_a_backing_file_stays(ctx: Context, base: Path, out: Path) -> None:
    for compressed in (False, True):
        wanted = config(disk_image=True, use_backing_file=True, disk_size="32M", disk_compression=compressed)
        paths = disk_paths(wanted, out, f"vm{compressed}")
        create_disks(ctx, wanted, str(base), paths)
        write(paths[0], "qcow2", 65536)
        finish_disks(ctx, wanted, str(base), paths)
        assert info(paths[0])["full-backing-filename"] == str(base)
        assert start(paths[0]) == b"mark"
        assert paths[0].stat().st_size < 600_000


def test_raw_images_are_known_as_such(ctx: Context, base: Path, out: Path) -> None:
    wanted = config(disk_image=True, use_backing_file=True, disk_size="32M")
    create_disks(ctx, wanted, str(base.with_name("base.raw")), disk_paths(wanted, out, "vm"))
    assert info(out / "vm")["backing-filename-format"] == "raw"


def test_sizes_of_images(ctx: Context, base: Path, out: Path) -> None:
    kept = config(disk_image=True, skip_resize_disk=True)
    create_disks(ctx, kept, str(base), disk_paths(kept, out, "kept"))
    assert info(out / "kept")["virtual-size"] == 8 * MIB
    grown = config(disk_image=True)
    create_disks(ctx, grown, str(base), disk_paths(grown, out, "grown"))
    assert info(out / "grown")["virtual-size"] == 40960 * MIB
    cut = config(disk_image=True, disk_size="4M")
    with pytest.raises(BuildError, match=r"disk_size \(4M\) is smaller than the disk image \(8\.0 MiB\)"):
        create_disks(ctx, cut, str(base), disk_paths(cut, out, "cut"))
    assert not (out / "cut").exists()


def test_an_image_that_is_larger_than_the_default_keeps_its_size(ctx: Context, tmp_path: Path, out: Path) -> None:
    large = tmp_path / "large.qcow2"
    subprocess.run(["qemu-img", "create", "-f", "qcow2", large, "50G"], check=True, capture_output=True)
    wanted = config(disk_image=True)
    create_disks(ctx, wanted, str(large), disk_paths(wanted, out, "vm"))
    assert info(out / "vm")["virtual-size"] == 50 << 30


def test_what_qemu_img_says_is_said(ctx: Context, tmp_path: Path, out: Path) -> None:
    broken = tmp_path / "broken.qcow2"
    broken.write_bytes(b"QFI\xfb\0\0\0\x63" + bytes(600))
    wanted = config(disk_image=True)
    with pytest.raises(BuildError, match=r"qemu-img info failed: .*Unsupported qcow2 version"):
        create_disks(ctx, wanted, str(broken), disk_paths(wanted, out, "vm"))


def test_a_full_disk_is_said_as_one(ctx: Context, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No disk is filled here: a stand-in says what qemu-img says then."""
    stand_in = tmp_path / "bin/qemu-img"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\necho 'qemu-img: error while writing: No space left on device' >&2\nexit 1\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:/usr/bin:/bin")
    with pytest.raises(BuildError, match=r"The disk is full: .*/out/vm cannot be written"):
        create_disks(ctx, config(), "x.iso", disk_paths(config(), out, "vm"))
