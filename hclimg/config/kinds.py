"""How the Python type of a setting and the types of the template language belong together."""

from __future__ import annotations

import typing
from datetime import timedelta
from pathlib import Path
from typing import Any

from hclimg.config.schema import SettingSpec
from hclimg.diagnostics import did_you_mean
from hclimg.lang.secrets import secret_texts
from hclimg.lang.types import ANY, BOOL, NUMBER, STRING, ListType, MapType, ObjectType, Type
from hclimg.lang.values import Value, to_python
from hclimg.units import Secret, duration


def template_type(kind: Any) -> Type:
    """The type of the template language for a declared Python type."""
    if kind is bool:
        return BOOL
    if kind in (int, float):
        return NUMBER
    if kind is Any:
        return ANY
    origin = typing.get_origin(kind)
    if origin is tuple:
        return ListType(template_type(typing.get_args(kind)[0]))
    if origin is dict:
        return MapType(template_type(typing.get_args(kind)[1]))
    return STRING


def object_type(cls: type) -> ObjectType:
    """The type of an object with the settings of a config class as attributes."""
    from hclimg.config.schema import schema_of

    return ObjectType({spec.name: _attribute_type(spec) for spec in schema_of(cls).settings.values()})


def _attribute_type(spec: SettingSpec) -> Type:
    if not spec.meta.nested:
        return template_type(spec.type)
    inner = object_type(spec.element)
    return ListType(inner) if spec.meta.many else inner


def to_config(kind: Any, value: Value) -> Any:
    """A known value as the declared Python type. Raises ValueError with a sentence for the user."""
    raw = value.raw
    origin = typing.get_origin(kind)
    if origin is tuple:
        element = typing.get_args(kind)[0]
        return tuple([to_config(element, v) for v in raw])
    if origin is dict:
        element = typing.get_args(kind)[1]
        return {name: to_config(element, v) for name, v in raw.items()}
    if kind is Any:
        return to_python(value)
    if raw is None:
        raise ValueError("a null value is not allowed here")
    if kind is int:
        if not isinstance(raw, int):
            raise ValueError("a whole number is required")
        return raw
    if kind is timedelta:
        return duration(raw)
    if kind in (str, bool):
        return raw
    if kind is Path and "\0" in raw:
        raise ValueError("no path can contain the character U+0000")
    return kind(raw)  # float, Path, Secret, an enumeration


def check_choice(spec: SettingSpec, data: Any) -> None:
    choices = spec.meta.choices
    if not choices:
        return
    for item in data if isinstance(data, tuple) else (data,):
        if item not in choices:
            allowed = ", ".join(f'"{c}"' for c in choices)
            raise ValueError(f'"{item}" is not one of {allowed}.{did_you_mean(str(item), choices)}')


def is_unset(value: Value, spec: SettingSpec) -> bool:
    """JSON templates spell "not given" as an empty string also for numbers, bools and durations."""
    return value.raw == "" and spec.type in (int, float, bool, timedelta)


def stand_in(spec: SettingSpec) -> Any:
    """A value of the right type for a setting that is not known yet."""
    if not spec.meta.required:
        return plain_default(spec)
    if spec.type is timedelta:
        return timedelta()
    origin = typing.get_origin(spec.type)
    return origin() if origin in (tuple, dict) else {bool: False, int: 0, float: 0.0, Path: Path()}.get(spec.type, "")


def plain_default(spec: SettingSpec) -> Any:
    """The default of a setting that has one."""
    make = getattr(spec.default, "factory", None)
    return make() if make else spec.default


def secrets_in(spec: SettingSpec, value: Value) -> tuple[str, ...]:
    """The strings of a known value that must never be shown: all of a secret setting, or those that are marked."""
    return tuple(secret_texts(value, hidden=spec.type is Secret or spec.meta.sensitive))
