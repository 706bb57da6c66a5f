"""What a component can do besides compute: speak, wait, own things.

The events are imported when the first is emitted: checking a template emits none, and their classes take time to make.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import define, evolve, field, frozen

from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.journal import Journal, NoJournal
from hclimg.sdk.retry import RetryPolicy, retry
from hclimg.sdk.scope import Scope

if TYPE_CHECKING:
    from hclimg.events import Event, EventBus, Redactor

T = TypeVar("T")


class Prompter(Protocol):
    """Asks the person at the terminal."""

    @property
    def interactive(self) -> bool: ...

    def ask(self, question: str, cancel: CancelToken) -> str:
        """The line that was typed. Raises Cancelled when the token is cancelled, EOFError without a terminal."""


class NoPrompter:
    interactive = False

    def ask(self, question: str, cancel: CancelToken) -> str:  # noqa: ARG002
        raise EOFError(question)


@frozen(kw_only=True)
class RunInfo:
    """What one run is and how the user started it.

    ``id`` is unique and fit for names and tags; ``directory`` holds the run's journal and logs;
    ``cache`` is shared by all runs of the user; ``started`` is what ``timestamp`` means, in seconds since the epoch;
    ``template`` is the path of what is applied, ``-`` for standard input.
    """

    id: str
    directory: Path
    cache: Path
    force: bool = False
    debug: bool = False
    on_error: str = "cleanup"
    started: float = field(factory=time.time)
    template: str = ""


def _redactor() -> Redactor:
    from hclimg.events import Redactor

    return Redactor()


@define(kw_only=True)
class Context:
    """Given to every call of a component.

    ``build_name`` and ``build_type`` are what scripts see as PACKER_BUILD_NAME and PACKER_BUILDER_TYPE;
    ``http_address`` is ``host:port`` of the build's HTTP server as the guest sees it, or empty.
    """

    run: RunInfo
    lane: str
    node: str
    bus: EventBus
    cancel: CancelToken
    scope: Scope
    build_name: str = ""
    build_type: str = ""
    facts: Mapping[str, Any] = field(factory=dict)
    journal: Journal = field(factory=NoJournal)
    redact: Redactor = field(factory=_redactor)
    prompter: Prompter = field(factory=NoPrompter)
    forget: Callable[[tuple[str, ...]], None] = lambda _names: None

    def replaced(self, *names: str) -> None:
        """Parts of finished images of earlier runs were removed to make room (``force_deregister``): they are listed no
        more. ``names`` are as ``contents`` of the component gives them."""
        self.forget(names)

    def emit(self, event: Event) -> None:
        self.bus.emit(evolve(event, lane=self.lane, node=self.node))

    def say(self, text: str) -> None:
        """Tell the user in one sentence what is going on."""
        from hclimg.events import Said

        self.emit(Said(text=text))

    def warn(self, text: str) -> None:
        from hclimg.events import Said

        self.emit(Said(text=text, level="warning"))

    def output(self, text: str, stream: str = "stdout") -> None:
        """One line that a command printed, without its end."""
        from hclimg.events import Output

        self.emit(Output(text=text, stream=stream))

    def progress(self, what: str, done: int, total: int = 0, unit: str = "B") -> None:
        from hclimg.events import Progress

        self.emit(Progress(what=what, done=done, total=total, unit=unit))

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Cancelled."""
        self.cancel.sleep(seconds)

    def retry(self, policy: RetryPolicy, call: Callable[[], T]) -> T:
        from hclimg.events import ApiRetrying

        def tell(error: BaseException, delay: float) -> None:
            self.emit(ApiRetrying(error=str(error), delay=delay))

        return retry(policy, call, self.cancel, tell)

    def render(self, template: str, **data: Any) -> str:
        """A Go template string of a setting, with ``{{ .Name }}`` from ``data`` and the engine's functions.

        Raises BuildError when the template is wrong or names a field that is not in ``data``.
        """
        from hclimg.sdk.interpolate import render

        return render(self, template, data)

    def ask(self, question: str) -> str:
        """Ask the person at the terminal. Raises EOFError when there is none."""
        self.bus.flush()
        return self.prompter.ask(question, self.cancel)
