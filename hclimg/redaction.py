"""Texts without the secrets in them. Knows neither where secrets come from nor where texts go."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "<sensitive>"
_SHORT = 3


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret replaced."""
    pattern = pattern_of(pieces(secrets))
    return pattern.sub(HIDDEN, text) if pattern else text


def pieces(secrets: Iterable[str]) -> set[str]:
    """What to look for: each secret, and each line of a secret of several lines, which programs print one by one.

    Not the shortest lines: the "}" of a secret JSON text would make holes in everything.
    """
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    return ({line for line in lines if len(line) > _SHORT} | {secret.strip() for secret in secrets}) - {""}


def pattern_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    """Matches these texts, the longest first; the shortest as words only, or "x" would make holes in other words."""
    found = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(_anywhere_or_as_word, found))) if found else None


def _anywhere_or_as_word(text: str) -> str:
    return re.escape(text) if len(text) > _SHORT else rf"(?<!\w){re.escape(text)}(?!\w)"
