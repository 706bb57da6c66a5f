"""Tables of cty's own tests: operations on values, marks, types, the order of sets, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from conformance.model import Case, Group, Skipped, expect, tables
from conformance.typed import has_hole, same, text_of, type_of, value_of
from hclimg.lang import operators, values
from hclimg.lang.convert import convert
from hclimg.lang.functions import jsonvalues
from hclimg.lang.operators import OperationError
from hclimg.lang.types import ANY, NUMBER, STRING, MapType, PrimitiveType, has_any, without_optional
from hclimg.lang.values import Value, deep_marks, equals, set_of, unmark_deep

Data: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Data], None]

_REFINED = ("min", "max", "len_min", "len_max", "prefix", "prefix_full")
_SETTLED = "HCL settles unknown operands and keys before"
_LATER = 'refinements of unknown values other than "not null" are not modelled'


def _operand(data: Data, op: str) -> Value:
    return convert(value_of(data), operators.operand_type(op))


def _judge(case: Data, result: Value) -> None:
    wanted = value_of(case["Expected"])
    expect(same(wanted, result), f"{text_of(result)}, not {text_of(wanted)}")


def _binary(op: str, left: str, right: str) -> Check:
    def check(case: Data) -> None:
        a, b = _operand(case[left], op), _operand(case[right], op)
        if a.is_known != b.is_known and value_of(case["Expected"]).is_known:
            raise Skipped(_SETTLED)
        result = operators.binary(op, a.unmarked(), b.unmarked())
        _judge(case, result.with_marks(a.marks | b.marks))

    return check


def _unary(op: str) -> Check:
    return lambda case: _judge(case, operators.unary(op, _operand(case["Receiver"], op)))


def _equal(case: Data) -> None:
    _judge(case, equals(value_of(case["LHS"]), value_of(case["RHS"])))


def _raw_equal(case: Data) -> None:
    if '"refine"' in json.dumps(case):
        raise Skipped(_LATER)
    found = same(value_of(case["LHS"]), value_of(case["RHS"]))
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


def _has_index(case: Data) -> None:
    """cty converts no keys, HCL does: only what has a key of the right type is the same question."""
    collection, key = value_of(case["Collection"]), value_of(case["Key"])
    wanted = value_of(case["Expected"])
    right = STRING if isinstance(collection.type, MapType) else NUMBER
    if key.type != right or not wanted.is_known or wanted.marks:
        raise Skipped("asks for keys that HCL converts first")
    try:
        operators.index(collection, key)
        found = True
    except OperationError:
        found = False
    expect(found == wanted.raw, f"{case}: {found}")


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
        "TestValueNegate": _unary("-"),
        "TestValueMultiply": _multiply,
        "TestValueDivide": _binary("/", "LHS", "RHS"),
        "TestValueModulo": _binary("%", "LHS", "RHS"),
        "TestValueGetAttr": _get_attr,
        "TestValueIndex": _index,
        "TestValueHasIndex": _has_index,
        "TestValueNot": _unary("!"),
        "TestValueAnd": _binary("&&", "Receiver", "Other"),
        "TestValueOr": _binary("||", "Receiver", "Other"),
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


def _run(check: Check | None, case: Data) -> None:
    if check is None:
        raise Skipped("tests Go's API")
    if has_hole({name: field for name, field in case.items() if name != "marks"}):
        raise Skipped("needs a Go callback or value")
    if any(f'"{name}": ' in json.dumps(case) for name in _REFINED) or '{"null": true}' in json.dumps(case):
        raise Skipped(_LATER)
    check(case)


def _cases(corpus: Path) -> Iterator[Case]:
    for path in sorted((corpus / "cty-core").glob("*.json")):
        checks = _TABLES.get(path.name, {})
        for test, rows in tables(path).items():
            for number, row in enumerate(rows):
                yield Case(f"{path.name}/{test}/{number}", partial(_run, checks.get(test), row))


GROUPS = (Group("cty-core", "operations on values, marks, types, sets, JSON", _cases),)
