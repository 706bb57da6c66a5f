"""Values of a template in Python: expressions that work with operators, attributes and f-strings.

A value that is known only later is a :class:`Ref`. In an f-string it leaves a mark; where the text is used, the mark
becomes an interpolation again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from hclimg.lang.syntax import (
    Binary,
    Call,
    Conditional,
    Expr,
    GetAttr,
    Index,
    Literal,
    Name,
    Node,
    ObjectCons,
    ObjectItem,
    Template,
    TemplateWrap,
    TupleCons,
    Unary,
    Variable,
)
from hclimg.lang.values import from_python, string
from hclimg.template.dsl.places import DslError, Place, here

_MARK: Final = re.compile("\ue0f0(\\d+)\ue0f1")
_marked: list[Expr] = []
_POSITION: Final = ("source", "start", "end")


def _operator(op: str, *, swapped: bool = False) -> Callable[[Ref, Any], Ref]:
    def apply(self: Ref, other: Any) -> Ref:
        return _binary(op, other, self) if swapped else _binary(op, self, other)

    return apply


class Ref:
    """A value that is known when the template is compiled, or when it runs.

    Operators and attributes make further values: ``ref + 1``, ``ref.name``, ``ref["key"]``, ``ref == other``;
    ``&``, ``|`` and ``~`` are and, or and not.
    """

    __slots__ = ("_expr",)
    _expr: Expr

    def __init__(self, expr: Expr) -> None:
        object.__setattr__(self, "_expr", expr)

    def __getattr__(self, name: str) -> Ref:
        if name.startswith("__"):
            raise AttributeError(name)
        return Ref(_step(self._expr, name, here()))

    def __getitem__(self, key: Any) -> Ref:
        at = here()
        return Ref(Index(at.source, at.start, at.end, self._expr, expr_of(key, at)))

    def __expression__(self, at: Place) -> Expr:
        """The expression that this is; a name that no attribute of a value has."""
        return self._expr

    # -- text ---------------------------------------------------------------------

    def __format__(self, spec: str) -> str:
        if spec:
            raise DslError(f'"{spec}" cannot format a value that is known only later; write fn.format(…).')
        return str(self)

    def __str__(self) -> str:
        _marked.append(self._expr)
        return f"\ue0f0{len(_marked) - 1}\ue0f1"

    def __repr__(self) -> str:
        from hclimg.lang.unparse import expression_text

        return f"<{expression_text(self._expr)}>"

    # -- what Python would need the value for ------------------------------------------

    def __bool__(self) -> bool:
        raise DslError(
            f"{self!r} is known only later, so Python cannot decide by it. Write cond(value, then, otherwise), or "
            "&, | and ~ in place of and, or and not."
        )

    def __iter__(self) -> Iterator[Ref]:
        raise DslError(f"{self!r} is known only later, so Python cannot go through it. Write for_each=…, or a list.")

    def __len__(self) -> int:
        raise DslError(f"{self!r} is known only later; write fn.length(…).")

    __hash__ = object.__hash__

    # -- operators ------------------------------------------------------------------

    def __neg__(self) -> Ref:
        return _unary("-", self)

    def __invert__(self) -> Ref:
        return _unary("!", self)

    def __eq__(self, other: object) -> Any:
        return _binary("==", self, other)

    def __ne__(self, other: object) -> Any:
        return _binary("!=", self, other)

    __add__ = _operator("+")
    __radd__ = _operator("+", swapped=True)
    __sub__ = _operator("-")
    __rsub__ = _operator("-", swapped=True)
    __mul__ = _operator("*")
    __rmul__ = _operator("*", swapped=True)
    __truediv__ = _operator("/")
    __rtruediv__ = _operator("/", swapped=True)
    __mod__ = _operator("%")
    __rmod__ = _operator("%", swapped=True)
    __and__ = _operator("&&")
    __rand__ = _operator("&&", swapped=True)
    __or__ = _operator("||")
    __ror__ = _operator("||", swapped=True)
    __lt__ = _operator("<")
    __le__ = _operator("<=")
    __gt__ = _operator(">")
    __ge__ = _operator(">=")


def _binary(op: str, left: Any, right: Any) -> Ref:
    at = here()
    return Ref(Binary(at.source, at.start, at.end, op, expr_of(left, at), expr_of(right, at)))


def _unary(op: str, operand: Ref) -> Ref:
    at = here()
    return Ref(Unary(at.source, at.start, at.end, op, expr_of(operand, at)))


# -- from Python to expressions -----------------------------------------------------------


def expr_of(value: Any, at: Place) -> Expr:
    """A value of Python as an expression that stands at ``at``. Raises DslError for what no template can say."""
    if hasattr(value, "__expression__"):
        found: Expr = value.__expression__(at)
        return found
    if isinstance(value, str | Path):
        return _text(str(value), at)
    if value is None or isinstance(value, bool | int | float):
        return Literal(at.source, at.start, at.end, from_python(value))
    if isinstance(value, Mapping):
        return ObjectCons(at.source, at.start, at.end, tuple([_item(k, v, at) for k, v in value.items()]))
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return TupleCons(at.source, at.start, at.end, tuple([expr_of(item, at) for item in value]))
    raise DslError(f"A template has no value for {value!r}: it knows texts, numbers, bools, None, lists and dicts.")


def _item(key: Any, value: Any, at: Place) -> ObjectItem:
    return ObjectItem(at.source, at.start, at.end, expr_of(key, at), expr_of(value, at))


def _text(text: str, at: Place) -> Expr:
    """A text, in which the marks of values are interpolations."""
    pieces = _MARK.split(text)
    if len(pieces) == 1:
        return Literal(at.source, at.start, at.end, string(text))
    parts: list[Expr] = []
    for number, piece in enumerate(pieces):
        if number % 2:
            parts.append(_marked[int(piece)])
        elif piece:
            parts.append(Literal(at.source, at.start, at.end, string(piece)))
    if len(parts) == 1:
        return TemplateWrap(at.source, at.start, at.end, parts[0])
    return Template(at.source, at.start, at.end, tuple(parts))


def place_of(expr: Expr) -> Place:
    return Place(expr.source, expr.start, expr.end)


# -- names ------------------------------------------------------------------------------


class Root:
    """``local.NAME``, ``path.cwd``: attributes of a name that is always there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Ref:
        if name.startswith("__"):
            raise AttributeError(name)
        at = here()
        return Ref(_step(Variable(at.source, at.start, at.end, self._name), name, at))

    def __getitem__(self, key: Any) -> Ref:
        at = here()
        root = Variable(at.source, at.start, at.end, self._name)
        return Ref(Index(at.source, at.start, at.end, root, expr_of(key, at)))


def _step(of: Expr, name: str, at: Place) -> Expr:
    """``of.NAME``, as it stands at ``at``: what it begins with may have been declared somewhere else."""
    return _moved(GetAttr(at.source, at.start, at.end, of, name), at, at.end)


def _moved(expr: Expr, at: Place, end: int) -> Expr:
    """A traversal that stands at ``at`` and ends at ``end``, each step before the next."""
    end = max(end, at.start)
    if isinstance(expr, Variable):
        return Variable(at.source, at.start, end, expr.name)
    if isinstance(expr, GetAttr):
        return GetAttr(at.source, at.start, end, _moved(expr.object, at, end - len(expr.name) - 1), expr.name)
    return expr


class Functions:
    """``fn.upper(x)``: the functions of the language."""

    def __getattr__(self, name: str) -> Callable[..., Ref]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args: call(name.rstrip("_"), *args)


def call(name: str, *args: Any) -> Ref:
    at = here()
    values = tuple([expr_of(arg, at.argument(number)) for number, arg in enumerate(args)])
    return Ref(Call(at.source, at.start, at.end, Name(at.source, at.start, at.end, name), values))


def hcl(text: str) -> Ref:
    """An expression in HCL, for what Python has no words for: ``hcl("[for x in var.names : upper(x)]")``."""
    at = here()
    return Ref(parsed(text, at.argument(0)))


def parsed(text: str, at: Place) -> Expr:
    """The expression in a text. What is wrong in it is told with the text; later, it stands where the call does."""
    from hclimg.diagnostics import Diagnostics, SourceText
    from hclimg.lang.parse import parse_expression

    diags = Diagnostics()
    expr = parse_expression(SourceText(at.source.filename, text), diags)
    if diags.has_errors or expr is None:
        raise DslError(f'"{text}" is no expression: {diags.errors[0].detail}')
    found: Expr = _placed(expr, at, {})
    return found


def _placed(node: Any, at: Place, known: dict[int, Node]) -> Any:
    """The tree with every node at one place; a node that is in it twice (the item of a splat) stays one."""
    if isinstance(node, tuple):
        return tuple([_placed(item, at, known) for item in node])
    if not isinstance(node, Node):
        return node
    if id(node) not in known:
        names = [name for name in node.__attrs_names__() if name not in _POSITION]
        inner = {name: _placed(getattr(node, name), at, known) for name in names}
        known[id(node)] = type(node)(at.source, at.start, at.end, **inner)
    return known[id(node)]


def env(name: str) -> Ref:
    """A variable of the environment, for the default of a ``variable``."""
    return call("env", name)


def cond(condition: Any, then: Any, otherwise: Any) -> Ref:
    """``condition ? then : otherwise``."""
    at = here()
    parts = [expr_of(value, at.argument(number)) for number, value in enumerate((condition, then, otherwise))]
    return Ref(Conditional(at.source, at.start, at.end, parts[0], parts[1], parts[2]))


fn = Functions()
each = Root("each")
path = Root("path")
