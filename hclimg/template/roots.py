"""The outermost names of a template as those see them who only ask why a value is not known yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from hclimg.lang.evaluate import Reference, Scope, references
from hclimg.lang.names import NameValues
from hclimg.lang.syntax import Node
from hclimg.lang.values import Value
from hclimg.template.model import DataAddress

LATE = frozenset(("build", "artifact"))
"""The names whose values only a running build tells."""


class Owner(Protocol):
    """Who made the outermost names. ``data`` are the results of data sources that have been read."""

    @property
    def data(self) -> Mapping[DataAddress, Value]: ...

    def data_of(self, found: Iterable[Reference]) -> frozenset[DataAddress]:
        """The data sources that some references need, through other names too."""

    def waits_for_builds(self, found: Iterable[Reference]) -> bool:
        """Whether some references need what a build makes, through other names too."""


class Roots(dict[str, Value]):
    """The outermost names, which know what they were made from."""

    owner: Owner


def owner_of(scope: Scope) -> Owner | None:
    """Who made the outermost names of a scope."""
    found = (inner.variables for inner in scope.chain())
    return next((roots.owner for roots in found if isinstance(roots, Roots)), None)


def waits_for_data(expr: Node, scope: Scope) -> bool:
    """Whether an expression is unknown only because data sources have not been read yet, as while validating."""
    owner, found = owner_of(scope), origins(expr, scope)
    if owner is None or any(reference.root in LATE for reference in found) or owner.waits_for_builds(found):
        return False
    return not owner.data_of(found) <= owner.data.keys()


def origins(expr: Node, scope: Scope) -> list[Reference]:
    """What an expression refers to, where ``each`` and iterators are what their collections refer to."""
    found: list[Reference] = []
    todo, seen = [expr], set()
    while todo:
        for reference in references(todo.pop()):
            collection = _collection(reference.root, scope)
            if collection is None:
                found.append(reference)
            elif id(collection) not in seen:
                seen.add(id(collection))
                todo.append(collection)
    return found


def _collection(name: str, scope: Scope) -> Node | None:
    """What a name goes through, if it is one that a repeated block has."""
    for inner in scope.chain():
        if inner.variables is not None and name in inner.variables:
            values = inner.variables
            return values.names.rounds[name].collection if isinstance(values, NameValues) else None
    return None
