"""What is said of an artifact: in-toto Statement v1, with SLSA Provenance v1 as its predicate.

Names are those of https://in-toto.io/Statement/v1 and https://slsa.dev/provenance/v1. Nothing is signed here.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from hclimg import __version__
from hclimg.containers.things import IMPORTED, TAGGED
from hclimg.errors import BuildError
from hclimg.postprocessors.provenance import ProvenanceConfig
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILDER = "urn:hclimg:builder"
BLOCK = 1 << 20
TEMPLATES = ("*.pkr.hcl", "*.pkr.json", "*.auto.pkrvars.hcl", "*.auto.pkrvars.json")
Descriptor = dict[str, Any]

SOURCES = {
    "SourceAMI": "aws:ami:", "SourceImageDigest": "docker:", "SourceImage": "alicloud:image:",
}  # fmt: skip
"""Values of a machine that name what it was made of, with what their URIs begin with."""


@frozen
class Statement:
    subjects: list[Descriptor]
    kind: str
    predicate: dict[str, Any]

    def text(self) -> str:
        return json.dumps(
            {"_type": STATEMENT, "subject": self.subjects, "predicateType": self.kind, "predicate": self.predicate},
            ensure_ascii=False, sort_keys=True,
        )  # fmt: skip


# -- what it is about ---------------------------------------------------------------


def subjects(ctx: Context, artifact: Artifact) -> list[Descriptor]:
    """Files by their content, container images by their digests, images in a cloud by their ids.

    Raises BuildError when there is nothing of that.
    """
    if artifact.builder in (IMPORTED, TAGGED):
        return list(_container_images(ctx, artifact))
    if artifact.files:
        names = [Path(name).name for name in artifact.files]
        shown = names if len(set(names)) == len(names) else list(artifact.files)
        return [
            {"name": name, "digest": {"sha256": digest_of(ctx, Path(path))}}
            for name, path in zip(shown, artifact.files, strict=True)
        ]
    ids = [one for one in artifact.id.split(",") if one]
    if not ids:
        raise BuildError("The artifact has neither files nor an id, so nothing can be said of it.")
    return [_image(one) for one in ids]


def _container_images(ctx: Context, artifact: Artifact) -> Iterator[Descriptor]:
    """Under each of its names, with the digest that the registry told, or the engine's own when it was not pushed."""
    from hclimg.containers.naming import holder, names_of

    engine, pushed = holder(ctx, artifact, ""), artifact.state.get("digests", {})
    for name in names_of(artifact):
        digest = pushed.get(name) or str(engine.inspect("image", name)["Id"])
        yield {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}


def _image(name: str) -> Descriptor:
    """What has an id that is a digest already (``sha256:…``) has that; of others the id is what is digested."""
    kind, _, digest = name.partition(":")
    if kind == "sha256" and len(digest) == 64:
        return {"name": name, "digest": {"sha256": digest}}
    annotations = {"digestOf": "the name, as the service tells no digest of the image"}
    return {"name": name, "digest": {"sha256": hashlib.sha256(name.encode()).hexdigest()}, "annotations": annotations}


def digest_of(ctx: Context, path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest, done = hashlib.sha256(), 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                ctx.cancel.check()
                digest.update(block)
                done += len(block)
                if done % (64 * BLOCK) == 0:
                    ctx.progress(f"Reading {path.name}", done, total)
    except OSError as error:
        raise BuildError(f"The checksum of {path} cannot be computed: {error.strerror or error}.") from error
    return digest.hexdigest()


# -- how it was made ----------------------------------------------------------------


def provenance(
    ctx: Context, config: ProvenanceConfig, artifact: Artifact, finished: datetime, byproducts: list[Descriptor]
) -> dict[str, Any]:
    """The predicate."""
    started = datetime.fromtimestamp(ctx.run.started, UTC)
    return {
        "buildDefinition": {
            "buildType": config.build_type,
            "externalParameters": _external(ctx, config),
            "internalParameters": {
                "artifactBuilder": artifact.builder, "buildName": ctx.build_name, "builderType": ctx.build_type,
                "hostArchitecture": platform.machine(),
            },
            "resolvedDependencies": [*_templates(ctx, config), *_sources(ctx, config, artifact)],
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"hclimg": __version__}},
            "metadata": {"invocationId": ctx.run.id, "startedOn": _time(started), "finishedOn": _time(finished)},
            **({"byproducts": byproducts} if byproducts else {}),
        },
    }  # fmt: skip


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _external(ctx: Context, config: ProvenanceConfig) -> dict[str, Any]:
    variables = {name: ctx.redact.text(ctx.render(text)) for name, text in config.user_variables.items()}
    source = {"source": ctx.redact.text(ctx.render(config.source_uri))} if config.source_uri else {}
    return {"template": _template(ctx, config), "build": ctx.build_name, "variables": variables, **source}


def _template(ctx: Context, config: ProvenanceConfig) -> str:
    """The template as the user wrote it, or its name."""
    if config.template:
        return config.template
    return ctx.run.template if ctx.run.template in ("", "-") else Path(ctx.run.template).name


def _templates(ctx: Context, config: ProvenanceConfig) -> Iterator[Descriptor]:
    """The template's files; there is none of a template from standard input."""
    path = Path(config.template or ctx.run.template).expanduser()
    files = [one for pattern in TEMPLATES for one in sorted(path.glob(pattern))] if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            yield {"name": file.name, "digest": {"sha256": digest_of(ctx, file)}}


def _sources(ctx: Context, config: ProvenanceConfig, artifact: Artifact) -> Iterator[Descriptor]:
    """Where the template comes from, and the image that the machine began with."""
    if config.source_uri:
        yield {"uri": ctx.redact.text(ctx.render(config.source_uri))}
    source = artifact.state.get("source")
    if isinstance(source, dict) and source.get("uri"):
        digest = {"digest": {source["algorithm"]: source["digest"]}} if source.get("digest") else {}
        yield {"uri": ctx.redact.text(source["uri"]), **digest}
    for name, scheme in SOURCES.items():
        if value := str(ctx.facts.get(name, "")):
            algorithm, _, known = value.rpartition("@")[2].partition(":")
            yield {"uri": scheme + value, **({"digest": {"sha256": known}} if algorithm == "sha256" else {})}
