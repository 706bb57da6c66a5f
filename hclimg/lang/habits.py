"""What people write who come from a shell or another language, and how it is written here.

Texts and small functions; knows neither the parser nor values. Each gives a sentence that is put
behind what a diagnostic says, with a space before it, or nothing when there is nothing to add.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from hclimg.diagnostics import did_you_mean, nearest

WORDS: Final = {"and": "&&", "or": "||", "AND": "&&", "OR": "||", "then": "?", "is": "==", "eq": "==", "ne": "!="}
OPERATORS: Final = {
    "===": 'Did you mean "=="?', "!==": 'Did you mean "!="?', "= =": 'Did you mean "=="?', "<>": 'Did you mean "!="?',
    "=<": 'Did you mean "<="?', "**": "A power is written pow(2, 3).", "++": "There is no such operator: values do "
    "not change.", "??": "For the first value that is not null write coalesce(a, b).", "?:": "For the first value that "
    "is not null write coalesce(a, b).", "//": "There is no such operator: write floor(a / b).", "..": "A list of "
    "numbers is written range(1, 4); the second number is not in it.",
}  # fmt: skip
LOOK_ALIKES: Final = {
    "–": "-", "—": "-", "−": "-", "‐": "-", "×": "*", "÷": "/", "∕": "/", "⁄": "/", "→": "=>", "⇒": "=>", "≤": "<=",
    "≥": ">=", "≠": "!=", "≡": "==", "…": "...", "∧": "&&", "∨": "||", "¬": "!", "，": ",", "：": ":", "；": ";",
    "（": "(", "）": ")", "［": "[", "］": "]", "｛": "{", "｝": "}", "＝": "=", "．": ".", "＂": '"',
}  # fmt: skip
FOR_SHELL: Final = " If ${ is meant for a shell, write $${ to keep it as it is."
QUOTES: Final = {"'": "'", "`": "`", "‘": "’", "’": "’", "“": "”", "”": "”", "„": "“", "«": "»", "＂": "＂"}


def after_value(text: str, end: int, start: int, word: str) -> str:
    """For a complete value that ends at ``end`` and is followed, at ``start``, by ``word``."""
    value = re.search(r"[\w.]*\Z", text[max(0, end - 40) : end])
    before = value[0] if value else ""
    joined = end == start and bool(before)
    if joined and before[0].isdigit():
        unit = re.compile(r"\w*").match(text, start)
        return f' A number with a unit is a text: write "{before}{unit[0] if unit else ""}" in quotes.'
    if joined and word == '"':
        return " A string has no prefix: its ${ } always work."
    if before == "not":
        return ' Write "!" for "not".'
    if word in WORDS:
        return f' Write "{WORDS[word]}" for "{word}".'
    if word in ("if", "unless") or before == "if":
        return " A choice is written: condition ? value : other value."
    if word == "for":
        return " A for expression begins with its for: [for x in list : x]."
    if before in ("lambda", "function", "fn"):
        return " There are no functions of one's own."
    if re.fullmatch(r"[A-Za-z_]\w*", before) and re.match(r'[\w"$/-]', word):
        return " A text is written in quotes, and the arguments of a function in parentheses."
    return ""


def operator(text: str, at: int) -> str:
    """For a character that cannot stand behind the one before it."""
    pieces = (text[max(0, at - 1) : at + 1], text[max(0, at - 2) : at + 1], text[max(0, at - 1) : at + 2])
    found = next((OPERATORS[piece] for piece in reversed(pieces) if piece in OPERATORS), "")
    return f" {found}" if found else ""


def character(c: str) -> str:
    """For a character that the language does not use."""
    if c in LOOK_ALIKES:
        return f' Did you mean "{LOOK_ALIKES[c]}"?'
    if c.isspace() or unicodedata.category(c) == "Cf":
        return " It looks like a space or like nothing at all; delete it."
    if c == "@":
        return ""
    plain = unicodedata.normalize("NFKC", c)
    return f' Did you mean "{plain}"?' if plain != c and plain.isascii() else ""


def string(text: str, start: int, end: int) -> str:
    """For a text in quotes of another kind, how it is written."""
    piece = text[start:end]
    closer = QUOTES.get(piece[:1], "")
    if len(piece) < 2 or not closer or piece[-1] not in (closer, piece[0]) or "\n" in piece or len(piece) > 60:
        return ""
    inner = piece[1:-1]
    if '"' in inner or "\\" in inner:
        return ""
    return f': write "{inner}"'


def escape(text: str, at: int) -> str:
    """For a backslash, at ``at`` in a string, that begins no escape sequence."""
    line = text.rfind("\n", 0, at) + 1
    opener = text.rfind('"', line, at) + 1
    before = text[opener:at]
    if re.search(r"(\b[A-Za-z]:(\\\S*)?|\\\\[\w.]+\S*|%\w+%\S*)\Z", before):
        return " In a Windows path write each backslash twice, or a slash instead of it."
    return ' For a backslash itself write "\\\\".'



NAMES: Final = {
    "vars": "var", "variable": "var", "variables": "var", "locals": "local", "datas": "data", "paths": "path",
    "True": "true", "TRUE": "true", "yes": "true", "on": "true", "False": "false", "FALSE": "false", "no": "false",
    "off": "false", "None": "null", "nil": "null", "NULL": "null", "Null": "null", "undefined": "null",
}  # fmt: skip
ABSENT: Final = {
    "each": '"each" is there in blocks with for_each only.',
    "count": 'There is no counting; with for_each, each.key and each.value tell the instances apart.',
    "self": 'There is no "self"; in the steps of a build, build.ID, build.Host and others tell about the machine.',
    "build": '"build" tells about a running machine, so it is there in provisioners and post-processors only.',
    "source": '"source" tells which source is built, so it is there in provisioners and post-processors only.',
    "artifact": '"artifact" is there in sources, provisioners and post-processors only.',
    "env": 'The environment is read by env("NAME") in the default of a variable.',
    "user": "A variable is written var.NAME.",
    "terraform": 'The directories are path.root and path.cwd.',
}


def name(written: str, known: Iterable[str], members: Mapping[str, Iterable[str]], *, alone: bool) -> str:
    """For a name that nothing has. ``members`` are those of ``var`` and the like; ``alone`` when no dot follows."""
    if written in NAMES and (alone or NAMES[written] in members):
        return f' Did you mean "{NAMES[written]}"?'
    for root, names in members.items():
        if written in names:
            return f' Did you mean "{root}.{written}"?'
    if written in ABSENT:
        return f" {ABSENT[written]}"
    found = did_you_mean(written, known)
    for root, names in members.items() if not found else ():
        if close := nearest(written, names):
            return f' Did you mean "{root}.{close}"?'
    return found or (f' A text is written in quotes: "{written}".' if alone else "")
