"""Parser tables: a grammar file compiled by lark, in a form that loads in about a millisecond.

lark is only imported to compile. A wheel brings the tables along (``hatch_build.py`` makes them); in a checkout they
are compiled on first use and kept in ``$XDG_CACHE_HOME/hclimg``. The form is plain text that is never executed: lines
of numbers. Knows nothing of what the grammars mean, and imports nothing of hclimg, for the build runs it alone.
"""

from __future__ import annotations

import os
from binascii import crc32
from importlib import import_module
from pathlib import Path
from typing import Any, Final

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
        tables = _loaded[name] = _load(name, Path(__file__).parents[1], cache_folder())
    return tables


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hclimg"


def _load(name: str, package: Path, cache: Path) -> Tables:
    """From the wheel; else from the cache; else compiled from the grammar in the wheel or the checkout."""
    shipped = _read(package / "grammar" / f"{name}.tables")
    if shipped is not None and (tables := decode(shipped)):
        return tables
    for folder in (package, package.parent):
        grammar = _read(folder / "grammar" / f"{name}.lark")
        if grammar is not None:
            return _cached(name, grammar, cache)
    raise GrammarError(f"the grammar file {name}.lark is missing; is hclimg installed completely?")


def _cached(name: str, grammar: str, cache: Path) -> Tables:
    path = cache / f"{name}-{fingerprint(grammar)}.tables"
    kept = _read(path) if _is_private(cache) else None
    if kept is not None and (tables := decode(kept)):
        return tables
    text = compile_grammar(grammar, name)
    _keep(path, text)
    tables = decode(text)
    assert tables is not None
    return tables


def fingerprint(grammar: str) -> str:
    """Names the tables of a grammar. lark's version is no part of it: a grammar has the same tables with any."""
    return f"{len(grammar):x}-{crc32((FORMAT + grammar).encode()):08x}"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_private(folder: Path) -> bool:
    """Whether nobody else can have put files there."""
    try:
        found = folder.stat()
    except OSError:
        return False
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _keep(path: Path, text: str) -> None:
    """Write the tables for the next process. That it can't be done is no error: they are in memory."""
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if _is_private(path.parent):
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
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
        starts = {rule: int(state) for rule, _, state in (word.partition("=") for word in lines[2].split(" "))}
        rules = [_decode_rule(line) for line in lines[3].split(",")]
        symbols = [names[int(i)] for i in lines[4].split(" ")]
        rows = {line: _decode_row(line, names) for line in set(lines[5:-1])}
        actions = [rows[line] for line in lines[5:-1]]
    except (IndexError, ValueError):
        return None
    return Tables(starts, rules, symbols, actions) if len(actions) == len(symbols) else None


def _decode_rule(text: str) -> Rule:
    made, size, function = text.split(" ")
    return made, int(size), function


def _decode_row(line: str, names: list[str]) -> dict[str, int]:
    numbers = list(map(int, line.split(" ")))
    return {names[i]: action for i, action in zip(numbers[::2], numbers[1::2], strict=True)}


# -- compiling ------------------------------------------------------------------------


def compile_grammar(grammar: str, name: str) -> str:
    """The text form of a grammar's tables. The grammar's first line says which rules a parse can start with."""
    first = grammar.partition("\n")[0]
    if not first.startswith(START):
        raise GrammarError(f'{name}.lark must begin with "{START}" and the names of its start rules')
    starts = first.removeprefix(START).split()
    loader, lalr, common = (import_module(f"lark.{m}") for m in ("load_grammar", "parsers.lalr_analysis", "common"))
    try:
        loaded, _ = loader.load_grammar(grammar, f"{name}.lark", [], True)
        _, rules, _ = loaded.compile(starts, "*")
        analyzer = lalr.LALR_Analyzer(common.ParserConf(rules, {}, starts), strict=True)
        analyzer.compute_lalr()
    except import_module("lark.exceptions").LarkError as error:
        raise GrammarError(f"{name}.lark: {error}") from error
    return _encode(analyzer.parse_table, rules, lalr.Shift)


def _encode(table: Any, rules: list[Any], shift: Any) -> str:
    """lark's table with its states in the order in which they are reached, so that every build gives the same text."""
    number_of_rule = {rule: i for i, rule in enumerate(rules)}
    order, symbols = _reached(table, shift)
    rows: list[dict[str, int]] = [
        {s: order[to] if action is shift else ~number_of_rule[to] for s, (action, to) in table.states[state].items()}
        for state in order
    ]
    for end in table.end_states.values():
        rows[order[end]]["$END"] = ACCEPT
    names = sorted({"$END", *symbols, *(s for row in rows for s in row)})
    index = {name: i for i, name in enumerate(names)}
    head = [
        FORMAT,
        " ".join(names),
        " ".join(f"{rule}={order[table.start_states[rule]]}" for rule in sorted(table.start_states)),
        ",".join(_encode_rule(rule) for rule in rules),
        " ".join(str(index[s]) for s in symbols),
    ]
    return "\n".join(head + [" ".join(f"{index[s]} {row[s]}" for s in sorted(row)) for row in rows]) + "\n"


def _reached(table: Any, shift: Any) -> tuple[dict[int, int], list[str]]:
    """New numbers for the states, and the symbol that leads into each."""
    order: dict[int, int] = {}
    symbols: list[str] = []
    reached = [(table.start_states[rule], rule) for rule in sorted(table.start_states)]
    for state, symbol in reached:  # grows while it is walked
        if state not in order:
            order[state] = len(order)
            symbols.append(symbol)
            following = sorted((s, to) for s, (action, to) in table.states[state].items() if action is shift)
            reached += [(to, s) for s, to in following]
    return order, symbols


def _encode_rule(rule: Any) -> str:
    passes = rule.alias is None and rule.options.expand1 and len(rule.expansion) == 1
    function = "" if passes else rule.alias or rule.origin.name
    return f"{rule.origin.name} {len(rule.expansion)} {function}"
