"""``for_each`` and ``enabled``: how many blocks one block of a template is, and what ``each`` means in each of them.

The same for every kind of block. What decides about it has to be known before anything runs; while validating, data
sources have not been read, and a block that waits for one is looked at once, with ``each`` unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.dispatch import report
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.limits import next_block
from hclimg.lang.names import Names, Round, around, inner_names
from hclimg.lang.show import quoted
from hclimg.lang.syntax import Expr
from hclimg.lang.types import ANY, BOOL, STRING, ListType, MapType, ObjectType, SetType, TupleType, Type, friendly_name
from hclimg.lang.values import Value, deep_marks, elements, unknown
from hclimg.template.roots import LATE, origins, waits_for_data

FOR_EACH = "for_each"
ENABLED = "enabled"
REPETITION = frozenset((FOR_EACH, ENABLED))
"""The arguments that every block can have that makes something."""

EACH = "each"
UNDECIDED = ""
"""The key of the only instance of a block when nobody knows the keys yet. No real key is empty."""

_MOST_KEYS = 20
_LONGEST = 40
_INVALID = "Invalid for_each argument"


@attrs.frozen(eq=False, repr=False)
class Instance:
    """``key`` is None for a block without ``for_each``. ``names`` are all that its body sees on top of its scope."""

    key: str | None
    names: Names | None


@attrs.frozen(eq=False, repr=False)
class Instances:
    """What a block comes to. ``repeated`` when it has ``for_each``, also when nothing came of it."""

    found: tuple[Instance, ...]
    repeated: bool = False


def instances(
    meta: Mapping[str, Expr], names: Names | None, scope: Scope, context: str, diags: Diagnostics
) -> Instances:
    """What a block with these arguments comes to; ``names`` are those of the body that it stands in."""
    if FOR_EACH not in meta and ENABLED not in meta:
        return Instances((Instance(None, names),))
    # They are told of as what only a run knows, and not as if they meant nothing.
    late = {name: unknown() for name in LATE if scope.variable(name) is None}
    return _Repetition(meta, names, scope.child(late) if late else scope, context, diags).instances()


def key_text(key: str | None) -> str:
    """The key as it follows a name: ``["a"]``."""
    if key is None:
        return ""
    return f"[{quoted(key)}]" if key != UNDECIDED else "[?]"


def key_list(keys: Sequence[str]) -> str:
    """Which keys there are, as a sentence with a leading space."""
    if not keys:
        return " It has no instance at all."
    return f" Its keys are {', '.join(map(quoted, keys[:_MOST_KEYS]))}{' …' if len(keys) > _MOST_KEYS else ''}."


@attrs.frozen
class _Repetition:
    meta: Mapping[str, Expr]
    names: Names | None
    scope: Scope
    context: str
    diags: Diagnostics

    def instances(self) -> Instances:
        repeated = FOR_EACH in self.meta
        by_instance = repeated and self._uses_each(self.meta.get(ENABLED))
        if not by_instance and not self._is_enabled(around(self.scope, self.names)):
            return Instances((), repeated)
        if not repeated:
            return Instances((Instance(None, self.names),))
        found = tuple(Instance(key, inner_names(self.names, own)) for key, own in self._rounds())
        if by_instance:
            found = tuple(item for item in found if self._is_enabled(around(self.scope, item.names)))
        return Instances(found, repeated)

    def _uses_each(self, expr: Expr | None) -> bool:
        return expr is not None and refers_to_each(expr)

    # -- enabled ------------------------------------------------------------------

    def _is_enabled(self, scope: Scope) -> bool:
        expr = self.meta.get(ENABLED)
        if expr is None:
            return True
        value = self._value(expr, scope)
        if value is None:
            return True  # what is wrong in the block is told as well
        problem = ""
        try:
            value = convert(value, BOOL)
        except ConversionError as error:
            problem = f"enabled must be true or false: {error}."
        if value.is_null:
            problem = "enabled must be true or false; this is null."
        elif value.marks:
            problem = "enabled decides what is built, which is shown to everybody, so it cannot be a sensitive value."
        if problem:
            self._report("Invalid enabled argument", problem, expr, scope)
        return bool(problem or value.raw)

    # -- for_each -----------------------------------------------------------------

    def _rounds(self) -> Iterator[tuple[str, Names]]:
        """The keys with what ``each`` is for them; one without a key when they are not known yet."""
        expr, scope = self.meta[FOR_EACH], around(self.scope, self.names)
        value = self._value(expr, scope)
        if value is None:
            yield UNDECIDED, _each(Round(unknown(), unknown(), expr, self.names), undecided=expr)
            return
        if not self._is_iterable(value, expr, scope):
            return
        for key, item in elements(value):
            if not next_block(self.diags, expr.range, self.context):
                return
            yield key.raw, _each(Round(key, item, expr, self.names))

    def _is_iterable(self, value: Value, expr: Expr, scope: Scope) -> bool:
        problem = _problem(value, expr)
        if problem:
            self._report(_INVALID, problem, expr, scope)
        return not problem

    def _value(self, expr: Expr, scope: Scope) -> Value | None:
        """The value; None when it is not known, which is reported unless data sources will tell."""
        before = len(self.diags.errors)
        found = evaluate(expr, scope, self.diags)
        self._placed(before)
        if len(self.diags.errors) > before:
            return None
        if found.is_known and not (isinstance(found.type, SetType) and not found.is_wholly_known):
            return found
        if not waits_for_data(expr, scope):
            self._report_unknown(expr, scope)
        return None

    def _report_unknown(self, expr: Expr, scope: Scope) -> None:
        found = origins(expr, scope)
        # A variable or local is unknown also after an error that has been reported where it is declared.
        if self.diags.has_errors and all(reference.root in ("var", "local") for reference in found):
            return
        which = FOR_EACH if expr is self.meta.get(FOR_EACH) else ENABLED
        late = sorted({str(reference) for reference in found if reference.root in LATE}) or sorted(map(str, found))
        detail = (
            f"{which} decides what is built, so it must be known before anything runs, but it depends on "
            f"{', '.join(late)}, which a run tells. Use variables, locals and data sources in it."
        )
        self._report(f"Invalid {which} argument", detail, expr, scope)

    # -- reports ------------------------------------------------------------------

    def _report(self, summary: str, detail: str, expr: Expr, scope: Scope) -> None:
        before = len(self.diags)
        report(self.diags, summary, detail, expr.range, expr, scope)
        self._placed(before)

    def _placed(self, before: int) -> None:
        items = self.diags.items
        items[before:] = [attrs.evolve(d, context=d.context or self.context) for d in items[before:]]


def refers_to_each(expr: Expr) -> bool:
    return any(reference.root == EACH for reference in references(expr))


def _each(found: Round, undecided: Expr | None = None) -> Names:
    return Names({EACH: found}, undecided=undecided)


# -- what can be repeated over --------------------------------------------------------


def _problem(value: Value, expr: Expr) -> str:
    """Why a value cannot be used in ``for_each``; empty when it can."""
    if value.is_null:
        return "for_each cannot be null. Write {} for no instance at all, or leave for_each out for a single one."
    if deep_marks((value,)) if isinstance(value.type, SetType) else value.marks:
        return (
            "The keys of for_each are part of the names of what is built, which are shown to everybody, so for_each "
            "cannot be a sensitive value. Use a map whose keys are not sensitive; its values may be."
        )
    if isinstance(value.type, MapType | ObjectType):
        return _bad_key(value.raw)
    if isinstance(value.type, SetType):
        return _set_problem(value)
    kind = friendly_name(value.type)
    if isinstance(value.type, ListType | TupleType):
        text = expr.range.text if len(expr.range.text) <= _LONGEST and "\n" not in expr.range.text else "…"
        how = f"toset({text})" if _holds_strings(value.type) else f"{{ for item in {text} : item.NAME => item }}"
        what = f"this is a {kind}. Write {how}."
        return f"for_each needs a map or a set of strings, whose keys name the instances; {what}"
    return f"for_each needs a map, or a set of strings; this is a {kind}."


def _holds_strings(type_: ListType | TupleType) -> bool:
    parts = type_.elements if isinstance(type_, TupleType) else (type_.element,)
    return all(part is STRING or part is ANY for part in parts)


def _set_problem(value: Value) -> str:
    type_: Type = value.type.element if isinstance(value.type, SetType) else ANY
    if type_ is not STRING and value.raw:
        return (
            f"for_each needs a map, or a set of strings; this is a {friendly_name(value.type)}. "
            "Write toset([for item in …: …]) with a string for each item."
        )
    if any(item.is_null for item in value.raw):
        return "The set in for_each contains null, which names nothing. Take it out, for instance with compact()."
    return _bad_key([item.raw for item in value.raw])


def _bad_key(keys: Mapping[str, Value] | list[str]) -> str:
    if UNDECIDED in keys:
        return "A key in for_each is empty. Keys are part of the names of what is built, so each needs a character."
    return ""
