"""Chooses artifacts of earlier runs, and removes them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import field, frozen

from hclimg.engine.artifactfile import ArtifactFile, StoredArtifact
from hclimg.engine.keeping import maker_of
from hclimg.engine.rundir import new_run_id
from hclimg.errors import BuildError, Cancelled, HclimgError
from hclimg.events import Event, EventBus, Said
from hclimg.redaction import HIDDEN
from hclimg.registry import Registry
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context, RunInfo
from hclimg.sdk.scope import Scope
from hclimg.sdk.steps import close_scope


def named(found: Sequence[StoredArtifact], name: str) -> list[StoredArtifact]:
    """What a user means by a name: a number, a build, the artifact's own id, or a thing that belongs to it."""
    return [item for item in found if name in _names(item)]


def _names(item: StoredArtifact) -> set[str]:
    ids = item.artifact.id.split(",")
    own = {item.artifact.id, *ids, *(text.rpartition(":")[2] for text in ids)}
    things = {name for text in item.contents for name in (text, text.rpartition(": ")[2])}
    return {str(item.number), item.build, *own, *things} - {""}


def superseded(found: Iterable[StoredArtifact], keep: int) -> list[StoredArtifact]:
    """All but those of the last ``keep`` runs of each build."""
    runs: dict[tuple[str, str], list[str]] = {}
    items = sorted(found, key=lambda item: item.number)
    for item in items:
        known = runs.setdefault((item.template, item.build), [])
        if item.run not in known:
            known.append(item.run)
    old = {build: set(known[:-keep] if keep else known) for build, known in runs.items()}
    return [item for item in items if item.run in old[item.template, item.build]]


@frozen(kw_only=True)
class Destroying:
    """How artifacts are removed. ``say`` gets what happens meanwhile."""

    file: ArtifactFile
    home: Path
    cache: Path
    registry: Registry = field(factory=Registry)
    cancel: CancelToken = field(factory=CancelToken)
    say: Callable[[str], None] = lambda _text: None

    def destroy(self, item: StoredArtifact) -> str:
        """Remove an artifact and forget it; or why it is still there. Raises Cancelled, BuildError of the file."""
        reason = self._reason(item)
        if reason:
            self.file.note(item.number, reason)
        else:
            self.file.forget([item.number])
        return reason

    def _reason(self, item: StoredArtifact) -> str:
        try:
            self.cancel.check()
            with EventBus([_Saying(self.say)]) as bus:
                ctx = self._context(item, bus)
                try:
                    maker_of(self.registry, item.artifact).destroy(ctx, item.artifact)
                finally:
                    failures = close_scope(ctx)
            return "; ".join(map(str, failures))
        except Cancelled:
            raise
        except HclimgError as error:
            hint = error.hint if isinstance(error, BuildError) else ""
            if HIDDEN in str(dict(item.artifact.state)):
                hint = f"{hint} What the template calls sensitive is not remembered.".strip()
            return f"{error} {hint}".strip()
        except Exception as error:  # noqa: BLE001 - a bug in one component; the others go on
            return f"internal error: {type(error).__name__}: {error}"

    def _context(self, item: StoredArtifact, bus: EventBus) -> Context:
        run = RunInfo(id=new_run_id(datetime.now(UTC), secrets.token_hex(3)), directory=self.home, cache=self.cache)
        return Context(
            run=run, lane=item.build, node="destroy", bus=bus, cancel=self.cancel, scope=Scope(), build_name=item.build
        )  # fmt: skip


@frozen
class _Saying:
    """A sink that only passes on what is said."""

    say: Callable[[str], None]

    def handle(self, event: Event) -> None:
        if isinstance(event, Said):
            self.say(event.text)

    def close(self) -> None:
        """Nothing was opened."""
