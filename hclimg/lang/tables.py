"""Parser tables: a grammar file compiled by lark, in a form that loads in about a millisecond.

lark is only imported to compile. A wheel brings the tables along (``hatch_build.py`` makes them); in a checkout they are
compiled on first use and kept in ``$XDG_CACHE_HOME/hclimg``. The form is plain text that is never executed: lines of
numbers. Knows nothing of what the grammars mean.
"""

from __future__ import annotations

import os
from binascii import crc32
from typing import Final

FORMAT: Final = "hclimg-tables 1"
ACCEPT: Final = 1 << 30
START: Final = "// start:"

# What a rule makes, how many children it takes, the name of the function for it ("" when it passes its child on).
Rule = tuple[str, int, str]


class GrammarError(Exception):
    """A grammar file is missing, or lark finds fault with it."""


class Tables:
    """``actions[state][symbol]`` is the state to go to, ``~rule`` to reduce, or :data:`ACCEPT`.

    ``symbols[state]`` is the symbol that leads into the state, ``starts[rule]`` the state to begin in.
    """

    __slots__ = ("actions", "rules", "starts", "symbols")

    def __init__(
        self, starts: dict[str, int], rules: list[Rule], symbols: list[str], actions: list[dict[str, int]]
    ) -> None:
        self.starts = starts
        self.rules = rules
        self.symbols = symbols
        self.actions = actions


_loaded: dict[str, Tables] = {}


def load(name: str) -> Tables:
    """The tables of ``grammar/NAME.lark``."""
    tables = _loaded.get(name)
    if tables is None:
        tables = _loaded[name] = _load(name)
    return tables


def _load(name: str) -> Tables:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    shipped = _read(os.path.join(package, "grammar", f"{name}.tables"))
    if shipped is not None and (tables := decode(shipped)):
        return tables
    for folder in (package, os.path.dirname(package)):
        grammar = _read(os.path.join(folder, "grammar", f"{name}.lark"))
        if grammar is not None:
            return _cached(name, grammar)
    raise GrammarError(f"the grammar file {name}.lark is missing; is hclimg installed completely?")


def _cached(name: str, grammar: str) -> Tables:
    folder = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hclimg")
    path = os.path.join(folder, f"{name}-{fingerprint(grammar)}.tables")
    kept = _read(path) if _is_private(folder) else None
    if kept is not None and (tables := decode(kept)):
        return tables
    text = compile_grammar(grammar, name)
    _keep(folder, path, text)
    tables = decode(text)
    assert tables is not None
    return tables


def fingerprint(grammar: str) -> str:
    """Names the tables of a grammar. lark's version is no part of it: a grammar has the same tables with any."""
    return f"{len(grammar):x}-{crc32((FORMAT + grammar).encode()):08x}"


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None


def _is_private(folder: str) -> bool:
    """Whether nobody else can have put files there."""
    try:
        found = os.stat(folder)
    except OSError:
        return False
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _keep(folder: str, path: str, text: str) -> None:
    """Write the tables for the next process. That it can't be done is no error: they are in memory."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
        if not _is_private(folder):
            return
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        return


# -- the text form ------------------------------------------------------------------


def decode(text: str) -> Tables | None:
    """Tables from their text form, None when it isn't one of this version."""
    lines = text.split("\n")
    if lines[0] != FORMAT:
        return None
    try:
        names = lines[1].split(" ")
        starts = dict(zip(lines[2].split(" ")[::2], map(int, lines[2].split(" ")[1::2]), strict=True))
        rules = [_decode_rule(line) for line in lines[3].split(",")]
        symbols = [names[int(i)] for i in lines[4].split(" ")]
        actions = [_decode_state(line, names) for line in lines[5 : 5 + len(symbols)]]
    except (IndexError, ValueError):
        return None
    return Tables(starts, rules, symbols, actions) if len(actions) == len(symbols) else None


def _decode_rule(line: str) -> Rule:
    made, size, function = line.split(" ")
    return made, int(size), function


def _decode_state(line: str, names: list[str]) -> dict[str, int]:
    numbers = list(map(int, line.split(" ")))
    return {names[i]: action for i, action in zip(numbers[::2], numbers[1::2], strict=True)}


# -- compiling ------------------------------------------------------------------------


def compile_grammar(grammar: str, name: str) -> str:
    """The text form of a grammar's tables. Its first line says which rules a parse can start with."""
    from lark.common import ParserConf
    from lark.exceptions import LarkError
    from lark.load_grammar import load_grammar
    from lark.parsers.lalr_analysis import LALR_Analyzer

    first = grammar.partition("\n")[0]
    if not first.startswith(START):
        raise GrammarError(f'{name}.lark must begin with "{START}" and the names of its start rules')
    starts = first.removeprefix(START).split()
    try:
        loaded, _ = load_grammar(grammar, f"{name}.lark", [], global_keep_all_tokens=True)
        _, rules, _ = loaded.compile(starts, "*")
        analyzer = LALR_Analyzer(ParserConf(rules, {}, starts), strict=True)
        analyzer.compute_lalr()
    except LarkError as error:
        raise GrammarError(f"{name}.lark: {error}") from error
    return _encode(analyzer.parse_table, rules)


def _encode(table: object, rules: list[object]) -> str:
    """lark's table with states in the order in which they are reached, so that every build gives the same text."""
    from collections.abc import Mapping
    from typing import Any, cast

    states: Mapping[int, Mapping[str, tuple[Any, Any]]] = cast("Any", table).states
    starts: Mapping[str, int] = cast("Any", table).start_states
    ends = set(cast("Any", table).end_states.values())
    number_of_rule = {rule: i for i, rule in enumerate(rules)}
    order: dict[int, int] = {}
    symbols: list[str] = []
    reached = [(starts[name], name) for name in sorted(starts)]
    for state, symbol in reached:
        if state in order:
            continue
        order[state] = len(order)
        symbols.append(symbol)
        found = sorted((s, target) for s, (action, target) in states[state].items() if _shifts(action))
        reached += [(target, s) for s, target in found]
    names = sorted({s for row in states.values() for s in row} | set(symbols) | {"$END"})
    index = {name: i for i, name in enumerate(names)}
    rows = []
    for state in order:
        row = {
            s: order[target] if _shifts(action) else ~number_of_rule[target]
            for s, (action, target) in states[state].items()
        }
        if state in ends:
            row["$END"] = ACCEPT
        rows.append(" ".join(f"{index[s]} {row[s]}" for s in sorted(row)))
    head = [
        FORMAT,
        " ".join(names),
        " ".join(f"{name} {order[starts[name]]}" for name in sorted(starts)),
        ",".join(_encode_rule(rule) for rule in rules),
        " ".join(str(index[s]) for s in symbols),
    ]
    return "\n".join(head + rows) + "\n"


def _shifts(action: object) -> bool:
    return str(action) == "Shift"


def _encode_rule(rule: object) -> str:
    from typing import Any, cast

    known = cast("Any", rule)
    passes = known.alias is None and known.options.expand1 and len(known.expansion) == 1
    function = "" if passes else known.alias or known.origin.name
    return f"{known.origin.name} {len(known.expansion)} {function}"
