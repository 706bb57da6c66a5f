"""The names that an expression may use: variables and functions, with those of the scopes around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hclimg.lang.functions.model import Function
    from hclimg.lang.syntax import SplatItem
    from hclimg.lang.values import Value


class Scope:
    """Variables and functions by name. ``None`` instead of a mapping says that none may be used here at all."""

    __slots__ = ("functions", "item", "parent", "variables")

    def __init__(
        self,
        variables: Mapping[str, Value] | None = None,
        functions: Mapping[str, Function] | None = None,
        parent: Scope | None = None,
    ) -> None:
        self.variables = variables
        self.functions = functions
        self.parent = parent
        self.item: tuple[SplatItem, Value] | None = None

    def child(self, variables: Mapping[str, Value]) -> Scope:
        """A scope inside this one, in which ``variables`` come first."""
        return Scope(variables, None, self)

    def with_item(self, item: SplatItem, value: Value) -> Scope:
        """A scope in which a splat's placeholder stands for one element."""
        inner = Scope(None, None, self)
        inner.item = (item, value)
        return inner

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def variable(self, name: str) -> Value | None:
        scope: Scope | None = self
        while scope is not None:
            if scope.variables is not None and name in scope.variables:
                return scope.variables[name]
            scope = scope.parent
        return None

    def function(self, name: str) -> Function | None:
        for scope in self.chain():
            if scope.functions is not None and name in scope.functions:
                return scope.functions[name]
        return None

    def splat_item(self, item: SplatItem) -> Value | None:
        for scope in self.chain():
            if scope.item is not None and scope.item[0] is item:
                return scope.item[1]
        return None

    def variable_names(self) -> list[str] | None:
        """All names of variables, or None when variables are not allowed."""
        found = [scope.variables for scope in self.chain() if scope.variables is not None]
        return [name for variables in found for name in variables] if found else None

    def function_names(self) -> list[str] | None:
        """All names of functions, or None when functions are not allowed."""
        found = [scope.functions for scope in self.chain() if scope.functions is not None]
        return [name for functions in found for name in functions] if found else None
