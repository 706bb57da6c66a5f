"""What a fix is, and how it finds and changes what it is for.

A template is plain JSON data here (dicts, lists, scalars). Fixes change it in place and keep the order of its keys.
They assume nothing about it: what is not of the expected shape is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

Json = Any
Block = dict[str, Json]


@frozen
class Fix:
    """One repair. ``summary`` tells in a line what it does; ``apply`` does it to a whole template."""

    name: str
    summary: str
    apply: Callable[[Block], None]


def builders(template: Block, *types: str) -> Iterator[Block]:
    """The builders of these types, or all of them. A type that ends with ``*`` is a prefix."""
    return _of_type(_blocks(template.get("builders")), types)


def provisioners(template: Block, *types: str) -> Iterator[Block]:
    return _of_type(_blocks(template.get("provisioners")), types)


def post_processors(template: Block, *types: str) -> Iterator[Block]:
    """Also those that stand in a sequence."""
    return _of_type(_blocks(template.get("post-processors")), types)


def _blocks(value: Json) -> Iterator[Block]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            yield item
        elif isinstance(item, list):
            yield from _blocks(item)


def _of_type(blocks: Iterator[Block], types: tuple[str, ...]) -> Iterator[Block]:
    exact = {name for name in types if not name.endswith("*")}
    prefixes = tuple(name[:-1] for name in types if name.endswith("*"))
    for block in blocks:
        kind = block.get("type")
        if not types or (isinstance(kind, str) and (kind in exact or (prefixes and kind.startswith(prefixes)))):
            yield block


def rename(block: Block, old: str, new: str) -> None:
    """A key gets its new name and keeps its place. A value that has the new name already wins."""
    if old not in block:
        return
    if new in block:
        del block[old]
        return
    items = [(new if key == old else key, value) for key, value in block.items()]
    block.clear()
    block.update(items)


def renaming(find: Callable[..., Iterator[Block]], types: tuple[str, ...], **names: str) -> Callable[[Block], None]:
    """A fix that does nothing but rename: ``old="new"``."""

    def apply(template: Block) -> None:
        for block in find(template, *types):
            for old, new in names.items():
                rename(block, old, new)

    return apply


def removing(find: Callable[..., Iterator[Block]], types: tuple[str, ...], *keys: str) -> Callable[[Block], None]:
    def apply(template: Block) -> None:
        for block in find(template, *types):
            for key in keys:
                block.pop(key, None)

    return apply


def replace_texts(value: Json, change: Callable[[str], str]) -> Json:
    """The same data with every string changed, at any depth; dicts and lists are changed in place."""
    todo: list[Any] = [value] if isinstance(value, dict | list) else []
    while todo:
        at = todo.pop()
        for key, inner in list(at.items()) if isinstance(at, dict) else list(enumerate(at)):
            if isinstance(inner, str):
                at[key] = change(inner)
            elif isinstance(inner, dict | list):
                todo.append(inner)
    return change(value) if isinstance(value, str) else value
