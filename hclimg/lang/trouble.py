"""The facts about a syntax error: which token fits nowhere, what the parser stands in the middle of, how the lines are
laid out around it. No words and no decisions; ``explain`` and ``recovery`` go by these facts.
"""

from __future__ import annotations

import bisect
import itertools
from functools import cached_property
from typing import Any, Final, NamedTuple

from hclimg.diagnostics import SourceText
from hclimg.lang.lalr import Machine
from hclimg.lang.nodes import header_text
from hclimg.lang.tokens import BROKEN, CLOSERS, END, Broken, Token

# Tokens that complete what stands before them; the first that fits shows what the parser is in the middle of.
PROBES: Final = (
    "COMMA", "NL", "RSQB", "RPAR", "RBRACE", "TEND", "EQ", "COLON", "ARROW", "IN", "QLIT", "LBRACE", "LPAR", "IDENT",
)  # fmt: skip
# Where only a newline is missing.
ENDED: Final = frozenset({
    "body name EQ expr", "body RBRACE", "body header LBRACE RBRACE", "body header LBRACE name EQ expr RBRACE",
})  # fmt: skip
WORDS: Final = frozenset({"IDENT", "IF", "IN", "FOR"})
LISTS: Final = ("items", "args", "entries")
CLOSING: Final = frozenset(CLOSERS.values())


class Element(NamedTuple):
    """A part of what is in brackets: the index of its first symbol, 0 when it is complete, and the token behind it."""

    begins: int
    end: int


class Trouble:
    """The parser cannot go on at ``token``.

    ``place`` says where it stands, as the grammar's symbols since the innermost body (or the start): "body name EQ
    LSQB items" is an argument whose value is a tuple that waits for a comma or its end. What was complete is made.
    """

    def __init__(self, machine: Machine, source: SourceText) -> None:
        self.machine = machine
        self.source = source
        self.text = source.text
        self.at = machine.at
        self.token = machine.tokens[machine.at]
        machine.settle(PROBES)
        self.symbols = machine.symbols()
        bodies = [i for i, symbol in enumerate(self.symbols) if symbol == "body"]
        self.in_body = bool(bodies)
        self.body = bodies[-1] if bodies else 0
        self.blocks = max(len(bodies) - 1, 0)
        self.place = " ".join(self.symbols[self.body :])

    @property
    def at_end(self) -> bool:
        """Whether the text ends here; a missing last newline is no token of its own."""
        return self.token.kind == END or (self.token.kind == "NL" and self.token.start == len(self.text))

    @property
    def ends_item(self) -> bool:
        """Whether all that the item lacks is a newline."""
        return self.place in ENDED

    @property
    def is_set_without_equals(self) -> bool:
        """Whether the item is a word and a value on one line inside of a block, and no block."""
        header = self.item[0] if self.item else ()
        following = self.machine.tokens[self.at + 1].kind if self.token.kind == "NL" else END
        return bool(self.blocks) and isinstance(header, list) and len(header) == 2 and following != "LBRACE"

    @property
    def item(self) -> list[Any]:
        """What was read of the argument or block that the parser is in."""
        return self.machine.values[self.body :]

    @cached_property
    def item_start(self) -> int:
        first = self.item[0] if self.item else self.token
        while isinstance(first, list):
            first = first[0] if first else self.token
        return int(first.start)

    @property
    def context(self) -> str:
        """The block around, as diagnostics name it."""
        if self.place.startswith("body header LBRACE"):
            return header_text(self.item[0])
        return header_text(self.machine.values[self.body - 4]) if self.blocks else ""

    @property
    def brace(self) -> int:
        """Where the block around opens, -1 outside of blocks."""
        return int(self.machine.values[self.body - 3].start) if self.blocks else -1

    @cached_property
    def opener(self) -> int:
        """The index in ``symbols`` of the innermost bracket that is open, 0 when there is none in this item."""
        closed = 0
        for i in range(len(self.symbols) - 1, self.body, -1):
            symbol = self.symbols[i]
            if symbol == "TEND":
                closed += 1
            elif closed and CLOSERS.get(symbol) == "TEND":
                closed -= 1
            elif symbol in CLOSERS:
                return i
        return 0

    @cached_property
    def runaway(self) -> Token | None:
        """The template sequence around the token that was begun on another line and is complete there.

        Code in ``${ }`` goes over lines only where a bracket is open; otherwise its ``}`` is missing.
        """
        for i in range(len(self.symbols) - 1, self.body, -1):
            if self.symbols[i] == "TEND":
                return None
            if CLOSERS.get(self.symbols[i]) == "TEND":
                sequence = self.value(i)
                return sequence if self._is_complete_on_line(sequence) else None
        return None

    def _is_complete_on_line(self, sequence: Token) -> bool:
        tokens, end = self.machine.tokens, self.line_end(sequence.start)
        i = bisect.bisect_right(tokens, sequence.start, key=lambda token: token.start)
        depth = 0
        if self.token.start <= end or tokens[i].start > end:
            return False
        while tokens[i].start <= end:
            depth += (tokens[i].kind in CLOSERS) - (tokens[i].kind in CLOSING)
            i += 1
        return depth == 0

    def value(self, index: int) -> Token:
        """The token behind one of ``symbols`` that is a terminal."""
        token = self.machine.values[index - 1]
        assert isinstance(token, Token)
        return token

    @property
    def element(self) -> Element | None:
        """The part of a list, call, object or interpolation that the token stands in; None where it cannot be told."""
        i, symbols = self.opener, self.symbols
        bracket, before, inside = symbols[i], symbols[i - 1], [*symbols[i + 1 :], ""]
        told = {"LPAR": before == "function", "LSQB": before not in ("primary", "steps"), "LBRACE": before != "header"}
        if not i or not told.get(bracket, bracket == "INTERP") or inside[0] in ("FOR", "for_intro") or self.left_open:
            return None
        end, begins = self._behind_element(bracket), i + 1
        begins += bracket == "LBRACE" and inside[0] == "NL"
        if begins < len(symbols) and symbols[begins] in LISTS:
            begins = begins + 2 if begins + 1 < len(symbols) else 0
        return Element(begins, end) if end else None

    def _behind_element(self, bracket: str) -> int:
        """The token that ends the element, 0 when there is none."""
        ends = {"INTERP": ("TEND",), "LBRACE": ("RBRACE", "COMMA", "NL")}.get(bracket, (CLOSERS[bracket], "COMMA"))
        depth = 0
        for i in range(self.at, len(self.machine.tokens)):
            kind = self.machine.tokens[i].kind
            if depth == 0 and kind in ends:
                return i
            depth += (kind in CLOSERS) - (kind in CLOSING)
            if depth < 0 or kind in (END, BROKEN):
                break
        return 0

    @property
    def bracket(self) -> int:
        """Where the innermost bracket opens, -1 outside of brackets."""
        return self.value(self.opener).start if self.opener else -1

    @property
    def bracket_end(self) -> int:
        """Where the innermost bracket is closed, or the text ends."""
        depth = 0
        for token in itertools.islice(self.machine.tokens, self.at, None):
            if depth == 0 and token.kind in CLOSING:
                return token.start
            depth += (token.kind in CLOSERS) - (token.kind in CLOSING)
        return len(self.text)

    @cached_property
    def left_open(self) -> bool:
        """Whether a bracket of this item was left open, as this token or the layout tells."""
        if not self.opener:
            return False
        if self.token.kind in CLOSING and self.token.kind != CLOSERS[self.symbols[self.opener]]:
            return True
        return not self.structure[1] and 0 <= self.next_item <= self.at

    # -- layout -------------------------------------------------------------------

    @cached_property
    def item_index(self) -> int:
        return bisect.bisect_left(self.machine.tokens, self.item_start, key=lambda token: token.start)

    @cached_property
    def structure(self) -> tuple[int, bool]:
        """Where the item ends by its brackets: the token to go on with, and whether all brackets matched."""
        tokens, stack = self.machine.tokens, list[str]()
        for i in range(self.item_index, len(tokens)):
            kind = tokens[i].kind
            if kind in CLOSERS:
                stack.append(CLOSERS[kind])
            elif kind in CLOSING:
                if kind in stack:
                    if stack[-1] != kind:
                        return self._unbalanced()
                    stack.pop()
                elif kind == "RBRACE" and self.blocks and i >= self.at and not self._lost_its_opener(i):
                    return i, not stack
            elif kind == "NL" and not stack and i >= self.at:
                cut = isinstance(self.token, Broken) and self.token.cut
                return self._unbalanced() if cut else (i + 1, True)
            elif kind == END:
                break
        return self._unbalanced()

    def _lost_its_opener(self, i: int) -> bool:
        """Whether an unmatched brace on the item's line belongs to the item: the block around has another one below."""
        tokens = self.machine.tokens
        if tokens[i].start > self.line_end(self.item_start):
            return False
        margin = self.indent(self.item_start)
        around = self.indent(self.machine.values[self.body - 4][0].start)
        for token in tokens[i + 1 :]:
            indent = self.indent(token.start)
            if self.column(token.start) == indent < margin:
                return token.kind == "RBRACE" and indent == around
        return False

    def behind_leftovers(self, i: int) -> int:
        """Past lines that are indented further than the item or can't be items, and the bracket that closes them.

        They are what a bracket of the item that is missing was about, or what its expression was to go on with.
        """
        tokens, margin, first = self.machine.tokens, self.indent(self.item_start), i
        while self.begins_line(i) and (self.indent(tokens[i].start) > margin or self._begins_nothing(i)):
            i = self.next_line(i)
        closes = tokens[i].kind in CLOSING and self.indent(tokens[i].start) == margin and self.begins_line(i)
        return self.next_line(i) if i > first and closes else i

    def _begins_nothing(self, i: int) -> bool:
        """Whether no item can begin with this token, not even a misspelt one, and no block end with it."""
        kind, following = (token.kind for token in self.machine.tokens[i : i + 2])
        return kind not in WORDS and kind not in CLOSING and not (kind == "STRING" and following == "EQ")

    def begins_line(self, i: int) -> bool:
        token = self.machine.tokens[i]
        return token.kind != END and self.column(token.start) == self.indent(token.start)

    def next_line(self, i: int) -> int:
        """The first token on a line behind that of a token; a heredoc that begins on the line is passed as a whole."""
        tokens, inside = self.machine.tokens, 0
        end = self.line_end(tokens[i].start)
        while tokens[i].kind != END and (inside or tokens[i].start <= end or tokens[i].kind == "NL"):
            inside += (tokens[i].kind == "OHEREDOC") - (tokens[i].kind == "CHEREDOC")
            if tokens[i].kind == "CHEREDOC":
                end = self.line_end(tokens[i].start)
            i += 1
        return i

    def _unbalanced(self) -> tuple[int, bool]:
        return len(self.machine.tokens) - 1, False

    @cached_property
    def next_item(self) -> int:
        """The first token behind the item's begin that by its line begins another item or closes the block, or -1."""
        tokens = self.machine.tokens
        margin = self.indent(self.item_start)
        for i in range(self.item_index + 1, len(tokens) - 1):
            token = tokens[i]
            if token.kind not in WORDS and token.kind != "RBRACE":
                continue
            indent = self.indent(token.start)
            if not self.begins_line(i) or indent > margin:
                continue
            if self._begins_item(i) if token.kind in WORDS else indent < margin:
                return i
        return -1

    def _begins_item(self, i: int) -> bool:
        """Whether ``name =`` or ``name "label" … {`` begins here."""
        tokens = self.machine.tokens
        if tokens[i + 1].kind == "EQ":
            return True
        i += 1
        while tokens[i].kind in WORDS or tokens[i].kind == "STRING":
            i += 1
        return tokens[i].kind == "LBRACE"

    def column(self, offset: int) -> int:
        return offset - self.text.rfind("\n", 0, offset) - 1

    def indent(self, offset: int) -> int:
        """How far the line of an offset is indented."""
        line = self.text.rfind("\n", 0, offset) + 1
        end = line
        while end < len(self.text) and self.text[end] in " \t":
            end += 1
        return end - line

    def line_end(self, offset: int) -> int:
        end = self.text.find("\n", offset)
        return end if end >= 0 else len(self.text)

    @property
    def closes_on_line(self) -> bool:
        """Whether a closing brace follows on the line."""
        end = self.line_end(self.token.start)
        rest = itertools.islice(self.machine.tokens, self.at, None)
        return any(token.kind == "RBRACE" for token in itertools.takewhile(lambda token: token.start < end, rest))

    def has_too_many(self, brace: str) -> bool:
        """Whether the text has more of these braces than of their counterparts."""
        kinds = [token.kind for token in self.machine.tokens]
        return kinds.count(brace) > kinds.count("LBRACE" if brace == "RBRACE" else "RBRACE")

    def broken_string(self) -> Broken | None:
        """What is wrong with the string on this line, at or behind the token, that has no end."""
        tokens, end = self.machine.tokens, self.line_end(self.token.start)
        for i in range(self.at, len(tokens)):
            token = tokens[i]
            if token.start > end:
                break
            if isinstance(token, Broken) and token.value in ("string", "sequence"):
                return token
        return None

    def broken_here(self) -> Broken | None:
        """What is wrong with the string that the token opens, when it has no end."""
        if self.token.kind != "OQUOTE":
            return None
        for token in self.machine.tokens[self.at + 1 :]:
            if isinstance(token, Broken):
                return token
            if token.kind != "QLIT":
                break
        return None

    def begins_block(self, brace: Token) -> bool:
        """Whether a brace is that of a block and not of an object."""
        i = bisect.bisect_left(self.machine.tokens, brace.start, key=lambda token: token.start)
        return i > 0 and self.machine.tokens[i - 1].kind in (*WORDS, "STRING", "CQUOTE")

    def misindented(self) -> tuple[Token, Token] | None:
        """The first pair of braces of which the second stands further left than the line of the first.

        Where a brace is missing at the end of the text, that is where it is missing.
        """
        stack: list[Token] = []
        for token in self.machine.tokens:
            if token.kind in CLOSERS:
                stack.append(token)
            elif token.kind in CLOSING and stack:
                opener = stack.pop()
                indent = self.indent(token.start)
                if opener.kind == "LBRACE" and self.column(token.start) == indent < self.indent(opener.start):
                    return opener, token
        return None

