"""Things that depend on each other, put in order. Small, iterative, and without networkx, which is slow to import."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

import attrs

from hclimg.diagnostics import Diagnostic, Diagnostics, Range, Related

K = TypeVar("K", bound=Hashable)
_LAST = 1 << 30
MOST_CYCLES: Final = 100
LONGEST_CYCLE: Final = 20
"""Of how many things a cycle is told with each of them; of longer ones the begin and the end are."""


@attrs.frozen
class Cycle(Generic[K]):
    """``path`` begins and ends with the same thing; ``places[i]`` is where ``path[i]`` refers to ``path[i + 1]``."""

    path: tuple[K, ...]
    places: tuple[Range, ...]


def in_order(things: Iterable[K], dependencies: Callable[[K], Mapping[K, Range]]) -> tuple[list[K], list[Cycle[K]]]:
    """What others depend on comes first; otherwise the given order stays. Each thing is told in one cycle, or two.

    The things of a cycle are in the list too, in some order.
    """
    search = _Search(dependencies)
    for start in list(things):
        if start not in search.state:
            search.visit(start)
    return search.done, search.cycles


@attrs.define
class _Search(Generic[K]):
    """Depth first; ``state`` is false while a thing is on the path and true once it is done."""

    dependencies: Callable[[K], Mapping[K, Range]]
    done: list[K] = attrs.field(factory=list)
    cycles: list[Cycle[K]] = attrs.field(factory=list)
    state: dict[K, bool] = attrs.field(factory=dict)
    path: list[K] = attrs.field(factory=list)
    places: list[Range] = attrs.field(factory=list)
    _at: dict[K, int] = attrs.field(factory=dict)
    _told: set[K] = attrs.field(factory=set)

    def visit(self, start: K) -> None:
        todo = [self._enter(start)]
        while todo:
            step = next(todo[-1], None)
            if step is None:
                todo.pop()
                self._leave()
                continue
            thing, place = step
            if thing not in self.state:
                self.places.append(place)
                todo.append(self._enter(thing))
            elif not self.state[thing]:
                self._cycle(thing, place)

    def _enter(self, thing: K) -> Iterator[tuple[K, Range]]:
        self.state[thing] = False
        self._at[thing] = len(self.path)
        self.path.append(thing)
        return iter(self.dependencies(thing).items())

    def _leave(self) -> None:
        thing = self.path.pop()
        self.state[thing] = True
        self.done.append(thing)
        if self.places:
            self.places.pop()

    def _cycle(self, thing: K, place: Range) -> None:
        """From ``thing`` along the path and back. Of cycles with things in common one is told, if not of one thing."""
        first = self._at[thing]
        told = first < len(self.path) - 1 and (thing in self._told or self.path[-1] in self._told)
        if told or len(self.cycles) >= MOST_CYCLES:
            return
        self._told.update(self.path[first:])
        self.cycles.append(Cycle((*self.path[first:], thing), (*self.places[first:], place)))


def report_cycle(what: str, cycle: Cycle[Any], show: Callable[[Any], str], diags: Diagnostics) -> None:
    """Say who waits for whom, with every place."""
    names = [show(thing) for thing in cycle.path]
    told = list(zip(names, names[1:], cycle.places, strict=False))
    left_out = len(told) - LONGEST_CYCLE
    if len(names) == 2:
        detail = f"{names[0]} refers to itself."
    elif left_out <= 0:
        detail = f"{what}: {' → '.join(names)}. Remove one of the references."
    else:
        ends = LONGEST_CYCLE // 2
        told[ends:-ends] = []
        chain = [*names[:ends], f"({left_out} more)", *names[-ends:]]
        detail = f"{what}: {' → '.join(chain)}. Remove one of the references."
    related = [Related(f"{first} refers to {second}", place) for first, second, place in told]
    diags.error("Dependency cycle", detail, subject=cycle.places[0], related=tuple(related[1:]))


def in_text_order(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """File by file from top to bottom, each problem once; those without a place come last.

    Blocks are shared between builds, so the same problem may be found many times.
    """
    files: dict[int, int] = {}
    told: dict[tuple[object, ...], tuple[tuple[int, int], Diagnostic]] = {}
    for item in found:
        at = item.subject
        place = (files.setdefault(id(at.source), len(files)), at.start) if at else (_LAST, 0)
        key = (item.severity, item.summary, item.detail, *place, at.end if at else 0)
        told.setdefault(key, (place, item))
    return [item for _, item in sorted(told.values(), key=lambda pair: pair[0])]
