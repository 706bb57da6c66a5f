"""Functions on strings. Lengths and positions count what a reader sees as characters, as HCL does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hclimg.lang.functions import graphemes
from hclimg.lang.functions.arguments import (
    number_parameter,
    test_function,
    text_function,
    text_parameter,
    whole,
)
from hclimg.lang.functions.model import ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.limits import check_count, check_length, joined
from hclimg.lang.types import STRING, ListType
from hclimg.lang.values import Unknown, Value, list_of, string, unknown

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings

# What Unicode calls white space; str.strip() would also take the separators U+001C to U+001F.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_LARGEST_INDENT = 100_000


def upper(text: str) -> str:
    """Converts all letters to upper case."""
    return text.upper() if text.isascii() else "".join(map(_upper_letter, text))


def _upper_letter(letter: str) -> str:
    # One letter stays one letter: "ß" has no upper case letter of its own.
    converted = letter.upper()
    return converted if len(converted) == 1 else _title_letter(letter)


def _title_letter(letter: str) -> str:
    converted = letter.title()
    return converted if len(converted) == 1 else letter


def lower(text: str) -> str:
    """Converts all letters to lower case."""
    return text.lower() if text.isascii() else "".join(letter.lower()[0] for letter in text)


def title(text: str) -> str:
    """Converts the first letter of each word to upper case."""
    pieces: list[str] = []
    previous = " "
    for letter in text:
        pieces.append(_title_letter(letter) if _separates(previous) else letter)
        previous = letter
    return "".join(pieces)


def _separates(letter: str) -> bool:
    if letter.isascii():
        return not (letter.isalnum() or letter == "_")
    return not (letter.isalpha() or letter.isdigit()) and letter in _SPACE


def strrev(text: str) -> str:
    """Reverses the characters."""
    if text.isascii() and "\r\n" not in text:
        return text[::-1]
    return "".join(reversed(graphemes.clusters(text)))


def substr(text: Value, offset: Value, length: Value) -> Value:
    """Part of a string by offset and length; a negative offset counts from the end, a length of -1 means the rest."""
    start, count = whole(offset), whole(length)
    pieces = graphemes.clusters(text.raw)
    if start < 0:
        start = max(start + len(pieces), 0)
    # HCL gives the rest for a length of zero too, if the offset is negative.
    end = len(pieces) if count < 0 or (count == 0 and offset.raw < 0) else start + count
    return string("".join(pieces[start:end]))


def chomp(text: str) -> str:
    """Removes newlines at the end."""
    return re.sub(r"(?:\r\n?|\n)+\Z", "", text)


def indent(spaces: Value, text: Value) -> Value:
    """Adds spaces to the beginning of all lines but the first."""
    count = whole(spaces)
    if not 0 <= count <= _LARGEST_INDENT:
        raise ArgumentError(0, f"the number of spaces must be between 0 and {_LARGEST_INDENT}")
    check_length(len(text.raw) + text.raw.count("\n") * count)
    return string(text.raw.replace("\n", "\n" + " " * count))


def join(separator: Value, *lists: Value) -> Value:
    """Concatenates the elements of lists with a separator between them."""
    if not lists:
        raise FunctionError("at least one list is required")
    texts: list[str] = []
    for position, given in enumerate(lists, 1):
        for at, item in enumerate(given.raw):
            if item.raw is None:
                raise ArgumentError(position, _null_element(at, len(lists), position))
            if type(item.raw) is Unknown:
                return unknown(STRING, not_null=True)
            texts.append(item.raw)
    return string(joined(texts, separator.raw))


def _null_element(at: int, count: int, position: int) -> str:
    which = f" of list {position}" if count > 1 else ""
    return f"element {at}{which} is null; cannot concatenate null values"


def split(separator: str, text: str) -> list[str]:
    check_count(text.count(separator) if separator else len(text))
    return text.split(separator) if separator else list(text)


def _split(separator: Value, text: Value) -> Value:
    """Divides a string at each separator."""
    return list_of(map(string, split(separator.raw, text.raw)), STRING)


def replace(text: str, substring: str, replacement: str) -> str:
    """Replaces each occurrence of a substring; the substring is never a pattern."""
    check_length(len(text) + text.count(substring) * (len(replacement) - len(substring)))
    return text.replace(substring, replacement)


def trim(text: str, characters: str) -> str:
    """Removes the given characters from both ends."""
    return text.strip(characters) if characters else text


def trimprefix(text: str, prefix: str) -> str:
    """Removes a prefix if it is there."""
    return text.removeprefix(prefix)


def trimsuffix(text: str, suffix: str) -> str:
    """Removes a suffix if it is there."""
    return text.removesuffix(suffix)


def trimspace(text: str) -> str:
    """Removes white space from both ends."""
    return text.strip(_SPACE)


def startswith(text: str, prefix: str) -> bool:
    """Whether a string begins with a prefix."""
    return text.startswith(prefix)


def endswith(text: str, suffix: str) -> bool:
    """Whether a string ends with a suffix."""
    return text.endswith(suffix)


def strcontains(text: str, substring: str) -> bool:
    """Whether a substring is somewhere in a string."""
    return substring in text


_FUNCTIONS = (
    text_function("chomp", chomp, "str"),
    test_function("endswith", endswith, "str", "suffix"),
    Function("indent", indent, number_parameter("spaces"), text_parameter("str"), result=STRING),
    Function("join", join, text_parameter("separator"), variadic=Parameter("lists", ListType(STRING)), result=STRING),
    text_function("lower", lower, "str"),
    text_function("replace", replace, "str", "substr", "replace"),
    Function("split", _split, text_parameter("separator"), text_parameter("str"), result=ListType(STRING)),
    test_function("startswith", startswith, "str", "prefix"),
    test_function("strcontains", strcontains, "str", "substr"),
    text_function("strrev", strrev, "str"),
    Function(
        "substr",
        substr,
        text_parameter("str"),
        number_parameter("offset"),
        number_parameter("length"),
        result=STRING,
    ),
    text_function("title", title, "str"),
    text_function("trim", trim, "str", "cutset"),
    text_function("trimprefix", trimprefix, "str", "prefix"),
    text_function("trimspace", trimspace, "str"),
    text_function("trimsuffix", trimsuffix, "str", "suffix"),
    text_function("upper", upper, "str"),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
