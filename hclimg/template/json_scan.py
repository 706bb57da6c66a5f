"""JSON text to a tree in which every key and value knows its place.

Legacy templates and JSON var files are read with it. The standard library's reader gives no positions, stops at the
first mistake and takes the last of two equal keys; this one reports what is wrong and carries on where it can.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

import attrs

from hclimg.diagnostics import Diagnostics, Range, Related, SourceText

MAX_DEPTH: Final = 200
"""How deep objects and lists may nest. Nobody writes more, and it keeps a hostile file from ending the process."""

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\.)*+)"')
_STRING_WITH_TABS = re.compile(r'"((?:[^"\\\x00-\x08\x0a-\x1f]|\\.)*+)"')
_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NUMBER_REST = re.compile(r"[\w.+-]*")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_QUOTE = re.compile(r'(?<!\\)"')
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


@attrs.frozen(eq=False)
class JsonNode:
    source: SourceText = attrs.field(repr=False)
    start: int
    end: int

    @property
    def range(self) -> Range:
        return Range(self.source, self.start, self.end)


@attrs.frozen(eq=False)
class JsonString(JsonNode):
    text: str

    def places(self) -> list[int]:
        """For each character of ``text``, and for its end, the offset in the source where it is written."""
        raw = self.source.text
        if self.end - self.start == len(self.text) + 2:
            return list(range(self.start + 1, self.end))
        found, at = [], self.start + 1
        while at < self.end - 1:
            found.append(at)
            at = _escape_end(raw, at) if raw[at] == "\\" else at + 1
        return [*found, self.end - 1]


@attrs.frozen(eq=False)
class JsonNumber(JsonNode):
    """``text`` is the number as it was written: no digit is lost."""

    text: str


@attrs.frozen(eq=False)
class JsonConstant(JsonNode):
    value: bool | None


@attrs.frozen(eq=False)
class JsonArray(JsonNode):
    items: tuple[JsonNode, ...]


@attrs.frozen(eq=False)
class JsonMember:
    key: JsonString
    value: JsonNode


@attrs.frozen(eq=False)
class JsonObject(JsonNode):
    members: tuple[JsonMember, ...]

    def get(self, name: str) -> JsonNode | None:
        return next((m.value for m in self.members if m.key.text == name), None)


def kind_of(node: JsonNode) -> str:
    """What the value is, for a sentence: ``a list``."""
    if isinstance(node, JsonConstant):
        return "null" if node.value is None else "a bool"
    kinds = {JsonString: "a string", JsonNumber: "a number", JsonArray: "a list", JsonObject: "an object"}
    return kinds[type(node)]


def scan(source: SourceText, diags: Diagnostics) -> JsonNode | None:
    """The value of the whole text, or None when so much is wrong that there is none."""
    scanner = _Scanner(source, diags)
    try:
        value = scanner.value(0)
        scanner.end_of_text()
    except _GiveUpError:
        return scanner.best
    return value


class _GiveUpError(Exception):
    """Reading on would only produce follow-up errors."""


@attrs.define
class _Scanner:
    source: SourceText
    diags: Diagnostics
    at: int = 0
    best: JsonNode | None = None
    reported_line: int = 0

    @property
    def text(self) -> str:
        return self.source.text

    # -- values ---------------------------------------------------------------

    def value(self, depth: int) -> JsonNode:
        self._space()
        if depth > MAX_DEPTH:
            self._fail(f"Objects and lists may be nested at most {MAX_DEPTH} deep.", self.at, self.at + 1)
        first = self.text[self.at : self.at + 1]
        if first == "{":
            return self._object(depth)
        if first == "[":
            return self._array(depth)
        if first == '"':
            return self._string()
        number = _NUMBER.match(self.text, self.at)
        if number:
            return self._number(number)
        return self._word()

    def _number(self, found: re.Match[str]) -> JsonNode:
        start, self.at = self.at, found.end()
        rest = _NUMBER_REST.match(self.text, self.at)
        if rest and rest[0]:
            self.at = rest.end()
            text = self.text[start : self.at]
            self._report(f'"{text}" is not a number as JSON writes them; put it in quotes.', start, self.at)
        return JsonNumber(self.source, start, self.at, found[0])

    def _word(self) -> JsonNode:
        start, found = self.at, _WORD.match(self.text, self.at)
        if found is None:
            self._unexpected("a value")
        self.at = found.end()
        if found[0] in _CONSTANTS:
            return JsonConstant(self.source, start, self.at, _CONSTANTS[found[0]])
        self._skip_quote()
        self._report(f'A value must be in quotes: write "{found[0]}".', start, self.at)
        return JsonString(self.source, start, self.at, found[0])

    def _skip_quote(self) -> None:
        """The closing quote of a word whose opening quote is missing."""
        if self.text[self.at : self.at + 1] == '"':
            self.at += 1

    def _string(self) -> JsonString:
        found = _STRING.match(self.text, self.at)
        if found is None:
            return self._broken_string()
        start, self.at = self.at, found.end()
        text = found[1]
        return JsonString(self.source, start, self.at, self._unescaped(text, start + 1) if "\\" in text else text)

    def _broken_string(self) -> JsonString:
        """A string that is not closed: it ends with its line, before a comma or bracket that closes the line."""
        start, text = self.at, self.text
        loose = _STRING_WITH_TABS.match(text, start)
        if loose:
            self.at = loose.end()
            self._report("A tab inside a string is written as \\t.", start, self.at)
            return JsonString(self.source, start, self.at, loose[1])
        line_end = text.find("\n", start)
        line_end = len(text) if line_end < 0 else line_end
        written = text[start + 1 : line_end].rstrip()
        self.at = start + 1 + len(written.rstrip(",]}"))
        self._report("The string is not closed on the line where it begins.", start, self.at)
        return JsonString(self.source, start, self.at, text[start + 1 : self.at])

    def _unescaped(self, raw: str, start: int) -> str:
        parts: list[str] = []
        at = 0
        while True:
            slash = raw.find("\\", at)
            if slash < 0:
                return "".join([*parts, raw[at:]])
            parts.append(raw[at:slash])
            at = _escape_end(raw, slash)
            parts.append(self._escape(raw[slash:at], start + slash))

    def _escape(self, text: str, start: int) -> str:
        pair = _PAIR.fullmatch(text)
        if pair:
            return chr(0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + (int(pair[2], 16) - 0xDC00))
        found = _ESCAPE.fullmatch(text)
        if found is None:
            self._report(f"JSON has no escape {text}; a backslash is written as \\\\.", start, start + len(text))
            return text
        if found[1]:
            return _ESCAPES[found[1]]
        code = int(found[2], 16)
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    # -- objects and lists ----------------------------------------------------

    def _object(self, depth: int) -> JsonObject:
        start = self.at
        members: dict[str, JsonMember] = {}
        self._open()
        while not self._closed("}", start, "object"):
            key = self._key()
            self._colon(key)
            member = JsonMember(key, self.value(depth + 1))
            self._add(member, members)
            if depth == 0:
                self.best = JsonObject(self.source, start, self.at, tuple(members.values()))
            self._comma("}", "members of the object")
        return JsonObject(self.source, start, self.at, tuple(members.values()))

    def _add(self, member: JsonMember, members: dict[str, JsonMember]) -> None:
        first = members.setdefault(member.key.text, member)
        if first is member:
            return
        self.diags.error(
            "Duplicate key",
            f'The key "{member.key.text}" stands twice in this object. Each key may be given only once.',
            subject=member.key.range,
            related=(Related("first given here", first.key.range),),
        )

    def _key(self) -> JsonString:
        if self.text[self.at : self.at + 1] == '"':
            return self._string()
        start, found = self.at, _WORD.match(self.text, self.at)
        if found is None:
            self._unexpected('a key in quotes, or "}"')
        self.at = found.end()
        self._skip_quote()
        self._report(f'A key must be in quotes: write "{found[0]}".', start, self.at)
        return JsonString(self.source, start, self.at, found[0])

    def _colon(self, key: JsonString) -> None:
        self._space()
        if self.text[self.at : self.at + 1] == ":":
            self.at += 1
            return
        if self.text[self.at : self.at + 1] == "=":
            self._report('Key and value are separated by ":", not by "=".', self.at, self.at + 1)
            self.at += 1
            return
        self._report(f'After the key "{key.text}", a ":" and a value are expected.', key.start, key.end)
        if self.text[self.at : self.at + 1] in ("", ",", "}", "]"):
            raise _GiveUpError

    def _array(self, depth: int) -> JsonArray:
        start = self.at
        items: list[JsonNode] = []
        self._open()
        while not self._closed("]", start, "list"):
            items.append(self.value(depth + 1))
            self._comma("]", "items of the list")
        return JsonArray(self.source, start, self.at, tuple(items))

    def _open(self) -> None:
        self.at += 1
        self._space()

    def _closed(self, closer: str, start: int, what: str) -> bool:
        if self.at >= len(self.text):
            self._fail(f'The {what} that begins here is not closed; a "{closer}" is missing.', start, start + 1)
        if self.text[self.at] != closer:
            return False
        self.at += 1
        return True

    def _comma(self, closer: str, what: str) -> None:
        before = self.at
        self._space()
        here = self.text[self.at : self.at + 1]
        if here == closer or not here:
            return
        if here != ",":
            if here in "]})":
                self._unexpected(f'"," or "{closer}"')
            self._report(f"A comma is missing between the {what}.{self._quotes(before)}", before - 1, before)
            return
        comma = self.at
        self._open()
        if self.text[self.at : self.at + 1] == closer:
            self._report(f'There is nothing after this comma; JSON allows none before "{closer}".', comma, comma + 1)

    # -- the rest ---------------------------------------------------------------

    def end_of_text(self) -> None:
        self._space()
        if self.at < len(self.text):
            self._report("There is more text after the end of the value.", self.at, self.at + 1)

    def _space(self) -> None:
        while True:
            found = _SPACE.match(self.text, self.at)
            assert found is not None
            self.at = found.end()
            if self.text[self.at : self.at + 1] != "/" or not self._comment():
                return

    def _comment(self) -> bool:
        start = self.at
        opening = self.text[start : start + 2]
        if opening not in ("//", "/*"):
            return False
        closing = "\n" if opening == "//" else "*/"
        end = self.text.find(closing, start + 2)
        self.at = len(self.text) if end < 0 else end + len(closing)
        self._report('JSON has no comments; use a key that begins with "_", like "_comment".', start, start + 2)
        return True

    def _unexpected(self, wanted: str) -> NoReturn:
        here = self.text[self.at : self.at + 1]
        if not here:
            self._fail(f"The text ends where {wanted} is expected.", max(0, self.at - 1), self.at)
        hint = " JSON puts strings in double quotes." if here == "'" else ""
        self._fail(f'Here {wanted} is expected, not "{here}".{hint}', self.at, self.at + 1)

    def _quotes(self, at: int) -> str:
        """A hint, when the quotes of the line don't pair up: then a missing quote may be all that is wrong."""
        line = self.source.line(self.source.position(at).line)
        odd = len(_QUOTE.findall(line)) % 2
        return " The quotes on this line don't pair up; is one missing?" if odd else ""

    def _report(self, detail: str, start: int, end: int) -> None:
        # One mistake often leaves more than one thing odd on its line; one error a line is what a person can use.
        line = self.source.position(start).line
        if line == self.reported_line:
            return
        self.reported_line = line
        self.diags.error("Invalid JSON", detail, subject=self.source.range(start, end))

    def _fail(self, detail: str, start: int, end: int) -> NoReturn:
        self._report(detail, start, end)
        raise _GiveUpError


def _escape_end(raw: str, slash: int) -> int:
    """Where the escape that begins at a backslash ends; a pair of surrogates is one escape."""
    if raw[slash + 1 : slash + 2] != "u":
        return slash + 2
    pair = _PAIR.match(raw, slash)
    if pair:
        return pair.end()
    found = _ESCAPE.match(raw, slash)
    return found.end() if found else slash + 2
