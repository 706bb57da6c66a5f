"""``regex``, ``regexall`` and ``regex_replace``, with the meaning that RE2 gives to patterns.

google-re2 does the work where it is installed; it takes linear time, whatever the pattern. Without it the ``regex``
package does, see :mod:`hclimg.lang.functions.translated`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hclimg.lang.functions.arguments import text_parameter
from hclimg.lang.functions.model import ArgumentError, Function, FunctionError
from hclimg.lang.limits import check_count, joined
from hclimg.lang.types import ANY, STRING, ListType, ObjectType, TupleType, Type
from hclimg.lang.values import Unknown, Value, list_of, null, object_of, string, tuple_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hclimg.lang.functions.catalog import Surroundings

_MOST_GROUPS = 1000


class PatternError(Exception):
    """The pattern is not valid."""


def _compiled(pattern: str) -> Any:
    _check_parentheses(pattern)
    try:
        import re2
    except ImportError:
        return _translated(pattern)
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise PatternError(_message(error)) from None


def _check_parentheses(pattern: str) -> None:
    """Refuse what takes much memory: RE2 keeps a place for each group at each step."""
    if pattern.count("(") <= _MOST_GROUPS:
        return
    raise PatternError(f"more than {_MOST_GROUPS} groups")


def _message(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    message = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return _GO_WORDS.get(message.partition(":")[0], message.partition(":")[0]) + _part(message)


# Where the library's words differ from those that HCL users know.
_GO_WORDS = {
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "trailing \\": "trailing backslash at end of expression",
}


def _part(message: str) -> str:
    part = message.partition(": ")[2]
    return f" in {part}" if part else ""


def _translated(pattern: str) -> Any:
    from hclimg.lang.functions.translated import Untranslatable, compiled

    try:
        return compiled(pattern)
    except Untranslatable as error:
        raise PatternError(str(error)) from None


# -- results --------------------------------------------------------------------


def _names(compiled: Any) -> list[str]:
    """The groups' names in order; raises ArgumentError when only some have one."""
    named = sorted(compiled.groupindex, key=compiled.groupindex.__getitem__)
    if named and len(named) != compiled.groups:
        raise ArgumentError(0, _MIXED)
    return named


_MIXED = (
    "invalid regexp pattern: cannot mix both named and unnamed capture groups; "
    "either use only named capture groups, or only unnamed capture groups"
)


def _pattern(pattern: Value) -> Any:
    try:
        return _compiled(pattern.raw)
    except PatternError as error:
        raise ArgumentError(0, f"invalid regexp pattern: {error}") from None


def _match_type(arguments: Sequence[Value]) -> Type:
    """The type of a match: a string, a tuple of groups, or an object of named groups."""
    if type(arguments[0].raw) is Unknown:
        return ANY
    compiled = _pattern(arguments[0])
    names = _names(compiled)
    if names:
        return ObjectType(dict.fromkeys(names, STRING))
    return TupleType((STRING,) * compiled.groups) if compiled.groups else STRING


def _all_type(arguments: Sequence[Value]) -> Type:
    return ListType(_match_type(arguments))


def _match_value(match: Any, names: list[str]) -> Value:
    if names:
        return object_of({name: _group(match.group(name)) for name in names})
    groups = match.groups()
    return tuple_of(map(_group, groups)) if groups else string(match.group())


def _group(text: str | None) -> Value:
    return null(STRING) if text is None else string(text)


# -- functions ------------------------------------------------------------------


def regex(pattern: Value, text: Value) -> Value:
    """The first match of a pattern: a string, or the groups as a tuple or an object."""
    compiled = _pattern(pattern)
    names = _names(compiled)
    match = compiled.search(text.raw)
    if match is None:
        raise FunctionError("pattern did not match any part of the given string")
    return _match_value(match, names)


def regexall(pattern: Value, text: Value) -> Value:
    """All matches of a pattern."""
    compiled = _pattern(pattern)
    names = _names(compiled)
    found = [_match_value(match, names) for match in _all_matches(compiled, text.raw)]
    return list_of(found, _match_type((pattern, text)))


def _all_matches(compiled: Any, text: str) -> list[Any]:
    """All matches; an empty one directly after another match does not count."""
    matches: list[Any] = []
    for match in compiled.finditer(text):
        if matches and match.start() == match.end() == matches[-1].end():
            continue
        matches.append(match)
        check_count(len(matches) * (compiled.groups + 1))
    return matches


_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})", re.ASCII)


def regex_replace(text: Value, pattern: Value, replacement: Value) -> Value:
    """Replaces all matches of a pattern; ``$1`` and ``${name}`` in the replacement stand for groups."""
    try:
        compiled = _compiled(pattern.raw)
    except PatternError as error:
        raise FunctionError(_go_error(str(error))) from None
    return string(joined(_replaced(text.raw, compiled, replacement.raw)))


def _replaced(text: str, compiled: Any, replacement: str) -> Iterator[str]:
    at = 0
    for match in _all_matches(compiled, text):
        yield text[at : match.start()]
        yield _expanded(replacement, match, compiled)
        at = match.end()
    yield text[at:]


def _go_error(message: str) -> str:
    what, separator, where = message.partition(" in ")
    return f"error parsing regexp: {what}: `{where}`" if separator else f"error parsing regexp: {what}"


def _expanded(template: str, match: Any, compiled: Any) -> str:
    return _REFERENCE.sub(lambda reference: _referenced(reference, match, compiled), template)


def _referenced(reference: re.Match[str], match: Any, compiled: Any) -> str:
    name = reference[1] or reference[2]
    if name is None:
        return "$"
    if name.isdigit():
        number = int(name[:9])
        return (match.group(number) or "") if number <= compiled.groups else ""
    return (match.group(name) or "") if name in compiled.groupindex else ""


_FUNCTIONS = (
    Function("regex", regex, text_parameter("pattern"), text_parameter("string"), result=_match_type),
    Function("regexall", regexall, text_parameter("pattern"), text_parameter("string"), result=_all_type),
    Function(
        "regex_replace",
        regex_replace,
        text_parameter("str"),
        text_parameter("pattern"),
        text_parameter("replace"),
        result=STRING,
    ),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
