"""What a function is: a name, parameters, and a body that gets values of the right types.

The protocol around the body is here and nowhere else: nulls are refused, unknown arguments make an unknown result,
marks of arguments come back on the result. A parameter says where it wants something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hclimg.lang.convert import ConversionError
from hclimg.lang.limits import TooLarge, excess
from hclimg.lang.types import ANY, Type
from hclimg.lang.values import NO_MARKS, Marks, Unknown, Value, deep_marks, unknown, unmark_deep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hclimg.diagnostics import Diagnostic, Diagnostics
    from hclimg.lang.scope import Scope
    from hclimg.lang.syntax import Call

    Body: TypeAlias = Callable[..., Value]
    ResultType: TypeAlias = Type | Callable[[Sequence[Value]], Type]
    Form: TypeAlias = Callable[[Call, Scope, Diagnostics], Value]


class FunctionError(Exception):
    """The call failed; the message goes after ``Call to function "x" failed: ``, without a full stop."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ArgumentError(FunctionError):
    """The argument at ``index`` (from 0) is to blame."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


class TextProblems(FunctionError):
    """The call failed because of mistakes in a text that it read; they stand in ``diagnostics`` with their places."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(f"{d.subject}: {d.summary}" for d in diagnostics))
        self.diagnostics = diagnostics


# What happens to marks of an argument, and of what it contains, before the body gets it:
DEEP = "deep"  # all of them move to the result
SHALLOW = "shallow"  # the argument's own marks move to the result, those inside it stay where they are
KEPT = "kept"  # the body deals with them


class Parameter:
    """A parameter; arguments are converted to ``type`` before the body sees them."""

    __slots__ = ("dynamic", "marks", "name", "null", "type", "unknown")

    def __init__(
        self,
        name: str,
        type: Type = ANY,  # noqa: A002
        *,
        null: bool = False,
        unknown: bool = False,
        dynamic: bool = True,
        marks: str = DEEP,
    ) -> None:
        self.name = name
        self.type = type
        self.null = null
        self.unknown = unknown
        self.dynamic = dynamic
        self.marks = marks


class Function:
    """A function of the template language.

    ``result`` is the type of the result, or a function of the arguments that tells it; it is only asked when an
    argument is unknown, and may raise FunctionError. A function with a ``form`` gets its arguments unevaluated.
    """

    __slots__ = ("about", "body", "form", "name", "nullable", "parameters", "result", "variadic")

    def __init__(
        self,
        name: str,
        body: Body,
        *parameters: Parameter,
        result: ResultType = ANY,
        variadic: Parameter | None = None,
        nullable: bool = False,
        form: Form | None = None,
    ) -> None:
        self.name = name
        self.body = body
        self.parameters = parameters
        self.result = result
        self.variadic = variadic
        self.nullable = nullable
        self.form = form
        self.about = (body.__doc__ or "").partition("\n")[0]

    def parameter(self, index: int) -> Parameter | None:
        """The parameter that the argument at ``index`` is for."""
        return self.parameters[index] if index < len(self.parameters) else self.variadic

    def call(self, arguments: Sequence[Value]) -> Value:
        """The result for arguments that already have the parameters' types; raises FunctionError."""
        values, marks, decided = self._prepared(arguments)
        try:
            result = self.body(*values) if decided else self._undecided(values)
        except ConversionError as error:
            # Values of different types have a common type that not every one of them can take on.
            raise FunctionError(error.message) from None
        except TooLarge as error:
            raise FunctionError(str(error)) from None
        if reason := excess(result):
            raise FunctionError(f"the result {reason}")
        return result.with_marks(marks) if marks else result

    def _prepared(self, arguments: Sequence[Value]) -> tuple[list[Value], Marks, bool]:
        values: list[Value] = []
        marks, decided = NO_MARKS, True
        for index, argument in enumerate(arguments):
            parameter = self.parameter(index)
            assert parameter is not None
            if argument.raw is None and not parameter.null:
                raise ArgumentError(index, "argument must not be null")
            argument, found = _unmarked(argument, parameter.marks)
            marks |= found
            if type(argument.raw) is Unknown and not (parameter.unknown and _allowed(argument, parameter)):
                decided = False
            values.append(argument)
        return values, marks, decided

    def _undecided(self, values: Sequence[Value]) -> Value:
        """The unknown result of unknown arguments."""
        if callable(self.result):
            # A type that depends on arguments is not known before their types are.
            if any(v.type is ANY and type(v.raw) is Unknown for v in values):
                return unknown()
            result = self.result(values)
        else:
            result = self.result
        return unknown(result, not_null=not self.nullable and result is not ANY)


def _unmarked(value: Value, how: str) -> tuple[Value, Marks]:
    """The value as the body gets it, and the marks that go to the result."""
    if how == KEPT:
        return value, NO_MARKS
    if how == SHALLOW:
        return value.unmarked(), value.marks
    marks = deep_marks((value,))
    return (unmark_deep(value), marks) if marks else (value, marks)


def _allowed(argument: Value, parameter: Parameter) -> bool:
    return argument.type is not ANY or parameter.dynamic
