"""Post-processor ``compress``: packs the artifact's files into one archive, or compresses its only file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from attrs import frozen

from hclimg.config.fields import Checker, config, setting
from hclimg.errors import BuildError
from hclimg.sdk.components import PostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact

MAX_LEVEL = 9
ARCHIVES = ("tar", "zip")
ALGORITHMS = {
    "gz": "gzip", "gzip": "gzip", "pgzip": "gzip", "lz4": "lz4", "bgzf": "bgzf", "xz": "xz", "bzip2": "bzip2",
    "bz2": "bzip2", "zst": "zstd", "zstd": "zstd",
}  # fmt: skip
"""What the last part of a name, or Packer's name of an algorithm, means."""
SHORT = {"tgz": "gzip", "txz": "xz", "tbz2": "bzip2", "tbz": "bzip2", "tzst": "zstd", "tlz4": "lz4"}


@config
class CompressConfig:
    """Packs the artifact's files. The name of the output says how: `.zip`, `.tar`, `.tar.gz`, `.xz`, `.tar.zst`, …

    Without an archive in the name (`disk.raw.xz`) the artifact must have exactly one file. A name that says nothing
    gives a tar archive compressed with gzip.
    """

    output: str = setting(
        "The file to write.", default="packer_{{.BuildName}}_{{.BuilderType}}", template=True,
        example='output = "{{.BuildName}}.tar.gz"',
    )  # fmt: skip
    format: str = setting("The format, for a name of the output that does not say it: `tar.gz`, `zip`, …", default="")
    compression_level: int = setting("From 1 (fast) to 9 (small); 0 or -1 take the algorithm's own.", default=-1)
    archive: str = setting("The kind of archive, when the name does not say it.", default="", choices=("", *ARCHIVES))
    algorithm: str = setting(
        "The algorithm, when the name does not say it.", default="", choices=("", *ALGORITHMS)
    )  # fmt: skip

    def check(self, problems: Checker) -> None:
        if self.compression_level > MAX_LEVEL:
            detail = f"The highest level, {MAX_LEVEL}, is used."
            problems.warn("Compression level out of range", detail, "compression_level")
        elif self.compression_level < -1:
            problems.error("Compression level out of range", "A level is from -1 to 9.", "compression_level")
        if self.format and _format_of(f"x.{self.format}") is None:
            known = ", ".join((*ARCHIVES, *sorted(set(ALGORITHMS) - {"gzip", "pgzip"}), "tar.gz", "tar.xz"))
            problems.error("Unknown format", f'"{self.format}" is none of the formats: {known}, ….', "format")


@frozen
class Format:
    """``archive`` is ``tar``, ``zip`` or empty for a single file; ``algorithm`` is empty for none of its own."""

    archive: str
    algorithm: str

    def __str__(self) -> str:
        return ".".join(filter(None, (self.archive, self.algorithm)))


DEFAULT = Format("tar", "gzip")


class CompressPostProcessor(PostProcessor[CompressConfig]):
    Config: ClassVar[type] = CompressConfig

    def summary(self) -> str:
        return f"to {self.config.output}"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        target = Path(ctx.render(self.config.output, BuildName=ctx.build_name, BuilderType=ctx.build_type))
        wanted = self._format(target.name)
        sources = [Path(name) for name in artifact.files]
        _check(target, sources, wanted)
        self._pack(ctx, target, sources, wanted)
        return Artifact(
            builder="packer.post-processor.compress",
            component="post-processor/compress",
            id="",
            description=f"compressed artifacts in: {target}",
            files=(str(target),),
            state=artifact.state,
        )

    def _format(self, name: str) -> Format:
        settings = self.config
        found = _format_of(f"{name}.{settings.format}" if settings.format else name)
        if found is None and (settings.archive or settings.algorithm):
            found = Format("", "")
        if found is None:
            return DEFAULT
        algorithm = found.algorithm or ALGORITHMS.get(settings.algorithm, "")
        return Format(found.archive or settings.archive, "" if settings.archive == "zip" else algorithm)

    def _pack(self, ctx: Context, target: Path, sources: list[Path], wanted: Format) -> None:
        from hclimg.postprocessors.archive import pack
        from hclimg.postprocessors.files import replacing
        from hclimg.units import show_size

        level = min(self.config.compression_level, MAX_LEVEL)
        ctx.say(f"Packing {', '.join(map(str, sources))} into {target} ({wanted}).")
        if target.exists():
            ctx.warn(f"{target} existed already and is replaced.")
        with replacing(ctx, target) as partial:
            before = pack(ctx, sources, partial, wanted.archive, wanted.algorithm, level if level > 0 else None)
            after = partial.stat().st_size
        share = f", {100 * after / before:.1f} % of {show_size(before)}" if before else ""
        ctx.say(f"Archive {target} completed: {show_size(after)}{share}.")


def _format_of(name: str) -> Format | None:
    """What the extensions of a file name say; None when they say nothing."""
    parts = name.lower().split(".")[1:]
    if not parts:
        return None
    archive = "tar" if len(parts) > 1 and parts[-2] == "tar" else ""
    if parts[-1] in ARCHIVES:
        return Format(parts[-1], "")
    if parts[-1] in SHORT:
        return Format("tar", SHORT[parts[-1]])
    algorithm = ALGORITHMS.get(parts[-1])
    return Format(archive, algorithm) if algorithm else None


def _check(target: Path, sources: list[Path], wanted: Format) -> None:
    if not wanted.archive and len(sources) != 1:
        hint = f'Give the output a name that ends in "tar.{target.suffix.lstrip(".") or "gz"}" or "zip".'
        count = f"{len(sources)} files" if sources else "no files"
        raise BuildError(f"{target} can hold one file only, but the artifact has {count}.", hint=hint)
    for source in sources:
        if not source.exists():
            raise BuildError(f"The artifact's file {source} does not exist.")
        if target.exists() and os.path.samefile(source, target):  # noqa: PTH121 - the same, whatever the spelling
            raise BuildError(f"{target} is a file of the artifact itself.", hint='Set "output" to another name.')
