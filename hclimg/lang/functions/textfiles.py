"""``templatefile`` and ``templatestring``: texts that are templates themselves, with values for their variables.

Mistakes in such a text are reported where they stand in it, with the call as the related place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.functions.arguments import text_parameter
from hclimg.lang.functions.files import Files
from hclimg.lang.functions.model import SHALLOW, ArgumentError, Function, FunctionError, Parameter, TextProblems
from hclimg.lang.show import quoted
from hclimg.lang.types import MapType, ObjectType
from hclimg.lang.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hclimg.lang.functions.catalog import Surroundings
    from hclimg.lang.syntax import Expr

_LONGEST = 16 << 20
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)


class _Templates:
    __slots__ = ("files", "surroundings")

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.files = Files(surroundings.base_dir)

    def templatefile(self, path: Value, variables: Value) -> Value:
        """The contents of a file as a template, with values for its variables."""
        _check_variables(variables)
        text = self.files.text(path.raw).removeprefix("\ufeff")
        return self._rendered("templatefile", SourceText(path.raw, text), variables.raw)

    def templatestring(self, template: Value, variables: Value) -> Value:
        """A string as a template, with values for its variables."""
        _check_variables(variables)
        return self._rendered("templatestring", SourceText("the string", template.raw), variables.raw)

    def _rendered(self, name: str, source: SourceText, variables: dict[str, Value]) -> Value:
        if len(source.text) > _LONGEST:
            raise ArgumentError(0, f"the template is longer than {_LONGEST >> 20} Mi characters")
        from hclimg.lang.evaluate import Scope, evaluate, references
        from hclimg.lang.parse import parse_template

        diags = Diagnostics()
        template: Expr = parse_template(source, diags)
        _check(diags)
        for reference in references(template):
            if reference.root not in variables:
                where = f"referenced at {reference.range}"
                raise ArgumentError(1, f"vars map does not contain key {quoted(reference.root)}, {where}")
        value = evaluate(template, Scope(variables, self._inner_functions(name)), diags)
        _check(diags)
        return value

    def _inner_functions(self, name: str) -> Mapping[str, Function]:
        """All functions, but the one that is running refuses: a template that includes itself would never end."""
        from hclimg.lang.functions.catalog import Catalog

        return Catalog(self.surroundings, {other: _refused(other, name) for other in _NAMES})


_NAMES = ("templatefile", "templatestring")


def _check_variables(variables: Value) -> None:
    if not isinstance(variables.type, MapType | ObjectType):
        raise ArgumentError(1, "invalid vars value: must be a map")
    for name in variables.raw:
        if not _VARIABLE.fullmatch(name):
            rules = "must start with a letter, followed by zero or more letters, digits, and underscores"
            raise ArgumentError(1, f"invalid template variable name {quoted(name)}: {rules}")


def _check(diags: Diagnostics) -> None:
    if diags.has_errors:
        raise TextProblems(tuple(diags.errors))


def _refused(name: str, running: str) -> Function:
    def refuse(*_values: Value) -> Value:
        raise FunctionError(f"cannot recursively call {name} from inside {running} call")

    return Function(name, refuse, text_parameter("path"), Parameter("vars"))


def functions(surroundings: Surroundings) -> dict[str, Function]:
    templates = _Templates(surroundings)
    variables = Parameter("vars", marks=SHALLOW)
    found = (
        Function("templatefile", templates.templatefile, text_parameter("path"), variables, nullable=True),
        Function("templatestring", templates.templatestring, text_parameter("template"), variables, nullable=True),
    )
    return {function.name: function for function in found}
