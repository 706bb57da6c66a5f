"""The canonical layout of HCL text: indentation, spaces between tokens, and columns of arguments and comments.

The layout is hclwrite's, so that hclimg and Packer leave each other's files alone. Only space between tokens changes;
the line breaks, the comments and the insides of strings stay. It works on tokens and knows no grammar: it neither
needs nor notices whether blocks and expressions make sense. A text with something in it that is no token stays as it
is. One pass over the tokens for each of the three things, so the time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from hclimg.lang.functions.graphemes import count
from hclimg.lang.tokens import BROKEN, DIRECTIVES, END, Token, scan

STEP: Final = 2  # columns of one level of indentation

OPENERS: Final = frozenset(("LBRACE", "LSQB", "LPAR", "INTERP", "CTRL"))
CLOSERS: Final = frozenset(("RBRACE", "RSQB", "RPAR", "TEND"))
DIRECTIVE_KINDS: Final = frozenset(DIRECTIVES.values())
# What the scanner tells apart for the parser's sake is laid out alike.
SAME: Final = {"FOR": "IDENT", "IF": "IDENT", "IN": "IDENT", "INT": "NUMBER"}

GAP = re.compile(r"(?P<NL>\r?\n)|(?P<COMMENT>(?:\#|//)[^\n]*\n?|(?>/\*.*?\*/))", re.DOTALL)
DIRECTIVE = re.compile(r"%\{~?")


class Piece:
    """A token, a comment or the end of a line, and how many spaces stand before it."""

    __slots__ = ("kind", "spaces", "text", "width")

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
        self.width = count(text[1:-1]) + 2 if kind == "STRING" else count(text)
        self.spaces = 0


class Line:
    """Its pieces in up to three cells, whose beginnings line up with those of its neighbours.

    ``assign`` begins with the ``=`` of an argument that ends on this line; ``comment`` is what the line ends with.
    """

    __slots__ = ("assign", "comment", "lead")

    def __init__(self, pieces: list[Piece]) -> None:
        self.comment = [pieces.pop()] if len(pieces) > 1 and pieces[-1].kind == "COMMENT" else []
        at = _assignment(pieces)
        self.lead, self.assign = pieces[:at], pieces[at:]

    def __iter__(self) -> Iterator[Piece]:
        yield from self.lead
        yield from self.assign
        yield from self.comment


def format_text(text: str) -> str:
    """The text of a file in canonical layout. Formatting that again changes nothing."""
    tokens = scan(text)
    if any(token.kind == BROKEN for token in tokens):
        return text
    lines = [Line(pieces) for pieces in _lines(_pieces(text, tokens))]
    _indent(lines)
    for line in lines:
        _space(line.lead)
        _space(line.assign)
    _align(lines, lambda line: line.assign, lambda line: _columns(line.lead))
    _align(lines, lambda line: line.comment, lambda line: _columns(line.lead) + _columns(line.assign))
    laid_out = "".join(" " * piece.spaces + piece.text for line in lines for piece in line)
    return laid_out + " " * _spaces_at_end(text, lines)


def _spaces_at_end(text: str, lines: list[Line]) -> int:
    """How many spaces stand behind everything. The layout has nothing against them."""
    last = [*lines[-1]][-1] if lines else None
    if last and last.kind == "COMMENT" and text.endswith(last.text):  # they belong to a comment that ends the text
        return 0
    return len(text) - len(text.rstrip(" \t"))


# -- tokens to lines ------------------------------------------------------------------


def _pieces(text: str, tokens: list[Token]) -> Iterator[Piece]:
    """Everything in the text but space, also what the scanner drops because it means nothing to a parser."""
    at = 0
    for token in tokens:
        kind = token.kind
        if kind == "NL":
            continue
        yield from _between(text, at, token.start)
        at = token.end
        if kind == END:
            return
        if kind == "OHEREDOC":
            at = text.index("\n", at) + 1
            yield Piece(kind, text[token.start : at])
        elif kind in DIRECTIVE_KINDS:
            yield from _directive(text, token)
        else:
            yield Piece(SAME.get(kind, kind), text[token.start : at])


def _between(text: str, start: int, end: int) -> Iterator[Piece]:
    for m in GAP.finditer(text, start, end):
        assert m.lastgroup is not None
        yield Piece(m.lastgroup, m[0])


def _directive(text: str, token: Token) -> Iterator[Piece]:
    """``%{ if`` is one token to the parser, but it can be written with space and comments in it."""
    opener = DIRECTIVE.match(text, token.start)
    assert opener is not None
    word = next(word for word, kind in DIRECTIVES.items() if kind == token.kind)
    yield Piece("CTRL", opener[0])
    yield from _between(text, opener.end(), token.end - len(word))
    yield Piece("IDENT", word)


def _lines(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    """The pieces of each line. A line break in a string or heredoc doesn't count."""
    line: list[Piece] = []
    for piece in pieces:
        line.append(piece)
        if piece.kind == "NL" or (piece.kind == "COMMENT" and piece.text.endswith("\n")):
            yield line
            line = []
    if line:
        yield line


def _assignment(pieces: list[Piece]) -> int:
    """Where the ``=`` of an argument stands whose value ends on the same line; the end if there is none."""
    for at, piece in enumerate(pieces):
        if at and piece.kind == "EQ":
            return len(pieces) if _net(pieces[at:]) else at
    return len(pieces)


def _net(pieces: list[Piece]) -> int:
    """How many more brackets are opened than closed."""
    return sum(_change(piece.kind) for piece in pieces)


def _change(kind: str) -> int:
    return (kind in OPENERS) - (kind in CLOSERS)


# -- indentation ----------------------------------------------------------------------


def _indent(lines: list[Line]) -> None:
    """A line that opens brackets indents what follows by one step, however many they are.

    ``opened`` has for each step how many brackets have to be closed before it ends.
    """
    opened: list[int] = []
    for line in lines:
        if line.lead[0].kind == "NL":
            continue
        net = _net(_before_heredoc(line.lead)) + _net(line.assign)
        if net < 0:
            _close(opened, -net)
        line.lead[0].spaces = STEP * len(opened)
        if net > 0:
            opened.append(net)


def _before_heredoc(pieces: list[Piece]) -> list[Piece]:
    """What counts for the indentation: in a heredoc that goes on behind the line, nothing does."""
    for at, piece in enumerate(pieces):
        if piece.kind == "OHEREDOC":
            return pieces[:at]
    return pieces


def _close(opened: list[int], brackets: int) -> None:
    while opened and brackets >= opened[-1]:
        brackets -= opened.pop()
        if not brackets:
            return
    if opened:
        opened[-1] -= brackets


# -- spaces ---------------------------------------------------------------------------

NONE_BEFORE: Final = frozenset(("NL", "DOT", "COMMA", "ELLIPSIS", "QLIT", "CQUOTE", "CHEREDOC"))
NONE_AFTER: Final = frozenset(("DOT", "QLIT", "OQUOTE", "OHEREDOC", "NOT"))
NONE_BETWEEN: Final = frozenset(
    {("IDENT", "LPAR"), ("IDENT", "COLONS"), ("COLONS", "IDENT"), ("LBRACE", "RBRACE"), ("TEND", "INTERP")}
    | {("TEND", "CTRL"), ("NUMBER", "LSQB"), *((kind, "LSQB") for kind in CLOSERS)}
)
# "${ {" keeps its braces apart, or it would look like one opener.
SOME_BETWEEN: Final = frozenset((("INTERP", "LBRACE"), ("CTRL", "LBRACE"), ("RBRACE", "TEND")))
# A minus behind one of these is the sign of what follows. Behind anything else it is taken for a subtraction.
BEFORE_SIGN: Final = frozenset(
    {"", "LPAR", "LBRACE", "LSQB", "EQ", "COLON", "COMMA", "QMARK", "PLUS", "MINUS", "STAR", "SLASH", "PERCENT"}
    | {"EQEQ", "NEQ", "GT", "GEQ", "LT", "LEQ", "AND", "OR", "NOT"}
)


def _space(cell: list[Piece]) -> None:
    """Set the spaces in a cell. Those before its first piece are a matter of indentation and alignment."""
    before = ""
    for at in range(len(cell) - 1):
        left, right = cell[at], cell[at + 1]
        right.spaces = int(_apart(before, left, right) or _would_fuse(left, cell[at + 1 : at + 3]))
        before = left.kind


def _apart(before: str, left: Piece, right: Piece) -> bool:
    """Whether a space belongs between two pieces; ``before`` is the kind of the one before them, or ""."""
    pair = left.kind, right.kind
    if pair == ("IDENT", "LSQB"):  # an index, except in "for x in [1, 2]"
        return left.text == "in" and before == "IDENT"
    if right.kind in NONE_BEFORE or pair in NONE_BETWEEN:
        return False
    if left.kind == "COMMA" or pair in SOME_BETWEEN:
        return True
    if left.kind == "MINUS":
        return before not in BEFORE_SIGN
    if left.kind == "LBRACE":
        return True
    if left.kind in NONE_AFTER:
        return False
    return right.kind == "RBRACE" or not (left.kind in OPENERS or right.kind in CLOSERS)


def _would_fuse(left: Piece, rest: list[Piece]) -> bool:
    """``x.0 .1`` is two steps; without its space it has a number 0.1. Here hclwrite would break what it lays out."""
    if left.kind == "NOT" and rest[0].text.startswith("="):
        return True  # "! =" means nothing, but "!=" does
    if left.kind == "DOT" and rest[0].kind in ("DOT", "ELLIPSIS"):
        return True  # dots mean nothing either, until there are three
    return left.kind == "NUMBER" and [piece.kind for piece in rest] == ["DOT", "NUMBER"]


# -- columns --------------------------------------------------------------------------


def _align(lines: list[Line], cell: Callable[[Line], list[Piece]], columns: Callable[[Line], int]) -> None:
    """Begin a cell in the same column on all lines of each run of lines that have one."""
    run: list[tuple[Piece, int]] = []
    for line in lines:
        pieces = cell(line)
        if pieces:
            run.append((pieces[0], columns(line)))
        else:
            _set_columns(run)
            run = []
    _set_columns(run)


def _set_columns(run: list[tuple[Piece, int]]) -> None:
    widest = max((columns for _, columns in run), default=0)
    for piece, columns in run:
        piece.spaces = widest - columns + 1


def _columns(pieces: list[Piece]) -> int:
    return sum(piece.spaces + piece.width for piece in pieces)
