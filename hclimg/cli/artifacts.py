"""``hclimg artifacts``: what earlier runs made and is still there."""

from __future__ import annotations

import sys

import click

from hclimg.cli.artifactlist import as_json, of_builds, state_file, table
from hclimg.cli.options import Command, build_option, colour_option, state_option, switch


@click.command(cls=Command)
@build_option
@switch("-json", "Print JSON.")
@state_option
@colour_option
def command(*, builds: tuple[str, ...], json: bool, state: str | None, color: bool | None) -> None:  # noqa: ARG001
    """List the artifacts that apply made and that are still there.

    Their numbers are what hclimg destroy takes.
    """
    file = state_file(state)
    found = of_builds(file.all(), builds)
    if json:
        from json import dumps

        print(dumps([as_json(item) for item in found], indent=2, ensure_ascii=False))
    elif not found:
        print(f"No artifacts are known in {file.path}.", file=sys.stderr)
    else:
        for line in table(found):
            print(line)
