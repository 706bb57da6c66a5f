"""Secrets in values, so that they can be hidden wherever they turn up."""

from __future__ import annotations

from typing import Any

from hclimg.events import Redactor
from hclimg.lang.secrets import secret_texts
from hclimg.lang.values import SENSITIVE, Value, from_python, object_of, string, tuple_of
from hclimg.plan.plan import Plan
from hclimg.units import Secret

_SENSITIVE = frozenset((SENSITIVE,))


def secrets_of(plan: Plan) -> set[str]:
    """The texts of everything sensitive that the templates of a plan name."""
    found: set[str] = set()
    seen: set[int] = set()
    for node in plan.nodes.values():
        for scope in node.spec.scope.chain() if node.spec else ():
            for value in scope.variables.values() if scope.variables else ():
                if id(value) not in seen:
                    seen.add(id(value))
                    found.update(secret_texts(value))
    return found


def to_value(data: Any) -> Value:
    """What a component gave, as a value of the language. A :class:`Secret` becomes a sensitive string."""
    if isinstance(data, Secret):
        return string(data.reveal()).with_marks(_SENSITIVE)
    if isinstance(data, dict):
        return object_of({str(name): to_value(item) for name, item in data.items()})
    if isinstance(data, (list, tuple)):
        return tuple_of(to_value(item) for item in data)
    return from_python(data)


def marked(value: Value, redact: Redactor) -> Value:
    """The value with every text in it marked that would not be shown: a component does not see the marks of what it
    is given."""
    raw = value.raw
    if isinstance(raw, str):
        return value if redact.text(raw) == raw else value.with_marks(_SENSITIVE)
    if isinstance(raw, tuple):
        return Value(value.type, tuple(marked(item, redact) for item in raw), value.marks)
    if isinstance(raw, dict):
        return Value(value.type, {name: marked(item, redact) for name, item in raw.items()}, value.marks)
    return value
