"""Damages texts at random, repeatably: what a parser must judge as real HCL does."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

FRAGMENTS = (
    *'"{}[](),=:.?*!-#\\$%01~@;\n\t ', "${", "%{", "~}", "${~", "%{ if x }", "%{else}", "%{ endif }", "%{ for x in y }",
    "%{ endfor }", "...", "=>", "for", " in ", "if", "<<EOT\n", "<<-EOT\n", "EOT\n", "\nEOT\n", "//", "/*", "*/", "\\n",
    "$$", "%%{", "$${", "1.5", "1e", "x", "é", "“", ".*", "[*]", ".0", "::", "&&", "|", "==", "\r\n", "\r", "\u00a0",
    "null", "true", "'", "`", "\\u00e9", "\\ud800", "e\u0301", "{\n", "}\n", "a = 1\n", "b {}\n",
)  # fmt: skip


def mutations(texts: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """``count`` texts that each have one to five damages."""
    chance = random.Random(seed)
    for _ in range(count):
        text = chance.choice(texts)
        for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
            text = mutation(text, texts, chance)
        yield text


def mutation(text: str, texts: Sequence[str], chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    end = min(len(text), at + chance.choice((1, 1, 2, 5, 20)))
    kind = chance.random()
    if kind < 0.5:
        return text[:at] + chance.choice(FRAGMENTS) + text[at:]
    if kind < 0.75:
        return text[:at] + text[end:]
    if kind < 0.9:
        other = chance.choice(texts)
        begin = chance.randrange(len(other) + 1)
        return text[:at] + other[begin : begin + chance.randrange(30)] + text[at:]
    return text[:end] + text[at:]
