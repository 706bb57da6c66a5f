"""Statements about an artifact: who wrote what, where it goes, and its bill of materials."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen

from hclimg.postprocessors.files import write_text
from hclimg.postprocessors.provenance import PASSWORD, ProvenanceConfig
from hclimg.postprocessors.statement import PREDICATE, Statement, digest_of, provenance, subjects
from hclimg.sbom.documents import ENDINGS
from hclimg.sdk.context import Context
from hclimg.sdk.dsse import Signer, load_signer, sealed, verify
from hclimg.sdk.machine import Artifact

SBOM_PREDICATES = {"cyclonedx": "https://cyclonedx.org/bom", "spdx": "https://spdx.dev/Document"}


@frozen
class _Place:
    """Where the files about an artifact go: ``DIRECTORY/NAME.what``."""

    directory: Path
    name: str

    def of(self, ending: str) -> Path:
        return self.directory / f"{self.name}.{ending}"


def attest(ctx: Context, config: ProvenanceConfig, artifact: Artifact) -> None:
    """Write the files. Raises BuildError when a key is of no use, before anything is written."""
    signer = _signer(ctx, config)
    place = _place(ctx, config, artifact)
    about = subjects(ctx, artifact)
    byproducts = []
    if config.sbom:
        bom = place.of(ENDINGS[config.sbom_format])
        text = _bill(ctx, config, artifact, bom)
        write_text(ctx, bom, text)
        byproducts.append({"name": bom.name, "digest": {"sha256": digest_of(ctx, bom)}})
        statement = Statement(about, SBOM_PREDICATES[config.sbom_format], json.loads(text))
        _keep(ctx, config, signer, place, "sbom", statement)
    if config.provenance:
        predicate = provenance(ctx, config, artifact, datetime.now(UTC), byproducts)
        statement = Statement(about, PREDICATE, predicate)
        _keep(ctx, config, signer, place, "provenance", statement)


def _signer(ctx: Context, config: ProvenanceConfig) -> Signer | None:
    if not config.key:
        return None
    password = os.environ.get(PASSWORD, "")
    ctx.redact.add(password)
    return load_signer(Path(config.key).expanduser(), password.encode() or None, PASSWORD)


def _place(ctx: Context, config: ProvenanceConfig, artifact: Artifact) -> _Place:
    files = [Path(name) for name in artifact.files]
    name = files[0].name if len(files) == 1 else ctx.build_name
    directory = Path(config.output_dir).expanduser() if config.output_dir else files[0].parent if files else Path()
    return _Place(directory, name)


def _keep(
    ctx: Context, config: ProvenanceConfig, signer: Signer | None, place: _Place, what: str, statement: Statement
) -> None:
    """An envelope when it is signed, the bare statement when not."""
    text = statement.text()
    if signer is None:
        target = place.of(f"{what}.json")
        write_text(ctx, target, text + "\n")
        ctx.say(f"Wrote {target}, which is not signed.")
        return
    envelope = sealed(text.encode(), signer)
    if config.verifier:
        verify(envelope, Path(config.verifier).expanduser())
    target = place.of(f"{what}.intoto.jsonl")
    write_text(ctx, target, json.dumps(envelope) + "\n")
    ctx.say(f"Wrote {target}, signed by the key {signer.id[:16]}.")


def _bill(ctx: Context, config: ProvenanceConfig, artifact: Artifact, target: Path) -> str:
    from hclimg.postprocessors.image_packages import packages_in, packages_of

    if config.sbom_scan_path:
        return packages_in(ctx, Path(config.sbom_scan_path).expanduser(), config.sbom_format)
    return packages_of(ctx, artifact, config.sbom_format, target)
