"""JSON text to a tree in which every key and value knows its place.

HCL's JSON syntax, legacy templates and JSON var files are read with it. The standard library's reader gives no
positions, stops at the first mistake and takes the last of two equal keys; this one reports what is wrong, in HCL's
words, and carries on where it can. Objects keep all their members: what two equal keys mean is for others to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NoReturn

import attrs

from hclimg.diagnostics import Diagnostics, Related, SourceText, nearest
from hclimg.lang.json_tree import (
    ESCAPE,
    PAIR,
    JsonArray,
    JsonConstant,
    JsonMember,
    JsonNode,
    JsonNumber,
    JsonObject,
    JsonString,
    escape_end,
)

MAX_DEPTH: Final = 200
"""How deep objects and lists may nest. Nobody writes more, and it keeps a hostile file from ending the process."""
MOST_ERRORS: Final = 25

_TOKEN = re.compile(
    r"""
 (?P<SPACE>[ \t\r\n]+)
|(?P<STRING>"(?:[^"\\\x00-\x1f]|\\.)*+")
|(?P<PUNCTUATION>[{}\[\],:=])
|(?P<NUMBER>[-+.0-9][\w.+-]*)
|(?P<WORD>[^\W\d][\w-]*)
|(?P<COMMENT>//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/)?)
|(?P<CONTROL>"(?:[^"\\\n]|\\.)*+")
|(?P<UNCLOSED>"[^\n]*)
|(?P<BAD>.)
""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_QUOTE = re.compile(r'(?<!\\)"')
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_JAVASCRIPT = frozenset(("undefined", "NaN", "Infinity"))
_BEGINS_VALUE = frozenset(("STRING", "CONTROL", "UNCLOSED", "NUMBER", "WORD", "{", "["))


def scan(source: SourceText, diags: Diagnostics) -> JsonNode | None:
    """The value of the whole text, or None when so much is wrong that there is none."""
    reader = _Reader(source, diags)
    try:
        return reader.whole()
    except _GiveUpError:
        return reader.partial()


def scan_unique(source: SourceText, diags: Diagnostics) -> JsonNode | None:
    """Like :func:`scan`, for formats in which an object has each key once: the first one counts."""
    root = scan(source, diags)
    return None if root is None else _unique(root, diags)


def _unique(node: JsonNode, diags: Diagnostics) -> JsonNode:
    if isinstance(node, JsonArray):
        return attrs.evolve(node, items=tuple([_unique(item, diags) for item in node.items]))
    if not isinstance(node, JsonObject):
        return node
    members: dict[str, JsonMember] = {}
    for member in node.members:
        first = members.setdefault(member.key.text, member)
        if first is member:
            members[member.key.text] = JsonMember(member.key, _unique(member.value, diags))
            continue
        diags.error(
            "Duplicate key",
            f'The key "{member.key.text}" stands twice in this object. Each key may be given only once.',
            subject=member.key.range,
            related=(Related("first given here", first.key.range),),
        )
    return attrs.evolve(node, members=tuple(members.values()))


# -- tokens -------------------------------------------------------------------


@attrs.frozen
class JsonToken:
    """``kind`` is ``STRING``, ``NUMBER``, ``WORD``, the character of a punctuation, ``END``, or a kind of mistake."""

    kind: str
    start: int
    end: int


def tokens(text: str, at: int = 0) -> Iterator[JsonToken]:
    """The tokens of a text from ``at`` on, comments too (which JSON does not have). The last one is ``END``."""
    for found in _TOKEN.finditer(text, at):
        kind = found.lastgroup
        if kind != "SPACE":
            start, end = found.span()
            yield JsonToken(text[start] if kind == "PUNCTUATION" else str(kind), start, end)
    yield JsonToken("END", len(text), len(text))


# -- the reader ---------------------------------------------------------------


class _GiveUpError(Exception):
    """Reading on would only produce follow-up errors."""


class _Reader:
    """``token`` comes next; ``members`` are those of the root that were read whole."""

    def __init__(self, source: SourceText, diags: Diagnostics) -> None:
        self.source = source
        self.text = source.text
        self.diags = diags
        self.start = 0
        self.members: list[JsonMember] = []
        self.reported = 0
        self.reported_line = 0
        self.last_end = 0
        self.tokens = tokens(source.text)
        self.token = JsonToken("END", 0, 0)  # until the first value is read

    def _next(self) -> JsonToken:
        """Take the next token."""
        taken = self.token
        self.last_end = taken.end
        self.token = next(self.tokens)
        while self.token.kind == "COMMENT":
            start = self.token.start
            detail = 'JSON has no comments; use a key "//", or one that begins with "_" in a legacy template.'
            self._report("Invalid comment", detail, start, start + 2)
            self.token = next(self.tokens)
        return taken

    def whole(self) -> JsonNode:
        self._next()
        value = self.value(0)
        if self.token.kind != "END":
            detail = "Extra characters appear after the JSON value."
            self._report("Extraneous data after value", detail, self.token.start, self.token.end)
        return value

    def partial(self) -> JsonNode | None:
        """What was read of the root when there is no going on."""
        if not self.members:
            return None
        return JsonObject(self.source, self.start, self.members[-1].value.end, tuple(self.members))

    # -- values ---------------------------------------------------------------

    def value(self, depth: int) -> JsonNode:
        kind = self.token.kind
        if depth > MAX_DEPTH:
            detail = f"Objects and lists may be nested at most {MAX_DEPTH} deep."
            self._fail("Value nested too deeply", detail)
        if kind == "{":
            return self._object(depth)
        if kind == "[":
            return self._array(depth)
        if kind == "NUMBER":
            return self._number()
        if kind == "WORD":
            return self._word()
        return self._string() if kind in _BEGINS_VALUE else self._no_value()

    def _number(self) -> JsonNode:
        token = self._next()
        text = self.text[token.start : token.end]
        found = _NUMBER.match(text)
        if found is None or found.end() < len(text):
            detail = f'"{text}" is not a number as JSON writes them. If it is not meant to be one, put it in quotes.'
            self._report("Invalid JSON number", detail, token.start, token.end)
        return JsonNumber(self.source, token.start, token.end, found[0] if found else "0")

    def _word(self) -> JsonNode:
        token = self._next()
        word = self.text[token.start : token.end]
        if word in _CONSTANTS:
            return JsonConstant(self.source, token.start, token.end, _CONSTANTS[word])
        meant = nearest(word, _CONSTANTS)
        if word in _JAVASCRIPT:
            detail = f'The JavaScript identifier "{word}" cannot be used in JSON.'
        else:
            hint = f'Did you mean "{meant}"?' if meant else f'Text must be in quotes: write "{word}".'
            detail = f'"{word}" is not a valid JSON keyword. {hint}'
        self._skip_quote()
        self._report("Invalid JSON keyword", detail, token.start, token.end)
        if meant:
            return JsonConstant(self.source, token.start, token.end, _CONSTANTS[meant])
        return JsonString(self.source, token.start, token.end, word)

    def _skip_quote(self) -> None:
        """The closing quote of a word whose opening quote is missing opens a string that is none."""
        if self.token.kind in ("STRING", "CONTROL", "UNCLOSED") and self.token.start == self.last_end:
            self._go_to(self.last_end + 1)

    def _go_to(self, at: int) -> None:
        """Read the text again from ``at`` on: what follows was taken for something else."""
        self.last_end = at
        self.tokens = tokens(self.text, at)
        self.token = next(self.tokens)

    def _string(self) -> JsonString:
        if self.token.kind == "UNCLOSED":
            return self._unclosed_string()
        token = self._next()
        raw = self.text[token.start + 1 : token.end - 1]
        if token.kind == "CONTROL":
            self._control_character(token)
        text = self._unescaped(raw, token.start + 1) if "\\" in raw else raw
        return JsonString(self.source, token.start, token.end, text)

    def _control_character(self, token: JsonToken) -> None:
        at = next(i for i in range(token.start, token.end) if self.text[i] < " ")
        tab = self.text[at] == "\t"
        detail = "A tab inside a string is written as \\t." if tab else "Control characters are written as \\u00XX."
        self._report("Invalid JSON string", detail, token.start, token.end)

    def _unclosed_string(self) -> JsonString:
        """It ends with its line, before a comma or bracket that closes the line."""
        start = self.token.start
        written = self.text[start + 1 : self.token.end].rstrip()
        end = start + 1 + len(written.rstrip(",]}"))
        self._report("Unclosed string", "The string is not closed on the line where it begins.", start, end)
        self._go_to(end)
        return JsonString(self.source, start, end, self.text[start + 1 : end])

    def _unescaped(self, raw: str, start: int) -> str:
        parts: list[str] = []
        at = 0
        while True:
            slash = raw.find("\\", at)
            if slash < 0:
                return "".join([*parts, raw[at:]])
            parts.append(raw[at:slash])
            at = escape_end(raw, slash)
            parts.append(self._escape(raw[slash:at], start + slash))

    def _escape(self, text: str, start: int) -> str:
        pair = PAIR.fullmatch(text)
        if pair:
            return chr(0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + (int(pair[2], 16) - 0xDC00))
        found = ESCAPE.fullmatch(text)
        if found is None:
            detail = f"JSON has no escape {text}; a backslash is written as \\\\."
            self._report("Invalid JSON string", detail, start, start + len(text))
            return text[1:]
        if found[1]:
            return _ESCAPES[found[1]]
        code = int(found[2], 16)
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    def _no_value(self) -> NoReturn:
        begins = "A JSON value must start with a brace, a bracket, a number, a string, or a keyword."
        kind = self.token.kind
        if kind == "END":
            at = max(0, self.token.start - 1)
            self._fail("Missing value", "The JSON data ends where a value is expected.", at, self.token.start)
        if kind == "}":
            self._fail("Missing JSON value", begins)
        if kind == "]":
            self._fail("Missing array element value", begins)
        hint = " JSON puts strings in double quotes." if self.text[self.token.start] == "'" else ""
        self._fail("Invalid start of value", begins + hint)

    # -- objects and lists ----------------------------------------------------

    def _object(self, depth: int) -> JsonObject:
        open_ = self._next()
        members: list[JsonMember] = []
        if depth == 0:
            self.start, self.members = open_.start, members
        while self.token.kind != "}":
            self._must_go_on(open_, "object", "brace")
            key = self._key()
            self._colon(key)
            members.append(JsonMember(key, self.value(depth + 1)))
            self._comma("}", open_, "object", "A comma must appear between each property definition in an object.")
        return JsonObject(self.source, open_.start, self._next().end, tuple(members))

    def _key(self) -> JsonString:
        kind = self.token.kind
        if kind in ("STRING", "CONTROL", "UNCLOSED"):
            return self._string()
        if kind != "WORD":
            hint = " JSON uses double quotes." if self.text[self.token.start] == "'" else ""
            self._fail("Invalid object property name", f"A JSON object property name must be a string.{hint}")
        token = self._next()
        word = self.text[token.start : token.end]
        self._skip_quote()
        detail = f'A JSON object property name must be a string: write "{word}".'
        self._report("Invalid object property name", detail, token.start, token.end)
        return JsonString(self.source, token.start, token.end, word)

    def _colon(self, key: JsonString) -> None:
        kind = self.token.kind
        if kind == ":":
            self._next()
        elif kind == "=":
            detail = "JSON uses a colon as its name/value delimiter, not an equals sign."
            self._report("Missing property value colon", detail, self.token.start, self.token.end)
            self._next()
        elif kind in _BEGINS_VALUE:
            detail = f'A colon must appear between the property name "{key.text}" and its value.'
            self._report("Missing property value colon", detail, key.start, key.end)
        else:
            detail = f'The property "{key.text}" must have a value, introduced by a colon.'
            self._fail("Missing object value", detail, key.start, key.end)

    def _array(self, depth: int) -> JsonArray:
        open_ = self._next()
        items: list[JsonNode] = []
        while self.token.kind != "]":
            self._must_go_on(open_, "array", "bracket")
            items.append(self.value(depth + 1))
            self._comma("]", open_, "array", "A comma must appear between each value in an array.")
        return JsonArray(self.source, open_.start, self._next().end, tuple(items))

    def _must_go_on(self, open_: JsonToken, what: str, closer: str) -> None:
        if self.token.kind == "END":
            detail = f"No closing {closer} was found for this JSON {what}."
            self._fail(f"Unclosed {what}", detail, open_.start, open_.end)

    def _comma(self, closer: str, open_: JsonToken, what: str, missing: str) -> None:
        """What stands behind an item of a list or object."""
        kind = self.token.kind
        if kind in (closer, "END"):
            return
        if kind in "]}":
            names = ("brace", "bracket") if what == "object" else ("bracket", "brace")
            detail = f"A JSON {what} must be closed with a {names[0]}, not a {names[1]}."
            related = (Related("opened here", self.source.range(open_.start, open_.end)),)
            self._fail(f"Mismatched {names[0]}s", detail, related=related)
        if kind == ":" and what == "array":
            detail = (
                "A colon is not used to introduce values in a JSON array. Name and value need an object, in braces."
            )
            self._fail("Invalid array value", detail)
        if kind != ",":
            self._missing_comma(missing)
            if kind not in _BEGINS_VALUE:
                raise _GiveUpError
            return
        comma = self._next()
        if self.token.kind == closer:
            last = "property in an object" if what == "object" else "value in an array"
            detail = f"JSON does not permit a trailing comma after the final {last}."
            self._report(f"Trailing comma in {what}", detail, comma.start, comma.end)

    def _missing_comma(self, detail: str) -> None:
        end = self.last_end
        if self._is_told(end - 1):
            return
        # When the quotes of the line don't pair up, a missing quote may be all that is wrong.
        line = self.source.line(self.source.position(end).line)
        if len(_QUOTE.findall(line)) % 2:
            detail += " The quotes on this line don't pair up; is one missing?"
        self._report("Missing separator comma", detail, end - 1, end)

    # -- the rest ---------------------------------------------------------------

    def _is_told(self, at: int) -> bool:
        """One mistake often leaves more than one thing odd on its line; one error a line is what a person can use."""
        return self.source.position(at).line == self.reported_line

    def _report(self, summary: str, detail: str, start: int, end: int, related: tuple[Related, ...] = ()) -> None:
        if self._is_told(start):
            return
        self.reported_line = self.source.position(start).line
        self.diags.error(summary, detail, subject=self.source.range(start, end), related=related)
        self.reported += 1
        if self.reported == MOST_ERRORS:
            detail = f"The file was not read any further after {MOST_ERRORS} errors."
            self.diags.error("Too many syntax errors", detail, subject=self.source.range(start, end))
            raise _GiveUpError

    def _fail(
        self, summary: str, detail: str, start: int = -1, end: int = -1, related: tuple[Related, ...] = ()
    ) -> NoReturn:
        """Report what makes going on useless; without a place, it is the next token's."""
        if start < 0:
            start, end = self.token.start, self.token.end
        self._report(summary, detail, start, end, related)
        raise _GiveUpError
