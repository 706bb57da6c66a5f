"""No regular expression of ours can backtrack without end: templates come from strangers.

A repeated group that contains a repetition can match the same text in exponentially many ways, and tries them all when
what follows fails. So nothing that can fail may follow, unless the group is atomic or possessive, or there is a
character between the rounds that the repetitions in them cannot match.
"""

from __future__ import annotations

import pkgutil
import re
import re._compiler as compiler  # the parser of patterns has no public name
import re._constants as codes
import re._parser as parser
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import pytest

PACKAGES = ("hclimg.lang", "hclimg.template", "hclimg.config", "hclimg.plan", "hclimg.sdk", "hclimg.ui", "hclimg.cli")
REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)
FINAL = (codes.POSSESSIVE_REPEAT, codes.ATOMIC_GROUP, codes.ASSERT, codes.ASSERT_NOT)
Item = tuple[Any, Any]


def patterns() -> dict[str, re.Pattern[Any]]:
    """Every compiled pattern that a module has a name for."""
    found: dict[str, re.Pattern[Any]] = {}
    for package in map(import_module, PACKAGES):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            names = vars(import_module(info.name)).items()
            found |= {f"{info.name}.{name}": value for name, value in names if isinstance(value, re.Pattern)}
    return found


def dangers(sequence: Sequence[Item], *, fails: bool = False) -> Iterator[Item]:
    """Repetitions of repetitions with something behind them that can fail; ``fails`` says that of what comes later."""
    for i, item in enumerate(sequence):
        followed = fails or any(map(can_fail, sequence[i + 1 :]))
        if followed and is_endless(item) and endless_in(item[1][2]) and not is_separated(item[1][2]):
            yield item
        for below in bodies(item):
            yield from dangers(below, fails=followed and item[0] not in FINAL)


def bodies(item: Item) -> Sequence[Sequence[Item]]:
    code, data = item
    if code in (*REPEATS, codes.POSSESSIVE_REPEAT):
        return [data[2]]
    if code is codes.SUBPATTERN:
        return [data[3]]
    if code is codes.ATOMIC_GROUP:
        return [data]
    if code is codes.BRANCH:
        return data[1]
    return [data[1]] if code in (codes.ASSERT, codes.ASSERT_NOT) else []


def is_endless(item: Item) -> bool:
    return item[0] in REPEATS and item[1][1] == codes.MAXREPEAT


def endless_in(sequence: Sequence[Item]) -> list[Item]:
    """The repetitions without end in it that can give back what they took."""
    found = [item for item in sequence if is_endless(item)]
    inside = [below for item in sequence if item[0] not in FINAL for below in bodies(item)]
    return [*found, *(item for below in inside for item in endless_in(below))]


def is_separated(sequence: Sequence[Item]) -> bool:
    marks = [chr(data) for code, data in sequence if code is codes.LITERAL]
    repeated = [compiler.compile(item[1][2]) for item in endless_in(sequence)]
    return any(not any(pattern.fullmatch(mark) for pattern in repeated) for mark in marks)


def can_fail(item: Item) -> bool:
    code, data = item
    if code in (*REPEATS, codes.POSSESSIVE_REPEAT):
        return bool(data[0])
    if code is codes.BRANCH:
        return all(any(map(can_fail, below)) for below in bodies(item))
    if code in (codes.SUBPATTERN, codes.ATOMIC_GROUP):
        return any(map(can_fail, bodies(item)[0]))
    return True


def dangerous(pattern: re.Pattern[Any]) -> list[Item]:
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, str) else pattern.flags
    return list(dangers(list(parser.parse(pattern.pattern, flags))))


def test_no_pattern_of_ours_can_backtrack_without_end() -> None:
    found = patterns()
    assert len(found) > 60
    assert {name: pattern.pattern for name, pattern in found.items() if dangerous(pattern)} == {}


@pytest.mark.parametrize("text", ["(a+)+b", "(?:[ \t\n]+|x)*for", "((a|b*)*)$", "(?:a*?b?)*c", "(?:x(?:y+)+)+z"])
def test_dangerous_patterns_are_found(text: str) -> None:
    assert dangerous(re.compile(text))


@pytest.mark.parametrize("text", ["(?>(?:a+|b)*)c", "(?:a+|b)*+c", "(?:a+|b)*", "(?:a+|b)*c?", "(?:a+,)*b", "a*b*c"])
def test_harmless_patterns_are_not(text: str) -> None:
    assert not dangerous(re.compile(text))
