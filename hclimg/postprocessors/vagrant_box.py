"""Writes a Vagrant box: a tar archive with metadata, a Vagrantfile, and what the provider needs."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from hclimg.errors import BuildError
from hclimg.postprocessors.archive import pack_members
from hclimg.postprocessors.files import replacing, working_directory
from hclimg.postprocessors.vagrant import VagrantConfig
from hclimg.postprocessors.vagrant_content import Content, content_of
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space
from hclimg.sdk.machine import Artifact
from hclimg.units import show_size

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386", "i386": "386", "armv7l": "arm"}
"""Names of the system, as Go, and so Vagrant, writes them."""


def make_box(ctx: Context, config: VagrantConfig, provider: str, artifact: Artifact) -> Path:
    """The box. Raises BuildError when the artifact is nothing that the provider can use."""
    names = {
        "BuildName": ctx.build_name, "Provider": provider, "ArtifactId": artifact.id,
        "Architecture": config.architecture or ARCHITECTURES.get(platform.machine(), platform.machine()),
    }  # fmt: skip
    target = Path(ctx.render(config.output, **names)).expanduser()
    custom = _custom(ctx, config, names)
    work = working_directory(ctx, target)
    with disk_space(work):
        content = content_of(ctx, provider, artifact, work)
        members = _members(content, work, custom, names["Architecture"])
        for name in map(Path, config.include):
            if name.name in members:
                raise BuildError(f'"include" names {name}, but the box has a "{name.name}" of its own.')
            members[name.name] = name.expanduser()
    _pack(ctx, config, target, members, provider)
    return target


def _custom(ctx: Context, config: VagrantConfig, names: dict[str, str]) -> str:
    if not config.vagrantfile_template:
        return ""
    path = Path(config.vagrantfile_template).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        hint = "It is to be made by the build." if config.vagrantfile_template_generated else ""
        raise BuildError(f"The vagrantfile_template {path} cannot be read: {why}.", hint=hint) from error
    return ctx.render(text, **names)


def _members(content: Content, work: Path, custom: str, architecture: str) -> dict[str, Path]:
    """What goes into the box, small things first, by their names in it."""
    metadata, vagrantfile = work / "metadata.json", work / "Vagrantfile"
    told = {"provider": content.provider, **content.metadata, "architecture": architecture}
    metadata.write_text(json.dumps(told) + "\n", encoding="utf-8")
    own = f"# Made by hclimg for the provider {content.provider}.\n{content.vagrantfile}"
    parts = [own, f"\n# From the template:\n{custom.rstrip()}\n" if custom else ""]
    vagrantfile.write_text("".join(parts), encoding="utf-8")
    return {"metadata.json": metadata, "Vagrantfile": vagrantfile, **content.files}


def _pack(ctx: Context, config: VagrantConfig, target: Path, members: dict[str, Path], provider: str) -> None:
    ctx.say(f"Packing {', '.join(members)} into {target}.")
    if target.exists():
        ctx.warn(f"{target} existed already and is replaced.")
    level = config.compression_level
    with replacing(ctx, target) as partial:
        pack_members(ctx, members, partial, "gzip" if level else "", level if level > 0 else None)
        size = partial.stat().st_size
    ctx.say(f"The box for {provider} is {target}: {show_size(size)}.")
