"""Outputs of a template as text: ``name = value`` as a template would write it, an element a line."""

from __future__ import annotations

from typing import Any

from hclimg.lang.show import SENSITIVE_TEXT, written
from hclimg.lang.values import Value, from_python

LATER = "(known after apply)"


def output_line(name: str, value: Any, *, sensitive: bool = False) -> str:
    """An output with its value, which is JSON data."""
    return f"{name} = {SENSITIVE_TEXT if sensitive else written(from_python(value))}"


def value_line(name: str, value: Value) -> str:
    """The same of a value that may not be known yet."""
    return f"{name} = {written(value, later=LATER)}"
