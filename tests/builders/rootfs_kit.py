"""Building with the rootfs builder in tests: one small system, made once and kept for the next runs of the tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from hclimg.builders.rootfs.builder import RootfsBuilder
from hclimg.builders.rootfs.config import BaseConfig, ImageConfig, RootfsConfig, SystemConfig
from hclimg.sdk.context import RunInfo
from hclimg.sdk.machine import Artifact, Machine
from servers.recording import Recording

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hclimg-tests"

SMALL = BaseConfig(variant="apt", base_packages=("passwd",), kernel=False)
"""A system without kernel and init: seconds to install, and enough for all that does not boot."""


def config(output: Path, base: BaseConfig = SMALL, system: SystemConfig | None = None, **image: Any) -> RootfsConfig:
    """Settings for an image in ``output``."""
    return RootfsConfig(
        base=base,
        system=system or SystemConfig(network="none"),
        image=ImageConfig(output_directory=str(output), **{"formats": ("raw",), "disk_size": "512M", **image}),
    )


def run_info(tmp_path: Path, *, force: bool = False, cache: Path = CACHE) -> RunInfo:
    """Its id is that of the whole path: other test runs share the cache, and have directories of the same name."""
    run = f"{tmp_path.name}-{sha256(bytes(tmp_path)).hexdigest()[:12]}"
    return RunInfo(id=run, directory=tmp_path / "run", cache=cache, force=force)


def launched(recording: Recording, settings: RootfsConfig) -> tuple[RootfsBuilder, Machine]:
    builder = RootfsBuilder(settings)
    return builder, builder.launch(recording.ctx, builder.resolve(recording.ctx))


def built(recording: Recording, settings: RootfsConfig, commands: Sequence[str] = ()) -> Artifact:
    """The image, with commands as provisioners."""
    builder, machine = launched(recording, settings)
    for command in commands:
        assert machine.communicator.run(command, on_output=recording.ctx.output) == 0, recording.output[-5:]
    return builder.capture(recording.ctx, machine)


def said(machine: Machine, command: str) -> list[str]:
    """What a command prints in the system."""
    lines: list[str] = []
    keep: Callable[[str, str], None] = lambda line, _stream: lines.append(line)  # noqa: E731
    assert machine.communicator.run(command, on_output=keep) == 0, lines
    return lines
