"""Floppies, read back by mtools, which knows nothing of us."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.fat12 import SECTOR, SECTORS, FloppyFullError, fat12_image
from hclimg.sdk.floppy import FloppyConfig, floppy_disk


def mtools(program: str, image: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments[:-1], "-i", image, *arguments[-1:]], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8")


def listing(image: Path) -> list[str]:
    return sorted(line.removeprefix("::/") for line in mtools("mdir", image, "-/", "-b", "::").splitlines())


def content(image: Path, path: str) -> str:
    return mtools("mtype", image, f"::/{path}")


def made(ctx: Context, tmp_path: Path, **settings: object) -> Path:
    return floppy_disk(ctx, FloppyConfig(**settings), tmp_path / "floppy.img")


def test_an_image_has_the_size_of_a_floppy_and_its_label(tmp_path: Path) -> None:
    image = tmp_path / "f.img"
    image.write_bytes(fat12_image({"a.txt": b"x"}, "cidata"))
    assert image.stat().st_size == SECTORS * SECTOR == 1_474_560
    assert "CIDATA" in mtools("mlabel", image, "-s", "::")


@pytest.mark.parametrize(
    "name",
    ["a", "USER.TXT", "Autounattend.xml", "meta-data", "with space.cfg", "two.dots.txt", ".hidden", "größe.txt",
     "x" * 200, "exactly-13-ch", "lower.c", "名前.txt"],
)  # fmt: skip
def test_names_survive(tmp_path: Path, name: str) -> None:
    image = tmp_path / "f.img"
    image.write_bytes(fat12_image({name: name.encode()}, "l"))
    assert listing(image) == [name]
    assert content(image, name) == name


def test_short_names_do_not_collide(tmp_path: Path) -> None:
    image = tmp_path / "f.img"
    files = {f"a long name {number}.config": str(number).encode() for number in range(40)}
    image.write_bytes(fat12_image(files, "l"))
    assert listing(image) == sorted(files)
    assert [content(image, name) for name in files] == [text.decode() for text in files.values()]


def test_contents_of_all_sizes(tmp_path: Path) -> None:
    image = tmp_path / "f.img"
    files = {f"S{size}": bytes(i % 251 for i in range(size)) for size in (0, 1, 511, 512, 513, 5000, 600_000)}
    image.write_bytes(fat12_image(files, "l"))
    for name, data in files.items():
        copy = tmp_path / name
        subprocess.run(["mcopy", "-i", image, f"::/{name}", copy], check=True)
        assert copy.read_bytes() == data


def test_directories_nest_and_grow_beyond_one_cluster(tmp_path: Path) -> None:
    image = tmp_path / "f.img"
    files = {f"many/file number {number}": b"%d" % number for number in range(60)}
    image.write_bytes(fat12_image({**files, "a/b/c/d.txt": b"deep", "empty/": b""}, "l"))
    assert listing(image) == sorted([*files, "many/", "a/", "a/b/", "a/b/c/", "a/b/c/d.txt", "empty/"])
    assert content(image, "many/file number 59") == "59"
    assert content(image, "a/b/c/d.txt") == "deep"


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(FloppyFullError, match=r"1\.44 MB"):
        fat12_image({"big": bytes(1_474_560)}, "l")
    with pytest.raises(FloppyFullError, match="root directory"):
        fat12_image({f"F{number}": b"" for number in range(224)}, "l")


def test_floppy_files_are_flat_and_floppy_dirs_keep_their_tree(ctx: Context, tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "deep/er").mkdir(parents=True)
    (source / "one.txt").write_text("1")
    (source / "deep/two.txt").write_text("2")
    (source / "deep/er/three.log").write_text("3")
    flat = made(ctx, tmp_path, floppy_files=(str(source / "deep"), str(source / "*.txt")))
    assert listing(flat) == ["one.txt", "three.log", "two.txt"]
    tree = made(ctx, tmp_path, floppy_dirs=(f"{source}/deep/", str(source / "one.txt")))
    assert listing(tree) == ["deep/", "deep/er/", "deep/er/three.log", "deep/two.txt", "one.txt"]
    written = made(ctx, tmp_path, floppy_content={"/sub/user-data": "#cloud-config\n"}, floppy_label="cidata")
    assert content(written, "sub/user-data") == "#cloud-config\n"


def test_a_full_floppy_points_to_the_cd(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        made(ctx, tmp_path, floppy_content={"big": "x" * 2_000_000})
    assert "cd_files" in caught.value.hint
    assert not (tmp_path / "floppy.img").exists()


def test_a_file_that_vanished_is_named(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"gone\.txt does not exist"):
        made(ctx, tmp_path, floppy_files=(str(tmp_path / "gone.txt"),))
