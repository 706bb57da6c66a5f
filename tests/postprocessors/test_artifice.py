"""Post-processor ``artifice``."""

from __future__ import annotations

from pathlib import Path

import pytest

from hclimg.errors import BuildError
from hclimg.postprocessors.artifice import ArtificeConfig, ArtificePostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact


def test_the_files_replace_those_of_the_artifact(ctx: Context, artifact: Artifact) -> None:
    Path("result.iso").write_text("x")
    settings = ArtificeConfig(files=("*.iso", "out/*", "out/kernel"))
    result = ArtificePostProcessor(settings).process(ctx, artifact)
    assert result.files == ("result.iso", "out/disk.raw", "out/kernel")
    assert result.builder == "packer.post-processor.artifice"
    assert "result.iso" in result.description


def test_a_pattern_that_matches_nothing(ctx: Context, artifact: Artifact) -> None:
    with pytest.raises(BuildError, match=r'"\*\.ova"'):
        ArtificePostProcessor(ArtificeConfig(files=("*.ova",))).process(ctx, artifact)
