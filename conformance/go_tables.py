"""How the tables of Go's tests become cases, and how their functions and operators are called."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from conformance.model import Case, Group, Skipped, expect, tables
from conformance.typed import has_hole, same, text_of, value_of
from hclimg.lang import operators
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.functions import FunctionError, standard_functions
from hclimg.lang.functions.model import ArgumentError, Function, TextProblems
from hclimg.lang.operators import OperationError
from hclimg.lang.types import NUMBER, STRING, MapType
from hclimg.lang.values import Value, from_python

Data: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Data], None]

TIMESTAMP = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)
CALLBACK = "the corpus holds a piece of Go in place of a value"
NO_FUNCTION = "a function of Go's library that no template can call"
GO_TYPE = "a type that only Go programs can make"


def function(name: str, folder: Path = Path("/")) -> Function:
    return standard_functions(folder, TIMESTAMP)[name]


# -- calling functions ----------------------------------------------------------


def call(name: str, arguments: list[Value], folder: Path = Path("/")) -> Value:
    """Call as an expression does: convert the arguments, then call."""
    called = function(name, folder)
    if len(arguments) < len(called.parameters):
        raise FunctionError("not enough arguments")
    converted: list[Value] = []
    for position, argument in enumerate(arguments):
        parameter = called.parameter(position)
        if parameter is None:
            raise FunctionError("too many arguments")
        try:
            converted.append(convert(argument, parameter.type))
        except ConversionError as error:
            raise ArgumentError(position, error.message) from None
    return called.call(converted)


def check_call(name: str, arguments: list[Value], case: Data, folder: Path = Path("/")) -> None:
    problem = case.get("Err", case.get("WantErr", case.get("WantError", case.get("ExpectErr"))))
    fails = bool(problem)
    if isinstance(problem, str) and "but received" in problem:
        raise Skipped("tests Go's API: arguments of the wrong type, which no call gets to")
    try:
        result = call(name, arguments, folder)
    except FunctionError as error:
        expect(fails, f"{name}{arguments!r:.200}: {error.message}")
        if isinstance(problem, str):
            said = _located(error) if isinstance(error, TextProblems) else error.message
            expect(_plain(said) == _plain(problem), f"{name}: says {said!r}, not {problem!r}")
        return
    expect(not fails, f"{name}{arguments!r:.200}: no error, but {result!r:.200}")
    wanted = value_of(case["Want"])
    expect(same(wanted, result), f"{name}{arguments!r:.200} is {text_of(result)}, not {text_of(wanted)}")


def _located(error: TextProblems) -> str:
    first = error.diagnostics[0]
    assert first.subject is not None
    at = first.subject.begin
    return f"{first.subject.filename}:{at.line},{at.column}: {first.summary}; {first.detail}"


def _plain(message: str) -> str:
    """A message without the ends of ranges: a call's is its name in Go, and all of it with us."""
    return re.sub(r":(\d+)[,:](\d+)(?:-\d+)?", r":\1,\2", message)


def fixed(name: str, *fields: str, rest: str = "") -> Check:
    """A check that takes arguments from fields of the case."""

    def check(case: Data) -> None:
        arguments = [value_of(case[field]) for field in fields]
        if rest:
            arguments += map(value_of, case[rest] or [])
        check_call(name, arguments, case)

    return check


def operator(op: str, *fields: str) -> Check:
    def check(case: Data) -> None:
        operands = [convert(value_of(case[field]), operators.operand_type(op)) for field in fields]
        result = operators.unary(op, operands[0]) if len(operands) == 1 else operators.binary(op, *operands)
        wanted = value_of(case["Want"])
        expect(same(wanted, result), f"{op} {operands!r}: {text_of(result)}, not {text_of(wanted)}")

    return check


def skip(reason: str) -> Check:
    def check(_case: Data) -> None:
        raise Skipped(reason)

    return check


def has_index(case: Data) -> None:
    """cty converts no keys, HCL does: only what has a key of the right type is the same question."""
    collection, key = value_of(case["Collection"]), value_of(case["Key"])
    wanted = value_of(case["Expected"] if "Expected" in case else case["Want"])
    right = STRING if isinstance(collection.type, MapType) else NUMBER
    if key.type != right or not wanted.is_known or wanted.marks:
        raise Skipped("asks for keys that HCL converts first")
    try:
        operators.index(collection, key)
        found = True
    except OperationError:
        found = False
    expect(found == wanted.raw, f"{case}: {found}")


# -- operations -----------------------------------------------------------------


def index_operation(case: Data) -> None:
    problem = case.get("err")
    try:
        result = operators.index(value_of(case["coll"]), value_of(case["key"]))
    except OperationError as error:
        expect(error.summary == problem, f"{error.summary!r}, not {problem!r}")
        return
    expect(not problem, f"no error, but {text_of(result)}")
    expect(same(value_of(case["want"]), result), text_of(result))


_STEP = re.compile(r'\.(?:Index\((?:cty\.)?(?:StringVal\("(.*?)"\)|NumberIntVal\((-?[0-9]+)\))\)|GetAttr\("(.*?)"\))')


def apply_path(value: Value, path: str) -> Value:
    """Follow a path that is written as Go code; raises OperationError."""
    steps = path.removeprefix("(cty.Path)(nil)")
    while steps:
        match = _STEP.match(steps)
        if match is None:
            raise Skipped(CALLBACK)
        text, position, name = match.groups()
        if name is not None:
            value = operators.attribute(value, name)
        else:
            value = operators.index(value, from_python(text if position is None else int(position)))
        steps = steps[match.end() :]
    return value


def run(check: Check, case: Data) -> None:
    if check not in KNOW_HOLES and has_hole({k: v for k, v in case.items() if k not in ("Err", "ctx")}):
        raise Skipped(CALLBACK)
    check(case)


KNOW_HOLES: list[Check] = []
"""The checks that know what stands for a piece of Go in their tables."""


def table_cases(folder: Path, files: dict[str, dict[str, Check]], other: str) -> Iterator[Case]:
    """A case for each row of the tables; tables without a check are skipped for the reason ``other``."""
    for name, checks in files.items():
        for test, rows in tables(folder / name).items():
            check = checks.get(test, skip(other))
            for number, row in enumerate(rows):
                yield Case(f"{name.removesuffix('_test.json')}/{test}/{number}", partial(run, check, row))


def group(
    name: str, about: str, files: dict[str, dict[str, Check]], other: str = NO_FUNCTION, folder: str = ""
) -> Group:
    def cases(corpus: Path) -> Iterable[Case]:
        return table_cases(corpus / (folder or name), files, other)

    return Group(name, about, cases)
