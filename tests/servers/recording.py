"""A context to call components with, and what they said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from attrs import define, field

from hclimg.events import Event, EventBus, Output, Redactor
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context, RunInfo
from hclimg.sdk.scope import Scope
from hclimg.sdk.steps import close_scope

E = TypeVar("E", bound=Event)


@define
class Recording:
    """A sink that keeps every event of one context."""

    ctx: Context = field(init=False)
    _events: list[Event] = field(factory=list)

    def handle(self, event: Event) -> None:
        self._events.append(event)

    def close(self) -> None: ...

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind so far."""
        self.ctx.bus.flush()
        return [event for event in self._events if isinstance(event, kind)]

    @property
    def output(self) -> list[str]:
        """The lines that commands printed."""
        return [event.text for event in self.of(Output)]


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Callable[..., Recording]]:
    """``recorded(**fields)`` makes a context with those fields; its scope is closed at the end of the test."""
    made: list[Recording] = []
    buses: list[EventBus] = []

    def make(**fields: Any) -> Recording:
        recording = Recording()
        redact = Redactor()
        bus = EventBus([recording], redact)
        buses.append(bus.__enter__())
        run = fields.pop("run", None) or RunInfo(id="testrun", directory=tmp_path / "run", cache=tmp_path / "cache")
        given = {"lane": "null.test", "node": "test", "build_name": "test", "build_type": "null", **fields}
        recording.ctx = Context(run=run, bus=bus, cancel=CancelToken(), scope=Scope(), redact=redact, **given)
        made.append(recording)
        return recording

    yield make
    failures = [failure for recording in made for failure in _close(recording.ctx)]
    for bus in buses:
        bus.__exit__(None, None, None)
    assert failures == []


def _close(ctx: Context) -> list[Exception]:
    ctx.cancel = CancelToken()
    return close_scope(ctx)


@pytest.fixture
def recording(recorded: Callable[..., Recording]) -> Recording:
    return recorded()


@pytest.fixture
def ctx(recording: Recording) -> Context:
    return recording.ctx
