"""``yamlencode`` and ``yamldecode``: YAML 1.1 in the form in which HCL users know it from Packer and Terraform."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hclimg.lang import numbers
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.functions import yamltext
from hclimg.lang.functions.arguments import text_parameter
from hclimg.lang.functions.model import Function, FunctionError, Parameter
from hclimg.lang.show import quoted
from hclimg.lang.types import ANY, NUMBER, STRING, ObjectType, friendly_name
from hclimg.lang.values import FALSE, NULL, TRUE, Value, object_of, string, tuple_of, unknown

if TYPE_CHECKING:
    from hclimg.lang.functions.catalog import Surroundings

_PREFIX = "tag:yaml.org,2002:"
_MOST_VALUES = 1_000_000
_DEEPEST = 150
_LONGEST = 8 << 20


# -- scalars --------------------------------------------------------------------

_WORDS: dict[str, Value] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], TRUE),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], FALSE),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), NULL),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], Value(NUMBER, numbers.INFINITY)),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], Value(NUMBER, -numbers.INFINITY)),
}
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:([Tt ])(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)


def _scalar(tag: str, text: str, *, quoted_: bool) -> Value:
    """The value of a scalar by its tag (empty if it has none) and its look; raises FunctionError."""
    short = tag.removeprefix(_PREFIX)
    if short not in ("", "str", "bool", "int", "float", "null", "timestamp", "binary"):
        raise FunctionError(f"unsupported tag {quoted(tag)}")
    if short == "binary":
        _check_base64(text, tag)
        return string(text)
    if quoted_ and short in ("int", "float") and text:
        _tagged(short, tag, text)
    # In quotes, a text is a string whatever its tag says.
    if short == "str" or quoted_:
        return string(text)
    found = _untagged(short, text)
    return _tagged(short, tag, text) if found is None else found


def _untagged(tag: str, text: str) -> Value | None:
    """What a scalar is by its look, or None when it is no more than a text."""
    if text in _WORDS:
        return _WORDS[text]
    if text in (".nan", ".NaN", ".NAN"):
        raise FunctionError("floating point NaN is not supported")
    if text[0] in "+-.0123456789":
        if tag in ("", "timestamp") and (time := _timestamp(text)):
            return string(time)
        return _number(text if text[0] == "." else text.replace("_", ""))
    return None


def _tagged(tag: str, long_tag: str, text: str) -> Value:
    if tag == "":
        return string(text)
    found = NULL if tag == "null" else _number(text.replace("_", ""))
    if found is None and _WITH_BASE.fullmatch(text):
        found = Value(NUMBER, numbers.rounded(int(text.replace("_", ""), 0)))
    if found is None:
        raise FunctionError(f"cannot parse {quoted(text)} as {long_tag}")
    return found


_WITH_BASE = re.compile(r"[+-]?0(?:[xX][0-9A-Fa-f_]*[0-9A-Fa-f]|[oO][0-7_]*[0-7]|[bB][01_]*[01])", re.ASCII)


def _number(text: str) -> Value | None:
    raw = numbers.parse(text)
    if raw is None and text.startswith(("0b", "-0b")):
        if not re.fullmatch(r"-?0b[01]{1,512}", text):
            raise FunctionError(f"cannot parse {quoted(text)} as {_PREFIX}int")
        raw = int(text.replace("0b", "", 1), 2)
    if raw is not None and numbers.is_out_of_range(raw, text):
        raise FunctionError(f"the number {text[:20]} is out of range")
    return None if raw is None else Value(NUMBER, raw)


def _check_base64(text: str, tag: str) -> None:
    import base64
    import binascii

    try:
        base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise FunctionError(f"cannot parse {quoted(text)} as {tag}: not valid base64") from None


def _timestamp(text: str) -> str | None:
    """The timestamp in RFC 3339 form, or None when the text is none."""
    import datetime as dt

    match = _TIMESTAMP.fullmatch(text)
    if match is None or (match[8] is None) != (match[4] in (None, " ")):
        return None
    year, month, day, hour, minute, second = (int(part or "0") for part in match.group(1, 2, 3, 5, 6, 7))
    try:
        time = dt.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    zone = "Z" if match[8] in (None, "+00:00") else match[8]
    return f"{time.isoformat()}{zone}"


# -- documents ------------------------------------------------------------------


class _Collection:
    """A sequence or mapping that is being read; ``size`` counts all values in it, aliases as often as they are used."""

    __slots__ = ("anchor", "items", "key", "mapping", "size")

    def __init__(self, mapping: bool, anchor: str | None) -> None:
        self.mapping = mapping
        self.anchor = anchor
        self.items: list[tuple[str, Value]] = []
        self.key: str | None = None
        self.size = 1

    def value(self) -> Value:
        if self.mapping:
            return object_of(dict(self.items))
        return tuple_of([value for _, value in self.items])


class _Reader:
    """Builds a value from a parser's events, without recursion."""

    def __init__(self) -> None:
        self.open: list[_Collection] = []
        self.anchors: dict[str, tuple[Value, int]] = {}
        self.result: Value | None = None

    def read(self, text: str) -> Value:
        import yaml

        from hclimg.lang.functions.yamlloader import loader

        if len(text) > _LONGEST:
            raise FunctionError(f"the document is longer than {_LONGEST >> 20} Mi characters")
        try:
            for event in yaml.parse(text, Loader=loader()):
                self.take(event)
        except yaml.YAMLError as error:
            raise FunctionError(_problem(error)) from None
        if self.result is None:
            raise FunctionError("on line 1, column 1: missing start of document")
        return self.result

    def take(self, event: Any) -> None:
        name = type(event).__name__
        if name == "DocumentStartEvent" and self.result is not None:
            raise _at(event, "only a single document is allowed")
        if name == "DocumentStartEvent" and event.version not in (None, (1, 1)):
            raise _at(event, "found incompatible YAML document")
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            self.begin(event, name == "MappingStartEvent")
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            done = self.open.pop()
            self.add(done.value(), event, done.anchor, done.size)
        elif name == "ScalarEvent":
            self.scalar(event)
        elif name == "AliasEvent":
            self.alias(event)

    def begin(self, event: Any, mapping: bool) -> None:
        kind = "map" if mapping else "seq"
        if event.tag not in (None, "!", _PREFIX + kind):
            what = "mapping" if mapping else "sequence"
            raise _at(event, f"can't interpret {what} as {event.tag}")
        if self.wants_key():
            raise _at(event, "only strings are allowed as mapping keys")
        if len(self.open) >= _DEEPEST:
            raise _at(event, "the document is nested too deeply")
        self.open.append(_Collection(mapping, event.anchor))

    def wants_key(self) -> bool:
        return bool(self.open) and self.open[-1].mapping and self.open[-1].key is None

    def scalar(self, event: Any) -> None:
        if self.wants_key():
            merge = event.tag is None and event.value == "<<"
            self.open[-1].key = _MERGE if merge else _key(_resolved(event), event)
            return
        self.add(_resolved(event), event, event.anchor, 1)

    def alias(self, event: Any) -> None:
        if event.anchor in (c.anchor for c in self.open):
            raise _at(event, f"cannot refer to anchor {quoted(event.anchor)} from inside its own definition")
        if event.anchor not in self.anchors:
            raise _at(event, f"reference to undefined anchor {quoted(event.anchor)}")
        value, size = self.anchors[event.anchor]
        if self.wants_key():
            self.open[-1].key = _key(value, event)
        else:
            self.add(value, event, None, size)

    def add(self, value: Value, event: Any, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = value, size
        if not self.open:
            self.result = value
            return
        outer = self.open[-1]
        outer.size += size
        if outer.size > _MOST_VALUES:
            raise _at(event, "the document contains too many values")
        if outer.key == _MERGE:
            _merge(outer, value, event)
        else:
            outer.items.append((outer.key or "", value))
        outer.key = None


_MERGE = "<<\0"  # no key of a document can hold a NUL


def _resolved(event: Any) -> Value:
    if _SURROGATE.search(event.value):
        raise _at(event, "found invalid Unicode character escape code")
    try:
        found = _scalar(event.tag or "", event.value, quoted_=event.style in ("'", '"'))
    except FunctionError as error:
        raise _at(event, error.message) from None
    # A block without a tag is a string, but the one that its look would give.
    return convert(found, STRING) if event.style in ("|", ">") and event.tag is None else found


_SURROGATE = re.compile("[\ud800-\udfff]")


def _key(value: Value, event: Any) -> str:
    try:
        key = convert(value, STRING)
    except ConversionError:
        raise _at(event, "only strings are allowed as mapping keys") from None
    if key.raw is None:
        raise _at(event, "mapping key cannot be null")
    text: str = key.raw
    return text


def _merge(outer: _Collection, source: Value, event: Any) -> None:
    """Take over the entries of a mapping under ``<<``, at this place."""
    if not isinstance(source.type, ObjectType):
        raise _at(event, f"cannot merge {friendly_name(source.type)} into mapping")
    outer.items.extend(source.raw.items())


def _at(event: Any, why: str) -> FunctionError:
    mark = event.start_mark
    return FunctionError(f"on line {mark.line + 1}, column {mark.column + 1}: {why}")


def _problem(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    why = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return f"on line {mark.line + 1}, column {mark.column + 1}: {why}" if mark else why


# -- functions ------------------------------------------------------------------


def yamldecode(text: Value) -> Value:
    """Decodes a YAML document."""
    return _Reader().read(text.raw)


def yamlencode(value: Value) -> Value:
    """Encodes a value as YAML."""
    if not value.is_wholly_known:
        return unknown(STRING, not_null=True)
    return string(yamltext.encode(value))


_FUNCTIONS = (
    Function("yamldecode", yamldecode, text_parameter("src"), result=ANY, nullable=True),
    Function("yamlencode", yamlencode, Parameter("value", null=True), result=STRING),
)


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    return {function.name: function for function in _FUNCTIONS}
