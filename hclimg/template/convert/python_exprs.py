"""Expressions of HCL as Python: ``var.x`` is the name of a variable, a template is an f-string.

What Python has no words for stays HCL: ``hcl("[for x in var.names : upper(x)]")``.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import field, frozen

from hclimg.lang.numbers import text as number_text
from hclimg.lang.syntax import (
    Binary,
    Call,
    Conditional,
    Expr,
    GetAttr,
    Index,
    Literal,
    ObjectCons,
    Paren,
    Template,
    TemplateWrap,
    TupleCons,
    Unary,
    Variable,
    walk,
)
from hclimg.lang.unparse import expression_text
from hclimg.template.dsl.declare import FACTS

_OPERATORS: Final = {"&&": "&", "||": "|"}
_SAME_ROOTS: Final = ("local", "path", "each")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ONE_LINE: Final = 100
_FACTS: Final = {
    fact: re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", fact).lower() for fact in FACTS.values()
}


class _Unsaid(Exception):
    """Python has no words for it."""


@frozen
class Names:
    """What things are called in the Python file: by their steps in HCL, ``("var", "region")``."""

    known: Mapping[tuple[str, ...], str] = field(factory=dict)
    build: str = ""


def python_text(expr: Expr, names: Names) -> str:
    """The expression as Python, over several lines when it is long."""
    try:
        return _Writer(names).text(expr)
    except _Unsaid:
        return f"hcl({string_text(expression_text(expr))})"


def string_text(text: str) -> str:
    """A string in double quotes, or in three of them when it has several lines."""
    if text.count("\n") > 1 and text.endswith("\n") and not re.search(r'["\\]|[^\n -~\u00a0-\uffff]', text):
        return f'"""\\\n{text}"""'
    return repr(text) if '"' in text and "'" not in text else double_quoted(text)


def double_quoted(text: str) -> str:
    plain = repr(text)
    if plain[0] == '"':
        return plain
    return '"' + plain[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def enclosed(opening: str, items: list[str], closing: str) -> str:
    """Items in brackets: on one line, or one line for each."""
    line = f"{opening}{', '.join(items)}{closing}"
    if len(line) <= ONE_LINE and "\n" not in line:
        return line
    return f"{opening}\n{''.join(indented(item) + ',' + chr(10) for item in items)}{closing}"


def hashed(text: str) -> str:
    """A comment."""
    return "\n".join(f"# {line}".rstrip() for line in text.split("\n"))


def indented(text: str) -> str:
    """The lines one step further in, but for those inside of a string."""
    found, inside = [], False
    for line in text.split("\n"):
        found.append(line if inside or not line else f"    {line}")
        inside ^= line.count('"""') % 2 == 1
    return "\n".join(found)


def is_word(text: str) -> bool:
    """Whether it can be the name of an argument or attribute."""
    return _IDENTIFIER.fullmatch(text) is not None and not text.startswith("__")


def word(text: str) -> str:
    return f"{text}_" if keyword.iskeyword(text) else text


def is_known_early(expr: Expr) -> bool:
    """Whether Python would compute it at once: then it is Python's arithmetic, and not HCL's."""
    return not any(isinstance(node, Variable | Call) for node in walk(expr))


@frozen
class _Writer:
    names: Names

    def text(self, expr: Expr) -> str:
        write = _WRITERS.get(type(expr))
        if write is None:
            raise _Unsaid
        return write(self, expr)

    def part(self, expr: Expr) -> str:
        """As an element of something larger, which need not become HCL as a whole when this does."""
        return python_text(expr, self.names)

    # -- plain values -----------------------------------------------------------------

    def literal(self, expr: Literal) -> str:
        raw = expr.value.raw
        if isinstance(raw, str):
            return string_text(raw)
        if raw is None or isinstance(raw, bool):
            return repr(raw)
        text = number_text(raw)
        if not isinstance(raw, int) and text != repr(float(text)):
            raise _Unsaid  # more digits than Python keeps
        return text

    def items(self, expr: TupleCons) -> str:
        return enclosed("[", [self.part(item) for item in expr.items], "]")

    def entries(self, expr: ObjectCons) -> str:
        return enclosed("{", [f"{self._key(item.key)}: {self.part(item.value)}" for item in expr.items], "}")

    def _key(self, key: Expr) -> str:
        if isinstance(key, Variable):
            return string_text(key.name)
        if isinstance(key, Literal) and isinstance(key.value.raw, str):
            return string_text(key.value.raw)
        raise _Unsaid

    # -- templates ----------------------------------------------------------------------

    def template(self, expr: Template) -> str:
        return f'f"{"".join(map(self._piece, expr.parts))}"'

    def _piece(self, part: Expr) -> str:
        if isinstance(part, Literal) and isinstance(part.value.raw, str):
            return double_quoted(part.value.raw.replace("\n", "\ue000"))[1:-1].replace("\\ue000", "\\n").replace(
                "{", "{{"
            ).replace("}", "}}")  # fmt: skip
        inside = self.text(part).replace('"', "'")
        if "\\" in inside or "\n" in inside or self.text(part).count("'"):
            raise _Unsaid  # Python 3.11 takes neither in an f-string
        return f"{{{inside}}}"

    def wrap(self, expr: TemplateWrap) -> str:
        return self.text(expr.inner)

    # -- names --------------------------------------------------------------------------

    def variable(self, expr: Variable) -> str:
        return self._steps([expr.name])

    def get_attr(self, expr: GetAttr) -> str:
        steps: list[str] = []
        of: Expr = expr
        while isinstance(of, GetAttr):
            steps.append(of.name)
            of = of.object
        if isinstance(of, Variable):
            return self._steps([of.name, *reversed(steps)])
        return f"{self.text(of)}{self._rest(steps[::-1])}"

    def _steps(self, steps: list[str]) -> str:
        for count in range(min(3, len(steps)), 0, -1):
            name = self.names.known.get(tuple(steps[:count]))
            if name is not None:
                return name + self._rest(steps[count:])
        if steps[0] in _SAME_ROOTS and len(steps) > 1:
            return steps[0] + self._rest(steps[1:])
        if steps[0] == "build" and self.names.build and len(steps) > 1:
            return f"{self.names.build}.{_FACTS.get(steps[1], steps[1])}{self._rest(steps[2:])}"
        raise _Unsaid

    def _rest(self, steps: list[str]) -> str:
        if not all(is_word(step) and not keyword.iskeyword(step) for step in steps):
            raise _Unsaid
        return "".join(f".{step}" for step in steps)

    def index(self, expr: Index) -> str:
        if expr.legacy:
            raise _Unsaid
        return f"{self.text(expr.object)}[{self.text(expr.key)}]"

    # -- operations ---------------------------------------------------------------------

    def call(self, expr: Call) -> str:
        if expr.expand or not is_word(expr.name.text):
            raise _Unsaid
        args = ", ".join(map(self.text, expr.args))
        return f"env({args})" if expr.name.text == "env" else f"fn.{word(expr.name.text)}({args})"

    def binary(self, expr: Binary) -> str:
        if is_known_early(expr.left) and is_known_early(expr.right):
            raise _Unsaid
        op = _OPERATORS.get(expr.op, expr.op)
        return f"{self._operand(expr.left)} {op} {self._operand(expr.right)}"

    def unary(self, expr: Unary) -> str:
        if is_known_early(expr.operand) and not (expr.op == "-" and isinstance(expr.operand, Literal)):
            raise _Unsaid
        return f"{'~' if expr.op == '!' else '-'}{self._operand(expr.operand)}"

    def _operand(self, expr: Expr) -> str:
        text = self.text(expr)
        return f"({text})" if isinstance(expr, Binary | Unary) else text

    def conditional(self, expr: Conditional) -> str:
        return f"cond({self.text(expr.condition)}, {self.text(expr.yes)}, {self.text(expr.no)})"

    def paren(self, expr: Paren) -> str:
        return f"({self.text(expr.inner)})"


_WRITERS: Final[Mapping[type[Expr], Callable[[_Writer, Any], str]]] = {
    Binary: _Writer.binary,
    Call: _Writer.call,
    Conditional: _Writer.conditional,
    GetAttr: _Writer.get_attr,
    Index: _Writer.index,
    Literal: _Writer.literal,
    ObjectCons: _Writer.entries,
    Paren: _Writer.paren,
    Template: _Writer.template,
    TemplateWrap: _Writer.wrap,
    TupleCons: _Writer.items,
    Unary: _Writer.unary,
    Variable: _Writer.variable,
}
