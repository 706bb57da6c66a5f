"""Says what is wrong with a text that doesn't parse: a name for the mistake, and the diagnostic.

Goes by where the parser stands (see :class:`Trouble`) and by the token that doesn't fit there. Summaries are HCL's.
Knows nothing of how the parse goes on.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

from hclimg.diagnostics import Diagnostic, Range, Related, Severity, SourceText, did_you_mean
from hclimg.lang import habits
from hclimg.lang.mistakes import RULES, TEXTS
from hclimg.lang.tokens import DIRECTIVES, END, Broken, Token
from hclimg.lang.trouble import Trouble

NAMES: Final = {"IDENT": "the name", "NUMBER": "the number", "INT": "the number", "FOR": "the word"}
QUOTE_HINT: Final = " The quotes on this line don't pair up; is one missing?"
SHELL_LIKE: Final = ("no expression", "no attribute name", "no false result", "ends", "open index", "no comma in call")
LOGICAL: Final = {"&": "&&", "|": "||", "~": "!"}


class Finding(NamedTuple):
    mistake: str
    diagnostic: Diagnostic


def explain(trouble: Trouble) -> Finding:
    """What is wrong. The name of the mistake is one of the keys of ``TEXTS``."""
    token = trouble.token
    if isinstance(token, Broken) and not trouble.runaway:
        return explain_broken(trouble, token)
    if here := trouble.broken_here():
        return explain_broken(trouble, here)
    mistake = find_mistake(trouble)
    summary, detail = fill(mistake, trouble, token)
    subject, related = place(mistake, trouble)
    return Finding(
        mistake,
        Diagnostic(
            severity=Severity.ERROR,
            summary=summary,
            detail=detail + (QUOTE_HINT if trouble.broken_string() else hint(mistake, trouble)),
            subject=subject,
            context=trouble.context,
            related=related,
        ),
    )


def hint(mistake: str, trouble: Trouble) -> str:
    """What is to be added for who writes it as another language does."""
    token, text = trouble.token, trouble.text
    if trouble.symbols[trouble.opener] == "INTERP" and mistake in SHELL_LIKE:
        return habits.FOR_SHELL
    if mistake in ("no newline after argument", "no comma in tuple", "no comma in call", "more after expression"):
        before = trouble.machine.tokens[trouble.at - 1]
        return habits.after_value(text, before.end, token.start, token.value)
    if mistake in ("no expression", "no attribute name"):
        return habits.operator(text, token.start)
    return ""


def find_mistake(trouble: Trouble) -> str:
    if trouble.runaway:
        return "open interpolation" if trouble.runaway.kind == "INTERP" else "open directive expression"
    if trouble.left_open:
        return left_open(trouble)
    kind = END if trouble.at_end else trouble.token.kind
    for where, kinds, mistake in RULES:
        whole = where.startswith("body")
        stands = trouble.place == where if whole else f" {trouble.place}".endswith(f" {where}")
        if stands and (not kinds or kind in kinds.split()):
            return refine(mistake, kind, trouble)
    if kind == END:
        return left_open(trouble) if trouble.symbols[trouble.opener] == "LBRACE" else "ends"
    return "no expression"


def refine(mistake: str, kind: str, trouble: Trouble) -> str:
    """What a mistake turns out to be when the text ends there, or by what is open."""
    if mistake == "open block" and (pair := trouble.misindented()):
        return "misindented block" if trouble.begins_block(pair[0]) else "misindented object"
    if mistake == "no equals" and kind == "NL" and trouble.machine.tokens[trouble.at + 1].kind == "LBRACE":
        return "no brace on line"
    if mistake in ("no brace on line", "one-line not closed") and trouble.is_set_without_equals:
        return "argument without equals"
    if mistake == "no brace" and kind == "DOT":
        return "labels without quotes"
    if mistake == "stray directive" and opened_directive(trouble):
        return "wrong directive"
    if kind == END and trouble.opener and mistake not in ("open directive", "no value"):
        return left_open(trouble)
    return mistake


def left_open(trouble: Trouble) -> str:
    """What the innermost open bracket belongs to."""
    symbol, before = trouble.symbols[trouble.opener], trouble.symbols[trouble.opener - 1]
    if symbol == "LPAR":
        return "open call" if before == "function" else "open parenthesis"
    if symbol == "LSQB":
        following = trouble.symbols[trouble.opener + 1 : trouble.opener + 2]
        if before in ("primary", "steps"):
            return "open splat" if following == ["STAR"] else "open index"
        return "open for" if following in (["FOR"], ["for_intro"]) else "open tuple"
    if symbol == "LBRACE":
        return "open block" if before == "header" else "open object"
    if symbol == "OHEREDOC":
        return "open heredoc"
    return "open interpolation" if symbol == "INTERP" else "open directive expression"


def opened_directive(trouble: Trouble) -> Token | None:
    """The directive that the parser is inside of and that no other one ends yet."""
    for i in range(len(trouble.symbols) - 1, 0, -1):
        if trouble.symbols[i] in ("CTRL_IF", "CTRL_FOR"):
            return trouble.value(i)
        if trouble.symbols[i] in ("OQUOTE", "OHEREDOC"):
            break
    return None


def fill(mistake: str, trouble: Trouble, token: Token) -> tuple[str, str]:
    """The texts of a mistake with the names in them."""
    opened = opened_directive(trouble)
    name = opened.value.split()[-1].lstrip("%{~") if opened else item_name(trouble)
    word = re.sub(r"[%{~\s]", "", token.value) if token.kind.startswith("CTRL") else token.value
    summary, detail = TEXTS[mistake]
    label = trouble.text[trouble.item[0][1].start : token.start].strip() if mistake == "argument without equals" else ""
    found = describe(token, at_end=trouble.at_end)
    fields = {"found": found, "label": label, "name": header_name(trouble) or name, "word": word}
    return summary.format_map(fields), detail.format_map(fields)


def item_name(trouble: Trouble) -> str:
    """The name of the argument or block that the parser is in, "" when there is none."""
    item = trouble.item
    if trouble.place.startswith("body header LBRACE name"):
        item = item[2:]
    first = item[0] if item else ""
    return first.value if isinstance(first, Token) else ""


def header_name(trouble: Trouble) -> str:
    """The type of the block whose header is being read."""
    header = trouble.item[0] if trouble.item else ""
    return header[0].text if isinstance(header, list) and trouble.place == "body header" else ""


def describe(token: Token, *, at_end: bool) -> str:
    """A token in the middle of a sentence."""
    if at_end:
        return "the end of the text"
    if token.kind == "NL":
        return "the end of the line"
    if token.kind in ("STRING", "OQUOTE"):
        return "a string"
    if token.kind in ("HEREDOC", "OHEREDOC"):
        return "a heredoc"
    if token.kind in ("CQUOTE", "CHEREDOC"):
        return "the end of the string"
    return f'{NAMES.get(token.kind, "")} "{token.value}"'.lstrip()


def place(mistake: str, trouble: Trouble) -> tuple[Range, tuple[Related, ...]]:
    """What to underline for a mistake, and what else to show."""
    source, token = trouble.source, trouble.token
    here = source.range(token.start, line_end(token, trouble) if token.kind == "NL" else token.end)
    if trouble.runaway:
        return range_of(trouble.runaway, source), ()
    if mistake.startswith("misindented") and (pair := trouble.misindented()):
        closed = Related("closed here", range_of(pair[1], source))
        return range_of(pair[0], source), (closed,)
    if mistake in ("no equals", "wrong equals") and isinstance(trouble.item[0], Token):
        return range_of(trouble.item[0], source), ()
    if mistake == "no value":
        return range_of(trouble.item[1], source), ()
    if mistake == "expanded not last":
        return range_of(trouble.machine.values[-1], source), ()
    if mistake == "argument without equals":
        return source.range(trouble.item_start, trouble.machine.tokens[trouble.at - 1].end), ()
    if mistake == "one-line nested":
        return source.range(trouble.item[2].start, here.end), ()
    return place_of_opener(mistake, trouble, here)


def place_of_opener(mistake: str, trouble: Trouble, here: Range) -> tuple[Range, tuple[Related, ...]]:
    """What to underline where something was opened and not closed."""
    source = trouble.source
    opener = range_of(trouble.value(trouble.opener), source) if trouble.opener else here
    if mistake == "open block":
        brace = trouble.value(trouble.opener or trouble.body - 2)
        return range_of(brace, source), ()
    if mistake == "open call":
        return source.range(trouble.value(trouble.opener - 1).start, opener.end), ()
    if mistake in ("open parenthesis", "open index", "open splat"):
        return (here if trouble.at_end or not trouble.left_open else opener), (Related("opened here", opener),)
    if mistake.startswith("open ") and mistake != "open directive":
        return opener, ()
    if mistake in ("open directive", "wrong directive") and (directive := opened_directive(trouble)):
        return here, (Related("opened here", range_of(directive, source)),)
    return here, ()


def line_end(token: Token, trouble: Trouble) -> int:
    """Where the newline itself ends; its token takes comments and further lines along."""
    m = re.compile(r"\r?\n").match(trouble.text, token.start)
    return m.end() if m else token.start


def range_of(token: Token, source: SourceText) -> Range:
    return source.range(token.start, token.end)


# -- what the scanner could not read -------------------------------------------------


def explain_broken(trouble: Trouble, token: Broken) -> Finding:
    text, source = trouble.text, trouble.source
    word = text[token.start : token.end]
    mistake, fields = BROKEN_FIELDS.get(token.value, plain_fields)(token, text)
    summary, detail = TEXTS[mistake]
    detail = detail.format_map({"word": f'"{word}"' if mistake == "character" else word, "name": "", **fields})
    opener = source.range(token.opener, token.opener + 1)
    related = [Related("begins here", opener)] if token.opener < token.start else []
    if mistake == "heredoc" and (like := marker_like(text, token)):
        related.append(Related("this line begins with the marker, but there is more on it", source.range(*like)))
    return Finding(
        mistake,
        Diagnostic(
            severity=Severity.ERROR,
            summary=summary,
            detail=detail,
            subject=source.range(token.start, token.end),
            context=trouble.context,
            related=tuple(related),
        ),
    )


def plain_fields(token: Broken, _: str) -> tuple[str, dict[str, str]]:
    return token.value, {}


def character_fields(token: Broken, text: str) -> tuple[str, dict[str, str]]:
    c = text[token.start]
    if c in LOGICAL:
        return "operator", {"guess": f' Did you mean "{LOGICAL[c]}"?'}
    if c in habits.QUOTES:
        return "quotes", {"write": habits.string(text, token.start, token.end)}
    if c == ";":
        return "semicolon", {}
    if text.startswith(("${", "$${"), token.start):
        return "dollar", {}
    guess = habits.character(c)
    if token.end - token.start == 1 and token.start and text[token.start - 1] == "$":
        guess = habits.FOR_SHELL
    if c.isascii() and c.isprintable():
        return "character", {"guess": guess}
    word = f"the character U+{ord(c):04X} ({unicodedata.name(c, 'a control character').lower()})"
    return "character", {"guess": guess, "word": word}


def escape_fields(token: Broken, text: str) -> tuple[str, dict[str, str]]:
    escape = text[token.start : token.end]
    wanted = {"u": 4, "U": 8}.get(escape[1])
    if wanted is None:
        return "escape", {"escape": f'"{escape}" is no escape sequence.{habits.escape(text, token.start)}'}
    if len(escape) < wanted + 2:
        return "escape", {
            "escape": f'"\\{escape[1]}" must be followed by {wanted} hexadecimal digits.'
            f"{habits.escape(text, token.start)}"
        }
    return "escape", {"escape": f'"{escape}" is no Unicode character.'}


def index_fields(token: Broken, text: str) -> tuple[str, dict[str, str]]:
    return token.value, {"indexes": "".join(f"[{n}]" for n in text[token.start : token.end].split("."))}


def directive_fields(token: Broken, text: str) -> tuple[str, dict[str, str]]:
    word = text[token.start : token.end]
    if word.startswith("%"):
        return "directive", {}
    return "unknown directive", {"guess": did_you_mean(word, DIRECTIVES)}


def heredoc_fields(token: Broken, text: str) -> tuple[str, dict[str, str]]:
    return "heredoc", {"name": marker_of(text, token)}


BROKEN_FIELDS: Final = {
    "character": character_fields,
    "escape": escape_fields,
    "legacy index": index_fields,
    "directive": directive_fields,
    "heredoc": heredoc_fields,
}


def marker_of(text: str, token: Broken) -> str:
    end = text.find("\n", token.opener)
    return text[token.opener : end].lstrip("<-").strip()


def marker_like(text: str, token: Broken) -> tuple[int, int] | None:
    """The first line behind a heredoc's begin that starts with its marker."""
    m = re.compile(rf"^[ \t]*({re.escape(marker_of(text, token))}[^\n]*)", re.MULTILINE).search(text, token.opener + 1)
    return m.span(1) if m else None
