"""What a Python file declares, block by block, until all of it has run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from attrs import define, field, frozen

from hclimg.lang.syntax import Attribute, Block, Body, Expr, Name, Property, Variable
from hclimg.template.dsl.places import DslError, Place
from hclimg.template.dsl.values import Ref, expr_of


@frozen
class Dynamic:
    """Blocks, one for each element of something that is known only later; ``content`` makes their items of one."""

    for_each: Any
    content: Callable[[Ref], Mapping[str, Any]]
    iterator: str = ""


@define(eq=False)
class BlockDraft:
    """A block that may still get items."""

    type: str
    labels: tuple[str, ...]
    place: Place
    items: list[Attribute | BlockDraft] = field(factory=list)

    def argument(self, name: str, value: Any, place: Place) -> None:
        if _has_dynamic(value):
            for item in value if isinstance(value, list | tuple) else (value,):
                self._nested(name, item, place)
        else:
            self.expression(name, expr_of(value, place), place, nested=_may_be_block(value))

    def _nested(self, name: str, value: Any, place: Place) -> None:
        """A block, or what makes blocks: with such inside, a dict can be nothing else."""
        if isinstance(value, Dynamic):
            self.dynamic(name, value, place)
        else:
            self.block(name, (), place).items_of(value, place)

    def dynamic(self, name: str, made: Dynamic, place: Place, labels: Any = ()) -> None:
        """Blocks of this name, one for each element."""
        draft = self.block("dynamic", (name,), place)
        iterator = made.iterator or name
        draft.argument("for_each", made.for_each, place)
        if made.iterator:
            draft.expression("iterator", Variable(place.source, place.start, place.end, made.iterator), place)
        if labels:
            draft.argument("labels", labels, place)
        element = Ref(Variable(place.source, place.start, place.end, iterator))
        draft.block("content", (), place).items_of(made.content(element), place)

    def items_of(self, values: Mapping[str, Any], place: Place) -> None:
        """The items of a block that stands as a dict at a place."""
        for name, value in values.items():
            self.argument(name, value, place)

    def expression(self, name: str, expr: Expr, place: Place, *, nested: bool = False) -> None:
        """``nested``: it may be a block, if whoever reads it expects blocks of this name."""
        kind = Property if nested else Attribute
        start, end = place.name or (place.start, place.end)
        at = Name(place.source, start, end, name)
        self.items.append(kind(place.source, start, place.end, at, expr))

    def arguments(self, values: Mapping[str, Any], place: Place) -> None:
        for name, value in values.items():
            self.argument(name.rstrip("_"), value, place.keyword(name))

    def block(self, type_: str, labels: Iterable[str], place: Place) -> BlockDraft:
        found = BlockDraft(type_, tuple(labels), place)
        self.items.append(found)
        return found

    def finished(self) -> Block:
        at = self.place
        labels = tuple(_name(label, at) for label in self.labels)
        return Block(at.source, at.start, at.end, _name(self.type, at), labels, _body(self.items, at))


def _has_dynamic(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_dynamic, value))
    if isinstance(value, Mapping):
        return any(map(_has_dynamic, value.values()))
    return isinstance(value, Dynamic)


def _name(text: str, at: Place) -> Name:
    return Name(at.source, at.start, at.end, text)


def _body(items: Iterable[Attribute | BlockDraft], at: Place) -> Body:
    found = tuple([item.finished() if isinstance(item, BlockDraft) else item for item in items])
    return Body(at.source, at.start, at.end, found)


def _may_be_block(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping)


@define(eq=False)
class Recording:
    blocks: list[BlockDraft] = field(factory=list)

    def add(self, type_: str, labels: Iterable[str], place: Place) -> BlockDraft:
        found = BlockDraft(type_, tuple(labels), place)
        self.blocks.append(found)
        return found

    def body(self, place: Place) -> Body:
        return _body(self.blocks, place)


_current: ContextVar[Recording | None] = ContextVar("recording", default=None)


def current() -> Recording:
    found = _current.get()
    if found is None:
        raise DslError("Templates in Python are read by hclimg: run `hclimg plan FILE.img.py`.")
    return found


@contextmanager
def recording() -> Iterator[Recording]:
    """Inside, what is declared is kept in the recording."""
    found = Recording()
    token = _current.set(found)
    try:
        yield found
    finally:
        _current.reset(token)
