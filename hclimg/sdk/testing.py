"""For the tests of a plugin: a context to call components with, and checks of the contract that each kind has.

    from hclimg.sdk.testing import Recording, check_builder, check_component, component

    def test_contract(tmp_path):
        check_component(MotdProvisioner, 'text = "hello"')
        check_builder(TreeBuilder, f'directory = "{tmp_path}"', tmp_path)

Everything runs for real; nothing of a run's console, plan or engine is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field, frozen

from hclimg.config.decode import decode
from hclimg.config.schema import schema_of
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.events import Event, EventBus, Output, Redactor, Said
from hclimg.lang.evaluate import Scope as Names
from hclimg.lang.parse import parse_body
from hclimg.lang.values import unknown
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.components import Builder, Component
from hclimg.sdk.context import Context, RunInfo
from hclimg.sdk.machine import Artifact
from hclimg.sdk.scope import Scope
from hclimg.sdk.steps import close_scope

T = TypeVar("T")
C = TypeVar("C", bound=Component[Any])
E = TypeVar("E", bound=Event)

HEAVY = ("boto3", "fabric", "lark", "networkx", "openstack", "paramiko", "pyVmomi", "pypsrp", "requests", "rich")
"""What a module with a component must not import: ``hclimg validate`` would pay for it."""


# -- settings ---------------------------------------------------------------------


def decoded(cls: type[T], text: str) -> tuple[T | None, list[str]]:
    """The settings of a class as HCL ``text`` gives them, and each problem as ``line: summary; detail``.

    The name ``later`` in the text is a value that is not known yet.
    """
    diags = Diagnostics()
    source = SourceText("test.pkr.hcl", text)
    body = parse_body(source, diags)
    scope = Names({"later": unknown()}, {})
    config = decode(cls, body, scope, diags, context="test", header=source.range(0, 0))
    return config, [_shown(source, d.subject.start if d.subject else 0, d.summary, d.detail) for d in diags]


def _shown(source: SourceText, offset: int, summary: str, detail: str) -> str:
    return f"{source.position(offset).line}: {summary}; {detail}"


def component(cls: type[C], text: str) -> C:
    """The component as HCL text describes it. Raises AssertionError with what is wrong in it."""
    config, problems = decoded(cls.Config, text)
    assert problems == [], "\n".join(problems)
    return cls(config)


# -- a context --------------------------------------------------------------------


@define
class Recording:
    """Keeps what was said with a context: ``with recording(directory) as it: component.provision(it.ctx, …)``."""

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
    def said(self) -> list[str]:
        """The sentences so far."""
        return [event.text for event in self.of(Said)]

    @property
    def output(self) -> list[str]:
        """The lines that commands printed."""
        return [event.text for event in self.of(Output)]


@contextmanager
def recording(directory: Path, **fields: Any) -> Iterator[Recording]:
    """``fields`` are those of :class:`Context`. At the end the scope is closed; every undo must succeed."""
    made, redact = Recording(), Redactor()
    run = fields.pop("run", None) or RunInfo(id="testrun", directory=directory / "run", cache=directory / "cache")
    given = {"lane": "null.test", "node": "test", "build_name": "test", "build_type": "null", **fields}
    with EventBus([made], redact) as bus:
        made.ctx = Context(run=run, bus=bus, cancel=CancelToken(), scope=Scope(), redact=redact, **given)
        try:
            yield made
        finally:
            made.ctx.cancel = CancelToken()
            failures = close_scope(made.ctx)
        assert failures == [], failures


@define
class MemoryJournal:
    """A :class:`hclimg.sdk.journal.Journal` that remembers: ``left`` is what is neither gone nor kept, by its kind."""

    entries: list[MemoryRecord] = field(factory=list)

    def intend(self, kind: str, **identity: str) -> MemoryRecord:
        self.entries.append(MemoryRecord(kind, dict(identity)))
        return self.entries[-1]

    @property
    def left(self) -> list[MemoryRecord]:
        return [entry for entry in self.entries if not entry.over]


@define
class MemoryRecord:
    kind: str
    identity: dict[str, str]
    over: str = ""

    def made(self, **identity: str) -> None:
        self.identity.update(identity)

    def gone(self) -> None:
        self.over = self.over or "gone"

    def kept(self) -> None:
        self.over = self.over or "kept"


# -- contracts --------------------------------------------------------------------


def check_component(cls: type[Component[Any]], example: str) -> None:
    """What holds for every component; ``example`` is a body that is right. Raises AssertionError with what is not."""
    wrong = [*_declaration(cls), *decoded(cls.Config, example)[1], *_imports(cls)]
    _, problems = decoded(cls.Config, f"{example}\nno_such_setting = 1\n")
    if not any("no_such_setting" in problem for problem in problems):
        wrong.append("A setting that does not exist is accepted.")
    assert wrong == [], "\n".join(wrong)


def _declaration(cls: type[Component[Any]]) -> Iterator[str]:
    if not (cls.Config.__doc__ or "").strip():
        yield f"{cls.Config.__name__} has no docstring: it is the first line of the documentation."
    for name, spec in schema_of(cls.Config).settings.items():
        if not spec.meta.doc.strip():
            yield f'The setting "{name}" says nothing about itself.'
    if issubclass(cls, Builder) and not getattr(cls, "builder_id", ""):
        yield f"{cls.__name__} has no builder_id."


def _imports(cls: type) -> Iterator[str]:
    code = f"import sys, {cls.__module__}; print(*sys.modules)"
    path = [entry for entry in sys.path if entry]
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; {code}"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        yield f"{cls.__module__} cannot be imported on its own: {done.stderr.strip()}"
    for name in sorted(set(HEAVY) & set(done.stdout.split())):
        yield f'{cls.__module__} imports "{name}"; import it in the method that needs it.'


@frozen
class Built:
    """What :func:`check_builder` saw."""

    artifact: Artifact
    facts: Mapping[str, Any]


def check_builder(cls: type[Builder[Any]], text: str, directory: Path) -> Built:
    """Launch and capture, close the scope, destroy the artifact: nothing may be left. Raises AssertionError."""
    builder, journal = component(cls, text), MemoryJournal()
    with recording(directory, journal=journal) as it:
        machine = builder.launch(it.ctx, builder.resolve(it.ctx))
        artifact = builder.capture(it.ctx, machine)
    assert journal.left == [], f"Left in the journal: {journal.left}"
    assert artifact.builder == cls.builder_id, f'The artifact is of "{artifact.builder}", not of "{cls.builder_id}".'
    assert json.loads(json.dumps(dict(artifact.state))) == dict(artifact.state), "The state is not made of JSON values."
    missing = [name for name in artifact.files if not Path(name).exists()]
    assert missing == [], f"Files of the artifact that are not there: {missing}"
    with recording(directory) as it:
        cls.destroy(it.ctx, artifact)
    there = [name for name in artifact.files if Path(name).exists()]
    assert there == [], f"Files that destroy() left: {there}"
    return Built(artifact, machine.facts)
