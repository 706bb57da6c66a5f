"""HCL's scanner tests: the kinds of the tokens, and the bytes that each takes up.

Our scanner leaves out what HCL's parser would skip: comments, and newlines where they mean nothing. Texts in quotes and
heredocs may be one token here and several there, so neighbouring pieces of text count as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from conformance.model import Case, Group, Skipped, expect, tables
from hclimg.lang.tokens import BROKEN, END, Token, scan, scan_template

KINDS = {
    "IDENT": "Ident", "IF": "Ident", "IN": "Ident", "FOR": "Ident", "NUMBER": "NumberLit", "INT": "NumberLit",
    "EQ": "Equal", "LBRACE": "OBrace", "RBRACE": "CBrace", "LPAR": "OParen", "RPAR": "CParen", "LSQB": "OBrack",
    "RSQB": "CBrack", "COMMA": "Comma", "COLON": "Colon", "COLONS": "DoubleColon", "QMARK": "Question", "DOT": "Dot",
    "LT": "LessThan", "GT": "GreaterThan", "LEQ": "LessThanEq", "GEQ": "GreaterThanEq", "EQEQ": "EqualOp",
    "NEQ": "NotEqual", "STAR": "Star", "SLASH": "Slash", "PLUS": "Plus", "MINUS": "Minus", "PERCENT": "Percent",
    "NOT": "Bang", "AND": "And", "OR": "Or", "ELLIPSIS": "Ellipsis", "ARROW": "FatArrow", "OQUOTE": "OQuote",
    "CQUOTE": "CQuote", "QLIT": "Text", "CHEREDOC": "CHeredoc", "INTERP": "TemplateInterp",
    "TEND": "TemplateSeqEnd",
}  # fmt: skip
TEXTS = {"QuotedLit": "Text", "StringLit": "Text"}
LEFT_OUT = ("Comment", "Newline", "EOF")
Piece = tuple[str, int, int]


def _cases(corpus: Path) -> Iterator[Case]:
    found = tables(corpus / "hclsyntax" / "scan_tokens_test.json")
    for name, scanner in (("TestScanTokens_normal", scan), ("TestScanTokens_template", scan_template)):
        for i, case in enumerate(found.get(name, ())):
            yield Case(f"{name} {i}", partial(_case, case, scanner))


def _case(case: dict[str, Any], scanner: Any) -> None:
    if not isinstance(case["input"], str):
        raise Skipped("no UTF-8")
    text = case["input"].removeprefix("\ufeff")
    mark = len(case["input"].encode()) - len(text.encode())
    tokens = scanner(text)
    wanted = list(_wanted(case["want"], mark))
    if any(token.kind == BROKEN for token in tokens):
        raise Skipped("the scan goes on in another way behind what is no token")
    ours = list(_joined(_ours(tokens, text)))
    expect(ours == wanted, f"{ours}, expected {wanted}")


def _wanted(tokens: Iterable[dict[str, Any]], mark: int) -> Iterator[Piece]:
    pieces: list[Piece] = []
    for token in tokens:
        kind = token["Type"]["$ident"].removeprefix("Token")
        if kind not in LEFT_OUT:
            start, end = (token["Range"][at]["Byte"] - mark for at in ("Start", "End"))
            pieces.append((TEXTS.get(kind, kind), start, end))
    return _joined(pieces)


def _ours(tokens: Iterable[Token], text: str) -> Iterator[Piece]:
    for token in tokens:
        start, end = (len(text[:at].encode()) for at in (token.start, token.end))
        if token.kind == "STRING":
            yield ("OQuote", start, start + 1)
            yield ("Text", start + 1, end - 1)
            yield ("CQuote", end - 1, end)
        elif token.kind == "HEREDOC":
            yield from _heredoc(token, text)
        elif token.kind.startswith("CTRL_"):
            opener = start + len(text[token.start : token.end].split("{")[0]) + 1
            yield ("TemplateControl", start, opener)
            yield ("Ident", end - len(token.kind.removeprefix("CTRL_")), end)
        elif token.kind == "OHEREDOC":  # the line's end belongs to it there
            yield ("OHeredoc", start, len(text[: text.index("\n", token.end) + 1].encode()))
        elif token.kind not in ("NL", END):
            yield (KINDS[token.kind], start, end)


def _heredoc(token: Token, text: str) -> Iterator[Piece]:
    """The line that opens it, its text, and the line that closes it without its end."""
    written = text[token.start : token.end]
    first, last = written.index("\n") + 1, written.rindex("\n") + 1
    ends = [len(text[: token.start + at].encode()) for at in (0, first, last, len(written))]
    yield ("OHeredoc", ends[0], ends[1])
    yield ("Text", ends[1], ends[2])
    yield ("CHeredoc", ends[2], ends[3])


def _joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Neighbouring texts made one, and empty ones left out."""
    last: Piece | None = None
    for kind, start, end in pieces:
        if kind == "Text" and start == end:
            continue
        if last and kind == last[0] == "Text" and last[2] == start:
            last = (kind, last[1], end)
            continue
        if last:
            yield last
        last = (kind, start, end)
    if last:
        yield last


GROUPS = (Group("hclsyntax-tokens", "kinds and places of the tokens of HCL's scanner tests", _cases),)
