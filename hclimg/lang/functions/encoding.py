"""Functions that encode and decode texts: base64, JSON, CSV, URLs, character sets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hclimg.lang.functions import jsonvalues
from hclimg.lang.functions.arguments import text_function, text_parameter
from hclimg.lang.functions.model import ArgumentError, Function, FunctionError, Parameter
from hclimg.lang.limits import LARGEST_TEXT, TOO_LONG, check_count
from hclimg.lang.show import quoted
from hclimg.lang.types import ANY, BOOL, NUMBER, STRING, ObjectType, Type
from hclimg.lang.unknowns import Unknown
from hclimg.lang.values import Value, list_of, object_of, string, unknown

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings


# -- base64 ---------------------------------------------------------------------


def base64encode(text: str) -> str:
    """Encodes a string's UTF-8 as base64."""
    return base64.b64encode(text.encode()).decode()


def base64decode(text: str) -> str:
    """Decodes base64 to a string."""
    try:
        data = base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise FunctionError(f"failed to decode base64 data {quoted(text)}") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FunctionError("the result of decoding the provided string is not valid UTF-8") from None


def base64gunzip(text: str) -> str:
    """Decodes base64 and decompresses the gzip data in it to a string."""
    import zlib

    reader = zlib.decompressobj(wbits=31)
    try:
        data = reader.decompress(base64.b64decode(text, validate=True), LARGEST_TEXT + 1)
    except (binascii.Error, ValueError):
        raise FunctionError(f"failed to decode base64 data {quoted(text[:60])}") from None
    except zlib.error:
        raise FunctionError("the decoded data is not in gzip format") from None
    if len(data) > LARGEST_TEXT:
        raise FunctionError(TOO_LONG)
    if not reader.eof:
        raise FunctionError("the gzip data ends too early")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FunctionError("the result of decompressing the provided string is not valid UTF-8") from None


def base64gzip(text: str) -> str:
    """Compresses a string with gzip and encodes it as base64."""
    import zlib

    data = text.encode()
    compressor = zlib.compressobj(wbits=-15)
    body = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    # Neither a time nor a file name, so that equal texts give equal results; then an empty last block.
    head, last = b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\x01\0\0\xff\xff"
    tail = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return base64.b64encode(head + body + last + tail).decode()


_NO_CHARACTER_SETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem", "palmos"}


def _character_set(name: str, position: int) -> str:
    import codecs

    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        found = None
    # Some of Python's codecs are not character sets at all.
    if found is None or not getattr(found, "_is_text_encoding", True) or found.name in _NO_CHARACTER_SETS:
        raise ArgumentError(position, f"{quoted(name)} is not a supported IANA encoding name or alias")
    return found.name


def textencodebase64(text: Value, encoding: Value) -> Value:
    """Encodes a string in a character set and then as base64."""
    name = _character_set(encoding.raw, 1)
    try:
        # UTF-16 is big-endian, as the standard has it, whatever this machine is.
        data = b"\xfe\xff" + text.raw.encode("utf-16-be") if name == "utf-16" else text.raw.encode(name)
    except UnicodeEncodeError:
        why = f"the given string contains characters that cannot be represented in {encoding.raw}"
        raise ArgumentError(0, why) from None
    return string(base64.b64encode(data).decode())


def textdecodebase64(source: Value, encoding: Value) -> Value:
    """Decodes base64 and then a character set."""
    name = _character_set(encoding.raw, 1)
    text: str = source.raw.replace("\r", "").replace("\n", "")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ArgumentError(0, _bad_base64(text)) from None
    try:
        return string(data.decode("utf-16-be" if name == "utf-16" and not _has_mark(data) else name))
    except UnicodeDecodeError:
        why = f"the given string contains symbols that are not defined for {encoding.raw}"
        raise ArgumentError(0, why) from None


def _has_mark(data: bytes) -> bool:
    return data[:2] in (b"\xfe\xff", b"\xff\xfe")


def _bad_base64(text: str) -> str:
    for at, letter in enumerate(text):
        if not (letter.isascii() and (letter.isalnum() or letter in "+/=")):
            return f"the given value is has an invalid base64 symbol at offset {at}"
    return f"the given value is has an invalid base64 symbol at offset {len(text)}"


def urlencode(text: str) -> str:
    """Encodes a string for use in a URL's query."""
    from urllib.parse import quote_plus

    return quote_plus(text)


def urldecode(text: str) -> str:
    """Decodes what a URL's query has encoded."""
    from urllib.parse import unquote_to_bytes

    if _BAD_ESCAPE.search(text):
        raise FunctionError(f"invalid URL escape in {quoted(text[:60])}")
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise FunctionError("the result of decoding the provided string is not valid UTF-8") from None


_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


# -- JSON -----------------------------------------------------------------------


def jsonencode(value: Value) -> Value:
    """Encodes a value as JSON."""
    if not value.is_wholly_known:
        return unknown(STRING, not_null=True)
    return string(jsonvalues.encode(value))


def jsondecode(text: Value) -> Value:
    """Decodes JSON; lists become tuples, and objects have the types of their attributes."""
    return jsonvalues.decode(text.raw)


_BEGINNINGS = {'"': STRING, "t": BOOL, "f": BOOL, **dict.fromkeys("-0123456789", NUMBER), **dict.fromkeys("{[n", ANY)}


def _type_of_json(args: Sequence[Value]) -> Type:
    """What a text that is not known yet will be, as far as its beginning tells."""
    raw = args[0].raw
    begun = raw.prefix.lstrip(" \t\r\n") if isinstance(raw, Unknown) else ""
    if not begun:
        return ANY
    if begun[0] not in _BEGINNINGS:
        raise FunctionError(f"a JSON document cannot begin with the character {begun[0]!r}")
    return _BEGINNINGS[begun[0]]


# -- CSV ------------------------------------------------------------------------


def csvdecode(text: Value) -> Value:
    """Decodes CSV with a header line to a list of objects."""
    records = _records(text.raw)
    if not records:
        raise FunctionError("missing header line")
    names = records[0][1]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FunctionError(f"duplicate column name {quoted(name)}")
        seen.add(name)
    check_count(len(records) * (len(names) + 1))
    rows: list[Value] = []
    for line, fields in records[1:]:
        if len(fields) != len(names):
            raise _csv_error(line, "wrong number of fields")
        rows.append(object_of(dict(zip(names, map(string, fields), strict=True))))
    return list_of(rows, ObjectType(dict.fromkeys(names, STRING)))


def _csv_error(line: int, why: str) -> FunctionError:
    return FunctionError(f"CSV parse error on line {line}: {why}")


def _records(text: str) -> list[tuple[int, list[str]]]:
    """The records with the lines on which they begin; empty lines are no records."""
    lines = text.replace("\r\n", "\n").split("\n")
    records: list[tuple[int, list[str]]] = []
    at = 0
    while at < len(lines):
        start = at
        if not lines[at]:
            at += 1
            continue
        fields, at = _fields(lines, at)
        records.append((start + 1, fields))
    return records


def _fields(lines: list[str], at: int) -> tuple[list[str], int]:
    """The fields of the record that begins at a line, and the line after it."""
    fields: list[str] = []
    start = 0
    while True:
        if lines[at].startswith('"', start):
            field, end, at = _quoted_field(lines, at, start + 1)
        else:
            end = lines[at].find(",", start)
            end = len(lines[at]) if end < 0 else end
            field = lines[at][start:end]
            if '"' in field:
                raise _csv_error(at + 1, 'bare " in non-quoted-field')
        fields.append(field)
        if end == len(lines[at]):
            return fields, at + 1
        start = end + 1


def _quoted_field(lines: list[str], at: int, start: int) -> tuple[str, int, int]:
    """A field in quotes, where it ends in its last line, and that line."""
    pieces: list[str] = []
    while True:
        line = lines[at]
        quote = line.find('"', start)
        pieces.append(line[start:] if quote < 0 else line[start:quote])
        if quote < 0:
            at, start = at + 1, 0
            if at >= len(lines):
                raise _csv_error(at, 'extraneous or missing " in quoted-field')
            pieces.append("\n")
        elif line.startswith('"', quote + 1):
            pieces.append('"')
            start = quote + 2
        elif quote + 1 == len(line) or line[quote + 1] == ",":
            return "".join(pieces), quote + 1, at
        else:
            raise _csv_error(at + 1, 'extraneous or missing " in quoted-field')


_FUNCTIONS = (
    text_function("base64decode", base64decode, "str"),
    text_function("base64encode", base64encode, "str"),
    text_function("base64gunzip", base64gunzip, "str"),
    text_function("base64gzip", base64gzip, "str"),
    Function("csvdecode", csvdecode, text_parameter("str")),
    Function("jsondecode", jsondecode, text_parameter("str"), result=_type_of_json, nullable=True),
    Function("jsonencode", jsonencode, Parameter("val", null=True), result=STRING),
    Function("textdecodebase64", textdecodebase64, text_parameter("source"), text_parameter("encoding"), result=STRING),
    Function("textencodebase64", textencodebase64, text_parameter("string"), text_parameter("encoding"), result=STRING),
    text_function("urldecode", urldecode, "str"),
    text_function("urlencode", urlencode, "str"),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
