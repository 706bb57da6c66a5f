"""Tables of cty's own tests: operations on values, marks, types, the order of sets, JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from conformance.go_tables import CALLBACK as HOLE
from conformance.go_tables import apply_path, has_index
from conformance.model import Case, Group, Skipped, expect, tables
from conformance.typed import has_hole, same, text_of, type_of, value_of
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang import operators, values
from hclimg.lang.convert import convert
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.functions import jsonvalues, standard_functions
from hclimg.lang.parse import parse_expression
from hclimg.lang.types import ANY, NUMBER, PrimitiveType, has_any, without_optional
from hclimg.lang.unknowns import beginning_with
from hclimg.lang.values import Value, deep_marks, equals, set_of, unmark_deep

Data: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Data], None]

_SETTLED = "HCL settles unknown operands and keys before"


def _operand(data: Data, op: str) -> Value:
    return convert(value_of(data), operators.operand_type(op))


def _judge(case: Data, result: Value) -> None:
    wanted = value_of(case["Expected"])
    expect(same(wanted, result), f"{text_of(result)}, not {text_of(wanted)}")


def _binary(op: str, left: str, right: str) -> Check:
    def check(case: Data) -> None:
        a, b = _operand(case[left], op), _operand(case[right], op)
        if a.is_known != b.is_known and op == "*" and value_of(case["Expected"]).is_known:
            raise Skipped(_SETTLED)
        result = operators.binary(op, a.unmarked(), b.unmarked())
        _judge(case, result.with_marks(a.marks | b.marks))

    return check


def _unary(op: str) -> Check:
    return lambda case: _judge(case, operators.unary(op, _operand(case["Receiver"], op)))


def _equal(case: Data) -> None:
    _judge(case, equals(value_of(case["LHS"]), value_of(case["RHS"])))


def _raw_equal(case: Data) -> None:
    left, right = value_of(case["LHS"]), value_of(case["RHS"])
    found = same(left, right) and (left.is_known or left.raw == right.raw)
    expect(found == case["Expected"], f"{case['LHS']} {case['RHS']}: {found}")


def _multiply(case: Data) -> None:
    if case["LHS"].get("v") == "22337203685475.5":
        raise Skipped("expects fewer digits than 512 bits give")
    _binary("*", "LHS", "RHS")(case)


def _index(case: Data) -> None:
    key = value_of(case["Key"])
    if key.type is ANY and not key.is_known:
        raise Skipped(_SETTLED)
    _judge(case, operators.index(value_of(case["Collection"]), key))


def _get_attr(case: Data) -> None:
    _judge(case, operators.attribute(value_of(case["Object"]), case["AttrName"]))


def _contains_marked(case: Data) -> None:
    expect(bool(deep_marks([value_of(case["val"])])) == case["want"], f"{case['val']}")


def _is_marked(case: Data) -> None:
    expect(bool(value_of(case["val"]).marks) == case["want"], f"{case['val']}")


def _unmark_deep(case: Data) -> None:
    expect(same(value_of(case["want"]), unmark_deep(value_of(case["val"]))), f"{case['val']}")


def _same_types(case: Data) -> None:
    found = type_of(case["LHS"]) == type_of(case["RHS"])
    expect(found == case["Expected"], f"{case}")


def _dynamic_types(case: Data) -> None:
    expect(has_any(type_of(case["ty"])) == case["expected"], f"{case}")


def _without_optional(case: Data) -> None:
    expect(without_optional(type_of(case["ty"])) == type_of(case["expected"]), f"{case}")


def _absolute(case: Data) -> None:
    function = standard_functions(Path("/"), datetime.now(UTC))["abs"]
    _judge(case, function.call([convert(value_of(case["Receiver"]), NUMBER)]))


def _each_element(case: Data) -> None:
    """The test's callback stops at the text "stop"."""
    found: list[tuple[Value, Value]] = []
    for key, item in values.elements(value_of(case["Receiver"])):
        found.append((key, item))
        if item.raw == "stop":
            break
    wanted = [(value_of(key), value_of(item)) for key, item in case["Expected"] or []]
    matches = [same(w[0], f[0]) and same(w[1], f[1]) for w, f in zip(wanted, found, strict=False)]
    expect(len(found) == len(wanted) and all(matches), f"{found!r:.300}")


def _apply_path(case: Data) -> None:
    if case.get("WantErr"):
        raise Skipped("cty's words on paths, which HCL replaces by its own")
    path = case["Path"] or {}
    if path and "$go" not in path:
        raise Skipped(HOLE)
    result = apply_path(value_of(case["Start"]), path.get("$go", ""))
    expect(same(value_of(case["Want"]), result), text_of(result))


def _logic(op: str) -> Check:
    """As an expression: HCL decides by one side alone."""

    def check(case: Data) -> None:
        scope = Scope({"a": value_of(case["Receiver"]), "b": value_of(case["Other"])})
        diags = Diagnostics()
        result = evaluate(parse_expression(SourceText("case", f"a {op} b"), diags), scope, diags)
        expect(not diags.has_errors, f"{case}: {diags.items[:1]}")
        _judge(case, result)

    return check


def _prefix(case: Data) -> None:
    found = beginning_with(case["Input"]).prefix
    expect(found == case["Want"], f"{case['Input']!r}: {found!r}, not {case['Want']!r}")


def _primitive(case: Data) -> None:
    found = type_of(case["Type"])
    expect((isinstance(found, PrimitiveType) and found is not ANY) == case["Want"], f"{case}")


def _hash_text(case: Data) -> None:
    value = value_of(case["value"])
    found = values.order_text(unmark_deep(value))
    expect(found == case["want"], f"{found!r}, not {case['want']!r}")


def _set_order(case: Data) -> None:
    a, b = value_of(case["a"]), value_of(case["b"])
    found = bool(a != b) and set_of([b, a], a.type).raw[0] is a
    unknown_pair = not a.is_wholly_known and not b.is_wholly_known
    expect(unknown_pair or found == case["want"], f"{case}: {found}")


def _simple_json(case: Data) -> None:
    text = jsonvalues.encode(value_of(case["Input"]))
    expect(text == case["JSON"], f"{text}, not {case['JSON']}")
    expect(same(value_of(case["Want"]), jsonvalues.decode(text)), text)


def _implied_type(case: Data) -> None:
    found = jsonvalues.decode(case["Input"]).type
    expect(found == type_of(case["Want"]), f"{found!r}")


def _jsonable(case: Data) -> None:
    wanted_type = type_of(case["Type"])
    if has_any(wanted_type):
        raise Skipped("a JSON form that also holds types")
    text = jsonvalues.encode(convert(value_of(case["Value"]), wanted_type))
    expect(text == case["Want"], f"{text}, not {case['Want']}")


_TABLES: dict[str, dict[str, Check]] = {
    "value_ops_test.json": {
        "TestValueEquals": _equal,
        "TestValueRawEquals": _raw_equal,
        "TestValueAdd": _binary("+", "LHS", "RHS"),
        "TestValueSubtract": _binary("-", "LHS", "RHS"),
        "TestValueAbsolute": _absolute,
        "TestValueForEachElement": _each_element,
        "TestValueNegate": _unary("-"),
        "TestValueMultiply": _multiply,
        "TestValueDivide": _binary("/", "LHS", "RHS"),
        "TestValueModulo": _binary("%", "LHS", "RHS"),
        "TestValueGetAttr": _get_attr,
        "TestValueIndex": _index,
        "TestValueHasIndex": has_index,
        "TestValueNot": _unary("!"),
        "TestValueAnd": _logic("&&"),
        "TestValueOr": _logic("||"),
        "TestLessThan": _binary("<", "Receiver", "Other"),
        "TestGreaterThan": _binary(">", "Receiver", "Other"),
        "TestLessThanOrEqualTo": _binary("<=", "Receiver", "Other"),
        "TestGreaterThanOrEqualTo": _binary(">=", "Receiver", "Other"),
    },
    "marks_test.json": {
        "TestContainsMarked": _contains_marked,
        "TestIsMarked": _is_marked,
        "TestUnmarkDeep": _unmark_deep,
    },
    "prefix_test.json": {"TestSafeKnownPrefix": _prefix},
    "path_test.json": {"TestPathApply": _apply_path},
    "object_type_test.json": {"TestObjectTypeEquals": _same_types},
    "tuple_type_test.json": {"TestTupleTypeEquals": _same_types},
    "primitive_type_test.json": {"TestTypeIsPrimitiveType": _primitive},
    "type_test.json": {
        "TestHasDynamicTypes": _dynamic_types,
        "TestWithoutOptionalAttributesDeep": _without_optional,
    },
    "set_internals_test.json": {"TestSetHashBytes": _hash_text, "TestSetOrder": _set_order},
    "simple_test.json": {"TestSimpleJSONValue": _simple_json},
    "type_implied_test.json": {"TestImpliedType": _implied_type},
    "value_test.json": {"TestValueJSONable": _jsonable},
}


_GO_ONLY = {
    "TestTypeJSONable": "tests Go's API: the JSON form of types",
    "TestPathValueMarks": "tests Go's API: marks by paths",
    "TestPathValueMarksEqual": "tests Go's API: marks by paths",
    "TestPathEquals": "tests Go's API: paths are equal",
    "TestSetRulesSameRules": "tests Go's API: sets of anything",
    "TestTypeTestConformance": "tests Go's API: whether a type is a case of another",
    "TestTypeGoString": "tests Go's API: types as Go code",
    "TestValueGoString": "tests Go's API: values as Go code",
    "TestUnknownAsNull": "tests Go's API: unknown values replaced by null",
    "TestCanListVal": "tests Go's API: whether values make a collection",
    "TestCanMapVal": "tests Go's API: whether values make a collection",
    "TestCanSetVal": "tests Go's API: whether values make a collection",
    "TestSetVal_nestedStructures": "tests Go's API: that a constructor does not panic",
    "TestHasWhollyKnownType": "tests Go's API: whether a type is decided",
}


def _run(test: str, check: Check | None, case: Data) -> None:
    if check is None:
        raise Skipped(_GO_ONLY.get(test, "tests Go's API"))
    if check is not _apply_path and has_hole({name: field for name, field in case.items() if name != "marks"}):
        raise Skipped(HOLE)
    check(case)


def _cases(corpus: Path) -> Iterator[Case]:
    for path in sorted((corpus / "cty-core").glob("*.json")):
        checks = _TABLES.get(path.name, {})
        for test, rows in tables(path).items():
            for number, row in enumerate(rows):
                yield Case(f"{path.name}/{test}/{number}", partial(_run, test, checks.get(test), row))


GROUPS = (Group("cty-core", "operations on values, marks, types, sets, JSON", _cases),)
