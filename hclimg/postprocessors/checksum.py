"""Post-processor ``checksum``: writes the checksums of the artifact's files next to it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.config.fields import config, setting
from hclimg.errors import BuildError
from hclimg.sdk.components import PostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact

TYPES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
BLOCK = 1 << 20


@config
class ChecksumConfig:
    """Computes checksums of the artifact's files, each kind in a file of its own with a line a file."""

    checksum_types: tuple[str, ...] = setting("Which checksums to compute.", default=("md5",), choices=TYPES)
    output: str = setting(
        "The file for the checksums; `{{.ChecksumType}}` is the kind.",
        default="packer_{{.BuildName}}_{{.BuilderType}}_{{.ChecksumType}}.checksum",
        template=True,
    )


class ChecksumPostProcessor(PostProcessor[ChecksumConfig]):
    Config: ClassVar[type] = ChecksumConfig
    keeps_input: ClassVar[bool] = True
    forces_input: ClassVar[bool] = True

    def summary(self) -> str:
        return ", ".join(self.config.checksum_types)

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        if not artifact.files:
            ctx.warn("The artifact has no files, so there is nothing to compute a checksum of.")
            return artifact
        types = tuple(dict.fromkeys(self.config.checksum_types))
        lines: dict[str, dict[str, str]] = {kind: {} for kind in types}
        for name in artifact.files:
            for kind, digest in _digests(ctx, Path(name), types).items():
                lines[kind][Path(name).name] = digest
        written = self._write(ctx, lines)
        files = tuple(dict.fromkeys((*artifact.files, *written)))
        return Artifact(
            builder="packer.post-processor.checksum",
            component="post-processor/checksum",
            id="",
            description=f"Created artifact from files: {', '.join(files)}",
            files=files,
            state=artifact.state,
        )

    def _write(self, ctx: Context, lines: dict[str, dict[str, str]]) -> list[str]:
        names = []
        for kind, digests in lines.items():
            name = ctx.render(
                self.config.output, BuildName=ctx.build_name, BuilderType=ctx.build_type, ChecksumType=kind
            )
            _merge(ctx, Path(name), digests)
            ctx.say(f"Wrote the {kind} checksum of {', '.join(digests)} to {name}.")
            names.append(name)
        return names


def _digests(ctx: Context, path: Path, types: tuple[str, ...]) -> dict[str, str]:
    """All the checksums of a file, which is read once."""
    import hashlib

    hashers = {kind: hashlib.new(kind, usedforsecurity=False) for kind in types}
    try:
        total, done = path.stat().st_size, 0
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                ctx.cancel.check()
                for hasher in hashers.values():
                    hasher.update(block)
                done += len(block)
                if done % (64 * BLOCK) == 0 or done == total:
                    ctx.progress(f"Reading {path.name}", done, total)
    except OSError as error:
        raise BuildError(f"The checksum of {path} cannot be computed: {error.strerror or error}.") from error
    return {kind: hasher.hexdigest() for kind, hasher in hashers.items()}


def _merge(ctx: Context, path: Path, digests: dict[str, str]) -> None:
    """Add lines to a checksum file, which several builds may share; a file that was there gets its new checksum."""
    from hclimg.postprocessors.files import locked, write_text

    with locked(ctx, path):
        old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in old if not _is_replaced(line, digests)]
        new = [f"{digest}\t{name}" for name, digest in digests.items()]
        write_text(ctx, path, "".join(line + "\n" for line in (*kept, *new)))


def _is_replaced(line: str, digests: dict[str, str]) -> bool:
    """Whether a new checksum is about the same file and of the same kind, which its length tells."""
    digest, _, name = line.partition("\t")
    return len(digests.get(name, "")) == len(digest)
