"""Cuts a Go template into tokens. Raises GoTemplateError where a token cannot be read."""

from __future__ import annotations

import re
from typing import Final

from hclimg.lang.gotemplate.nodes import GoTemplateError
from hclimg.lang.tokens import END, Token

SPACE: Final = " \t\r\n"
OPEN = re.compile(r"\{\{(?P<trim>-(?=[ \t\r\n]))?(?P<comment>[ \t\r\n]*/\*)?")
KEYWORD = re.compile(r"[ \t\r\n]*(if|else[ \t\r\n]+if|else|end|range|with)(?![\w.])")
# Known to Go, of no use in one text: they would need templates with names.
UNSUPPORTED = re.compile(r"[ \t\r\n]*(define|template|block|break|continue)(?![\w.])")
COMMENT_END = re.compile(r"\*/[ \t\r\n]*(?P<trim>(?<=[ \t\r\n])-)?\}\}")
KINDS: Final = {
    "if": "OPEN_IF", "else": "OPEN_ELSE", "else if": "OPEN_ELSE_IF", "end": "OPEN_END", "range": "OPEN_RANGE",
    "with": "OPEN_WITH",
}  # fmt: skip
CODE = re.compile(
    r"""[ \t\r\n]*(?:
 (?P<CLOSE>(?<=[ \t\r\n])-\}\}|\}\})
|(?P<NUMBER>[+-]?(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+)(?![\w.]))
|(?P<NAME>[^\W\d]\w*)
|(?P<FIELDS>(?:\.[^\W\d]\w*)+)
|(?P<DOT>\.)
|(?P<VARIABLE>\$\w*)
|(?P<RAW>`[^`]*`)
|(?P<STRING>"(?:[^"\\\n]|\\.)*")
|(?P<DECLARE>:=)
|(?P<ASSIGN>=)
|(?P<PIPE>\|)
|(?P<COMMA>,)
|(?P<LPAR>\()
|(?P<RPAR>\))
|(?P<END>\Z)
|(?P<BAD>.)
)""",
    re.VERBOSE | re.DOTALL,
)
CONSTANTS: Final = {"true": "TRUE", "false": "FALSE", "nil": "NIL"}
ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)")
SIMPLE: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'",
}  # fmt: skip


def scan(text: str) -> list[Token]:
    """The tokens of a template. Names of variables come without ``$``, chains without the first dot."""
    tokens: list[Token] = []
    at = 0
    trim = False
    while True:
        m = OPEN.search(text, at)
        literal = text[at : m.start()] if m else text[at:]
        start = at + (len(literal) - len(literal.lstrip(SPACE)) if trim else 0)
        end = m.start() if m else len(text)
        if m and m["trim"]:
            end = max(start, len(text[:end].rstrip(SPACE)))
        if end > start:
            tokens.append(Token("TEXT", text[start:end], start, end))
        if m is None:
            tokens.append(Token(END, "", len(text), len(text)))
            return tokens
        at, trim = scan_comment(text, m) if m["comment"] else scan_action(text, m, tokens)


def scan_comment(text: str, opener: re.Match[str]) -> tuple[int, bool]:
    close = COMMENT_END.match(text, max(text.find("*/", opener.end()), 0))
    if close is None:
        raise GoTemplateError('a comment must end with "*/}}"', opener.start())
    return close.end(), bool(close["trim"])


def scan_action(text: str, opener: re.Match[str], tokens: list[Token]) -> tuple[int, bool]:
    """The tokens of one ``{{ … }}``. Gives where it ends, and whether it trims the text behind."""
    unsupported = UNSUPPORTED.match(text, opener.end())
    if unsupported:
        raise GoTemplateError(f'"{unsupported[1]}" is not supported here', unsupported.start(1))
    keyword = KEYWORD.match(text, opener.end())
    at = keyword.end() if keyword else opener.end()
    kind = KINDS[" ".join(keyword[1].split())] if keyword else "OPEN"
    tokens.append(Token(kind, text[opener.start() : at], opener.start(), at))
    while True:
        m = CODE.match(text, at)
        assert m is not None
        kind = m.lastgroup or ""
        start, at = m.span(kind)
        if kind in ("END", "BAD"):
            raise bad_token(text, opener.start(), start)
        tokens.append(code_token(kind, text, start, at, tokens[-1]))
        if kind == "CLOSE":
            return at, text[start] == "-"


def code_token(kind: str, text: str, start: int, end: int, before: Token) -> Token:
    value = text[start:end]
    if kind == "NAME":
        return Token(CONSTANTS.get(value, kind), value, start, end)
    if kind == "FIELDS":
        chained = before.end == start and before.kind in ("RPAR", "VARIABLE")
        return Token("CHAIN" if chained else kind, value[1:], start, end)
    if kind == "VARIABLE":
        return Token(kind, value[1:], start, end)
    if kind == "RAW":
        return Token("STRING", value[1:-1].replace("\r", ""), start, end)
    if kind == "STRING":
        return Token(kind, unquote(value[1:-1], start + 1), start, end)
    return Token(kind, value, start, end)


def bad_token(text: str, opener: int, at: int) -> GoTemplateError:
    if at == len(text):
        return GoTemplateError('the action is not closed: "}}" is missing', opener)
    if text[at] in "\"`":
        return GoTemplateError("the string has no end", at)
    return GoTemplateError(f'"{text[at]}" means nothing here', at)


def unquote(raw: str, offset: int) -> str:
    def decode(m: re.Match[str]) -> str:
        code = m[0][1:]
        if code[0] in "xuU" and len(code) > 1:
            return chr(int(code[1:], 16)) if int(code[1:], 16) <= 0x10FFFF else "\ufffd"
        if code.isdigit() and len(code) == 3:
            return chr(int(code, 8))
        if code not in SIMPLE:
            raise GoTemplateError(f'"{m[0]}" is no escape sequence', offset + m.start())
        return SIMPLE[code]

    return ESCAPE.sub(decode, raw) if "\\" in raw else raw
