"""Damages texts at random, repeatably: what the readers of hclimg must survive, and judge as real HCL does."""

# ruff: noqa: E501 - tables of texts
from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

FRAGMENTS = (
    *'"{}[](),=:.?*!-#\\$%01~@;\n\t ', "${", "%{", "~}", "${~", "%{ if x }", "%{else}", "%{ endif }", "%{ for x in y }",
    "%{ endfor }", "...", "=>", "for", " in ", "if", "<<EOT\n", "<<-EOT\n", "EOT\n", "\nEOT\n", "//", "/*", "*/", "\\n",
    "$$", "%%{", "$${", "1.5", "1e", "x", "é", "“", ".*", "[*]", ".0", "::", "&&", "|", "==", "\r\n", "\r", "\u00a0",
    "null", "true", "'", "`", "\\u00e9", "\\ud800", "e\u0301", "{\n", "}\n", "a = 1\n", "b {}\n", "\ufeff", "\u2028",
    "👨‍👩‍👧", "ß", "\\U0001F600", "{{", "}}", "{{ .X }}", "{{ user `x` }}", "\x0b", "\x7f", "\u200b", "ａ", "²", "٣", "_",
    "1e999999", "-0", "9" * 40, "0x1F", "<wait>", "<enter>", "%{ endif ~}\n", "\\\"", "\t\t", "]\n]", "x.0.1", "[for k, v in ",
)  # fmt: skip

# Roughly the words of any of our languages; only used to cut texts at places that mean something.
WORDS = re.compile(r"\w+|[ \t]+|[$%]\{~?|~\}|<<-?\w+|[=!<>&|:.]+|.", re.DOTALL)
WRAPPERS = (
    ("(", ")"), ("[", "]"), ("{ k = ", " }"), ('"', '"'), ('"${', '}"'), ("${", "}"), ("<<EOT\n", "\nEOT\n"),
    ("<<-EOT\n  ", "\n  EOT\n"), ("[for x in ", " : x]"), ("{for x in [1] : x => ", "}"), ("f(", ")"), ("f(", "...)"),
    ("b {\n", "\n}\n"), ("b { ", " }\n"), ("%{ if true }", "%{ endif }"), ("!", ""), ("-", ""), ("/*", "*/"), ("{{ ", " }}"),
    ("try(", ")"), ("true ? ", " : 1"), ("x[", "]"), ("{\n(", ") = 1\n}"),
)  # fmt: skip


def mutations(texts: Sequence[str], count: int, seed: int) -> Iterator[str]:
    """``count`` texts that each have one to five damages."""
    chance = random.Random(seed)
    for _ in range(count):
        yield mutated(texts, chance)


def mutated(texts: Sequence[str], chance: random.Random) -> str:
    text = chance.choice(texts)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        text = chance.choice(KINDS)(text, texts, chance)
    return text


def damaged_bytes(text: str, chance: random.Random) -> bytes:
    """The text as a file of which some bytes are others, lost, or too many."""
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        kind = chance.random()
        if kind < 0.5:
            data[at:at] = bytes(
                chance.choice((0, 9, 10, 13, 27, 0x7F, 0x80, 0xC3, 0xE9, 0xED, 0xFE, 0xFF)) for _ in "x"
            )
        elif kind < 0.8:
            data[at : at + 1] = bytes([chance.randrange(256)])
        else:
            del data[at : at + chance.choice((1, 3))]
    return bytes(data)


# -- characters -----------------------------------------------------------------------


def insert(text: str, _: Sequence[str], chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(FRAGMENTS) + text[at:]


def cut(text: str, _: Sequence[str], chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at + chance.choice((1, 1, 2, 5, 20)) :]


def borrow(text: str, texts: Sequence[str], chance: random.Random) -> str:
    at, other = chance.randrange(len(text) + 1), chance.choice(texts)
    begin = chance.randrange(len(other) + 1)
    return text[:at] + other[begin : begin + chance.randrange(30)] + text[at:]


def repeat(text: str, _: Sequence[str], chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    end = min(len(text), at + chance.choice((1, 1, 2, 5, 20)))
    return text[:end] + text[at:]


# -- words ------------------------------------------------------------------------------


def splice(text: str, texts: Sequence[str], chance: random.Random) -> str:
    """The beginning of one text and the end of another."""
    other = chance.choice(texts)
    return text[: _border(text, chance)] + other[_border(other, chance) :]


def replace_word(text: str, texts: Sequence[str], chance: random.Random) -> str:
    start, end = _word(text, chance)
    other = chance.choice(texts)
    begin, finish = _word(other, chance)
    return text[:start] + other[begin:finish] + text[end:]


def drop_word(text: str, _: Sequence[str], chance: random.Random) -> str:
    start, end = _word(text, chance)
    return text[:start] + text[end:]


def swap_words(text: str, _: Sequence[str], chance: random.Random) -> str:
    (a, b), (c, d) = sorted((_word(text, chance), _word(text, chance)))
    return text if c < b else text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def multiply_word(text: str, _: Sequence[str], chance: random.Random) -> str:
    start, end = _word(text, chance)
    return text[:start] + text[start:end] * chance.choice((2, 3, 7)) + text[end:]


def wrap(text: str, _: Sequence[str], chance: random.Random) -> str:
    before, after = chance.choice(WRAPPERS)
    start, end = sorted((_border(text, chance), _border(text, chance)))
    if chance.random() < 0.5:
        start, end = _word(text, chance)
    return text[:start] + before + text[start:end] + after + text[end:]


# -- lines ------------------------------------------------------------------------------


def move_line(text: str, texts: Sequence[str], chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    taken = lines.pop(chance.randrange(len(lines)))
    if chance.random() < 0.3:
        taken = chance.choice(chance.choice(texts).splitlines(keepends=True) or [""])
    lines.insert(chance.randrange(len(lines) + 1), taken)
    return "".join(lines)


def other_newlines(text: str, _: Sequence[str], chance: random.Random) -> str:
    at = text.find("\n", chance.randrange(len(text) + 1))
    kind = chance.random()
    if kind < 0.3:
        return text.replace("\n", "\r\n")
    if kind < 0.5:
        return text.removesuffix("\n")
    return text if at < 0 else text[:at] + chance.choice((" ", "", "\n\n", "\r\n", "\\\n", " \n")) + text[at + 1 :]


def _word(text: str, chance: random.Random) -> tuple[int, int]:
    m = WORDS.match(text, chance.randrange(len(text) + 1))
    return m.span() if m else (len(text), len(text))


def _border(text: str, chance: random.Random) -> int:
    return _word(text, chance)[1]


Kind = Callable[[str, Sequence[str], random.Random], str]
KINDS: tuple[Kind, ...] = (
    insert, insert, insert, insert, cut, cut, borrow, repeat, splice, replace_word, replace_word, drop_word, swap_words,
    multiply_word, wrap, wrap, move_line, other_newlines,
)  # fmt: skip
