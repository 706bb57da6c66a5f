"""Post-processor ``shell-local``. How scripts are run is tested with the provisioner of the same name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hclimg.errors import CommandFailed
from hclimg.postprocessors.shell_local import ShellLocalPostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.local_script import LocalScriptConfig
from hclimg.sdk.machine import Artifact
from hclimg.sdk.scripts import ScriptConfig


def processor(*lines: str) -> ShellLocalPostProcessor:
    return ShellLocalPostProcessor(LocalScriptConfig(run=ScriptConfig(inline=lines)))


def test_it_runs_once_and_passes_the_artifact_on(ctx: Context, artifact: Artifact, listener: Any) -> None:
    lines = ('echo "$PACKER_BUILD_NAME $PACKER_BUILDER_TYPE"', "echo once >> runs")
    assert processor(*lines).process(ctx, artifact) is artifact
    assert Path("runs").read_text() == "once\n"
    ctx.bus.flush()
    assert listener.output == ["web null"]


def test_it_never_uses_its_input_up() -> None:
    assert ShellLocalPostProcessor.keeps_input
    assert ShellLocalPostProcessor.forces_input


def test_a_failure_leaves_the_files(ctx: Context, artifact: Artifact, journal: Any) -> None:
    with pytest.raises(CommandFailed, match="exit code 4"):
        processor("exit 4").process(ctx, artifact)
    assert all(Path(name).exists() for name in artifact.files)
    assert not journal.left
