"""What happened, as data.

The engine and the components emit; sinks (``hclimg.ui``, the run directory) listen. Nothing here knows how an
event looks. Every event has ``lane`` and ``node`` (empty when it belongs to none) and ``at``, seconds since the epoch.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from queue import SimpleQueue
from typing import Any, ClassVar, Protocol, Self

from attrs import asdict, evolve, field, fields, frozen

from hclimg.redaction import HIDDEN, pattern_of, pieces


@frozen(kw_only=True)
class Event:
    """Base of all events; ``kind`` is the snake-case name of the class, as in the JSON form."""

    kind: ClassVar[str] = "event"
    kinds: ClassVar[dict[str, type[Event]]] = {}

    lane: str = ""
    node: str = ""
    at: float = field(factory=time.time)

    def __init_subclass__(cls) -> None:
        cls.kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
        Event.kinds[cls.kind] = cls

    def to_json(self) -> dict[str, Any]:
        return {"type": self.kind, **asdict(self)}

    @staticmethod
    def from_json(raw: dict[str, Any]) -> Event:
        """The inverse of :meth:`to_json`. Raises KeyError for an unknown type, TypeError for wrong fields."""
        known: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in raw.items()}
        return Event.kinds[known.pop("type")](**known)


@frozen(kw_only=True)
class RunStarted(Event):
    run: str
    version: str
    command: str
    lanes: tuple[str, ...] = ()


@frozen(kw_only=True)
class RunFinished(Event):
    """``status`` is ``succeeded``, ``failed`` or ``cancelled``."""

    status: str


@frozen(kw_only=True)
class LaneStarted(Event):
    pass


@frozen(kw_only=True)
class LaneFinished(Event):
    status: str
    seconds: float
    error: str = ""


@frozen(kw_only=True)
class NodeStarted(Event):
    """``title`` is what the node does, for people: ``Running provisioner shell``."""

    title: str
    attempt: int = 1


@frozen(kw_only=True)
class NodeFinished(Event):
    """``status`` is a value of ``hclimg.engine.state.Status``."""

    status: str
    seconds: float = 0.0
    error: str = ""


@frozen(kw_only=True)
class NodeRetrying(Event):
    attempt: int
    delay: float
    error: str


@frozen(kw_only=True)
class StepStarted(Event):
    title: str
    undo: bool = False


@frozen(kw_only=True)
class StepFinished(Event):
    title: str
    ok: bool
    seconds: float = 0.0
    undo: bool = False


@frozen(kw_only=True)
class Said(Event):
    """A sentence of a component for people. ``level`` is ``info``, ``warning`` or ``error``."""

    text: str
    level: str = "info"


@frozen(kw_only=True)
class Output(Event):
    """One line that a command printed; ``stream`` is ``stdout`` or ``stderr``."""

    text: str
    stream: str = "stdout"


@frozen(kw_only=True)
class Progress(Event):
    """``done`` of ``total`` (0: unknown) in ``unit`` (``B`` or ``""``) of one transfer or loop named ``what``."""

    what: str
    done: int
    total: int = 0
    unit: str = ""


@frozen(kw_only=True)
class ApiRetrying(Event):
    error: str
    delay: float


@frozen(kw_only=True)
class ArtifactMade(Event):
    """A finished image: ``builder`` is its builder id, ``id`` its identity, ``description`` for people."""

    builder: str
    id: str
    description: str
    files: tuple[str, ...] = ()


@frozen(kw_only=True)
class TemplateOutput(Event):
    """An output of the template, at the end of a run: its value as JSON data, None when it is sensitive.

    ``missing`` says why it has no value. ``run`` is the run that gave it the value: an earlier one when this one did
    not make what it tells of.
    """

    name: str
    run: str
    value: Any = None
    sensitive: bool = False
    missing: str = ""


@frozen(kw_only=True)
class LeftBehind(Event):
    """Something that was made and is still there, with the reason."""

    what: str
    reason: str


class Sink(Protocol):
    """Takes events one by one, in order, always on the bus's own thread."""

    def handle(self, event: Event) -> None: ...
    def close(self) -> None: ...


_BEGINNING = 8
"""Characters by which a longer secret is suspected."""


class Redactor:
    """Replaces secrets in every string of an event. Thread-safe; secrets may be added while a run goes on.

    A text is searched with a pattern of all the secrets only when it has the beginning of one: many builds have many
    secrets (each line of each key), and to make and to use such a pattern takes long.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._begins: set[str] = set()
        self._short: re.Pattern[str] | None = None
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Hide these from now on, each line of a text of several lines too. Empty strings are ignored."""
        with self._lock:
            found = pieces(secrets) - self._secrets
            if not found:
                return
            self._secrets |= found
            self._pattern = None
            self._begins |= {text[:_BEGINNING] for text in found if len(text) >= _BEGINNING}
            if any(len(text) < _BEGINNING for text in found):
                self._short = pattern_of(text for text in self._secrets if len(text) < _BEGINNING)

    def text(self, text: str) -> str:
        if not self._suspect(text):
            return text
        with self._lock:
            pattern = self._pattern = self._pattern or pattern_of(self._secrets)
        return pattern.sub(HIDDEN, text) if pattern else text

    def _suspect(self, text: str) -> bool:
        """Whether there may be a secret in it."""
        begins = self._begins
        if begins:
            for at in range(len(text) - _BEGINNING + 1):
                if text[at : at + _BEGINNING] in begins:
                    return True
        return self._short is not None and self._short.search(text) is not None

    def __call__(self, event: Event) -> Event:
        if not self._secrets:
            return event
        changed: dict[str, Any] = {}
        for attribute in fields(type(event)):
            value = getattr(event, attribute.name)
            clean = self._clean(value)
            if clean != value:
                changed[attribute.name] = clean
        return evolve(event, **changed) if changed else event

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple | list):
            return type(value)(map(self._clean, value))
        if isinstance(value, dict):
            return {name: self._clean(item) for name, item in value.items()}
        return value


class EventBus:
    """Many producers, one consumer thread: sinks need no lock and never block a build."""

    def __init__(self, sinks: Iterable[Sink] = (), redact: Callable[[Event], Event] | None = None) -> None:
        self._sinks = tuple(sinks)
        self._redact = redact or (lambda event: event)
        self._queue: SimpleQueue[Event | threading.Event | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._drain, name="events", daemon=True)
        self._broken: set[int] = set()
        self._closed = False
        self.failures: list[Exception] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
        self._closed = True
        for index, sink in enumerate(self._sinks):
            self._do(index, sink.close)

    def emit(self, event: Event) -> None:
        self._queue.put(event)

    def flush(self) -> None:
        """Wait until everything that was emitted so far has been handled; after the end, everything has been."""
        if self._closed:
            return
        seen = threading.Event()
        self._queue.put(seen)
        seen.wait()

    def _drain(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
                continue
            event = self._redact(item)
            for index, sink in enumerate(self._sinks):
                if index not in self._broken:
                    self._do(index, partial(sink.handle, event))

    def _do(self, index: int, action: Callable[[], None]) -> None:
        """One broken sink (a full disk) must stop neither the others nor the builds; it counts once."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller finds it in ``failures``
            if index not in self._broken:
                self._broken.add(index)
                self.failures.append(error)
