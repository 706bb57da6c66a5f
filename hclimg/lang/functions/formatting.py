"""``format`` and ``formatlist``: texts with verbs such as ``%s``, as Go's fmt package has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hclimg.lang import numbers
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.functions import graphemes, jsonvalues
from hclimg.lang.functions.arguments import text_parameter
from hclimg.lang.functions.model import ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.limits import check_length
from hclimg.lang.types import ANY, BOOL, NUMBER, STRING, ListType, SetType, TupleType, Type
from hclimg.lang.values import Unknown, Value, list_of, string, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hclimg.lang.functions.catalog import Surroundings

_VERB = re.compile(r"%([ #0+-]*)(?:\[([0-9]+)\])?([0-9]*)(?:\.([0-9]*))?(?:\[([0-9]+)\])?(.?)", re.DOTALL)
_WIDEST = 100_000


class _Verb:
    """One ``%…`` of a format: flags, width and precision (None when not given), and the letter."""

    __slots__ = ("at", "flags", "letter", "position", "precision", "raw", "width")

    def __init__(self, match: re.Match[str], position: int, at: int) -> None:
        self.raw = match[0]
        self.flags = match[1]
        self.position = position
        self.width = min(int(match[3][:9]), _WIDEST) if match[3] else None
        self.precision = None if match[4] is None else min(int(match[4][:9] or "0"), _WIDEST)
        self.letter = match[6]
        self.at = at

    def fails(self, why: str) -> FunctionError:
        return FunctionError(f'unsupported value for "{self.raw}" at {self.at}: {why}')

    def padded(self, text: str) -> str:
        if self.width is None:
            return text
        padding = ("0" if "0" in self.flags else " ") * (self.width - graphemes.count(text))
        return text + padding if "-" in self.flags else padding + text


def _parts(text: str) -> Iterator[str | _Verb]:
    """Literal texts and verbs of a format, in order."""
    at, following = 0, 1
    while at < len(text):
        percent = text.find("%", at)
        if percent != at:
            yield text[at : percent if percent >= 0 else len(text)]
            at = percent if percent >= 0 else len(text)
            continue
        if text.startswith("%%", at):
            yield "%"
            at += 2
            continue
        match = _VERB.match(text, at)
        assert match is not None
        _check_letter(match, at)
        chosen = match[2] or match[5]
        position = int(chosen[:9]) if chosen else following
        following = position + 1
        yield _Verb(match, position, len(text[:at].encode()))
        at = match.end()


def _check_letter(match: re.Match[str], at: int) -> None:
    letter = match[6]
    offset = len(match.string[: match.start(6)].encode())
    if not letter:
        raise FunctionError(f"invalid format string starting at offset {offset}")
    if not (letter.isascii() and letter.isalpha()):
        raise FunctionError(f"unrecognized format character '{letter}' at offset {offset}")
    if match[2] == "0" or match[5] == "0":
        raise FunctionError(f"unrecognized format character '0' at offset {at + 1}")


def _formatted(text: str, values: Sequence[Value]) -> str | None:
    """The text with its verbs replaced; None when a value is not known."""
    pieces: list[str | None] = []
    highest = size = 0
    for part in _parts(text):
        check_length(size)
        if isinstance(part, str):
            pieces.append(part)
            size += len(part)
            continue
        if not 1 <= part.position <= len(values):
            need = f"need index {part.position} but have {len(values)} total"
            raise FunctionError(f'not enough arguments for "{part.raw}" at {part.at}: {need}')
        highest = max(highest, part.position)
        pieces.append(_shown(part, values[part.position - 1]))
        size += len(pieces[-1] or "")
    if highest < len(values):
        used = f"only {highest} used by format string" if highest else "no verbs in format string"
        raise ArgumentError(highest + 1, f"too many arguments; {used}")
    return None if None in pieces else "".join(p for p in pieces if p is not None)


def _shown(verb: _Verb, value: Value) -> str | None:
    if verb.letter not in _WAYS:
        raise FunctionError(f"unsupported format verb '{verb.letter}' in \"{verb.raw}\" at offset {verb.at}")
    if not value.is_wholly_known:
        return None
    if value.raw is None and verb.letter != "v":
        raise verb.fails("null value cannot be formatted")
    return _WAYS[verb.letter](verb, value)


def _converted(verb: _Verb, value: Value, wanted: Type) -> Value:
    try:
        return convert(value, wanted)
    except ConversionError as error:
        raise verb.fails(error.message) from None


def _as_is(verb: _Verb, value: Value) -> str:
    if "#" not in verb.flags and value.raw is not None:
        if value.type is STRING:
            return verb.padded(value.raw)
        if value.type is NUMBER:
            return verb.padded(_general(value.raw, None, "e"))
    return verb.padded(jsonvalues.encode(value))


def _bool(verb: _Verb, value: Value) -> str:
    # Go's cty ignores the width here, and templates may rely on it.
    return "true" if _converted(verb, value, BOOL).raw else "false"


def _text(verb: _Verb, value: Value) -> str:
    text: str = _converted(verb, value, STRING).raw
    if verb.precision:
        text = "".join(graphemes.clusters(text)[: verb.precision])
    return verb.padded(jsonvalues.encode_text(text) if verb.letter == "q" else text)


# -- numbers --------------------------------------------------------------------

_BASES = {"d": "d", "b": "b", "o": "o", "x": "x", "X": "X"}
_PREFIXES = {"d": "", "b": "0b", "o": "0", "x": "0x", "X": "0X"}


def _integer(verb: _Verb, value: Value) -> str:
    raw = _converted(verb, value, NUMBER).raw
    if isinstance(raw, float) and raw == 0:
        raw = 0
    if not isinstance(raw, int):
        raise verb.fails("an integer is required")
    digits = _digits(abs(raw), verb.letter)
    if verb.precision is not None:
        digits = "" if verb.precision == 0 and raw == 0 else digits.rjust(verb.precision, "0")
    prefix = _sign(verb, raw < 0) + (_PREFIXES[verb.letter] if "#" in verb.flags else "")
    zeros = "0" in verb.flags and verb.precision is None and "-" not in verb.flags
    return _fill(verb, prefix, digits, zeros)


def _digits(value: int, letter: str) -> str:
    return numbers.text_of_digits(value) if letter == "d" else format(value, _BASES[letter])


def _sign(verb: _Verb, negative: bool) -> str:
    if negative:
        return "-"
    return "+" if "+" in verb.flags else " " if " " in verb.flags else ""


def _fill(verb: _Verb, prefix: str, digits: str, zeros: bool) -> str:
    missing = max((verb.width or 0) - len(prefix) - len(digits), 0)
    if zeros:
        return prefix + "0" * missing + digits
    return prefix + digits + " " * missing if "-" in verb.flags else " " * missing + prefix + digits


def _float(verb: _Verb, value: Value) -> str:
    raw: numbers.Number = _converted(verb, value, NUMBER).raw
    if raw in (numbers.INFINITY, -numbers.INFINITY):
        sign = "-" if raw < 0 else " " if " " in verb.flags else "+"
        return _fill(verb, sign, "Inf", zeros=False)
    letter, exponent = verb.letter.lower(), "E" if verb.letter in "EG" else "e"
    magnitude = -raw if raw < 0 else raw
    if letter == "g":
        text = _general(magnitude, verb.precision, exponent)
    else:
        places = 6 if verb.precision is None else verb.precision
        text = _fixed(magnitude, places) if letter == "f" else _scientific(magnitude, places, exponent)
    return _fill(
        verb, _sign(verb, numbers.is_negative(raw)), text.lstrip("-"), zeros="0" in verb.flags and "-" not in verb.flags
    )


def _rational(value: numbers.Number) -> numbers.Rational:
    return numbers.exact(value)


def _fixed(value: numbers.Number, places: int) -> str:
    digits = numbers.text_of_digits(numbers.rounded_at(_rational(value), places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def _scientific(value: numbers.Number, places: int, letter: str) -> str:
    if value == 0:
        digits, exponent = "0" * (places + 1), 1
    else:
        digits, exponent = numbers.significant(_rational(value), places + 1)
    return _with_exponent(digits, exponent - 1, letter)


def _with_exponent(digits: str, exponent: int, letter: str) -> str:
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{mantissa}{letter}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _general(value: numbers.Number, precision: int | None, letter: str) -> str:
    """Go's ``%g``: the shortest form, with an exponent when it is below -4 or not below the precision."""
    if isinstance(value, float) and numbers.is_special(value):
        return numbers.text(value)
    sign = "-" if value < 0 else ""
    digits, exponent = _general_digits(-value if value < 0 else value, precision)
    limit = 6 if precision is None else max(precision, 1)
    if precision is not None and limit > len(digits) and len(digits) >= exponent:
        limit = len(digits)
    if not digits:
        return "0"
    if exponent - 1 < -4 or exponent - 1 >= limit:
        return sign + _with_exponent(digits, exponent - 1, letter)
    return sign + numbers.fixed(digits, exponent)


def _general_digits(value: numbers.Number, precision: int | None) -> tuple[str, int]:
    if precision is None or value == 0:
        return numbers.shortest(value)
    digits, exponent = numbers.significant(_rational(value), max(precision, 1))
    return digits.rstrip("0"), exponent


_WAYS = {
    "v": _as_is,
    "t": _bool,
    "s": _text,
    "q": _text,
    "d": _integer,
    "b": _integer,
    "o": _integer,
    "x": _integer,
    "X": _integer,
    "e": _float,
    "E": _float,
    "f": _float,
    "g": _float,
    "G": _float,
}


# -- functions ------------------------------------------------------------------


def format_(text: Value, *values: Value) -> Value:
    """Produces a string by a format and values for its verbs."""
    if type(text.raw) is Unknown:
        return unknown(STRING, not_null=True)
    result = _formatted(text.raw, values)
    if result is None or not all(v.is_wholly_known for v in values):
        return unknown(STRING, not_null=True)
    return string(result)


def formatlist(text: Value, *values: Value) -> Value:
    """Produces a list of strings by a format and lists of values for its verbs."""
    count = _iterations(values)
    if any(type(v.raw) is Unknown and v.type is ANY for v in values):
        return unknown()
    if type(text.raw) is Unknown or any(type(v.raw) is Unknown and _is_list(v) for v in values):
        return unknown(ListType(STRING), not_null=True)
    if any(isinstance(v.type, SetType) and not v.is_wholly_known for v in values):
        return unknown(ListType(STRING), not_null=True)
    found: list[Value] = []
    size = 0
    for at in range(count):
        found.append(_iteration(text.raw, values, at))
        size += len(found[-1].raw) if found[-1].is_known else 0
        check_length(size)
    return list_of(found, STRING)


def _is_list(value: Value) -> bool:
    return isinstance(value.type, ListType | SetType | TupleType)


def _iterations(values: Sequence[Value]) -> int:
    """How often to format: as often as the lists have elements."""
    count, first = -1, 0
    for position, value in enumerate(values, 1):
        length = _length(value)
        if length is None:
            continue
        if count >= 0 and length != count:
            why = f"argument {position} has length {length}, which is inconsistent with argument {first} of length"
            raise ArgumentError(position, f"{why} {count}")
        if count < 0:
            count, first = length, position
    return 1 if count < 0 else count


def _length(value: Value) -> int | None:
    if not _is_list(value) or value.raw is None:
        return None
    if type(value.raw) is Unknown:
        return len(value.type.elements) if isinstance(value.type, TupleType) else None
    return len(value.raw)


def _iteration(text: str, values: Sequence[Value], at: int) -> Value:
    current = [v.raw[at] if _is_list(v) and v.raw is not None else v for v in values]
    try:
        result = _formatted(text, current)
    except ArgumentError:
        raise
    except FunctionError as error:
        raise FunctionError(f"error on format iteration {at}: {error.message}") from None
    return unknown(STRING, not_null=True) if result is None else string(result)


_ANYTHING = Parameter("args", null=True, unknown=True)

_FUNCTIONS = (
    Function("format", format_, text_parameter("format"), variadic=_ANYTHING, result=STRING),
    Function("formatlist", formatlist, text_parameter("format"), variadic=_ANYTHING, result=ListType(STRING)),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
