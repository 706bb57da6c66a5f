"""What takes the place of what only a run or its user knows, where plans are compared and nothing is run.

Components that hclimg does not have take any setting; functions that ask a server, or chance, tell how they were
called; variables without a value get one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from hclimg.config.anything import Anything
from hclimg.lang.functions.catalog import standard_functions
from hclimg.lang.functions.model import Function
from hclimg.lang.types import BOOL, NUMBER, STRING, ListType, MapType, ObjectType, SetType, TupleType, Type
from hclimg.lang.values import SENSITIVE, Value, string
from hclimg.registry import BUILT_IN, Kind, Registry
from hclimg.sdk.components import Component
from hclimg.template.convert.legacy import undeclared_variables
from hclimg.template.model import Template, VariableBlock

_SECRET: Final = ("aws_secretsmanager", "aws_secretsmanager_raw", "consul_key", "vault")
_CHANCE: Final = ("bcrypt", "uuidv4")


@frozen
class Unknown(Component[Anything]):
    """A component that hclimg does not have; it is never run."""

    Config = Anything


class _Nothing(Registry):
    """A registry that has nothing."""

    def load(self, kind: Kind, name: str) -> None:  # noqa: ARG002
        return None


class OpenRegistry(Registry):
    """A registry that has every component. ``missing`` are those that hclimg has not, as far as they were asked for."""

    def __init__(self, known: Registry | None = None) -> None:
        super().__init__(BUILT_IN)
        self._known = known or Registry()
        self.missing: dict[tuple[Kind, str], None] = {}

    @classmethod
    def without_checks(cls) -> OpenRegistry:
        """One that knows no component, and so takes everything as it is written."""
        return cls(_Nothing({}))

    def names(self, kind: Kind) -> list[str]:
        return self._known.names(kind)

    def load(self, kind: Kind, name: str) -> type[Component[Any]]:
        found = self._known.load(kind, name)
        if found is None:
            self.missing[kind, name] = None
        return found or Unknown


def stand_in_functions() -> dict[str, Function]:
    """Functions that tell how they were called."""
    known = standard_functions(Path(), datetime.now(UTC))
    return {name: _told(known[name], secret=name in _SECRET) for name in (*_SECRET, *_CHANCE)}


def _told(function: Function, *, secret: bool) -> Function:
    marks = frozenset((SENSITIVE,)) if secret else frozenset()

    def body(*arguments: Value) -> Value:
        given = ", ".join(str(argument.raw) for argument in arguments if not argument.is_null)
        return string(f"{function.name}({given})").with_marks(marks)

    return Function(function.name, body, *function.parameters, result=STRING, variadic=function.variadic)


def stand_in_values(template: Template) -> Iterator[str]:
    """``NAME=VALUE`` for every variable without a value, also those that a legacy template does not declare."""
    for name, block in template.variables.items():
        if block.default is None:
            yield f"{name}={_value(block)}"
    if template.legacy:
        yield from (f"{name}=given" for name in undeclared_variables(template))


def _value(block: VariableBlock) -> str:
    return _of_type(block.type.type) if block.type else "given"


def _of_type(type_: Type) -> str:
    if isinstance(type_, ListType | SetType | TupleType):
        return "[]"
    if isinstance(type_, MapType | ObjectType):
        return "{}"
    return {NUMBER: "1", BOOL: "true"}.get(type_, "given")
