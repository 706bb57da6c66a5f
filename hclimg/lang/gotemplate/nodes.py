"""The tree of a Go template: texts and actions, each with its offsets in the text."""

from __future__ import annotations

from attrs import frozen


class GoTemplateError(Exception):
    """The template is wrong, or cannot be rendered with the data at hand; ``offset`` is where in its text."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@frozen
class Node:
    start: int
    end: int


# -- words: what a command is made of -------------------------------------------


@frozen
class Function(Node):
    """The name of a function; as the first word of a command it is called with the other words."""

    name: str


@frozen
class Constant(Node):
    """A string, number, ``true``, ``false`` or ``nil`` (None)."""

    value: str | int | float | bool | None


@frozen
class Dot(Node):
    """``.``, the data; in ``range`` and ``with`` what these are about."""


@frozen
class Field(Node):
    """``.A.B``: fields of the dot."""

    path: tuple[str, ...]


@frozen
class Variable(Node):
    """``$x.A.B``; the name is "" for ``$``, the data of the whole template."""

    name: str
    path: tuple[str, ...] = ()


@frozen
class Paren(Node):
    """``(pipeline).A.B``"""

    pipeline: Pipeline
    path: tuple[str, ...] = ()


Word = Function | Constant | Dot | Field | Variable | Paren


@frozen
class Command(Node):
    words: tuple[Word, ...]


@frozen
class Pipeline(Node):
    """Commands of which each gets the value of the one before as its last argument.

    ``variables`` are set to the value (``range`` with two: to index and element); ``declares`` when they are new.
    """

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    declares: bool = False


# -- what a template is made of ----------------------------------------------------


@frozen
class Text(Node):
    """Text as it is, without what trim markers take away."""

    text: str


@frozen
class Action(Node):
    """``{{ pipeline }}``: prints the value, unless it only sets a variable."""

    pipeline: Pipeline


@frozen
class If(Node):
    pipeline: Pipeline
    yes: tuple[Item, ...]
    no: tuple[Item, ...]


@frozen
class Range(Node):
    pipeline: Pipeline
    body: tuple[Item, ...]
    otherwise: tuple[Item, ...]


@frozen
class With(Node):
    pipeline: Pipeline
    body: tuple[Item, ...]
    otherwise: tuple[Item, ...]


Item = Text | Action | If | Range | With


@frozen
class GoTemplate:
    text: str
    items: tuple[Item, ...]
