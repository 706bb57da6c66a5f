"""A config class as reference documentation and as JSON Schema; both come from the declarations alone."""

from __future__ import annotations

import typing
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from hclimg.config.kinds import plain_default
from hclimg.config.schema import Schema, SettingSpec, schema_of, type_name
from hclimg.units import Secret, show_duration

_JSON_TYPES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Path: {"type": "string"},
    timedelta: {"type": "string", "format": "duration"},
    Secret: {"type": "string", "writeOnly": True},
    Any: {},
}


def markdown(cls: type, title: str, *, level: int = 1) -> str:
    """The reference page of one component."""
    schema = schema_of(cls)
    lines = ["#" * level + f" {title}", "", schema.doc, ""]
    for heading, required in (("Required", True), ("Optional", False)):
        specs = [s for s in schema.settings.values() if s.meta.required is required]
        if specs:
            lines += ["#" * (level + 1) + f" {heading}", "", *[_item(s) for s in specs], ""]
    for spec in schema.settings.values():
        if spec.meta.nested:
            lines += [markdown(spec.element, f"Block `{spec.name}`", level=level + 1)]
    return "\n".join(lines).rstrip() + "\n"


def attributes(cls: type, heading: str) -> str:
    """What an object with the settings of a class holds: the results of a data source."""
    specs = schema_of(cls).settings.values()
    lines = [f"- `{spec.name}` ({_kind(spec)}): {spec.meta.doc}" for spec in specs]
    return "\n".join([f"## {heading}", "", *lines]) + "\n"


def _kind(spec: SettingSpec) -> str:
    if not spec.meta.nested:
        return type_name(spec.type)
    return "blocks" if spec.meta.many else "block"


def _item(spec: SettingSpec) -> str:
    parts = [f"- `{spec.name}` ({_kind(spec)}): {spec.meta.doc}"]
    if spec.meta.choices:
        parts.append("One of " + ", ".join(f"`{c}`" for c in spec.meta.choices) + ".")
    default = spec.meta.default_doc or _shown_default(spec)
    if default:
        parts.append(f"Default: {default}.")
    if spec.meta.deprecated:
        parts.append(f"**Deprecated**: {spec.meta.deprecated}")
    if spec.meta.ignored:
        parts.append(f"**No effect**: {spec.meta.ignored}")
    return " ".join(parts)


def _shown_default(spec: SettingSpec) -> str:
    default = None if spec.meta.required or spec.meta.nested else plain_default(spec)
    if isinstance(default, timedelta):
        return f"`{show_duration(default)}`"
    if isinstance(default, Enum):
        return f"`{default.value}`"
    if default in (None, "", (), {}) and default is not False and default != 0:
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{list(default) if isinstance(default, tuple) else default}`"


def json_schema(cls: type) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a block's body."""
    schema = schema_of(cls)
    return {
        "type": "object",
        "description": schema.doc,
        "additionalProperties": False,
        "required": _required(schema),
        "properties": {s.name: _property(s) for s in schema.settings.values()},
    }


def _required(schema: Schema) -> list[str]:
    return sorted(s.name for s in schema.settings.values() if s.meta.required)


def _property(spec: SettingSpec) -> dict[str, Any]:
    out: dict[str, Any] = {"description": spec.meta.doc}
    if spec.meta.deprecated:
        out["deprecated"] = True
    if spec.meta.nested:
        inner = json_schema(spec.element)
        return out | ({"type": "array", "items": inner} if spec.meta.many else inner)
    out |= _json_type(spec.type)
    return out | ({"enum": list(spec.meta.choices)} if spec.meta.choices and spec.type is str else {})


def _json_type(kind: Any) -> dict[str, Any]:
    origin = typing.get_origin(kind)
    if origin is tuple:
        return {"type": "array", "items": _json_type(typing.get_args(kind)[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _json_type(typing.get_args(kind)[1])}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [e.value for e in kind]}
    return dict(_JSON_TYPES[kind])
