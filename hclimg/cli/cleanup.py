"""``hclimg cleanup``: removes what runs left behind that were killed or interrupted twice."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from attrs import define, evolve, field

from hclimg.cli.options import Command, age_option, switch
from hclimg.engine.interrupts import Interrupts
from hclimg.engine.journal import Resource
from hclimg.engine.reclaim import ALWAYS, SETTLE, LeftOver, Manner, Reclaimed, left_over, prune, reclaim
from hclimg.engine.rundir import home_directory
from hclimg.errors import BuildError

INTERRUPTED = 130
AS_ABOVE = "for the same reason"
BUSY = "it goes on, or somebody else cleans up after it"


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@switch("-dry-run", "Only show what would be removed.")
@age_option("-older-than", "Only the runs that began longer ago: 90m, 2h, 3d.")
@click.option("-all", "everything", type=click.BOOL, default=False, metavar="",
              help="Delete the directories of all runs that are over as well, with their logs.")  # fmt: skip
@age_option("-settle", "How long a call to a cloud, under way when a run was killed, is given to come through.",
            default=f"{SETTLE:g}s")  # fmt: skip
@switch("-json", "Print what was found, and what became of it, as JSON.")
def command(
    *,
    runs: tuple[str, ...],
    dry_run: bool,
    older_than: timedelta | None,
    everything: bool,
    settle: timedelta,
    json: bool,
) -> int:
    """Remove what dead runs left behind: on this machine and in the clouds.

    Without RUN, what stands in the journals of all runs that are over: processes, directories, files, and everything in
    clouds that is not part of a finished image. Runs that go on are never touched.
    """
    home = home_directory(os.environ, Path.cwd())
    before = datetime.now(UTC) - older_than if older_than is not None else ALWAYS
    found = [item for item in _chosen(left_over(home), runs) if item.began <= before]
    report, deleted = Report(json), list[str]()
    with Interrupts() as interrupts, interrupts.stop.closing(_leave_at_once):
        cancel = interrupts.cancel
        for item in found:
            if dry_run:
                report.would_remove(item)
            elif not cancel.cancelled:
                _clean(item, report, Manner(cancel=cancel, settle=settle.total_seconds()))
        if everything and not dry_run and not cancel.cancelled:
            deleted = [directory.name for directory in prune(home, keep=0, before=before)]
        interrupted = cancel.cancelled
    report.close(home, deleted)
    return INTERRUPTED if interrupted else int(report.left > 0)


def _chosen(found: list[LeftOver], runs: tuple[str, ...]) -> list[LeftOver]:
    known = [item.run for item in found]
    for run in runs:
        if run not in known:
            listing = f" These did: {', '.join(known)}." if known else ""
            raise click.ClickException(f'No run "{run}" that is over left anything behind.{listing}')
    return [item for item in found if not runs or item.run in runs]


def _clean(item: LeftOver, report: Report, manner: Manner) -> None:
    report.begin(item)
    if reclaim(item.directory, evolve(manner, say=report.say, done=report.done)) is None:
        report.busy()
    else:
        report.unlisted(unlisted(item))


def unlisted(item: LeftOver) -> list[Resource]:
    """What the run had finished in a cloud when it was killed, but had no time to write down as an artifact."""
    results = [resource for resource in item.ledger.kept if "/" in resource.kind]
    if not results:
        return []
    from hclimg.engine.artifactfile import ArtifactFile, artifact_file

    try:
        listed = ArtifactFile(artifact_file(item.directory.parent.parent)).all()
    except BuildError:  # the file is broken: it knows none of them
        return results
    known = [text for artifact in listed for text in artifact.contents]
    return [resource for resource in results if not _is_listed(resource.identity.get("id", ""), known)]


def _is_listed(thing: str, known: Iterable[str]) -> bool:
    """Lists of artifacts end with the id, or with a name and the id after it: ``web (vm-42)``."""
    return bool(thing) and any(text.endswith((f": {thing}", f"({thing})")) or text == thing for text in known)


def is_known(resource: Resource) -> bool:
    """Whether it is known to have been made; in a cloud, the call may never have arrived."""
    return resource.made or "/" not in resource.kind


def _leave_at_once() -> None:
    """After a second Ctrl-C. What was removed is struck from the journal already."""
    os._exit(INTERRUPTED)


@define(eq=False)
class Report:
    """Says what happens as it happens, or all of it at the end as JSON. ``left`` counts what is still there."""

    json: bool
    left: int = field(default=0, init=False)
    _reason: str = field(default="", init=False)
    _runs: list[dict[str, Any]] = field(factory=list, init=False)

    def begin(self, item: LeftOver) -> None:
        self._reason = ""
        self._runs.append({"run": item.run, "began": f"{item.began:%Y-%m-%dT%H:%M:%SZ}", "resources": []})
        self._print(f"Run {item.run}:")

    def would_remove(self, item: LeftOver) -> None:
        self.begin(item)
        for resource in reversed(item.ledger.left):
            self._add(resource)
            self._print(f"  would remove {resource}" if is_known(resource) else f"  would look for {resource}")

    def done(self, result: Reclaimed) -> None:
        self.left += bool(result.reason)
        gone = not (result.reason or result.finished)
        self._add(result.resource, removed=gone, reason=result.reason, finished=result.finished)
        self._print(f"  {self._became(result)}")

    def _became(self, result: Reclaimed) -> str:
        resource, reason = result.resource, result.reason
        if reason:
            again, self._reason = reason == self._reason, reason
            return f"not removed: {resource}: {AS_ABOVE if again else reason}"
        if result.finished:
            return f"not touched: {resource}: it was finished"
        return f"removed {resource}" if is_known(resource) else f"nothing is left of {resource}"

    def say(self, text: str) -> None:
        self._print(f"  {text}")

    def unlisted(self, results: list[Resource]) -> None:
        self._runs[-1]["unlisted"] = [{"kind": item.kind, "identity": item.identity} for item in results]
        for resource in results:
            self._print(f"  not touched: {resource}: it was finished, but hclimg artifacts does not know it")

    def busy(self) -> None:
        self._runs[-1]["busy"] = True
        self._print(f"  {BUSY}")

    def close(self, home: Path, deleted: Iterable[str]) -> None:
        if self.json:
            from json import dumps

            print(dumps({"runs": self._runs, "deleted": list(deleted)}, indent=2, ensure_ascii=False))
            return
        if not self._runs:
            print(f"Nothing is left behind by the runs in {home}.")
        for run in deleted:
            print(f"Deleted the directory of run {run}.")

    def _add(self, resource: Resource, **more: object) -> None:
        shown = {"kind": resource.kind, "lane": resource.lane, "made": resource.made, "identity": resource.identity}
        self._runs[-1]["resources"].append({**shown, **more})

    def _print(self, text: str) -> None:
        if not self.json:
            print(text, flush=True)
