"""Whether two templates say the same: their plans, node by node and setting by setting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import evolve

from hclimg.diagnostics import Diagnostics
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.plan.render import to_json
from hclimg.registry import Registry
from hclimg.template.inputs import VariableInputs
from hclimg.template.model import Template

STAND_IN = "given"
"""What a variable without a value gets, so that its template can be compiled."""


def differences(
    one: Template, other: Template, options: CompileOptions, diags: Diagnostics, registry: Registry | None = None
) -> list[str] | None:
    """Where the plans of two templates differ, a line each; None, after reports, when there is no plan of one.

    Variables that have no value get one.
    """
    registry = registry or Registry()
    first = _plan_data(one, options, registry, diags)
    second = None if first is None else _plan_data(other, options, registry, diags)
    return None if second is None else list(_differences("", first, second))


def _plan_data(template: Template, options: CompileOptions, registry: Registry, diags: Diagnostics) -> Any:
    found = Diagnostics()
    plan = compile_plan(template, evolve(options, variables=_all_given(template, options.variables)), registry, found)
    diags.extend(found.errors)
    return None if found.has_errors else _by_name(to_json(plan, registry))


def _all_given(template: Template, given: VariableInputs) -> VariableInputs:
    """Stand-ins come first: what the user gives is stronger."""
    missing = [name for name, block in template.variables.items() if block.default is None]
    stand_ins = tuple(f"{name}={STAND_IN}" for name in missing)
    return evolve(given, values=(*stand_ins, *given.values))


def _by_name(plan: dict[str, Any]) -> dict[str, Any]:
    """Fingerprints are left out: they differ where, and only where, something else does."""
    nodes = {node["id"]: {key: value for key, value in node.items() if key != "fingerprint"} for node in plan["nodes"]}
    lanes = {lane["address"]: lane for lane in plan["lanes"]}
    return {"lanes": lanes, "nodes": nodes, "outputs": plan.get("outputs", {})}


def _differences(path: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            place = f"{path}: {key}" if path else key
            if key not in one or key not in other:
                yield f"{place} is only in the {'first' if key in one else 'second'} plan"
            else:
                yield from _differences(place, one[key], other[key])
    elif one != other:
        yield f"{path}: {json.dumps(one, ensure_ascii=False)} became {json.dumps(other, ensure_ascii=False)}"
