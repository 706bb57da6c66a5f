"""Times of legacy templates in HCL: what ``{{timestamp}}`` was, and Go's layouts as those of ``formatdate``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeGuard

from hclimg.lang.functions.golayout import layout_parts
from hclimg.lang.syntax import Call, Expr, GetAttr, Literal, Name
from hclimg.lang.values import string

_VERBS: Final = {
    "2006": "YYYY", "06": "YY", "January": "MMMM", "Jan": "MMM", "01": "MM", "1": "M", "Monday": "EEEE", "Mon": "EEE",
    "02": "DD", "2": "D", "15": "hh", "03": "HH", "3": "H", "04": "mm", "4": "m", "05": "ss", "5": "s", "PM": "AA",
    "pm": "aa", "MST": "ZZZ", "Z07:00": "Z", "-0700": "ZZZZ", "-07:00": "ZZZZZ",
}  # fmt: skip

_SIGNS: Final = {
    "%Y": "2006", "%y": "06", "%B": "January", "%b": "Jan", "%h": "Jan", "%m": "01", "%A": "Monday", "%a": "Mon",
    "%d": "02", "%H": "15", "%I": "03", "%M": "04", "%S": "05", "%p": "PM", "%Z": "MST", "%z": "-0700",
}  # fmt: skip
"""Elements of ``strftime`` as Go spells them."""
_LONG: Final = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%X": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y", "%x": "%m/%d/%y"}
_SEPARATORS: Final = "[- TZ:]"


def is_unix_time(expr: Expr) -> bool:
    """``rfc3339_parse(timestamp()).unix``: what ``{{timestamp}}`` was."""
    inner = expr.object if isinstance(expr, GetAttr) and expr.name == "unix" else None
    return is_call(inner, "rfc3339_parse") and is_call(inner.args[0], "timestamp")


def is_call(expr: Expr | None, name: str) -> TypeGuard[Call]:
    return isinstance(expr, Call) and expr.name.text == name


def digits_of_now(at: Expr) -> Expr:
    """``regex_replace(timestamp(), "[- TZ:]", "")``, in the place of another expression."""
    return _call(at, "regex_replace", _call(at, "timestamp"), _text(at, _SEPARATORS), _text(at, ""))


def is_digits_of_now(expr: Expr) -> bool:
    if not is_call(expr, "regex_replace") or not is_call(expr.args[0], "timestamp"):
        return False
    pattern = expr.args[1]
    return isinstance(pattern, Literal) and pattern.value.raw == _SEPARATORS


def formatted_now(expr: Call) -> Expr | None:
    """``formatdate("YYYY", timestamp())`` for ``legacy_isotime("2006")`` or ``legacy_strftime("%Y")``.

    None where it cannot say the same.
    """
    layout = expr.args[0].value.raw if len(expr.args) == 1 and isinstance(expr.args[0], Literal) else None
    if not isinstance(layout, str):
        return None
    parts = layout_parts(layout) if expr.name.text == "legacy_isotime" else _strftime_parts(layout)
    wanted = date_format(parts)
    return None if wanted is None else _call(expr, "formatdate", _text(expr, wanted), _call(expr, "timestamp"))


def _strftime_parts(layout: str) -> Iterator[tuple[str, bool]]:
    """The parts as those of a layout of Go; an element that Go does not have stays as it is."""
    for name, sign in _LONG.items():
        layout = layout.replace(name, sign)
    for text in filter(None, re.split("(%.)", layout)):
        yield (_SIGNS.get(text, text), True) if text.startswith("%") else (text, False)


def date_format(parts: Iterable[tuple[str, bool]]) -> str | None:
    """The format that ``formatdate`` has for the parts of a layout of Go."""
    found: list[str] = []
    for text, is_element in parts:
        if not is_element:
            found.append(_quoted(text) if re.search("[A-Za-z']", text) else text)
            continue
        verb = _VERBS.get(text)
        if verb is None or (found and found[-1].endswith(verb[0])):
            return None
        found.append(verb)
    return "".join(found)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _call(at: Expr, name: str, *args: Expr) -> Expr:
    return Call(at.source, at.start, at.end, Name(at.source, at.start, at.end, name), args)


def _text(at: Expr, text: str) -> Expr:
    return Literal(at.source, at.start, at.end, string(text))
