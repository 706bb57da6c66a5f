"""The derived view of a config class: what every reader of a declaration uses."""

from __future__ import annotations

import types
import typing
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from hclimg.config.fields import KEY, Meta
from hclimg.lang.dynamic import generated_types
from hclimg.lang.shape import Shape
from hclimg.lang.syntax import Body
from hclimg.units import Secret

SCALAR_NAMES: dict[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "bool",
    Path: "string (path)",
    timedelta: 'string (duration, like "1h5m")',
    Secret: "string (sensitive)",
    Any: "any",
}


@attrs.frozen(eq=False, repr=False)
class SettingSpec:
    """One setting; ``path`` leads through embedded objects to its attribute: ``("ssh", "port")``.

    ``type`` is the declared type without ``| None``.
    """

    name: str
    path: tuple[str, ...]
    type: Any
    meta: Meta
    default: Any

    @property
    def element(self) -> Any:
        """The config class of a nested block."""
        return typing.get_args(self.type)[0] if self.meta.many else self.type


@attrs.frozen(eq=False, repr=False)
class Schema:
    """``names`` maps each accepted name, aliases too, to its setting; ``shape`` has those that are nested blocks.

    ``takes_anything``: no other name is refused either.
    """

    cls: type
    doc: str
    settings: dict[str, SettingSpec]
    names: dict[str, SettingSpec]
    shape: dict[str, tuple[str, ...]]
    takes_anything: bool = False

    def shape_of(self, body: Body) -> Shape:
        """The blocks that can be in a body."""
        return {**self.shape, **generated_types(body)} if self.takes_anything else self.shape


_schemas: dict[type, Schema] = {}
_hints: dict[type, dict[str, Any]] = {}


def hints_of(cls: type) -> dict[str, Any]:
    """The types of a class's attributes, worked out once: they are written as text, and evaluating that is slow."""
    known = _hints.get(cls)
    if known is None:
        known = _hints[cls] = typing.get_type_hints(cls)
    return known


def schema_of(cls: type) -> Schema:
    """The schema of a ``@config`` class, computed once. Raises TypeError when a setting is declared twice."""
    known = _schemas.get(cls)
    if known is None:
        settings: dict[str, SettingSpec] = {}
        _collect(cls, (), settings)
        names = {alias: s for s in settings.values() for alias in (s.name, *s.meta.aliases)}
        shape: dict[str, tuple[str, ...]] = {name: () for name, s in names.items() if s.meta.nested}
        known = _schemas[cls] = Schema(
            cls, (cls.__doc__ or "").strip(), settings, names, shape, getattr(cls, "takes_anything", False)
        )
    return known


def _collect(cls: type, prefix: tuple[str, ...], found: dict[str, SettingSpec]) -> None:
    hints = hints_of(cls)
    for attribute in attrs.fields(typing.cast("Any", cls)):
        meta: Meta = attribute.metadata[KEY]
        path = (*prefix, attribute.name)
        if meta.embed:
            _collect(hints[attribute.name], path, found)
            continue
        if attribute.name in found:
            raise TypeError(f"{cls.__name__}: the setting {attribute.name!r} is declared twice")
        kind = strip_optional(hints[attribute.name])
        found[attribute.name] = SettingSpec(attribute.name, path, kind, meta, attribute.default)


def strip_optional(kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        args = [a for a in typing.get_args(kind) if a is not type(None)]
        return args[0] if len(args) == 1 else kind
    return kind


def type_name(kind: Any) -> str:
    """The template type as the documentation shows it: ``list(string)``."""
    if kind in SCALAR_NAMES:
        return SCALAR_NAMES[kind]
    origin = typing.get_origin(kind)
    if origin is tuple:
        return f"list({type_name(typing.get_args(kind)[0])})"
    if origin is dict:
        return f"map({type_name(typing.get_args(kind)[1])})"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "string"
    return "block"
