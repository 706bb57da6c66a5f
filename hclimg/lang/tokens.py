"""Cuts HCL text into tokens.

A scanner with three modes (code, quoted string, heredoc) and a stack of what is open: what a character means depends
on where it stands. It does what HCL leaves to its parser as well, so that the grammar stays LALR(1): it drops newlines
where they mean nothing (in ``( )``, ``[ ]``, ``${ }``, ``{ for }``), collapses the others, knows ``for`` only where a
for expression can begin, and makes one token of ``%{ if`` and its kin. Escapes are decoded, strip markers and the
indentation of flush heredocs are applied.

It never fails: what makes no sense becomes a :class:`Broken` token, and the scan goes on where the rest is likely to be
understood. It knows nothing of the grammar and has no words for people.

All regular expressions run in linear time on any input, because templates come from strangers: a repeated group is
never followed by something that can fail, unless it is atomic.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from hclimg.lang.literals import SPACE, BadEscapeError, flush, identifier_length, unescape_bare, unescape_quoted

END: Final = "$END"
BROKEN: Final = "BROKEN"


class Token:
    """``value`` is the text that it means, decoded and trimmed when it is part of a string."""

    __slots__ = ("end", "kind", "start", "value")

    def __init__(self, kind: str, value: str, start: int, end: int) -> None:
        self.kind = kind
        self.value = value
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"{self.kind}:{self.value!r}"


class Broken(Token):
    """A piece that is no token; its value is the reason, a name that ``explain`` has the words for.

    ``opener`` is where the broken thing begins, when that is not ``start``. ``cut`` says that lines behind it may
    belong to it, so that only their layout tells where the next argument begins.
    """

    __slots__ = ("cut", "opener")

    def __init__(self, reason: str, start: int, end: int, opener: int | None = None, *, cut: bool = False) -> None:
        super().__init__(BROKEN, reason, start, end)
        self.opener = start if opener is None else opener
        self.cut = cut


OPERATORS: Final = {
    "=": "EQ", "{": "LBRACE", "}": "RBRACE", "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB",
    ",": "COMMA", ":": "COLON", "::": "COLONS", "?": "QMARK", ".": "DOT", "...": "ELLIPSIS", "=>": "ARROW",
    "+": "PLUS", "-": "MINUS", "*": "STAR", "/": "SLASH", "%": "PERCENT", "!": "NOT",
    "||": "OR", "&&": "AND", "==": "EQEQ", "!=": "NEQ", "<": "LT", ">": "GT", "<=": "LEQ", ">=": "GEQ",
}  # fmt: skip
KEYWORDS: Final = {"if": "IF", "in": "IN"}
DIRECTIVES: Final = {
    "if": "CTRL_IF", "else": "CTRL_ELSE", "endif": "CTRL_ENDIF", "for": "CTRL_FOR", "endfor": "CTRL_ENDFOR",
}  # fmt: skip
CLOSERS: Final = {
    "LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB", "OQUOTE": "CQUOTE", "OHEREDOC": "CHEREDOC", "INTERP": "TEND",
    **dict.fromkeys(DIRECTIVES.values(), "TEND"),
}  # fmt: skip

# What a "[" behind it is the index of.
INDEXED: Final = frozenset({
    "IDENT", "NUMBER", "INT", "STRING", "CQUOTE", "HEREDOC", "CHEREDOC", "RPAR", "RSQB", "RBRACE",
})  # fmt: skip

# ASCII decides here what an identifier is; `identifier_length` decides about all other characters.
WORD: Final = r"(?:[A-Za-z_]|[^\x00-\x7f])(?:[\w\-]|[^\x00-\x7f])*"
CODE = re.compile(
    rf"""[ \t]*(?:
 (?P<IDENT>{WORD})
|(?P<OP>==|!=|<=|>=|&&|\|\||=>|\.\.\.|::|<(?!<-?{WORD}\r?\n)|[={{}}()\[\],:?.*%+\-!>]|/(?![/*]))
|(?P<STRING>"[^"\\$%\r\n]*")
|(?P<NL>(?:\r?\n|(?:\#|//)[^\n]*(?:\n|\Z))(?:[ \t\n]+|\r\n|(?:\#|//)[^\n]*(?:\n|\Z))*)
|(?P<NUMBER>[0-9](?:[0-9]|\.[0-9]|[eE][+-]?[0-9])*)
|(?P<OQUOTE>")
|(?P<OHEREDOC><<)
|(?P<COMMENT>/\*)
|(?P<TILDE>~\}})
|(?P<END>\Z)
|(?P<BAD>.)
)""",
    re.VERBOSE | re.DOTALL,
)
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
MARKER = re.compile(rf"<<(-?)({WORD})\r?\n")
# A line that can be the last one of a heredoc. What may stand around the marker is all that Go calls space.
AROUND: Final = "[" + re.sub(r"[\r\n]", "", SPACE) + "]*"
LAST_LINE = re.compile(rf"^{AROUND}({WORD}){AROUND}(?=\r?\n)", re.MULTILINE)
BLANK: Final = r"(?>(?:[ \t\n]+|\r\n|(?:\#|//)[^\n]*\n|(?>/\*.*?\*/))*)"
FOR_AHEAD = re.compile(BLANK + r"for(?![\w\-])", re.DOTALL)
COMMENTS = re.compile(r"(?:\#|//)[^\n]*|(?>/\*.*?\*/)", re.DOTALL)

# Where a template sequence begins; text can contain a lone "$" or "%".
SEQUENCES: Final = rf"""
 (?P<INTERP>\$\{{~?)
|(?P<CTRL>%\{{~?(?:{BLANK}(?P<WORD>{WORD}))?)
"""
PLAIN: Final = r"\$\$\{|%%\{|\$(?!\{)|%(?!\{)"
LONE_CR = re.compile(r"\r(?!\n)")
SEQUENCE_AHEAD = re.compile(r"[$%]\{")
QUOTED = re.compile(
    rf"""
 (?P<QLIT>(?:[^"\\$%\r\n]+|\\[^\n]|{PLAIN})+)
|(?P<CQUOTE>")
|{SEQUENCES}
|(?P<LONE_CR>\r(?!\n))
|(?P<BAD>\\?(?:\r?\n|\Z))
""",
    re.VERBOSE | re.DOTALL,
)
# One token a line: that is the unit which strip markers trim.
HEREDOC = re.compile(
    rf"""
 (?P<QLIT>(?:[^$%\r\n]+|{PLAIN}|\r(?=\n))+\n?|\n)
|{SEQUENCES}
|(?P<LONE_CR>\r)
|(?P<BAD>\Z)
""",
    re.VERBOSE | re.DOTALL,
)


class Template:
    """A string or heredoc that is being scanned.

    ``own`` has its literals and the openers of its sequences, without what is nested in them; ``ends`` has the token
    that ends the sequence at an index of ``own``. ``marker`` is a heredoc's, "" for anything else.
    """

    __slots__ = ("ends", "flush", "marker", "opener", "own")

    def __init__(self, opener: int, marker: str = "", *, flush: bool = False) -> None:
        self.opener = opener
        self.own: list[Token] = []
        self.ends: dict[int, Token] = {}
        self.marker = marker
        self.flush = flush


Mode = Callable[["Scanner"], None]
# What is left when a bracket is closed: what closes it; and outside it: whether newlines count, mode and template.
Frame = tuple[str, bool, Mode, Template]


class Scanner:
    """A scan under way. ``frames`` is the stack of what is open."""

    __slots__ = (
        "ahead", "at", "depths", "done", "frames", "last_lines", "mode", "newlines", "rewinds", "template",
        "text", "tokens",
    )  # fmt: skip

    def __init__(self, text: str, at: int, mode: Mode) -> None:
        self.text = text
        self.at = at
        self.mode = mode
        self.done = False
        self.newlines = True
        self.template = Template(at)
        self.tokens: list[Token] = []
        self.frames: list[Frame] = []
        self.depths: dict[str, list[int]] = {closer: [] for closer in CLOSERS.values()}  # of the frames, by closer
        self.last_lines: dict[str, list[tuple[int, int]]] | None = None  # where heredocs can end, by marker
        self.ahead: dict[re.Pattern[str], tuple[int, int]] = {}  # where a search began, and what it found
        self.rewinds = 20  # how often the scan may still go back; without a limit it isn't linear

    def run(self) -> list[Token]:
        while not self.done:
            self.mode(self)
        self.add(END, self.at, self.at)
        return self.tokens

    def add(self, kind: str, start: int, end: int) -> Token:
        token = Token(kind, self.text[start:end], start, end)
        self.tokens.append(token)
        return token

    def broken(self, reason: str, start: int, end: int, opener: int | None = None, *, cut: bool = False) -> None:
        self.tokens.append(Broken(reason, start, end, opener, cut=cut))

    def last_line(self, marker: str, at: int) -> tuple[int, int] | None:
        """Where a heredoc ends. All markers are looked up in one pass: one search each would not be linear."""
        if self.last_lines is None:
            self.last_lines = {}
            for m in LAST_LINE.finditer(self.text, at):
                self.last_lines.setdefault(marked(m), []).append(m.span())
        found = self.last_lines.get(marker, ())
        i = bisect_left(found, (at, at))
        return found[i] if i < len(found) else None

    def next_of(self, pattern: re.Pattern[str], at: int) -> int:
        """Where the pattern matches next. What is found is kept: heredocs nest, and each looks through all in it."""
        begun, found = self.ahead.get(pattern, (0, -1))
        if not begun <= at <= found:
            m = pattern.search(self.text, at)
            found = m.start() if m else len(self.text)
            self.ahead[pattern] = at, found
        return found

    def push(self, opener: str) -> None:
        closer = CLOSERS[opener]
        self.depths[closer].append(len(self.frames))
        self.frames.append((closer, self.newlines, self.mode, self.template))

    def pop(self) -> None:
        closer, self.newlines, self.mode, self.template = self.frames.pop()
        self.depths[closer].pop()


def scan(text: str, at: int = 0, blocks: int = 0) -> list[Token]:
    """The tokens of a body from ``at`` on, which lies in that many blocks. The last one is :data:`END`."""
    scanner = Scanner(text, at, scan_code)
    for _ in range(blocks):
        scanner.push("LBRACE")
    return scanner.run()


def scan_template(text: str) -> list[Token]:
    """The tokens of a text that is a template as a whole."""
    return Scanner(text, 0, scan_heredoc).run()


def comments(text: str, tokens: Sequence[Token]) -> Iterator[Token]:
    """The comments between the tokens of a text, in order, as tokens of their own."""
    at = 0
    for token in tokens:
        gap_end = token.end if token.kind == "NL" else token.start
        for m in COMMENTS.finditer(text, at, gap_end):
            yield Token("COMMENT", m[0].rstrip("\r"), m.start(), m.end())
        at = token.end


# -- code -------------------------------------------------------------------------


def scan_code(scanner: Scanner) -> None:
    """Scan until a string or heredoc begins or goes on, or the text ends."""
    text, tokens, add = scanner.text, scanner.tokens, scanner.tokens.append
    match, operators, brackets, keywords = CODE.match, OPERATORS, BRACKETS, KEYWORDS
    newlines, at = scanner.newlines, scanner.at
    previous = tokens[-1].kind if tokens else "NL"
    while True:
        m = match(text, at)
        assert m is not None
        kind = m.lastgroup
        assert kind is not None
        start, at = m.span(kind)
        if kind == "OP":
            value = text[start:at]
            kind = operators[value]
            if kind in brackets:
                scanner.at = at
                if brackets[kind](scanner, kind, start):
                    return
                newlines = scanner.newlines
            else:
                add(Token(kind, value, start, at))
        elif kind == "IDENT" and (value := text[start:at]).isascii():
            if value == "for" and begins_loop(scanner, previous):
                kind = "FOR"
            elif value in keywords:
                kind = keywords[value]
            add(Token(kind, value, start, at))
        elif kind == "NL":
            if newlines and previous != "NL":
                add(Token(kind, "\n", start, at))
            else:
                continue
        elif kind == "STRING":
            add(Token(kind, text[start + 1 : at - 1], start, at))
        else:
            scanner.at = at
            RARE[kind](scanner, start)
            if scanner.done or scanner.mode is not scan_code:
                return
            at, kind = scanner.at, tokens[-1].kind if tokens else "NL"
        previous = kind


def open_bracket(scanner: Scanner, kind: str, start: int) -> bool:
    scanner.push(kind)
    scanner.newlines = kind == "LBRACE" and not begins_for(scanner)
    scanner.add(kind, start, scanner.at)
    return False


def begins_loop(scanner: Scanner, previous: str) -> bool:
    """Whether the word "for" is the keyword: behind a bracket, but not that of an index."""
    if previous == "LSQB":
        before = [token.kind for token in scanner.tokens[-3:-1]]
        return not before or (before[-1] not in INDEXED and before != ["DOT", "STAR"])
    return previous == "LBRACE" and not scanner.newlines


def begins_for(scanner: Scanner) -> bool:
    """Whether a ``{`` begins a for expression. A block's brace doesn't, even if its first argument is called "for"."""
    if scanner.tokens and scanner.tokens[-1].kind in ("IDENT", "STRING", "CQUOTE"):
        return False
    return FOR_AHEAD.match(scanner.text, scanner.at) is not None


def close_bracket(scanner: Scanner, kind: str, start: int) -> bool:
    """Close the bracket and whatever was left open in it. True when that leads back into a template."""
    depth = matching_frame(scanner.depths, kind)
    if depth < 0:
        scanner.add(kind, start, scanner.at)
        return False
    while len(scanner.frames) > depth + 1:
        scanner.pop()
    if scanner.frames[-1][0] == "TEND":
        close_sequence(scanner, start)
        return True
    scanner.pop()
    if kind == "RSQB" and scanner.newlines:
        check_splat(scanner, start)
    scanner.add(kind, start, scanner.at)
    return False


def check_splat(scanner: Scanner, end: int) -> None:
    """Where newlines count outside of them, the brackets of ``[*]`` are the only ones in which they count, too."""
    tokens = scanner.tokens
    if len(tokens) > 1 and tokens[-1].kind == "STAR" and tokens[-2].kind == "LSQB":
        star = tokens[-1]
        if "\n" in COMMENTS.sub("", scanner.text[tokens[-2].end : end]):
            tokens[-1] = Broken("splat", star.start, star.end)


def matching_frame(depths: dict[str, list[int]], kind: str) -> int:
    """The innermost frame that a closer can close, or -1. A ``}`` also ends a template sequence."""
    own, sequence = (depths[closer][-1] if depths[closer] else -1 for closer in (kind, "TEND"))
    return max(own, sequence) if kind == "RBRACE" or own > sequence else -1


BRACKETS: Final = {
    "LBRACE": open_bracket, "LPAR": open_bracket, "LSQB": open_bracket,
    "RBRACE": close_bracket, "RPAR": close_bracket, "RSQB": close_bracket,
}  # fmt: skip


def close_sequence(scanner: Scanner, start: int) -> None:
    scanner.pop()
    template = scanner.template
    template.ends[len(template.own) - 1] = scanner.add("TEND", start, scanner.at)


def scan_number(scanner: Scanner, start: int) -> None:
    value = scanner.text[start : scanner.at]
    if scanner.tokens and scanner.tokens[-1].kind == "DOT":  # x.0, the old way to write x[0]
        if "." not in value and NUMBER.match(value):
            scanner.add("INT", start, scanner.at)
        else:
            scanner.broken("legacy index", start, scanner.at)
    elif NUMBER.match(value):
        scanner.add("NUMBER", start, scanner.at)
    else:
        scanner.broken("number", start, scanner.at)


def scan_foreign_word(scanner: Scanner, start: int) -> None:
    """An identifier with characters beyond ASCII."""
    length = identifier_length(scanner.text[start : scanner.at])
    if length:
        scanner.at = start + length
        scanner.add("IDENT", start, scanner.at)
    else:
        bad_character(scanner, start)


def scan_comment(scanner: Scanner, start: int) -> None:
    close = scanner.text.find("*/", start + 2)
    scanner.at = close + 2 if close >= 0 else len(scanner.text)
    if close < 0:
        scanner.broken("comment", start, start + 2)


def strip_end(scanner: Scanner, start: int) -> None:
    """``~}`` ends a template sequence; elsewhere the tilde means nothing."""
    if scanner.frames and scanner.frames[-1][0] == "TEND":
        close_sequence(scanner, start)
    else:
        bad_character(scanner, start)


def end_of_text(scanner: Scanner, start: int) -> None:
    scanner.at = start
    if scanner.tokens and scanner.tokens[-1].kind != "NL":
        scanner.add("NL", start, start)
    scanner.done = True


PAIRS: Final = {"'": "'", "`": "`", "‘": "’", "“": "”", "«": "»"}


def bad_character(scanner: Scanner, start: int) -> None:
    """A character that means nothing here; wrong quotes take what they enclose with them."""
    text = scanner.text
    scanner.at = start + 1
    if closing := PAIRS.get(text[start]):
        line_end = text.find("\n", start)
        line_end = line_end if line_end >= 0 else len(text)
        scanner.at = text.find(closing, start + 1, line_end) + 1 or line_end
    scanner.broken("character", start, scanner.at)


# -- strings and heredocs -----------------------------------------------------------


def open_quote(scanner: Scanner, start: int) -> None:
    scanner.add("OQUOTE", start, scanner.at)
    scanner.push("OQUOTE")
    scanner.mode, scanner.template = scan_quoted, Template(start)


def open_heredoc(scanner: Scanner, start: int) -> None:
    text = scanner.text
    m = MARKER.match(text, start)
    assert m is not None
    dash, marker = m.groups()
    if identifier_length(marker) < len(marker):
        return bad_character(scanner, start)
    last = scanner.last_line(marker, m.end())
    if last is None:
        scanner.at = m.end(2)
        scanner.broken("heredoc", start, scanner.at, cut=True)
    elif (lone := scanner.next_of(LONE_CR, m.end())) < last[0]:
        scanner.at = last[1]
        scanner.broken("character", lone, lone + 1)
    elif scanner.next_of(SEQUENCE_AHEAD, m.end()) >= last[0]:
        body = text[m.end() : last[0]]
        scanner.at = last[1]
        scanner.tokens.append(Token("HEREDOC", without_indent(body) if dash else body, start, scanner.at))
    else:
        scanner.add("OHEREDOC", start, m.end(2))
        scanner.at = m.end()
        scanner.push("OHEREDOC")
        scanner.mode, scanner.template = scan_heredoc, Template(start, marker, flush=bool(dash))
    return None


def marked(line: re.Match[str]) -> str:
    """The marker on a heredoc's last line. It was matched with the space behind it when that is no ASCII."""
    return line[1].rstrip(SPACE)


def without_indent(body: str) -> str:
    lines = [line + "\n" for line in body.split("\n")[:-1]]
    return "".join(line for line in flush(lines) if line)


RARE: Final[dict[str, Callable[[Scanner, int], None]]] = {
    "IDENT": scan_foreign_word, "NUMBER": scan_number, "OQUOTE": open_quote, "OHEREDOC": open_heredoc,
    "COMMENT": scan_comment, "TILDE": strip_end, "END": end_of_text, "BAD": bad_character,
}  # fmt: skip


def scan_quoted(scanner: Scanner) -> None:
    """Scan the inside of a quoted string until it ends or a sequence begins in it."""
    text = scanner.text
    while True:
        m = QUOTED.match(text, scanner.at)
        assert m is not None
        start, scanner.at = m.span()
        if m.lastgroup == "QLIT":
            quoted_literal(scanner, start)
        elif m.lastgroup == "CQUOTE":
            return close_template(scanner, "CQUOTE", start)
        elif m.lastgroup == "LONE_CR":
            scanner.broken("character", start, scanner.at)
        elif m.lastgroup == "BAD":
            return unterminated(scanner, start)
        else:
            return open_sequence(scanner, m)


def scan_heredoc(scanner: Scanner) -> None:
    """Scan a heredoc, or a text that is a template as a whole, until it ends or a sequence begins in it."""
    text = scanner.text
    marker = scanner.template.marker
    while True:
        last = LAST_LINE.match(text, scanner.at) if marker else None
        if last and marked(last) == marker:
            start, scanner.at = last.span()
            return close_template(scanner, "CHEREDOC", start)
        m = HEREDOC.match(text, scanner.at)
        assert m is not None
        start, scanner.at = m.span()
        if m.lastgroup == "QLIT":
            literal(scanner, unescape_bare(m[0]), start)
        elif m.lastgroup == "LONE_CR":
            scanner.broken("character", start, scanner.at)
        elif m.lastgroup == "BAD":
            return end_of_template(scanner)
        else:
            return open_sequence(scanner, m)


def quoted_literal(scanner: Scanner, start: int) -> None:
    raw = scanner.text[start : scanner.at]
    try:
        literal(scanner, unescape_quoted(raw), start)
    except BadEscapeError as bad:
        at = start + bad.offset
        scanner.broken("escape", at, at + bad.length)


def literal(scanner: Scanner, value: str, start: int) -> None:
    token = Token("QLIT", value, start, scanner.at)
    scanner.tokens.append(token)
    scanner.template.own.append(token)


def open_sequence(scanner: Scanner, m: re.Match[str]) -> None:
    kind = DIRECTIVES.get(m["WORD"]) if m["CTRL"] else "INTERP"
    if kind is None:  # what follows is scanned as if it were one
        start = m.start("WORD") if m["WORD"] else m.start()
        scanner.broken("directive", start, scanner.at)
        kind = "INTERP"
        scanner.template.own.append(scanner.tokens[-1])
    else:
        scanner.template.own.append(scanner.add(kind, m.start(), scanner.at))
    scanner.push(kind)
    scanner.mode, scanner.newlines = scan_code, False


def close_template(scanner: Scanner, kind: str, start: int) -> None:
    trim(scanner.template)
    scanner.add(kind, start, scanner.at)
    scanner.pop()


def end_of_template(scanner: Scanner) -> None:
    trim(scanner.template)
    if scanner.template.marker:
        opener = scanner.template.opener
        scanner.broken("heredoc", scanner.at, scanner.at, opener, cut=True)
    scanner.done = True


def trim(template: Template) -> None:
    """Apply strip markers and flush indentation to a template's literals, now that all of them are known."""
    own = template.own
    for i, end in template.ends.items():
        if "~" in own[i].value[:3] and i and own[i - 1].kind == "QLIT":
            own[i - 1].value = own[i - 1].value.rstrip(SPACE)
        if end.value == "~}" and i + 1 < len(own) and own[i + 1].kind == "QLIT":
            own[i + 1].value = own[i + 1].value.lstrip(SPACE)
    if template.flush:
        for token, value in zip(own, flush([t.value if t.kind == "QLIT" else None for t in own]), strict=True):
            if value is not None:
                token.value = value


# -- a quoted string whose line ends --------------------------------------------------


def unterminated(scanner: Scanner, end: int) -> None:
    """A line ends inside a string. Find out what was forgotten, and go on after the string's line.

    A quote that is missing is by far the most likely, but if the string stands in ``${`` of another string of that
    line, or has such a sequence that was only closed lines below, it is the sequence's ``}``.
    """
    text = scanner.text
    line = text.rfind("\n", 0, end) + 1
    opener = scanner.template.opener
    scanner.at = end
    if crossing := crossing_sequence(scanner, line):
        return unclosed_sequence(scanner, crossing)
    depth, sequence = outermost_on_line(scanner, line)
    if sequence and "}" not in text[opener:end]:
        scanner.broken("sequence", sequence.start, sequence.end)
    elif end < len(text):
        scanner.broken("string", max(opener, line), end, opener)
    else:
        scanner.broken("string", end, end, opener)
    leave(scanner, depth)
    return None


def outermost_on_line(scanner: Scanner, line: int) -> tuple[int, Token | None]:
    """The frame of the outermost string of this line around here, and the sequence in it that leads here."""
    depth, sequence = len(scanner.frames) - 1, None
    for i in range(depth - 1, -1, -1):
        closer, _, mode, template = scanner.frames[i]
        if closer == "CQUOTE" and sequence is not None:
            depth = i
        elif closer == "TEND" and mode is scan_quoted and template.own[-1].start >= line <= template.opener:
            sequence = template.own[-1]
        elif closer == "TEND" or closer == "CHEREDOC":
            break
    return depth, sequence


def crossing_sequence(scanner: Scanner, line: int) -> Token | None:
    """The sequence of the current string that has code on the string's first line and its ``}`` first on another."""
    text, template = scanner.text, scanner.template
    if template.opener >= line or not scanner.rewinds:
        return None
    for i, close in template.ends.items():
        opener = template.own[i]
        first = text.find("\n", opener.end)
        before = text.rfind("\n", 0, close.start)
        if first < close.start and text[opener.end : first].strip() and not text[before : close.start].strip():
            return opener
    return None


def unclosed_sequence(scanner: Scanner, sequence: Token) -> None:
    """Take back what was scanned since the sequence began and go on at the end of its line."""
    tokens = scanner.tokens
    scanner.rewinds -= 1
    while tokens[-1].start > sequence.start:
        tokens.pop()
    tokens.pop()
    scanner.at = scanner.text.find("\n", sequence.start)
    scanner.broken("sequence", sequence.start, sequence.end)
    leave(scanner, len(scanner.frames) - 1)


def leave(scanner: Scanner, depth: int) -> None:
    """Close every frame down to ``depth``, with empty tokens for what is missing."""
    while len(scanner.frames) > depth:
        scanner.tokens.append(Token(scanner.frames[-1][0], "", scanner.at, scanner.at))
        scanner.pop()
