"""A console's side of a template: answers lines, and knows how a half-written name can go on.

Knows no terminal. Lines change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol

from attrs import frozen

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.parse import parse_expression
from hclimg.lang.pretty import pretty, pretty_type
from hclimg.lang.syntax import Call, Expr
from hclimg.lang.values import Value

HELP = """\
Type an expression, and Enter shows its value:
  var.NAME  local.NAME  data.TYPE.NAME.ATTRIBUTE  path.root  upper("x")  [for x in var.list : x]
Where a bracket or a heredoc is open, the expression goes on in the next line.

  type(EXPRESSION)  the type of a value
  variables         all variables and locals
  help              this text
  exit              leave; so does Ctrl-D
"""
TYPE = "type"
EXIT = "exit"
WORDS = ("variables", "help", EXIT)
"""What is no expression when it stands alone on a line."""

_TRAIL = re.compile(r"(?:[\w\-]+\.)*[\w\-]*\Z")


class Names(Protocol):
    """The names that expressions may use."""

    @property
    def scope(self) -> Scope:
        """All of them, with what is known now."""

    def scope_for(self, expr: Expr, diags: Diagnostics) -> Scope:
        """The names with everything known that an expression needs, if that can be had."""


@frozen
class Session:
    """``show`` makes the text of a value."""

    names: Names
    show: Callable[[Value], str]

    def answer(self, source: SourceText, start: int, end: int, diags: Diagnostics) -> str | None:
        """What a line is answered with; None when something is wrong with it, which is reported, or on ``exit``."""
        line = source.text[start:end]
        if line in WORDS:
            return self._word(line)
        found = Diagnostics()
        expr = parse_expression(SourceText(source.filename, source.text[:end]), found, start)
        result = self._evaluated(expr, found)
        diags.extend(found)
        return None if found.has_errors else result

    def _word(self, word: str) -> str | None:
        if word == EXIT:
            return None
        return HELP if word == "help" else "\n".join(self._variables())

    def _variables(self) -> Iterator[str]:
        for title, root in (("input variables", "var"), ("local values", "local")):
            found = self.names.scope.variable(root)
            names = found.raw if found and isinstance(found.raw, dict) else {}
            yield f"> {title}:"
            yield from (f"  {root}.{name} = {_indented(pretty(names[name]))}" for name in sorted(names))

    def _evaluated(self, expr: Expr, diags: Diagnostics) -> str:
        if diags.has_errors:
            return ""
        scope = self.names.scope_for(expr, diags)
        asked = _asks_for_type(expr)
        value = evaluate(asked or expr, scope, diags)
        return pretty_type(value.type) if asked else self.show(value)

    # -- completion -----------------------------------------------------------------

    def completions(self, text: str) -> tuple[str, list[str]]:
        """The part of a name at the end of ``text``, and what it may become."""
        m = _TRAIL.search(text)
        assert m is not None
        *path, part = m[0].split(".")
        known = self._members(path) if path else self._names(at_start=m.start() == 0)
        return part, sorted(name for name in known if name.startswith(part))

    def _names(self, *, at_start: bool) -> set[str]:
        roots = {f"{name}." for name in self.names.scope.variable_names() or ()}
        calls = {f"{name}(" for name in self.names.scope.function_names() or ()}
        return roots | calls | ({*WORDS, f"{TYPE}("} if at_start else set())

    def _members(self, path: list[str]) -> set[str]:
        """The attributes of an object; of a sensitive one they are secret too."""
        value = self.names.scope.variable(path[0])
        for step in path[1:]:
            value = _member(value, step)
        return set(value.raw) if value and isinstance(value.raw, dict) and not value.is_sensitive else set()


def _member(value: Value | None, name: str) -> Value | None:
    return value.raw.get(name) if value and isinstance(value.raw, dict) and not value.is_sensitive else None


def _asks_for_type(expr: Expr) -> Expr | None:
    """The argument of ``type(…)``, which is no function: a type is no value."""
    if isinstance(expr, Call) and expr.name.text == TYPE and len(expr.args) == 1 and not expr.expand:
        return expr.args[0]
    return None


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
