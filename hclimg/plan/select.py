"""``-only`` and ``-except``: which lanes are built, and which post-processors are left out.

The patterns are globs without separators: ``*`` crosses dots. ``{a,b}`` works, because an option is cut at the commas
outside of braces only. ``["KEY"]`` is an instance of a block with ``for_each`` and not a class of characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from hclimg.diagnostics import Absence, Diagnostics, did_you_mean

_KEY = r'\["(?:[^"\\]|\\.)*"\]'
_KEY_OR_CHARACTER = re.compile(f"{_KEY}|.", re.DOTALL)
_TOKEN = re.compile(_KEY + r"|\\.|\*+|\?|\[[!^]?[^\]]+\]|[{},]|.", re.DOTALL)


@attrs.frozen(eq=False)
class Pattern:
    """``text`` is what the user wrote."""

    text: str
    regex: re.Pattern[str] = attrs.field(repr=False)

    def matches(self, name: str) -> bool:
        return self.regex.fullmatch(name) is not None


@attrs.frozen(eq=False)
class Candidate:
    """A lane that can be selected, by any of some names. ``name`` is what the user is shown."""

    name: str
    names: tuple[str, ...]


@attrs.define(eq=False)
class Selection:
    """The patterns of a command line, and which of them have matched something."""

    only: tuple[Pattern, ...] = ()
    except_: tuple[Pattern, ...] = ()
    used: set[str] = attrs.field(factory=set)

    def drops(self, *names: str) -> bool:
        """Whether ``-except`` names the post-processor that is called so."""
        return self._any(self.except_, names)

    def _any(self, patterns: Iterable[Pattern], names: Sequence[str]) -> bool:
        hits = [pattern.text for pattern in patterns if any(map(pattern.matches, names))]
        self.used.update(hits)
        return bool(hits)

    def wants(self, lane: Candidate) -> bool:
        wanted = not self.only or self._any(self.only, lane.names)
        return not self._any(self.except_, lane.names) and wanted


def split_patterns(texts: Iterable[str]) -> list[str]:
    """The patterns of a repeatable option: each is cut at its commas, but not inside ``{a,b}`` and ``["a,b"]``."""
    found: list[str] = []
    for text in texts:
        depth, start = 0, 0
        for token in _KEY_OR_CHARACTER.finditer(text):
            char = token[0]
            depth += (char == "{") - (char == "}")
            if char == "," and depth <= 0:
                found.append(text[start : token.start()])
                start = token.end()
        found.append(text[start:])
    return [pattern.strip() for pattern in found if pattern.strip()]


def make_selection(only: Iterable[str], except_: Iterable[str], diags: Diagnostics) -> Selection:
    """Compile the patterns of both options; those that make no sense are reported."""
    return Selection(tuple(_compiled(only, "-only", diags)), tuple(_compiled(except_, "-except", diags)))


def _compiled(texts: Iterable[str], option: str, diags: Diagnostics) -> Iterable[Pattern]:
    for text in split_patterns(texts):
        try:
            yield glob(text)
        except ValueError as error:
            diags.error("Invalid pattern", f'{option} "{text}": {error}.')


def glob(text: str) -> Pattern:
    """Raises ValueError with the reason when the pattern is malformed."""
    parts: list[str] = []
    depth = 0
    for token in _TOKEN.findall(text):
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
        if depth < 0:
            raise ValueError('a "}" without its "{"')
        parts.append(_piece(token, depth))
    if depth:
        raise ValueError('a "{" is not closed')
    return Pattern(text, re.compile("".join(parts), re.DOTALL))


def _piece(token: str, depth: int) -> str:
    if token == "{":
        return "(?:"
    if token == "}":
        return ")"
    if token == "," and depth:
        return "|"
    if token[0] == "*":
        return ".*"
    if token == "?":
        return "."
    if token.startswith('["') and token.endswith('"]'):
        return "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in token)
    if token[0] == "[":
        return _class(token)
    return re.escape(token[1:] if token[0] == "\\" and len(token) == 2 else token)


def _class(token: str) -> str:
    if len(token) < 3:
        raise ValueError('a "[" is not closed, or nothing stands between "[" and "]"')
    inner = token[1:-1]
    negated = inner[0] in "!^"
    body = inner[1:] if negated else inner
    if not body:
        raise ValueError('nothing stands between "[" and "]"')
    escaped = re.sub(r"[\\^\[\]&~|]", lambda m: "\\" + m[0], body)
    try:
        re.compile(f"[{escaped}]")
    except re.error as error:
        raise ValueError(f'"{token}" is not a class of characters') from error
    return f"[{'^' if negated else ''}{escaped}]"


def select_lanes(
    selection: Selection,
    lanes: Sequence[Candidate],
    needs: Callable[[str], Mapping[str, object]],
    diags: Diagnostics,
) -> set[str]:
    """The names of the lanes to build; ``needs`` names the lanes that one depends on, which come along."""
    chosen = {lane.name for lane in lanes if selection.wants(lane)}
    dropped = {lane.name for lane in lanes if _is_excepted(selection, lane)}
    todo = [lane.name for lane in lanes if lane.name in chosen]
    for name in todo:
        for needed in needs(name):
            if needed in dropped:
                detail = f'"{name}" starts from the artifact of "{needed}", which -except leaves out. Leave out both.'
                diags.error("Needed build is left out", detail)
            elif needed not in chosen:
                detail = f'"{needed}" is built too, because "{name}" starts from its artifact.'
                diags.warn("Needed build is added", detail)
                todo.append(needed)
            chosen.add(needed)
    return chosen


def _is_excepted(selection: Selection, lane: Candidate) -> bool:
    return any(pattern.matches(name) for pattern in selection.except_ for name in lane.names)


def report_unused(
    selection: Selection, lanes: Sequence[Candidate], post_processors: Iterable[str], diags: Diagnostics
) -> None:
    """Patterns that matched nothing; said after the post-processors have been looked at."""
    names = [lane.name for lane in lanes]
    steps = sorted(set(post_processors))
    for option, patterns, known in (("-only", selection.only, names), ("-except", selection.except_, [*names, *steps])):
        for pattern in patterns:
            if pattern.text in selection.used:
                continue
            detail = f'{option} "{pattern.text}" matches no build. The builds are {", ".join(names)}.'
            diags.warn("Pattern matches nothing", detail + did_you_mean(pattern.text, known), absence=Absence.BUILD)


def report_nothing(selection: Selection, lanes: Sequence[Candidate], diags: Diagnostics) -> None:
    """No lane is left; patterns that matched nothing are the cause, so they are named here and not warned of."""
    names = [lane.name for lane in lanes]
    unused = [pattern.text for pattern in selection.only if pattern.text not in selection.used]
    selection.used.update(unused)
    why = "".join(f' -only "{text}" matches none.{did_you_mean(text, names)}' for text in unused)
    detail = f"The options -only and -except leave no build. The builds are {', '.join(names)}.{why}"
    diags.error("No builds to run", detail)
