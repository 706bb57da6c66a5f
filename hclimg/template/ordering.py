"""Things that depend on each other, put in order. Small, iterative, and without networkx, which is slow to import."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import attrs

from hclimg.diagnostics import Diagnostic, Diagnostics, Range, Related

K = TypeVar("K", bound=Hashable)
_LAST = 1 << 30


@attrs.frozen
class Cycle(Generic[K]):
    """``path`` begins and ends with the same thing; ``places[i]`` is where ``path[i]`` refers to ``path[i + 1]``."""

    path: tuple[K, ...]
    places: tuple[Range, ...]


def in_order(things: Iterable[K], dependencies: Callable[[K], Mapping[K, Range]]) -> tuple[list[K], list[Cycle[K]]]:
    """What others depend on comes first; otherwise the given order stays. Each cycle is told once.

    The things of a cycle are in the list too, in some order.
    """
    done: list[K] = []
    cycles: list[Cycle[K]] = []
    state: dict[K, bool] = {}
    known = list(things)
    for start in known:
        if start not in state:
            _visit(start, dependencies, state, done, cycles)
    return done, cycles


def _visit(
    start: K,
    dependencies: Callable[[K], Mapping[K, Range]],
    state: dict[K, bool],
    done: list[K],
    cycles: list[Cycle[K]],
) -> None:
    """Depth first; ``state`` is false while a thing is on the path and true once it is done."""
    path: list[K] = [start]
    places: list[Range] = []
    state[start] = False
    todo = [iter(dependencies(start).items())]
    while todo:
        step = next(todo[-1], None)
        if step is None:
            todo.pop()
            state[path[-1]] = True
            done.append(path.pop())
            if places:
                places.pop()
            continue
        thing, place = step
        if thing not in state:
            state[thing] = False
            path.append(thing)
            places.append(place)
            todo.append(iter(dependencies(thing).items()))
        elif not state[thing]:
            first = path.index(thing)
            cycles.append(Cycle((*path[first:], thing), (*places[first:], place)))


def report_cycle(what: str, cycle: Cycle[Any], show: Callable[[Any], str], diags: Diagnostics) -> None:
    """Say who waits for whom, with every place."""
    names = [show(thing) for thing in cycle.path]
    told = zip(names, names[1:], cycle.places, strict=False)
    related = [Related(f"{first} refers to {second}", place) for first, second, place in told]
    if len(names) == 2:
        detail = f"{names[0]} refers to itself."
    else:
        detail = f"{what}: {' → '.join(names)}. Remove one of the references."
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
