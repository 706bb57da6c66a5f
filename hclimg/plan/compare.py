"""Whether two templates say the same: their plans, node by node and setting by setting."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import evolve

from hclimg.diagnostics import Diagnostics
from hclimg.lang.show import SENSITIVE_TEXT
from hclimg.lang.values import deep_marks, to_python
from hclimg.plan.compile import CompileOptions, compile_plan, evaluate_globals
from hclimg.plan.render import to_json
from hclimg.plan.stand_ins import stand_in_functions, stand_in_values
from hclimg.registry import Registry
from hclimg.template.model import Template


def differences(
    one: Template, other: Template, options: CompileOptions, diags: Diagnostics, registry: Registry | None = None
) -> list[str] | None:
    """Where the plans of two templates differ, a line each; None, after reports, when there is no plan of one.

    What only a run or its user knows has a stand-in.
    """
    registry = registry or Registry()
    options = evolve(options, functions=stand_in_functions())
    first = _plan_data(one, options, registry, diags)
    second = None if first is None else _plan_data(other, options, registry, diags)
    if first is None or second is None:
        return None
    lines = list(_differences("", first[0], second[0]))
    if not lines and first[1] != second[1]:
        return ["a secret: its value became another one"]
    return lines


def _plan_data(template: Template, options: CompileOptions, registry: Registry, diags: Diagnostics) -> Any:
    """The plan without secrets and with them; None after reports. Of a template without builds, its values."""
    found = Diagnostics()
    given = evolve(options.variables, values=(*stand_in_values(template), *options.variables.values))
    options = evolve(options, variables=given)
    is_empty = not any(one.builds or one.sources for one in template.all())
    plan = compile_plan(evolve(template, knows_builds=not is_empty), options, registry, found)
    diags.extend(found.errors)
    if found.has_errors:
        return None
    if is_empty:
        return _values(template, options)
    return tuple(_by_name(to_json(plan, registry, reveal=reveal)) for reveal in (False, True))


def _values(template: Template, options: CompileOptions) -> tuple[dict[str, Any], dict[str, Any]]:
    """Variables and locals together: what computes something is a variable in legacy JSON, and a local in HCL."""
    names = evaluate_globals(template, options, Diagnostics())
    values = {**names.locals, **names.variables}
    known = {name: value for name, value in values.items() if value.is_wholly_known}
    secret = {name: SENSITIVE_TEXT if deep_marks((value,)) else to_python(value) for name, value in known.items()}
    return secret, {name: to_python(value) for name, value in known.items()}


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
