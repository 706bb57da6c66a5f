"""Which types can be converted to which, and the one type that several types have in common.

Pure functions on types; they never see a value. ``unsafe`` conversions can fail for some values (a string to a number);
``None`` from :func:`unify` means that the types have nothing in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hclimg.lang.types import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    ListType,
    MapType,
    ObjectType,
    PrimitiveType,
    SetType,
    TupleType,
    Type,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SAFE = {(NUMBER, STRING), (BOOL, STRING)}
_UNSAFE = {(STRING, NUMBER), (STRING, BOOL)}


def convertible(source: Type, target: Type, *, unsafe: bool = True) -> bool:
    """Whether values of ``source`` may be converted to ``target``."""
    if target is ANY or source is target:
        return True
    if source is ANY:
        return unsafe
    if isinstance(target, PrimitiveType):
        return (source, target) in _SAFE or (unsafe and (source, target) in _UNSAFE)
    if isinstance(target, ListType | SetType):
        return _to_sequence(source, target, unsafe)
    if isinstance(target, MapType):
        return _to_map(source, target, unsafe)
    if isinstance(target, TupleType):
        return isinstance(source, TupleType) and _to_tuple(source, target, unsafe)
    return _to_object(source, target, unsafe)


def _same_or_convertible(source: Type, target: Type, unsafe: bool) -> bool:
    return source == target or convertible(source, target, unsafe=unsafe)


def _to_sequence(source: Type, target: ListType | SetType, unsafe: bool) -> bool:
    if isinstance(source, TupleType):
        return _all_to(source.elements, target.element, unsafe)
    if isinstance(source, ListType) and isinstance(target, SetType) and not unsafe:
        return False  # the order and duplicates would be lost
    return isinstance(source, ListType | SetType) and _same_or_convertible(source.element, target.element, unsafe)


def _to_map(source: Type, target: MapType, unsafe: bool) -> bool:
    if isinstance(source, ObjectType):
        return _all_to(tuple(source.attributes.values()), target.element, unsafe)
    return isinstance(source, MapType) and _same_or_convertible(source.element, target.element, unsafe)


def _all_to(types: tuple[Type, ...], element: Type, unsafe: bool) -> bool:
    if not types:
        return True
    if element is ANY:
        common = unify(types, unsafe=unsafe)
        if common is None or (common is ANY and any(t is not ANY for t in types)):
            return False
        element = common
    return all(_same_or_convertible(t, element, unsafe) for t in types)


def _to_tuple(source: TupleType, target: TupleType, unsafe: bool) -> bool:
    if len(source.elements) != len(target.elements):
        return False
    return all(_same_or_convertible(s, t, unsafe) for s, t in zip(source.elements, target.elements, strict=True))


def _to_object(source: Type, target: ObjectType, unsafe: bool) -> bool:
    if isinstance(source, MapType):
        return unsafe and all(
            _same_or_convertible(source.element, t, unsafe) or name in target.optional
            for name, t in target.attributes.items()
        )
    if not isinstance(source, ObjectType):
        return False
    for name, type_ in target.attributes.items():
        found = source.attributes.get(name)
        if found is None and name not in target.optional:
            return False
        if found is not None and not _same_or_convertible(found, type_, unsafe):
            return False
    return True


# -- unification ----------------------------------------------------------------


def unify(types: Sequence[Type], *, unsafe: bool = True) -> Type | None:
    """The type that all of the types can be converted to, preferring one that is among them."""
    if not types:
        return None
    first = types[0]
    if all(t is first or t == first for t in types):
        return first
    found, decided = _unify_kinds(types, unsafe)
    return found if decided else _most_general(types, unsafe)


def _unify_kinds(types: Sequence[Type], unsafe: bool) -> tuple[Type | None, bool]:
    """The common type of types of one kind, and whether that settles the matter."""
    kinds = {type(t) for t in types if t is not ANY}
    dynamic = any(t is ANY for t in types)
    if len(kinds) == 1 and PrimitiveType not in kinds:
        return (ANY if dynamic else _UNIFIERS[kinds.pop()](types, unsafe)), True
    if kinds == {ObjectType, MapType}:
        return _with_replaced(types, ObjectType, _objects_to_map, unsafe)
    if kinds == {TupleType, ListType}:
        return _with_replaced(types, TupleType, _tuples_to_list, unsafe)
    return None, {ObjectType, TupleType} <= kinds


def _with_replaced(
    types: Sequence[Type],
    kind: type[Type],
    unifier: Callable[[Sequence[Type], bool], Type | None],
    unsafe: bool,
) -> tuple[Type | None, bool]:
    """Objects among maps are often maps in disguise: unify them to one first, then all of them."""
    common = unifier([t for t in types if isinstance(t, kind)], unsafe)
    if common is None:
        return None, False
    result = unify([common if isinstance(t, kind) else t for t in types], unsafe=unsafe)
    return result, isinstance(result, type(common))


def _collections(types: Sequence[Type], unsafe: bool) -> Type | None:
    first = types[0]
    assert isinstance(first, ListType | SetType | MapType)
    element = unify([t.element for t in types if isinstance(t, ListType | SetType | MapType)], unsafe=unsafe)
    return None if element is None else type(first)(element)


def _objects(types: Sequence[Type], unsafe: bool) -> Type | None:
    objects = [t for t in types if isinstance(t, ObjectType)]
    names = objects[0].attributes.keys()
    if any(t.attributes.keys() != names for t in objects):
        return _objects_to_map(types, unsafe)
    attributes: dict[str, Type] = {}
    for name in sorted(names):
        common = unify([t.attributes[name] for t in objects], unsafe=unsafe)
        if common is None:
            return None
        attributes[name] = common
    result = ObjectType(attributes)
    return result if _all_convertible(types, result, unsafe) else _objects_to_map(types, unsafe)


def _objects_to_map(types: Sequence[Type], unsafe: bool) -> Type | None:
    attributes = [a for t in types if isinstance(t, ObjectType) for _, a in sorted(t.attributes.items())]
    element = unify(attributes, unsafe=unsafe)
    if element is None:
        return None
    result = MapType(element)
    return result if _all_convertible(types, result, unsafe) else None


def _tuples(types: Sequence[Type], unsafe: bool) -> Type | None:
    tuples = [t for t in types if isinstance(t, TupleType)]
    if any(len(t.elements) != len(tuples[0].elements) for t in tuples):
        return _tuples_to_list(types, unsafe)
    elements: list[Type] = []
    for across in zip(*[t.elements for t in tuples], strict=True):
        common = unify(across, unsafe=unsafe)
        if common is None:
            return None
        elements.append(common)
    result = TupleType(tuple(elements))
    return result if _all_convertible(types, result, unsafe) else _tuples_to_list(types, unsafe)


def _tuples_to_list(types: Sequence[Type], unsafe: bool) -> Type | None:
    element = unify([e for t in types if isinstance(t, TupleType) for e in t.elements], unsafe=unsafe)
    if element is None:
        return None
    result = ListType(element)
    return result if _all_convertible(types, result, unsafe) else None


_UNIFIERS: dict[type[Type], Callable[[Sequence[Type], bool], Type | None]] = {
    ListType: _collections,
    SetType: _collections,
    MapType: _collections,
    ObjectType: _objects,
    TupleType: _tuples,
}


def _all_convertible(types: Iterable[Type], target: Type, unsafe: bool) -> bool:
    return all(_same_or_convertible(t, target, unsafe) for t in types)


def _most_general(types: Sequence[Type], unsafe: bool) -> Type | None:
    for candidate in by_generality(types):
        if _all_convertible(types, candidate, unsafe):
            return candidate
    return None


# -- preference -----------------------------------------------------------------


def by_generality(types: Sequence[Type]) -> list[Type]:
    """The types, the more general ones first (a topological order)."""
    different = list(dict.fromkeys(types))
    below: dict[int, list[int]] = {i: [] for i in range(len(different))}
    waiting = [0] * len(different)
    for i, a in enumerate(different):
        for j in range(i + 1, len(different)):
            order = compare(a, different[j])
            if order:
                upper, lower = (i, j) if order < 0 else (j, i)
                below[upper].append(lower)
                waiting[lower] += 1
    ready = [i for i, count in enumerate(waiting) if count == 0]
    for i in ready:  # grows while it is walked
        for j in below[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                ready.append(j)
    return [different[i] for i in ready]


def compare(a: Type, b: Type) -> int:
    """-1 when ``a`` is the more general type, 1 when ``b`` is, 0 when neither is."""
    if a is ANY or b is ANY:
        # Everything converts to "any", so it would always win: it comes last and takes its neighbours' type.
        return (a is ANY) - (b is ANY)
    if isinstance(a, PrimitiveType) and isinstance(b, PrimitiveType):
        return (a is not STRING) - (b is not STRING) if STRING in (a, b) else 0
    for kind in (ListType, SetType, MapType):
        if isinstance(a, kind) and isinstance(b, kind):
            return compare(a.element, b.element)
    rank = _RANKS.get((type(a), type(b)))
    if rank is not None:
        return rank
    if isinstance(a, ObjectType) and isinstance(b, ObjectType):
        return _compare_objects(a, b)
    if isinstance(a, TupleType) and isinstance(b, TupleType) and len(a.elements) == len(b.elements):
        return _compare_parts(map(compare, a.elements, b.elements))
    return 0


_RANKS: dict[tuple[type[Type], type[Type]], int] = {
    (ListType, TupleType): -1,
    (TupleType, ListType): 1,
    (MapType, ObjectType): -1,
    (ObjectType, MapType): 1,
    (TupleType, SetType): -1,
    (SetType, TupleType): 1,
    (ListType, SetType): -1,
    (SetType, ListType): 1,
}


def _compare_objects(a: ObjectType, b: ObjectType) -> int:
    if a.attributes.keys() != b.attributes.keys():
        return 0
    return _compare_parts(compare(type_, b.attributes[name]) for name, type_ in a.attributes.items())


def _compare_parts(orders: Iterable[int]) -> int:
    found = {order for order in orders if order}
    return found.pop() if len(found) == 1 else 0
