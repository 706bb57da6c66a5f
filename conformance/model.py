"""What a conformance group is: a name and the cases it finds in a corpus.

Knows nothing of hclimg. A case passes when ``check`` returns; it raises :class:`Failed` or :class:`Skipped` otherwise.
Any other exception is a failure too (the runner catches it): a case must never stop the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from attrs import frozen


class Failed(Exception):
    """The program disagrees with what the case expects; the message says how, in one line."""


class Skipped(Exception):
    """The case cannot be judged; the message is a reason short enough to be counted ("needs a Go callback")."""


@frozen
class Case:
    id: str
    check: Callable[[], None]


@frozen
class Group:
    """``cases`` gets the folder of the corpus (all groups) and yields this group's cases.

    A group whose files are missing yields nothing; the table shows it as absent.
    """

    name: str
    about: str
    cases: Callable[[Path], Iterable[Case]]


def tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The tables of one corpus file by their name: lists of cases."""
    if not path.is_file():
        return {}
    return {t["test"]: t["cases"] for t in json.loads(path.read_text())["tables"]}


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise Failed(message)
