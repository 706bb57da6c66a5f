"""Writes down the artifacts of a run as they come and go, so that they can be listed and destroyed later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field

from hclimg.engine.artifactfile import ArtifactFile, StoredArtifact, absolute
from hclimg.engine.lane import LaneRun
from hclimg.errors import HclimgError, PluginError
from hclimg.events import Redactor
from hclimg.registry import Kind, Registry
from hclimg.sdk.components import Builder, PostProcessor
from hclimg.sdk.machine import Artifact


@define(eq=False)
class Keeping:
    """What a run made and keeps. No build fails when that cannot be written: ``warn`` is told, once."""

    file: ArtifactFile
    registry: Registry
    redact: Redactor
    run: str
    template: str
    warn: Callable[[str], None]
    _known: dict[str, list[tuple[Artifact, int]]] = field(factory=dict, init=False)
    _replaced: set[str] = field(factory=set, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _broken: bool = field(default=False, init=False)

    def update(self, lane: LaneRun) -> None:
        """From now on these are the artifacts of the lane. Cheap when nothing has changed."""
        self._try(lane.lane.name, lambda: self._update(lane.lane.name, list(lane.result())))

    def forget(self, lane: str, names: tuple[str, ...]) -> None:
        """A lane removed these things of earlier runs."""

        def replace() -> None:
            self._replaced |= set(names)
            self.file.replaced(self._replaced, self.run)

        self._try(lane, replace)

    def _try(self, lane: str, write: Callable[[], None]) -> None:
        with self._lock:
            if self._broken:
                return
            try:
                write()
            except HclimgError as error:
                self._broken = True
                self.warn(f"The artifacts of this run are not remembered. {error}")
            except Exception as error:  # noqa: BLE001 - a bug in what made the artifact, which is finished
                self.warn(f"An artifact of {lane} is not remembered. {type(error).__name__}: {error}")

    def _update(self, build: str, there: list[Artifact]) -> None:
        known = self._known.setdefault(build, [])
        gone = [(artifact, number) for artifact, number in known if artifact not in there]
        new = [artifact for artifact in there if all(artifact != old for old, _ in known)]
        stored = [(artifact, self._stored(build, artifact)) for artifact in new]
        kept = [(artifact, item) for artifact, item in stored if item.contents]  # the rest would be nothing
        if kept:
            numbers = self.file.keep([item for _, item in kept])
            known += [(artifact, number) for (artifact, _), number in zip(kept, numbers, strict=True)]
        if gone:
            self.file.forget(number for _, number in gone)
        self._known[build] = [item for item in known if item not in gone]

    def _stored(self, build: str, artifact: Artifact) -> StoredArtifact:
        """Without secrets. Names of files and ids stay as they are: they are known where the thing is."""
        plain = evolve(
            absolute(artifact), description=self.redact.text(artifact.description), state=self._plain(artifact.state)
        )  # fmt: skip
        contents = maker_of(self.registry, plain).contents(plain)
        return StoredArtifact(
            run=self.run, template=self.template, build=build, made=time.time(), artifact=plain, contents=contents
        )  # fmt: skip

    def _plain(self, value: Any) -> Any:
        match value:
            case str():
                return self.redact.text(value)
            case Mapping():
                return {str(name): self._plain(item) for name, item in value.items()}
            case list() | tuple():
                return [self._plain(item) for item in value]
            case bool() | int() | float() | None:
                return value
        return self.redact.text(str(value))


def maker_of(registry: Registry, artifact: Artifact) -> type[Builder[Any] | PostProcessor[Any]]:
    """The class that made an artifact. Raises PluginError when there is none."""
    kind, _, name = artifact.component.partition("/")
    cls = registry.load(Kind(kind), name)
    if cls is None or not issubclass(cls, (Builder, PostProcessor)):
        raise PluginError(f'Nothing is known of "{artifact.component}", which made {artifact.description}.')
    return cls
