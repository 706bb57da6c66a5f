"""The functions that every Go template has, and how Go prints values and takes them for true."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hclimg.lang.gotemplate.nodes import GoTemplateError

NO_VALUE: Final = "<no value>"
NIL: Final = "<nil>"  # nil inside of something else
VERB = re.compile(r"%([-+# 0]*)(\d*)(?:\.(\d+))?([a-zA-Z%])")


def is_true(value: object) -> bool:
    """Whether a value counts as true: it is not zero, not empty, not nil."""
    return bool(value)


def show(value: object, nil: str = NO_VALUE) -> str:
    """A value as Go prints it (``%v``)."""
    if value is None:
        return nil
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return show_float(value)
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{show(key)}:{show(value[key], NIL)}" for key in sorted(value)) + "]"
    if isinstance(value, Sequence):
        return "[" + " ".join(show(item, NIL) for item in value) + "]"
    return str(value)


def show_float(value: float) -> str:
    """The shortest digits, with an exponent below 1e-4 and from 1e21 on."""
    if value != value or value in (float("inf"), float("-inf")):
        return {float("inf"): "+Inf", float("-inf"): "-Inf"}.get(value, "NaN")
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


# -- comparisons --------------------------------------------------------------------


def equal(first: Any, *others: Any) -> bool:
    """Whether the first is equal to any of the others."""
    if not others:
        raise GoTemplateError("a second value is missing")
    return any(same(first, other) for other in others)


def same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if kind(a) != kind(b):
        raise GoTemplateError(f"{show(a)!r} and {show(b)!r} are of different kinds and cannot be compared")
    return bool(a == b)


def kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def less(a: Any, b: Any) -> bool:
    if kind(a) != kind(b) or kind(a) in ("bool", "other"):
        raise GoTemplateError(f"{show(a)!r} and {show(b)!r} have no order")
    return bool(a < b)


# -- the rest -------------------------------------------------------------------------


def index(value: Any, *keys: Any) -> Any:
    """``index x 1 2`` is x[1][2]; a key that a map lacks gives nil."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
            continue
        if isinstance(value, str):  # its bytes
            value = value.encode()
        if isinstance(value, Sequence) and isinstance(key, int) and not isinstance(key, bool):
            if not 0 <= key < len(value):
                raise GoTemplateError(f"{key} is out of range: there are {len(value)} elements")
            value = value[key]
        else:
            raise GoTemplateError(f"{show(value)!r} has no index {show(key)!r}")
    return value


def length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping | Sequence):
        return len(value)
    raise GoTemplateError(f"{show(value)!r} has no length")


def print_(*values: Any) -> str:
    """One text; a space goes between two values that are both no texts."""
    out = ""
    for i, value in enumerate(values):
        if i and not isinstance(value, str) and not isinstance(values[i - 1], str):
            out += " "
        out += show(value, NIL)
    return out


def print_line(*values: Any) -> str:
    return " ".join(show(value, NIL) for value in values) + "\n"


def print_format(pattern: str, *values: Any) -> str:
    left = list(values)

    def one(m: re.Match[str]) -> str:
        if m[4] == "%":
            return "%"
        if not left:
            return f"%!{m[4]}(MISSING)"
        return formatted(m[1], m[2], m[3], m[4], left.pop(0))

    out = VERB.sub(one, pattern)
    if left:
        raise GoTemplateError(f"{len(left)} more values than the format has places for")
    return out


def formatted(flags: str, width: str, precision: str | None, verb: str, value: Any) -> str:
    """One value by one verb of a format."""
    digits = f".{precision}" if precision else ""
    if verb in "vs" or (verb == "t" and isinstance(value, bool)):
        return _percent(flags.replace("#", "") + width + digits + "s", show(value, NIL))
    if verb == "q":
        return _percent(flags + width + "s", quote(show(value)))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and verb in ("doxX" if isinstance(value, int) else "feEgG"):
        return _percent(flags + width + digits + verb, value)
    if verb in "xX" and isinstance(value, str):
        return value.encode().hex() if verb == "x" else value.encode().hex().upper()
    raise GoTemplateError(f"%{verb} cannot print {show(value)!r}")


def _percent(format_: str, value: object) -> str:
    """Python's own formatting, which knows the same flags."""
    return str(f"%{format_}" % value)


def quote(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c, c) for c in text) + '"'


def html(*values: Any) -> str:
    """One text, as it can stand in HTML."""
    return print_(*values).translate(_HTML)


def js(*values: Any) -> str:
    """One text, as it can stand in a string of JavaScript."""
    out = []
    for char in print_(*values):
        if char in _JS:
            out.append(_JS[char])
        else:
            out.append(char if char.isprintable() else f"\\u{ord(char):04X}")
    return "".join(out)


def url_query(*values: Any) -> str:
    """One text, as it can stand in the query of a URL."""
    from urllib.parse import quote_plus

    return quote_plus(print_(*values))


def slice_(value: Any, *ends: Any) -> Any:
    """``slice x 1 2`` is x[1:2]; of a text, its bytes."""
    if isinstance(value, str):
        return _sliced(value.encode(), ends).decode(errors="replace")
    if isinstance(value, Sequence):
        return _sliced(value, ends)
    raise GoTemplateError(f"{show(value)!r} cannot be sliced")


def _sliced(value: Any, ends: Sequence[Any]) -> Any:
    if len(ends) > 2 or any(not isinstance(end, int) or isinstance(end, bool) for end in ends):
        raise GoTemplateError("it takes a value and at most two whole numbers")
    start = ends[0] if ends else 0
    stop = ends[1] if len(ends) > 1 else len(value)
    if not 0 <= start <= stop <= len(value):
        raise GoTemplateError(f"{start}:{stop} is out of range: there are {len(value)} elements")
    return value[start:stop]


_HTML: Final = str.maketrans(
    {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_JS: Final = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"
}  # fmt: skip

BUILTINS: Final[Mapping[str, Callable[..., Any]]] = {
    "eq": equal,
    "ge": lambda a, b: not less(a, b),
    "gt": lambda a, b: less(b, a),
    "html": html,
    "index": index,
    "js": js,
    "le": lambda a, b: not less(b, a),
    "len": length,
    "lt": less,
    "ne": lambda a, b: not same(a, b),
    "not": lambda value: not is_true(value),
    "print": print_,
    "printf": print_format,
    "println": print_line,
    "slice": slice_,
    "urlquery": url_query,
}
