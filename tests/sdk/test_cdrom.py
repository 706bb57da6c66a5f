"""CDs, read back by xorriso, which knows nothing of us."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hclimg.errors import BuildError
from hclimg.sdk.cdrom import CdConfig, cd_image
from hclimg.sdk.context import Context


def extracted(image: Path, into: Path) -> dict[str, bytes]:
    """The files of an image, by path."""
    done = subprocess.run(
        ["xorriso", "-osirrox", "on", "-indev", image, "-extract", "/", into],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*") if path.is_file()}


def label(image: Path) -> str:
    said = subprocess.run(["xorriso", "-indev", image, "-pvd_info"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Volume Id\s*: (.*)$", said, re.MULTILINE)
    assert found
    return found[1].strip("'")


def made(ctx: Context, tmp_path: Path, **settings: object) -> Path:
    return cd_image(ctx, CdConfig(**settings), tmp_path / "cd.iso")


def test_content_and_label(ctx: Context, tmp_path: Path) -> None:
    image = made(
        ctx,
        tmp_path,
        cd_content={"meta-data": "id: 1\n", "/user-data": "#cloud-config\n", "empty": ""},
        cd_label="cidata",
    )
    assert label(image) == "cidata"
    assert extracted(image, tmp_path / "x") == {"meta-data": b"id: 1\n", "user-data": b"#cloud-config\n", "empty": b""}


def test_the_default_label_is_packers(ctx: Context, tmp_path: Path) -> None:
    assert label(made(ctx, tmp_path, cd_content={"a": "b"})) == "packer"


def test_long_names_deep_trees_and_many_files(ctx: Context, tmp_path: Path) -> None:
    deep = "/".join(f"level{number}" for number in range(12))
    files = {f"{deep}/a file with a name of some length.tar.gz": "deep", "Ünïcode.txt": "u"}
    files |= {f"many/number {number}": str(number) for number in range(300)}
    found = extracted(made(ctx, tmp_path, cd_content=files), tmp_path / "x")
    assert found == {name: text.encode() for name, text in files.items()}


def test_files_directories_and_patterns(ctx: Context, tmp_path: Path) -> None:
    source = tmp_path / "src"
    (source / "drivers/net").mkdir(parents=True)
    (source / "drivers/net/card.inf").write_text("inf")
    (source / "drivers/read.me").write_text("me")
    (source / "a.cfg").write_text("a")
    (source / "b.cfg").write_text("b")
    whole = made(ctx, tmp_path, cd_files=(str(source / "drivers"), str(source / "*.cfg")))
    assert sorted(extracted(whole, tmp_path / "x1")) == ["a.cfg", "b.cfg", "drivers/net/card.inf", "drivers/read.me"]
    inside = made(ctx, tmp_path, cd_files=(f"{source}/drivers/",), cd_content={"read.me": "written"})
    assert extracted(inside, tmp_path / "x2") == {"net/card.inf": b"inf", "read.me": b"written"}


def test_programs_stay_executable(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    extracted(made(ctx, tmp_path, cd_files=(str(tmp_path / "run.sh"),), cd_content={"data": "d"}), tmp_path / "x")
    assert (tmp_path / "x/run.sh").stat().st_mode & 0o111
    assert not (tmp_path / "x/data").stat().st_mode & 0o111


def test_a_file_that_vanished_is_named(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="gone does not exist"):
        made(ctx, tmp_path, cd_files=(str(tmp_path / "gone"),))
