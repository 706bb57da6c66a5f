"""Tables of conversion and unification, of HCL's expressions, its extensions and its operators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from conformance.go_tables import (
    CALLBACK,
    GO_TYPE,
    KNOW_HOLES,
    TIMESTAMP,
    Check,
    Data,
    apply_path,
    function,
    group,
    index_operation,
    skip,
)
from conformance.model import Case, Failed, Group, Skipped, expect, tables
from conformance.typed import has_hole, same, text_of, type_of, value_of
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang import operators, unify
from hclimg.lang.convert import ConversionError, convert, mismatch
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.functions import standard_functions
from hclimg.lang.functions.model import Function, Parameter
from hclimg.lang.operators import OperationError
from hclimg.lang.parse import parse_expression, parse_template
from hclimg.lang.typeexpr import Defaults, parse_type
from hclimg.lang.types import ANY, NUMBER, STRING, without_optional

# -- conversion -----------------------------------------------------------------


def _convert(case: Data) -> None:
    value, wanted_type = value_of(case["Value"]), type_of(case["Type"])
    problem = case.get("WantError")
    try:
        result = convert(value, wanted_type)
    except ConversionError as error:
        expect(bool(problem), f"{value!r:.150} to {wanted_type!r}: {error.message}")
        if isinstance(problem, str):
            expect(error.message == problem, f"says {error.message!r}, not {problem!r}")
        return
    expect(not problem, f"{value!r:.150} to {wanted_type!r}: no error, but {result!r:.150}")
    wanted = value_of(case["Want"])
    expect(same(wanted, result), f"{value!r:.100} to {wanted_type!r} is {text_of(result)}, not {text_of(wanted)}")


def _unify(case: Data) -> None:
    found = unify.unify(list(map(type_of, case["Input"])), unsafe=False)
    wanted = case["WantType"]
    if isinstance(wanted, dict) and "$ident" in wanted:
        wanted = None
    expected = None if wanted is None else type_of(wanted)
    expect(found == expected or (found, expected) == (ANY, None), f"{case['Input']}: {found!r}, not {expected!r}")


def _compare(case: Data) -> None:
    found = unify.compare(type_of(case["A"]), type_of(case["B"]))
    expect(found == case["Want"], f"{case['A']} {case['B']}: {found}, not {case['Want']}")


def _sort(case: Data) -> None:
    types, wanted = list(map(type_of, case["Input"])), list(map(type_of, case["Want"]))
    found = unify.by_generality(types)
    # Go sorts places in the list; a type that stands there twice is one of ours.
    expect(found == list(dict.fromkeys(wanted)), f"{types!r}: {found!r}, not {wanted!r}")


def _mismatch(case: Data) -> None:
    found = mismatch(type_of(case["GotType"]), type_of(case["WantType"]))
    expect(found == case["WantMsg"], f"says {found!r}, not {case['WantMsg']!r}")


_CONVERT: dict[str, dict[str, Check]] = {
    "compare_types_test.json": {"TestCompareTypes": _compare},
    "conversion_capsule_test.json": {"TestConvertCapsuleType": skip(GO_TYPE)},
    "mismatch_msg_test.json": {"TestMismatchMessage": _mismatch},
    "public_test.json": {"TestConvert": _convert},
    "sort_types_test.json": {"TestSortTypes": _sort},
    "unify_test.json": {"TestUnify": _unify},
}


# -- HCL's expressions ----------------------------------------------------------

_GO_NAMES = {
    "stdlib.UpperFunc": "upper",
    "stdlib.ConcatFunc": "concat",
    "stdlib.JSONDecodeFunc": "jsondecode",
    "stdlib.MinFunc": "min",
    "stdlib.SplitFunc": "split",
    "stdlib.CoalesceFunc": "coalesce",
    "stdlib.JoinFunc": "join",
}


def _scope(ctx: Data | None) -> Scope:
    if ctx is None:
        return Scope()
    variables = ctx.get("Variables")
    functions = ctx.get("Functions")
    found = None if functions is None else {name: _go_function(spec) for name, spec in functions.items()}
    return Scope(None if variables is None else {n: value_of(v) for n, v in variables.items()}, found)


def _negate() -> Function:
    return Function("negate", lambda v: operators.unary("-", v), Parameter("num", NUMBER), result=NUMBER)


def _go_function(spec: Data) -> Function:
    if spec.get("$ident") == "stdlib.NegateFunc":
        return _negate()
    if spec.get("$ident") == "stdlib.StrlenFunc":
        return Function("length", function("length").body, Parameter("str", STRING, unknown=True), result=NUMBER)
    name = _GO_NAMES.get(spec.get("$ident", ""))
    if name is None:
        raise Skipped(CALLBACK)
    return function(name)


def _expression(case: Data, *, template: bool = False) -> None:
    if has_hole(case.get("want")):
        raise Skipped(CALLBACK)
    scope = _scope(case.get("ctx"))
    diags = Diagnostics()
    read = parse_template if template else parse_expression
    expr = read(SourceText("test.hcl", case["input"]), diags)
    if diags.has_errors:
        expect(case["diagCount"] > 0, f"{case['input']!r}: {diags.errors[0]}")
        return
    result = evaluate(expr, scope, diags)
    if case["diagCount"]:
        expect(diags.has_errors, f"{case['input']!r}: no error, but {text_of(result)}")
        return
    if diags.has_errors:
        raise Failed(f"{case['input']!r}: {diags.errors[0]}")
    wanted = value_of(case["want"])
    expect(same(wanted, result), f"{case['input']!r} is {text_of(result)}, not {text_of(wanted)}")


def _error_message(case: Data) -> None:
    diags = Diagnostics()
    evaluate(parse_expression(SourceText("test.hcl", case["input"]), diags), _scope(case["ctx"]), diags)
    expect(diags.has_errors, f"{case['input']!r}: no error")
    first = diags.errors[0]
    expect(first.summary == case["wantSummary"], f"{case['input']!r}: {first.summary!r}, not {case['wantSummary']!r}")
    found, wanted = first.detail.partition(" Did you")[0], case["wantDetail"].partition(" Did you")[0]
    expect(found == wanted, f"{case['input']!r}: {first.detail!r}, not {case['wantDetail']!r}")


def _bool_expression(case: Data) -> None:
    scope = Scope({"unknown": value_of({"k": "unknown", "type": "bool"})})
    diags = Diagnostics()
    result = evaluate(parse_expression(SourceText("test.hcl", case["name"]), diags), scope, diags)
    wanted = value_of(case["value"])
    expect(result.is_known == wanted.is_known, f"{case['name']}: {result!r}")
    expect(not wanted.is_known or result.raw == wanted.raw, f"{case['name']}: {result!r}")


def _call_value(case: Data) -> None:
    scope = _scope(case["ctx"])
    values = {f"a{i}": value_of(arg["Val"]) for i, arg in enumerate(case["expr"]["Args"])}
    text = f"{case['expr']['Name']}({', '.join(values)})"
    inner = scope.child(values)
    diags = Diagnostics()
    result = evaluate(parse_expression(SourceText("test.hcl", text), diags), inner, diags)
    expect(len(diags.errors) == case["diagCount"], f"{text}: {len(diags.errors)} errors")
    wanted = value_of(case["want"])
    expect(bool(case["diagCount"]) or same(wanted, result), f"{text}: {text_of(result)}, not {text_of(wanted)}")


def _hclsyntax(corpus: Path) -> Iterator[Case]:
    folder = corpus / "hclsyntax"
    checks: dict[str, Check] = {
        "TestExpressionParseAndValue": _expression,
        "TestExpressionErrorMessages": _error_message,
        "TestFunctionCallExprValue": _call_value,
        "TestAllBoolExpressions": _bool_expression,
    }
    for test, rows in tables(folder / "expression_test.json").items():
        if test in checks:
            for number, row in enumerate(rows):
                yield Case(f"{test}/{number}", partial(checks[test], row))
    for test, rows in tables(folder / "expression_template_test.json").items():
        if test == "TestTemplateExprParseAndValue":
            for number, row in enumerate(rows):
                yield Case(f"{test}/{number}", partial(_expression, row, template=True))


# -- HCL's extensions -----------------------------------------------------------


def _get_type(case: Data) -> None:
    diags = Diagnostics()
    expr = parse_expression(SourceText("test.hcl", case["Source"]), diags)
    found = parse_type(expr, diags, exact=not case["Constraint"])
    if case["WantError"]:
        if case["WantError"].startswith("Optional attribute modifier expects only one"):
            raise Skipped("the form of type expressions without defaults, which Packer does not use")
        expect(diags.has_errors, f"{case['Source']}: no error")
        # What we add behind HCL's sentence says how it is written.
        found_text = diags.errors[0].detail
        expect(found_text.startswith(case["WantError"]), f"{found_text!r}, not {case['WantError']!r}")
        return
    expect(not diags.has_errors, f"{case['Source']}: {diags.items}")
    expect(found.type == type_of(case["Want"]), f"{case['Source']}: {found.type!r}")


def _get_defaults(case: Data) -> None:
    diags = Diagnostics()
    found = parse_type(parse_expression(SourceText("test.hcl", case["Source"]), diags), diags)
    expect(diags.has_errors == bool(case["WantError"]), f"{case['Source']}: {diags.items}")
    if case["WantError"]:
        expect(diags.errors[0].detail == case["WantError"], f"{diags.errors[0].detail!r}")
        return
    _same_defaults(case["Want"], found.defaults)


def _same_defaults(wanted: Data | None, found: Defaults | None) -> None:
    if wanted is None or found is None:
        expect(wanted is None and found is None, f"{wanted} against {found}")
        return
    values = wanted.get("DefaultValues") or {}
    parts = wanted.get("Children") or {}
    expect(values.keys() == found.values.keys(), f"{values.keys()} {found.values.keys()}")
    expect(parts.keys() == found.parts.keys(), f"{parts.keys()} {found.parts.keys()}")
    for name, value in values.items():
        expect(same(value_of(value), found.values[name]), f"default of {name}: {found.values[name]!r}")
    for name, part in parts.items():
        _same_defaults(part, found.parts[name])


def _defaults(spec: Data) -> Defaults:
    values = {n: value_of(v) for n, v in (spec.get("DefaultValues") or {}).items()}
    return Defaults(values, {n: _defaults(d) for n, d in (spec.get("Children") or {}).items()})


def _apply_defaults(case: Data) -> None:
    if has_hole(case):
        raise Skipped(CALLBACK)
    result = _defaults(case["defaults"]).apply(value_of(case["value"]))
    wanted = value_of(case["want"])
    expect(same(wanted, result), f"{text_of(result)}, not {text_of(wanted)}")


def _try(case: Data) -> None:
    functions = standard_functions(Path("/"), TIMESTAMP)
    variables = case["vars"]
    scope = Scope(None if variables is None else {n: value_of(v) for n, v in variables.items()}, functions)
    diags = Diagnostics()
    result = evaluate(parse_expression(SourceText("test.hcl", case["expr"]), diags), scope, diags)
    if case.get("wantErr"):
        expect(diags.has_errors, f"{case['expr']}: no error")
        return
    expect(not diags.has_errors, f"{case['expr']}: {diags.items}")
    wanted = value_of(case["want"])
    expect(same(wanted, result), f"{case['expr']}: {text_of(result)}, not {text_of(wanted)}")


def _type_text(case: Data) -> None:
    found = repr(type_of(case["Type"]))
    expect(found == case["Want"], f"{found!r}, not {case['Want']!r}")


def _convert_function(case: Data) -> None:
    wanted_type = without_optional(type_of({"$type": case["ty"]["v"]}))
    try:
        result = convert(value_of(case["val"]), wanted_type)
    except ConversionError as error:
        expect(error.message == case.get("wantErr"), f"{error.message!r}, not {case.get('wantErr')!r}")
        return
    expect(same(value_of(case["want"]), result), text_of(result))


_EXTENSIONS: dict[str, dict[str, Check]] = {
    "defaults_test.json": {"TestDefaults_Apply": _apply_defaults},
    "get_type_test.json": {
        "TestGetType": _get_type,
        "TestGetTypeJSON": lambda case: _get_type({**case, "Source": json.loads(case["Source"])["expr"]}),
        "TestGetTypeDefaults": _get_defaults,
    },
    "tryfunc_test.json": {"TestTryFunc": _try, "TestCanFunc": _try},
    "type_string_test.json": {"TestTypeString": _type_text},
    "type_type_test.json": {"TestConvertFunc": _convert_function},
}


def _apply_path(case: Data) -> None:
    path = case["Path"] or {}
    if has_hole(case["Start"]) or (path and "$go" not in path):
        raise Skipped(CALLBACK)
    problem = case.get("WantErr")
    try:
        result = apply_path(value_of(case["Start"]), path.get("$go", ""))
    except OperationError as error:
        said = f"{error.summary}: {error.detail}"
        # Ours may go on, with how many elements there are and which key was meant.
        expect(bool(problem) and said.startswith(str(problem).rstrip(".")), f"{said!r}, not {problem!r}")
        return
    expect(not problem, f"no error, but {text_of(result)}")
    expect(same(value_of(case["Want"]), result), text_of(result))


_CORE: dict[str, dict[str, Check]] = {
    "ops_test.json": {"TestIndex": index_operation, "TestApplyPath": _apply_path},
    "diagnostic_text_test.json": {"TestDiagnosticTextWriter": skip("how Go prints diagnostics; ours look different")},
    "merged_test.json": dict.fromkeys(
        ("TestMergedBodiesContent", "TestMergeBodiesPartialContent"), skip("merges bodies that the test makes in Go")
    ),
    "pos_scanner_test.json": {"TestPosScanner": skip("tests Go's API: a scanner for the lines of any text")},
    "pos_test.json": dict.fromkeys(
        ("TestRangeOver", "TestPosOverlap", "TestRangePartitionAround"), skip("tests Go's API: arithmetic on ranges")
    ),
    "traversal_for_expr_test.json": dict.fromkeys(
        ("TestAbsTraversalForExpr", "TestRelTraversalForExpr", "TestExprAsKeyword"),
        skip("asks expressions that the test makes in Go"),
    ),
}


KNOW_HOLES += [_unify, _apply_path]

GROUPS = (
    group("cty-convert", "conversion and unification", _CONVERT, "tests Go's API"),
    Group("hclsyntax-values", "values of expressions and templates", _hclsyntax),
    group("hcl-ext", "try, can, convert, types with defaults", _EXTENSIONS, "tests Go's API"),
    group("hcl-core-ops", "the index operator, paths", _CORE, "tests Go's API", folder="hcl-core"),
)
