"""From the spec of a node to a component, when it runs: decoded as while validating, with everything known."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

from hclimg.config.decode import decode_body
from hclimg.config.kinds import object_type
from hclimg.diagnostics import Diagnostics, Range
from hclimg.engine.lane import LaneRun
from hclimg.engine.secrets import marked, to_value
from hclimg.errors import BuildError, PluginError, TemplateError
from hclimg.events import Redactor
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.evaluate import Reference, Scope, references
from hclimg.lang.secrets import secret_texts
from hclimg.lang.syntax import Node
from hclimg.lang.values import Value
from hclimg.plan.artifacts import ROOT
from hclimg.plan.node import Lane, Spec
from hclimg.registry import Registry
from hclimg.sdk.components import Component, DataSource
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact, Machine
from hclimg.template.globals import ArtifactUse, Known, globals_of, late_scope
from hclimg.template.groups import references_of
from hclimg.template.model import DataAddress
from hclimg.template.scope import (
    BUILD_FACTS,
    UNKNOWN_ARTIFACT,
    artifact_tree,
    known_artifact,
    known_build,
    unknown_build,
)
from hclimg.units import Secret

SECRET_NAMES = frozenset({"Password", "WinRMPassword", "SSHPrivateKey"})
"""The usual names of a machine that are secrets in any case."""

PACKERS_FIELDS = ("WinRMPassword",)
"""What legacy templates write as ``{{ .WinRMPassword }}`` in any setting of a provisioner."""


@define(eq=False)
class Configurator:
    """Knows what the run has found out so far. Used by all the workers."""

    registry: Registry
    lanes: Mapping[str, Lane]
    _data: dict[DataAddress, Value] = field(factory=dict, init=False)
    _artifacts: dict[tuple[str, tuple[str, ...]], Value] = field(factory=dict, init=False)
    _changes: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def data(self) -> Mapping[DataAddress, Value]:
        """The results of the data sources that have been read."""
        with self._lock:
            return dict(self._data)

    def learn_data(
        self, address: DataAddress, source: DataSource[Any], attributes: Mapping[str, Any], redact: Redactor
    ) -> tuple[str, ...]:
        """From now on ``data.TYPE.NAME`` is known; the secrets in it, those that the data source was given too."""
        value = marked(_result(source, attributes), redact)
        with self._lock:
            self._data[address] = value
        return tuple(secret_texts(value))

    def learn_artifact(self, lane: LaneRun, artifact: Artifact) -> None:
        """From now on ``artifact.TYPE.NAME`` is known."""
        build = known_build(unknown_build(lane.lane.build_name, lane.lane.source_type, ()), lane.facts)
        value = known_artifact(
            id_=artifact.id, builder=artifact.builder, files=artifact.files, state=artifact.state, build=build
        )
        with self._lock:
            self._artifacts[lane.lane.module, lane.lane.steps] = value
            self._changes += 1

    def component(self, spec: Spec, ctx: Context, lane: LaneRun | None = None) -> Component[Any]:
        """The configured component. Raises TemplateError when its settings turn out to be wrong."""
        cls = self.registry.load(spec.kind, spec.type)
        if cls is None:
            raise PluginError(f'There is no {spec.kind} called "{spec.type}".')
        diags = Diagnostics()
        fields = {name: lane.facts[name] for name in PACKERS_FIELDS if name in lane.facts} if lane else {}

        def render(text: str, at: Range) -> str | None:
            try:
                return ctx.render(text, **fields)
            except BuildError as error:
                detail = f"{error.message} {error.hint}".strip()
                diags.error("Invalid template string", detail, subject=at, context=spec.context)
                return None

        scope = self._scope(spec, lane)
        known = globals_of(scope)
        diags.extend(known.problems_of(references_of(spec.body)) if known else ())
        diags.raise_if_errors()
        settings: type[Any] = cls.Config
        decoded = decode_body(
            settings, spec.body, scope, diags, context=spec.context, header=spec.header, render=render
        )
        if decoded is not None and not diags.has_errors:
            for name in sorted(decoded.unknown):
                detail = f'The value of "{name}" depends on something that is not known when this runs.'
                diags.error("Value is not known", detail, subject=spec.header, context=spec.context)
        if decoded is None or diags.has_errors:
            raise TemplateError(diags.errors)
        ctx.redact.add(*decoded.secrets)
        return cls(decoded.config)

    def scope_after(self, scope: Scope, expr: Node) -> Scope:
        """The scope of an expression of the template, with everything that the run has found out."""
        names = globals_of(scope)
        return self._with_globals(scope, {ROOT: self._artifacts_of(names.address if names else "")}, references(expr))

    def _scope(self, spec: Spec, lane: LaneRun | None) -> Scope:
        names: dict[str, Value] = {}
        placeholder = spec.scope.variable("build")
        if placeholder is not None and lane is not None and lane.facts:
            names["build"] = known_build(placeholder, lane.facts)
        found = references_of(spec.body)
        if any(reference.root == ROOT for reference in found):
            owner = globals_of(spec.scope)
            names[ROOT] = self._artifacts_of(owner.address if owner else "")
        return self._with_globals(spec.scope, names, found)

    def _with_globals(self, scope: Scope, names: Mapping[str, Value], found: Iterable[Reference]) -> Scope:
        """The names of the template are evaluated again when the references need what the run has told."""
        owner = globals_of(scope)
        elsewhere = [reference for reference in found if reference.root != ROOT or reference.home is not None]
        leaves = owner.leaves(elsewhere) if owner else frozenset()
        if owner is None or not leaves:
            return late_scope(scope, names)
        with self._lock:
            data, artifacts = dict(self._data), dict(self._artifacts)
            if not any(isinstance(leaf, ArtifactUse) for leaf in leaves):
                artifacts = {}  # data sources are read first, so that all lanes share the same names
            modules = {module for module, _ in artifacts}
            known = Known(data=data, artifacts={module: self._tree(module, artifacts) for module in modules})
            later = owner.later(known, (frozenset(data), self._changes if artifacts else 0))
        return late_scope(scope, names, later)

    def _artifacts_of(self, module: str) -> Value:
        """``artifact`` in a module."""
        with self._lock:
            return self._tree(module, self._artifacts)

    def _tree(self, module: str, known: Mapping[tuple[str, tuple[str, ...]], Value]) -> Value:
        own = {lane.steps: UNKNOWN_ARTIFACT for lane in self.lanes.values() if lane.module == module}
        return artifact_tree({steps: known.get((module, steps), value) for steps, value in own.items()})


def _result(source: DataSource[Any], attributes: Mapping[str, Any]) -> Value:
    """What a data source told, of the type that it declares."""
    cls = type(source)
    if cls.Output is None:
        return to_value(dict(attributes))
    declared = object_type(cls.Output)
    try:
        return convert(to_value({**dict.fromkeys(declared.attributes), **attributes}), declared)
    except ConversionError as error:
        raise PluginError(f"{cls.__module__}.{cls.__name__} tells something else than it declares: {error}.") from error


def facts_of(machine: Machine, run_id: str) -> dict[str, Any]:
    """What ``build.*`` tells of a machine: what its builder says, on top of what all machines have."""
    known = {"ID": machine.id, "ConnType": machine.communicator.kind, "PackerRunUUID": run_id}
    return {**known, **machine.facts}


def plain_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same for Go templates: every machine has every usual name, and secrets are plain text."""
    plain = {name: fact.reveal() if isinstance(fact, Secret) else fact for name, fact in facts.items()}
    return {**dict.fromkeys(BUILD_FACTS, ""), **plain}


def secret_facts(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What of them must never be shown."""
    plain = plain_facts(facts)
    names = {name for name, fact in facts.items() if isinstance(fact, Secret)} | SECRET_NAMES
    return tuple(str(plain[name]) for name in names)
