"""``hclimg cleanup``: removes what runs left behind that were killed or interrupted twice."""

from __future__ import annotations

import os
from pathlib import Path

import click

from hclimg.cli.options import Command, switch
from hclimg.engine.reclaim import LeftOver, left_over, prune, reclaim
from hclimg.engine.rundir import home_directory


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@switch("-dry-run", "Only show what would be removed.")
@click.option("-all", "everything", type=click.BOOL, default=False, metavar="",
              help="Delete the directories of all runs that are over as well, with their logs.")  # fmt: skip
def command(*, runs: tuple[str, ...], dry_run: bool, everything: bool) -> int:
    """Remove what dead runs left behind on this machine.

    Without RUN, the processes, directories and files of all runs that are over. Runs that go on are never touched.
    """
    home = home_directory(os.environ, Path.cwd())
    found = _chosen(left_over(home), runs)
    if not found:
        print(f"Nothing is left behind by the runs in {home}.")
    failed = sum([_clean(item, dry_run=dry_run) for item in found])
    if everything and not dry_run:
        for directory in prune(home, keep=0):
            print(f"Deleted the directory of run {directory.name}.")
    return int(failed > 0)


def _chosen(found: list[LeftOver], runs: tuple[str, ...]) -> list[LeftOver]:
    known = [item.run for item in found]
    for run in runs:
        if run not in known:
            listing = f" These did: {', '.join(known)}." if known else ""
            raise click.ClickException(f'No run "{run}" that is over left anything behind.{listing}')
    return [item for item in found if not runs or item.run in runs]


def _clean(item: LeftOver, *, dry_run: bool) -> int:
    """Remove what one run left, and say so; how much is still there."""
    print(f"Run {item.run}:")
    if dry_run:
        for resource in item.ledger.left:
            print(f"  would remove {resource}")
        return 0
    done = reclaim(item.directory)
    if done is None:
        print("  it goes on, or somebody else cleans up after it")
        return 0
    for result in done:
        print(f"  not removed: {result.resource}: {result.reason}" if result.reason else f"  removed {result.resource}")
    return sum(bool(result.reason) for result in done)
