"""Names that a block has from its own repetition: the iterator of a ``dynamic`` block, ``each``.

A body carries them (:class:`hclimg.lang.syntax.Body`), so that whoever evaluates its expressions, now or in a run, puts
them around its scope without knowing where they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.values import NO_MARKS, Marks, Value, object_of

if TYPE_CHECKING:
    from hclimg.lang.scope import Scope
    from hclimg.lang.syntax import Expr


@attrs.frozen(eq=False, repr=False)
class Round:
    """What a name stands for in one round of a repetition: ``NAME.key`` and ``NAME.value``.

    ``collection`` is what the rounds go through, with the names that it sees itself: from it the value is taken again
    when it is not known yet.
    """

    key: Value
    value: Value
    collection: Expr | None = None
    outer: Names | None = None

    @property
    def is_late(self) -> bool:
        return self.collection is not None and self.key.is_known and not self.value.is_wholly_known

    def object(self, scope: Scope) -> Value:
        """The name's value; ``scope`` is what is around all the names."""
        return object_of({"key": self.key, "value": self._value(scope)})

    def member(self, name: str) -> Value | None:
        return {"key": self.key, "value": self.value}.get(name)

    def _value(self, scope: Scope) -> Value:
        from hclimg.lang.evaluate import evaluate
        from hclimg.lang.operators import OperationError, index

        if self.collection is None or not self.is_late:
            return self.value
        found = evaluate(self.collection, around(scope, self.outer), Diagnostics())
        try:
            return index(found, self.key.unmarked())
        except OperationError:
            return self.value


class Binding(Protocol):
    """What a name stands for. From ``collection``, which sees ``outer``, a value that is late is made again."""

    @property
    def collection(self) -> Expr | None: ...
    @property
    def outer(self) -> Names | None: ...
    @property
    def is_late(self) -> bool: ...
    def object(self, scope: Scope) -> Value: ...
    def member(self, name: str) -> Value | None:
        """What is known of an attribute of it."""


@attrs.frozen(eq=False, repr=False)
class Names:
    """The names, inner ones before outer ones of the same name.

    ``marks`` are those of everything that the body says, because it depends on a sensitive value that it exists.
    ``undecided`` is the collection when nobody knows yet how many rounds it has: the body then stands for all of them.
    """

    rounds: Mapping[str, Binding]
    marks: Marks = NO_MARKS
    undecided: Expr | None = None

    @property
    def late(self) -> tuple[Binding, ...]:
        """The rounds whose values are taken from their collections again."""
        return tuple(found for found in self.rounds.values() if found.is_late)

    def inside(self, outer: Names | None) -> Names:
        """The names of a body with these of its own, in one with those."""
        if outer is None:
            return self
        return Names(
            {**outer.rounds, **self.rounds}, outer.marks | self.marks, self.undecided or outer.undecided
        )  # fmt: skip


class NameValues(dict[str, Value]):
    """The values of names in a scope, which know where they come from."""

    names: Names


def around(scope: Scope, names: Names | None) -> Scope:
    """The scope in a body with these names."""
    if names is None:
        return scope
    values = NameValues({name: found.object(scope) for name, found in names.rounds.items()})
    values.names = names
    return scope.child(values)


def inner_names(outer: Names | None, own: Names | None) -> Names | None:
    """The names of a body in another one."""
    return own.inside(outer) if own is not None else outer
