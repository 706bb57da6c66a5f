"""The artifacts of earlier runs for the commands: where they stand, which builds are meant, how they are shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from hclimg.engine.artifactfile import ArtifactFile, StoredArtifact, artifact_file
from hclimg.engine.rundir import home_directory
from hclimg.units import show_size


def state_file(path: str | None) -> ArtifactFile:
    return ArtifactFile(Path(path).absolute() if path else artifact_file(home_directory(os.environ, Path.cwd())))


def of_builds(found: list[StoredArtifact], builds: tuple[str, ...]) -> list[StoredArtifact]:
    """Those whose build is named; a pattern that matches none is an error."""
    from hclimg.diagnostics import did_you_mean
    from hclimg.plan.select import glob, split_patterns

    if not builds:
        return found
    names, chosen = list(dict.fromkeys(item.build for item in found)), set[str]()
    for text in split_patterns(builds):
        try:
            hits = {name for name in names if glob(text).matches(name)}
        except ValueError as error:
            raise click.BadParameter(f'-build "{text}": {error}.') from error
        if not hits:
            listing = f" There are {', '.join(names)}." if names else ""
            raise click.ClickException(f'No build "{text}" has artifacts here.{did_you_mean(text, names) or listing}')
        chosen |= hits
    return [item for item in found if item.build in chosen]


# -- how they are shown ---------------------------------------------------------------


def table(found: list[StoredArtifact]) -> Iterator[str]:
    """A line for each, and one for each thing in it."""
    rows = [
        (str(item.number), item.build, item.artifact.component, _when(item).strftime("%Y-%m-%d %H:%M"), _size(item))
        for item in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    indent = " " * (widths[0] + 2)
    for item, row in zip(found, rows, strict=True):
        number, *rest = row
        cells = [number.rjust(widths[0]), *(text.ljust(width) for text, width in zip(rest, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
        yield from (f"{indent}{_thing(item, name)}" for name in item.contents)
        if item.trouble:
            yield f"{indent}could not be removed: {item.trouble}"


def _thing(item: StoredArtifact, name: str) -> str:
    """A thing; a file as the user would name it from here."""
    if name not in item.artifact.files:
        return name
    path = Path(name)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}" if os.path.lexists(path) else f"{shown} (is gone)"


def _when(item: StoredArtifact) -> datetime:
    return datetime.fromtimestamp(item.made).astimezone()


def _size(item: StoredArtifact) -> str:
    sizes = [size for size in map(_size_of, item.artifact.files) if size is not None]
    return show_size(sum(sizes)) if sizes else ""


def _size_of(name: str) -> int | None:
    try:
        return Path(name).stat().st_size
    except OSError:
        return None


def as_json(item: StoredArtifact) -> dict[str, Any]:
    """For programs. A size is in bytes, or null when the file is gone."""
    artifact = item.artifact
    return {
        "number": item.number,
        "build": item.build,
        "component": artifact.component,
        "builder": artifact.builder,
        "id": artifact.id,
        "description": artifact.description,
        "made": f"{datetime.fromtimestamp(item.made, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "run": item.run,
        "template": item.template,
        "files": [{"path": name, "size": _size_of(name)} for name in artifact.files],
        "contents": list(item.contents),
        "state": dict(artifact.state),
        "trouble": item.trouble,
    }
