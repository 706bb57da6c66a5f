"""Checks bills of materials of others against the schemas of CycloneDX, which come with cyclonedx-python-lib.

The library's own validator takes minutes for a whole system: it parses each URL by a grammar, and compares each
component with each other one. Here formats are not looked at, and repeated items are found by their text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, cast

from jsonschema import Draft7Validator, ValidationError, validators
from referencing import Registry
from referencing.jsonschema import DRAFT7

_SCHEMAS = files("cyclonedx.schema") / "_res"
_ENDING = ".SNAPSHOT.schema.json"
_PREFIX = "http://cyclonedx.org/schema/"


def problem(data: dict[str, Any]) -> str:
    """What the schema finds wrong, with its place; empty when nothing."""
    version = str(data.get("specVersion"))
    names = (f"bom-{version}-strict{_ENDING}", f"bom-{version}{_ENDING}")
    there = {one.name for one in _SCHEMAS.iterdir()}
    name = next((one for one in names if one in there), None)
    if name is None:
        return f'"{version}" is no version of CycloneDX in JSON that is known here.'
    error = next(iter(_validator(name).iter_errors(data)), None)
    return f"at {error.json_path}: {error.message}"[:500] if error else ""


def _validator(name: str) -> Draft7Validator:
    others = {_PREFIX + one: DRAFT7.create_resource(_read(one))
              for one in (f"spdx{_ENDING}", f"jsf-0.82{_ENDING}", f"cryptography-defs{_ENDING}")}  # fmt: skip
    made: Draft7Validator = _CHECKER(_read(name), registry=Registry().with_resources(others.items()))
    return made


def _read(name: str) -> Any:
    return json.loads((_SCHEMAS / name).read_text(encoding="utf-8"))


def _unique(_validator: object, wanted: bool, items: Any, _schema: object) -> Iterator[ValidationError]:
    if wanted and isinstance(items, list) and len({json.dumps(one, sort_keys=True) for one in items}) < len(items):
        yield ValidationError("an item is there twice")


_CHECKER: Any = cast("Any", validators).extend(Draft7Validator, {"uniqueItems": _unique})
