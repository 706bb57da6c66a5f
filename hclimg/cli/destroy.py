"""``hclimg destroy``: removes artifacts of earlier runs, after showing what goes."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import click
from attrs import evolve

from hclimg.cli.artifactlist import of_builds, state_file, table
from hclimg.cli.options import Command, age_option, build_option, colour_option, state_option, switch
from hclimg.engine.artifactfile import StoredArtifact
from hclimg.engine.destroy import Destroying, named, superseded
from hclimg.engine.interrupts import Interrupts
from hclimg.engine.rundir import cache_directory, home_directory
from hclimg.errors import BuildError, Cancelled

INTERRUPTED = 130


@click.command(cls=Command)
@click.argument("artifacts", nargs=-1, metavar="[ARTIFACT|BUILD]...")
@build_option
@age_option("-older-than", "Only those that were made longer ago: 12h, 30d.")
@click.option("-keep-last", type=click.IntRange(0), default=None, metavar="N",
              help="Not those of the last N runs of each build.")  # fmt: skip
@switch("-dry-run", "Only show what would be removed.")
@switch("-auto-approve", "Do not ask.")
@state_option
@colour_option
def command(
    *,
    artifacts: tuple[str, ...],
    builds: tuple[str, ...],
    older_than: timedelta | None,
    keep_last: int | None,
    dry_run: bool,
    auto_approve: bool,
    state: str | None,
    color: bool | None,  # noqa: ARG001
) -> int:
    """Remove artifacts that apply made: files, and images with all that belongs to them.

    ARTIFACT is a number that hclimg artifacts shows, or an id; with options, those that all of them mean.
    """
    if not artifacts and not builds and older_than is None and keep_last is None:
        raise click.UsageError("Say what to remove: artifacts, builds, -older-than or -keep-last.")
    file = state_file(state)
    chosen = _chosen(file.all(), artifacts, builds, older_than, keep_last)
    if not chosen:
        print("There is nothing to remove.")
        return 0
    _show(chosen)
    if dry_run:
        return 0
    if not auto_approve and not _approved(chosen):
        print("Nothing was removed.")
        return 1
    home, cache = home_directory(os.environ, Path.cwd()), cache_directory(os.environ, Path.home())
    how = Destroying(file=file, home=home.absolute(), cache=cache, say=lambda text: print(f"  {text}"))
    return _destroy(chosen, how)


def _chosen(
    known: list[StoredArtifact],
    names: tuple[str, ...],
    builds: tuple[str, ...],
    older_than: timedelta | None,
    keep_last: int | None,
) -> list[StoredArtifact]:
    """The newest first: what was made from an older one goes before it."""
    found = of_builds(known, builds)
    if names:
        numbers = {item.number for name in names for item in _named(found, name)}
        found = [item for item in found if item.number in numbers]
    if older_than is not None:
        before = time.time() - older_than.total_seconds()
        found = [item for item in found if item.made < before]
    if keep_last is not None:
        old = {item.number for item in superseded(known, keep_last)}
        found = [item for item in found if item.number in old]
    return found[::-1]


def _named(found: list[StoredArtifact], name: str) -> list[StoredArtifact]:
    hits = named(found, name)
    if not hits:
        from hclimg.diagnostics import did_you_mean

        hint = did_you_mean(name, {item.build for item in found}) or " hclimg artifacts lists what there is."
        raise click.ClickException(f'No artifact or build is called "{name}".{hint}')
    return hits


def _show(chosen: list[StoredArtifact]) -> None:
    print("To be removed:\n")
    for line in table(chosen):
        print(line)
    print()


def _approved(chosen: list[StoredArtifact]) -> bool:
    """Whether a person says yes. Raises BuildError when there is none to ask."""
    from hclimg.ui.prompt import TerminalPrompter

    prompter = TerminalPrompter(sys.stdin, sys.stdout)
    if not prompter.interactive:
        hint = "Say -auto-approve to remove them without being asked, or -dry-run to see only."
        raise BuildError("There is no terminal on which to ask whether these should be removed.", hint=hint)
    count = "this artifact" if len(chosen) == 1 else f"these {len(chosen)} artifacts"
    with Interrupts() as interrupts:
        answer = prompter.ask(f'Remove {count}? Only "yes" means yes:', interrupts.cancel)
    return answer.strip().lower() == "yes"


def _destroy(chosen: list[StoredArtifact], how: Destroying) -> int:
    left = 0
    with Interrupts() as interrupts, interrupts.stop.closing(_leave_at_once):
        how = evolve(how, cancel=interrupts.cancel)
        for item in chosen:
            print(f"Artifact {item.number} of {item.build}:", flush=True)
            try:
                reason = how.destroy(item)
            except Cancelled:
                print("  interrupted; it and what follows are not removed")
                return INTERRUPTED
            print(f"  not removed: {reason}" if reason else "  removed")
            left += bool(reason)
    return int(left > 0)


def _leave_at_once() -> None:
    """After a second Ctrl-C: what was not removed as a whole stands in the file."""
    os._exit(INTERRUPTED)
