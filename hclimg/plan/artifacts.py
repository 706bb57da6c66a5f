"""References from one build to what another one makes: ``artifact.[BUILD.]TYPE.NAME.path``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs

from hclimg.diagnostics import Absence, Diagnostics, Range, did_you_mean
from hclimg.lang.evaluate import Reference
from hclimg.lang.values import Value, unknown
from hclimg.plan.node import Lane
from hclimg.registry import Kind
from hclimg.template.globals import ArtifactUse, Globals
from hclimg.template.ordering import in_order, report_cycle
from hclimg.template.repeat import key_list, key_text
from hclimg.template.scope import UNKNOWN_ARTIFACT, artifact_tree

if TYPE_CHECKING:
    from hclimg.plan.layout import Layouts

ROOT = "artifact"


class ArtifactNames:
    """Which lane a reference means. ``value`` is ``artifact`` itself, as far as it is known: what it has."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._lanes: dict[tuple[str, ...], Lane] = {}
        self._instances: dict[tuple[str, ...], list[Lane]] = {}
        self._wrong: dict[tuple[str, ...], Value] = {}
        self._value: Value | None = None
        for lane in lanes:
            self._lanes.setdefault(lane.steps, lane)
            for family in lane.families:
                self._instances.setdefault(family, []).append(lane)
        self._longest = max(map(len, self._lanes), default=0)

    @property
    def value(self) -> Value:
        """References that have been reported as wrong are unknown here, so that they are not reported again."""
        if self._value is None:
            self._value = self._tree({})
        return self._value

    def value_for(self, found: Iterable[Reference]) -> Value:
        """The value for who refers to these; nothing is known of it when one of them stops short of a build."""
        short = any(reference.root == ROOT and len(reference.steps) < 2 for reference in found)
        return unknown() if short else self.value

    def with_machines(self, artifacts: Mapping[str, Value]) -> Value:
        """The same, where more is known of the artifacts of some lanes."""
        return self._tree(artifacts) if artifacts else self.value

    def _tree(self, artifacts: Mapping[str, Value]) -> Value:
        known = {steps: artifacts.get(lane.name, UNKNOWN_ARTIFACT) for steps, lane in self._lanes.items()}
        wrong = {steps: value for steps, value in self._wrong.items() if steps and not _covered(steps, known)}
        return artifact_tree({**known, **wrong})

    def lanes_of(self, found: Iterable[Reference], context: str, diags: Diagnostics) -> dict[str, Range]:
        """The names of the lanes that some references mean, with a place for each."""
        needed: dict[str, Range] = {}
        for reference in found:
            for lane in self._meant(reference, context, diags) if reference.root == ROOT else ():
                needed.setdefault(lane.name, reference.range)
        return needed

    def _meant(self, reference: Reference, context: str, diags: Diagnostics) -> Iterable[Lane]:
        """The lane that a reference leads into, or all instances of which it is the common beginning."""
        steps = tuple(map(str, reference.steps))
        for length in range(min(len(steps), self._longest), 1, -1):
            lane = self._lanes.get(steps[:length])
            if lane is not None:
                return (lane,)
        instances = self._instances.get(steps)
        if instances is None:
            self._report(reference, steps, context, diags)
        return instances or ()

    def _report(self, reference: Reference, steps: tuple[str, ...], context: str, diags: Diagnostics) -> None:
        if len(steps) < 2:
            detail = "Write artifact.TYPE.NAME.path, or artifact.BUILD.TYPE.NAME.path for a build block with a name."
            diags.error("Invalid artifact reference", detail, subject=reference.range, context=context)
        else:
            summary, detail = self._unknown(steps)
            diags.error(summary, detail, subject=reference.range, context=context, absence=Absence.BUILD)
        self._wrong[steps] = unknown()
        self._value = None

    def _unknown(self, steps: tuple[str, ...]) -> tuple[str, str]:
        for length in range(len(steps) - 1, 0, -1):
            keys = list(dict.fromkeys(lane.steps[length] for lane in self._instances.get(steps[:length], ())))
            if keys and steps[length] not in keys:
                return _unknown_instance(steps[: length + 1], keys)
        names = [".".join(known) for known in self._lanes]
        wanted = ".".join(steps[:-1] if len(steps) > 2 else steps)
        hint = did_you_mean(wanted, names) or f" The builds are {', '.join(names)}."
        return "Unknown artifact", f'No build is called "{wanted}".{hint}'


def _unknown_instance(steps: tuple[str, ...], keys: list[str]) -> tuple[str, str]:
    """Summary and detail when a build has instances, but not one with this key, which comes last."""
    name = ".".join(steps[:-1])
    detail = f"{name} has no instance {key_text(steps[-1])}.{did_you_mean(steps[-1], keys)}{key_list(keys)}"
    return "Unknown artifact", detail


class Artifacts:
    """The artifacts of a template and of all its modules: each sees its own, and those of others through outputs."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        by_module: dict[str, list[Lane]] = {}
        for lane in lanes:
            by_module.setdefault(lane.module, []).append(lane)
        self._names = {module: ArtifactNames(found) for module, found in by_module.items()}

    def of(self, module: str) -> ArtifactNames:
        if module not in self._names:
            self._names[module] = ArtifactNames(())
        return self._names[module]

    def lanes_of(
        self, names: Globals, found: Iterable[Reference], context: str, diags: Diagnostics
    ) -> dict[str, Range]:
        """The lanes that some references mean, also through inputs and outputs of modules, with a place for each.

        What others refer to is not reported here.
        """
        found, needed = list(found), dict[str, Range]()
        for home in dict.fromkeys(reference.home for reference in found):
            own = [reference for reference in found if reference.home == home]
            needed |= self.of(names.address if home is None else home).lanes_of(own, context, diags)
        rest = names.leaves(reference for reference in found if reference.root != ROOT)
        uses = [leaf for leaf in rest if isinstance(leaf, ArtifactUse)]
        for use in sorted(uses, key=lambda use: (use.module, [*map(str, use.steps)])):
            meant = self.of(use.module).lanes_of([Reference(ROOT, use.steps, use.place)], "", Diagnostics())
            for lane in meant:
                needed.setdefault(lane, use.place)
        return needed


@attrs.define(eq=False, repr=False)
class Needs:
    """Which lanes each lane waits for, and where it says so."""

    layouts: Layouts
    artifacts: Artifacts
    diags: Diagnostics
    _found: dict[str, dict[str, Range]] = attrs.field(factory=dict, init=False)

    def of(self, name: str) -> Mapping[str, Range]:
        if name not in self._found:
            self._found[name] = self._of(name)
        return self._found[name]

    def _of(self, name: str) -> dict[str, Range]:
        layout = self.layouts.of(name)
        needed: dict[str, Range] = {}
        for block, names, found in self.layouts.references(layout):
            lanes = self.artifacts.lanes_of(names, found, block.context, self.diags)
            # A post-processor comes after the lane's own artifact, so it can look at it.
            if block.kind is Kind.POST_PROCESSOR:
                lanes.pop(name, None)
            needed |= lanes
        return needed

    def without_cycles(self, chosen: Iterable[str]) -> Mapping[str, Mapping[str, Range]]:
        """What the chosen lanes wait for; builds that wait for each other are reported, and no longer do."""
        names = list(chosen)
        _, cycles = in_order(names, self.of)
        broken = {edge for cycle in cycles for edge in zip(cycle.path, cycle.path[1:], strict=False)}
        for cycle in cycles:
            report_cycle("These builds start from each other's artifacts", cycle, str, self.diags)
        return {
            name: {other: at for other, at in self.of(name).items() if (name, other) not in broken} for name in names
        }


def _covered(steps: tuple[str, ...], known: dict[tuple[str, ...], Value]) -> bool:
    """Whether the tree has something at, above or below these steps."""
    return any(steps[:n] in known for n in range(len(steps) + 1)) or any(k[: len(steps)] == steps for k in known)
