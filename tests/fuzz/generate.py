"""Makes up expressions that are right in their syntax and strange in all else: most of them get to be evaluated."""

# ruff: noqa: E501 - tables of texts
from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from hclimg.lang.functions import standard_functions
from hclimg.lang.functions.catalog import Catalog

VARIABLES = (
    "s", "n", "b", "big", "l", "ln", "e", "set", "m", "o", "t", "null", "ns", "u", "us", "un", "uset", "mixed", "secret", "so",
)  # fmt: skip
STRINGS = (
    '""', '"a"', '"A,b"', '"10.0.0.0/8"', '"fd00::/64"', '"2020-02-30T00:00:00Z"', '"2020-02-29T23:59:60+01:00"', '"%d"', '"%-5s|%v%%"',
    '"%[3]q"', '"%*d"', '"[a-"', '"(?P<x>a)|b"', '"a{1000}"', '"((a*)*)*"', '"é👨‍👩‍👧"', '"e\\u0301"', '"\\u0000"', '"aGk="', '"a: [1, {b: c}]"',
    '"{\\"a\\": [1e5, null]}"', '"1e400"', '"-0"', '"0x1F"', '"true"', '"/x/../y"', '"~root/x"', '"../../.."', '"*.txt"', '"[z-a]"', '"1h30m"',
    '"-9999999999h"', '"YYYY-MM-DD\'T\'hh:mm:ssZ"', '"EEEE, DD-MMM"', '"UTF-16LE"', '"latin1"', '"%Y-%m"', '"a\\nb\\n"', '" "', '"dns"', '"x=y"',
    '"a,b\\n1,2"', '"&a [*a]"', '"!!binary x"', '"? a\\n: b"', '"<<: {a: 1}"',
)  # fmt: skip
NUMBERS = (
    "0", "1", "-1", "2", "0.5", "1.5", "1e3", "64", "255", "1e308", "1e-400", "-0", "3.7", "99999999999999999999", "1e60", "16", "36", "37",
)  # fmt: skip
TYPES = (
    "string",
    "number",
    "bool",
    "any",
    "list(any)",
    "set(string)",
    "map(number)",
    "tuple([string])",
    "object({a = any})",
)
BINARY = ("+", "-", "*", "/", "%", "==", "!=", "<", ">", "<=", ">=", "&&", "||")


@cache
def function_names() -> tuple[str, ...]:
    catalog = standard_functions(Path("/nowhere"), datetime(2024, 1, 1, tzinfo=UTC))
    assert isinstance(catalog, Catalog)
    return tuple(catalog)


def expression(chance: random.Random) -> str:
    return _any(chance, chance.choice((2, 3, 3, 4)))


def _any(chance: random.Random, depth: int) -> str:
    if depth <= 0:
        return _leaf(chance)
    kind = chance.random()
    if kind < 0.45:
        return _call(chance, depth)
    if kind < 0.55:
        return f"{_any(chance, depth - 1)} {chance.choice(BINARY)} {_any(chance, depth - 1)}"
    if kind < 0.62:
        return f"{_any(chance, depth - 1)} ? {_any(chance, depth - 1)} : {_any(chance, depth - 1)}"
    if kind < 0.72:
        return "[" + ", ".join(_any(chance, depth - 1) for _ in range(chance.randrange(4))) + "]"
    if kind < 0.80:
        return "{" + ", ".join(f"{_key(chance)} = {_any(chance, depth - 1)}" for _ in range(chance.randrange(3))) + "}"
    if kind < 0.85:
        return f"[for k, v in {_any(chance, depth - 1)} : {chance.choice(('k', 'v', '[k, v]'))} {_if(chance, depth)}]"
    if kind < 0.89:
        group = chance.choice(("", "..."))
        return (
            f"{{for k, v in {_any(chance, depth - 1)} : {chance.choice(('k', 'v'))} => v{group} {_if(chance, depth)}}}"
        )
    if kind < 0.94:
        return f"({_any(chance, depth - 1)}){_step(chance, depth)}"
    if kind < 0.97:
        return f'"{chance.choice(("", "x"))}${{{_any(chance, depth - 1)}}}%{{ if {_leaf(chance)} }}y%{{ endif }}"'
    return f"{chance.choice('!-')}({_any(chance, depth - 1)})"


def _call(chance: random.Random, depth: int) -> str:
    name = chance.choice(function_names())
    arguments = [
        _any(chance, depth - chance.choice((1, 2, 3))) for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 2, 3, 3, 4)))
    ]
    if name == "convert":
        arguments = [*arguments[:1], chance.choice(TYPES)]
    dots = "..." if arguments and chance.random() < 0.07 else ""
    return f"{name}({', '.join(arguments)}{dots})"


def _if(chance: random.Random, depth: int) -> str:
    return f"if {_any(chance, depth - 2)}" if chance.random() < 0.3 else ""


def _step(chance: random.Random, depth: int) -> str:
    return chance.choice(
        (".a", ".x", ".0", "[*]", ".*", "[*].x", ".*.a", "[0]", '["a"]', f"[{_any(chance, depth - 2)}]")
    )


def _key(chance: random.Random) -> str:
    return chance.choice(("a", "b", "x", '"é"', f"({_leaf(chance)})"))


def _leaf(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.4:
        return f"var.{chance.choice(VARIABLES)}"
    if kind < 0.7:
        return chance.choice(STRINGS)
    if kind < 0.9:
        return chance.choice(NUMBERS)
    return chance.choice(
        ("true", "false", "null", "[]", "{}", "[null]", '[1, "a"]', '{a = 1, b = "x"}', "[[1], [2, 3]]")
    )
