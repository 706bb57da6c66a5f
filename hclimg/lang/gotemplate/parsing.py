"""Parses Go templates: the functions that ``grammar/gotemplate.lark`` names, and words for what is wrong."""

from __future__ import annotations

from typing import TypeVar

from hclimg.lang.gotemplate import nodes
from hclimg.lang.gotemplate.nodes import Command, GoTemplate, GoTemplateError, Item, Pipeline, Word
from hclimg.lang.gotemplate.tokens import scan
from hclimg.lang.lalr import Machine
from hclimg.lang.tables import load
from hclimg.lang.tokens import END, Token

T = TypeVar("T")


def parse_go_template(text: str) -> GoTemplate:
    """The tree of a template. Raises GoTemplateError."""
    if "{{" not in text:
        return GoTemplate(text, (nodes.Text(0, len(text), text),) if text else ())
    items: list[Item] = Machine(load("gotemplate"), Reductions(), "template", scan(text), _fail).run()
    return GoTemplate(text, tuple(items))


class Rest:
    """What follows the first branch of an action: its other branch, and where the action ends."""

    __slots__ = ("end", "items")

    def __init__(self, items: tuple[Item, ...], end: int) -> None:
        self.items = items
        self.end = end


class Reductions:
    """One function for each rule; it gets tokens and nodes."""

    def template(self, items: list[Item]) -> list[Item]:
        return items

    def nothing(self) -> list[T]:
        return []

    def list_of(self, item: T) -> list[T]:
        return [item]

    def add(self, items: list[T], item: T) -> list[T]:
        items.append(item)
        return items

    def add_after(self, items: list[T], _: Token, item: T) -> list[T]:
        items.append(item)
        return items

    def add_text(self, items: list[Item], token: Token) -> list[Item]:
        return self.add(items, nodes.Text(token.start, token.end, token.value))

    def add_action(self, items: list[Item], opener: Token, pipeline: Pipeline, close: Token) -> list[Item]:
        return self.add(items, nodes.Action(opener.start, close.end, pipeline))

    # -- branches -----------------------------------------------------------------

    def if_action(self, opener: Token, pipeline: Pipeline, _: Token, yes: list[Item], rest: Rest) -> Item:
        return nodes.If(opener.start, rest.end, pipeline, tuple(yes), rest.items)

    def range_action(self, opener: Token, pipeline: Pipeline, _: Token, body: list[Item], rest: Rest) -> Item:
        return nodes.Range(opener.start, rest.end, pipeline, tuple(body), rest.items)

    def with_action(self, opener: Token, pipeline: Pipeline, _: Token, body: list[Item], rest: Rest) -> Item:
        return nodes.With(opener.start, rest.end, pipeline, tuple(body), rest.items)

    def end(self, _: Token, close: Token) -> Rest:
        return Rest((), close.end)

    def else_end(self, _: Token, __: Token, items: list[Item], ___: Token, close: Token) -> Rest:
        return Rest(tuple(items), close.end)

    def else_if(self, opener: Token, pipeline: Pipeline, _: Token, yes: list[Item], rest: Rest) -> Rest:
        return Rest((nodes.If(opener.start, rest.end, pipeline, tuple(yes), rest.items),), rest.end)

    # -- pipelines ------------------------------------------------------------------

    def pipeline(self, commands: list[Command]) -> Pipeline:
        return Pipeline(commands[0].start, commands[-1].end, tuple(commands))

    def declaration(self, name: Token, sign: Token, commands: list[Command]) -> Pipeline:
        declares = sign.kind == "DECLARE"
        return Pipeline(name.start, commands[-1].end, tuple(commands), (name.value,), declares)

    def declaration_of_two(
        self, first: Token, _: Token, second: Token, __: Token, commands: list[Command]
    ) -> Pipeline:
        names = (first.value, second.value)
        return Pipeline(first.start, commands[-1].end, tuple(commands), names, True)

    def command(self, words: list[Word]) -> Command:
        return Command(words[0].start, words[-1].end, tuple(words))

    # -- words ------------------------------------------------------------------------

    def function(self, token: Token) -> Word:
        return nodes.Function(token.start, token.end, token.value)

    def string(self, token: Token) -> Word:
        return nodes.Constant(token.start, token.end, token.value)

    def number(self, token: Token) -> Word:
        return nodes.Constant(token.start, token.end, _number(token))

    def true(self, token: Token) -> Word:
        return nodes.Constant(token.start, token.end, True)

    def false(self, token: Token) -> Word:
        return nodes.Constant(token.start, token.end, False)

    def nil(self, token: Token) -> Word:
        return nodes.Constant(token.start, token.end, None)

    def dot(self, token: Token) -> Word:
        return nodes.Dot(token.start, token.end)

    def fields(self, token: Token) -> Word:
        return nodes.Field(token.start, token.end, tuple(token.value.split(".")))

    def variable(self, name: Token, chain: Token | None = None) -> Word:
        return nodes.Variable(name.start, (chain or name).end, name.value, _path(chain))

    def paren(self, left: Token, pipeline: Pipeline, right: Token, chain: Token | None = None) -> Word:
        return nodes.Paren(left.start, (chain or right).end, pipeline, _path(chain))


def _path(chain: Token | None) -> tuple[str, ...]:
    return tuple(chain.value.split(".")) if chain else ()


def _number(token: Token) -> int | float:
    text = token.value.replace("_", "")
    try:
        return int(text, 0) if text.lower().lstrip("+-").startswith("0x") else int(text)
    except ValueError:
        return float(text)


def _fail(machine: Machine) -> bool:
    """Say what is wrong at the token that fits nowhere."""
    token = machine.tokens[machine.at]
    opened = [v for v in machine.values if isinstance(v, Token) and v.kind in ("OPEN_IF", "OPEN_RANGE", "OPEN_WITH")]
    if token.kind == END:
        keyword = opened[-1].value.lstrip("{- \t\r\n")
        raise GoTemplateError(f'"{{{{{keyword}}}}}" has no "{{{{end}}}}"', opened[-1].start)
    if token.kind.startswith("OPEN_"):
        keyword = token.value.lstrip("{- \t\r\n")
        raise GoTemplateError(f'"{{{{{keyword}}}}}" without something that it belongs to', token.start)
    if token.kind == "CLOSE" and machine.accepts("RPAR"):
        raise GoTemplateError('a ")" is missing before "}}"', token.start)
    if token.kind == "CLOSE":
        raise GoTemplateError('a value is missing before "}}"', token.start)
    raise GoTemplateError(f'"{token.value}" is not expected here', token.start)
