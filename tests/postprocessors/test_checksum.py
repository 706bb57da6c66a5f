"""Post-processor ``checksum``, checked by the programs of the host."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from hclimg.errors import BuildError, Cancelled
from hclimg.postprocessors.checksum import TYPES, ChecksumConfig, ChecksumPostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact


def test_all_kinds_agree_with_the_host(ctx: Context, artifact: Artifact) -> None:
    result = ChecksumPostProcessor(ChecksumConfig(checksum_types=TYPES)).process(ctx, artifact)
    for kind in TYPES:
        name = f"packer_web_null_{kind}.checksum"
        host = subprocess.run([f"{kind}sum", *artifact.files], capture_output=True, text=True, check=True).stdout
        expected = [line.split() for line in host.splitlines()]
        assert Path(name).read_text() == "".join(f"{digest}\t{Path(path).name}\n" for digest, path in expected)
        assert name in result.files
    assert result.files[:2] == artifact.files
    assert result.state["generated_data"] == {"ID": "i-1"}


def test_md5_is_the_default(ctx: Context, artifact: Artifact) -> None:
    result = ChecksumPostProcessor(ChecksumConfig()).process(ctx, artifact)
    assert result.files[2:] == ("packer_web_null_md5.checksum",)


def test_builds_and_kinds_may_share_a_file(ctx: Context, artifact: Artifact) -> None:
    processor = ChecksumPostProcessor(ChecksumConfig(checksum_types=("md5", "sha1"), output="all/sums"))
    processor.process(ctx, artifact)
    first = Path("all/sums").read_text().splitlines()
    assert [line.split("\t")[1] for line in first] == ["disk.raw", "kernel"] * 2
    Path("out/kernel").write_text("changed")
    Path("other").write_text("x")
    processor.process(ctx, evolve(artifact, files=("out/kernel", "other")))
    second = Path("all/sums").read_text().splitlines()
    assert sorted(line.split("\t")[1] for line in second) == ["disk.raw"] * 2 + ["kernel"] * 2 + ["other"] * 2
    assert {line for line in first if line.endswith("disk.raw")} < set(second)
    assert not {line for line in first if line.endswith("kernel")} & set(second)


def test_an_artifact_without_files(ctx: Context, artifact: Artifact, listener: Any) -> None:
    empty = evolve(artifact, files=())
    assert ChecksumPostProcessor(ChecksumConfig()).process(ctx, empty) is empty
    assert any("no files" in text for text in listener.said)


def test_a_missing_file(ctx: Context, artifact: Artifact) -> None:
    with pytest.raises(BuildError, match="gone"):
        ChecksumPostProcessor(ChecksumConfig()).process(ctx, evolve(artifact, files=("gone",)))
    assert not list(Path().glob("*.checksum"))


def test_a_cancel_stops_reading(ctx: Context, artifact: Artifact, other_run: Callable[..., Context]) -> None:
    ctx.cancel.cancel()
    with pytest.raises(Cancelled):
        ChecksumPostProcessor(ChecksumConfig()).process(ctx, artifact)
    assert not list(Path().glob("*.checksum"))
