"""Cuts a text of several expressions into them: each ends with its line, unless something is open there.

For consoles, which get texts before they are complete. Knows tokens and no grammar.
"""

from __future__ import annotations

from hclimg.lang.tokens import BROKEN, CLOSERS, END, Broken, Token, scan

_CLOSING = frozenset(CLOSERS.values())
_UNFINISHED = ("heredoc", "comment")
"""What can be broken only because the text isn't complete."""


def statements(text: str) -> list[tuple[int, int]]:
    """Begin and end of each expression, without lines and comments around it."""
    found: list[tuple[int, int]] = []
    start, end, depth = -1, 0, 0
    for token in scan(text):
        if token.kind in ("NL", END):
            if start >= 0 and (depth <= 0 or token.kind == END):
                found.append((start, end))
                start, depth = -1, 0
            continue
        start, end = token.start if start < 0 else start, token.end
        depth += _change(token)
    return found


def is_unfinished(text: str) -> bool:
    """Whether more lines belong to the text: a bracket, a heredoc or a comment is open at its end."""
    depth = 0
    for token in scan(text + "\n"):
        if isinstance(token, Broken) and token.value in _UNFINISHED:
            return True
        if token.kind == "NL" and depth <= 0:
            depth = 0
        depth += _change(token)
    return depth > 0


def _change(token: Token) -> int:
    return 0 if token.kind == BROKEN else (token.kind in CLOSERS) - (token.kind in _CLOSING)
