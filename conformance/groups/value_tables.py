"""Tables of cty's, go-cty-funcs', HCL's and Packer's own tests that concern values: functions, conversion, types."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from conformance import go_files
from conformance.model import Case, Failed, Group, Skipped, expect, tables
from conformance.typed import has_hole, same, text_of, type_of, value_of
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang import operators, unify
from hclimg.lang.convert import ConversionError, convert, mismatch
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.functions import FunctionError, standard_functions
from hclimg.lang.functions.model import ArgumentError, Function, Parameter, TextProblems
from hclimg.lang.operators import OperationError
from hclimg.lang.parse import parse_expression, parse_template
from hclimg.lang.typeexpr import Defaults, parse_type
from hclimg.lang.types import ANY, NUMBER, STRING, MapType, without_optional
from hclimg.lang.values import Value, from_python

Data: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Data], None]

_TIMESTAMP = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)
CALLBACK = "the corpus holds a piece of Go in place of a value"
_NO_FUNCTION = "a function of Go's library that no template can call"
_GO_TYPE = "a type that only Go programs can make"


def _function(name: str, folder: Path = Path("/")) -> Function:
    return standard_functions(folder, _TIMESTAMP)[name]


# -- calling functions ----------------------------------------------------------


def _call(name: str, arguments: list[Value], folder: Path = Path("/")) -> Value:
    """Call as an expression does: convert the arguments, then call."""
    function = _function(name, folder)
    if len(arguments) < len(function.parameters):
        raise FunctionError("not enough arguments")
    converted: list[Value] = []
    for position, argument in enumerate(arguments):
        parameter = function.parameter(position)
        if parameter is None:
            raise FunctionError("too many arguments")
        try:
            converted.append(convert(argument, parameter.type))
        except ConversionError as error:
            raise ArgumentError(position, error.message) from None
    return function.call(converted)


def _check_call(name: str, arguments: list[Value], case: Data, folder: Path = Path("/")) -> None:
    problem = case.get("Err", case.get("WantErr", case.get("WantError", case.get("ExpectErr"))))
    fails = bool(problem)
    if isinstance(problem, str) and "but received" in problem:
        raise Skipped("tests Go's API: arguments of the wrong type, which no call gets to")
    try:
        result = _call(name, arguments, folder)
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


def _fixed(name: str, *fields: str, rest: str = "") -> Check:
    """A check that takes arguments from fields of the case."""

    def check(case: Data) -> None:
        arguments = [value_of(case[field]) for field in fields]
        if rest:
            arguments += map(value_of, case[rest] or [])
        _check_call(name, arguments, case)

    return check


def _operator(op: str, *fields: str) -> Check:
    def check(case: Data) -> None:
        operands = [convert(value_of(case[field]), operators.operand_type(op)) for field in fields]
        result = operators.unary(op, operands[0]) if len(operands) == 1 else operators.binary(op, *operands)
        wanted = value_of(case["Want"])
        expect(same(wanted, result), f"{op} {operands!r}: {text_of(result)}, not {text_of(wanted)}")

    return check


def _skip(reason: str) -> Check:
    def check(_case: Data) -> None:
        raise Skipped(reason)

    return check


def _format(name: str) -> Check:
    def check(case: Data) -> None:
        if has_hole(case):
            raise Skipped(CALLBACK)
        plain = isinstance(case["Format"], str)
        layout = from_python(case["Format"]) if plain else value_of(case["Format"])
        wanted = case["Want"]
        if isinstance(wanted, str):
            wanted = {"k": "string", "v": wanted}
        elif isinstance(wanted, list):
            wanted = {"k": "list", "v": wanted, "elem": "string"}
        _check_call(name, [layout, *map(value_of, case["Args"] or [])], {**case, "Want": wanted})

    return check


def _format_date(case: Data) -> None:
    time = {"k": "string", "v": "2006-01-02T15:04:05Z"}
    if "Format" in case:
        _check_call("formatdate", [value_of(case["Format"]), value_of(time)], case)
    elif "Timestamp" in case:
        _check_call("formatdate", [from_python("YYYY"), value_of(case["Timestamp"])], case)
    else:
        for layout, field in (
            ("YYYY-MM-DD'T'hh:mm:ssZ", "wantRFC3339"),
            ("EEEE, DD-MMM-YY hh:mm:ss ZZZ", "wantRFC850"),
        ):
            found = _call("formatdate", [from_python(layout), from_python(case["input"])]).raw
            expect(found == case[field], f"{case['input']}: {found}, not {case[field]}")


def _json_decode(case: Data) -> None:
    if "prefix_full" in json.dumps(case):
        raise Skipped("jsondecode does not look at how an unknown string begins")
    if case.get("WantError") == "invalid character 'o' in literal null (expecting 'u')":
        case = {**case, "WantError": True}
    _check_call("jsondecode", [value_of(case["Input"])], case)


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


def _want(case: Data) -> Data:
    return {"want": case["Want"]}


def _to(case: Data) -> None:
    wanted_type = type_of(case["TargetTy"])
    try:
        result = convert(value_of(case["Value"]), wanted_type)
    except ConversionError:
        expect(bool(case["Err"]), "no error expected")
        return
    expect(same(value_of(case["Want"]), result), f"{text_of(result)}")


_STDLIB: dict[str, dict[str, Check]] = {
    "bool_test.json": {
        "TestNot": _operator("!", "Input"),
        "TestAnd": _operator("&&", "A", "B"),
        "TestOr": _operator("||", "A", "B"),
    },
    "bytes_test.json": {"TestBytesLen": _skip(_GO_TYPE), "TestBytesSlice": _skip(_GO_TYPE)},
    "collection_test.json": {
        "TestIndex": lambda case: _index_operation({"coll": case["Collection"], "key": case["Key"], **_want(case)}),
        "TestHasIndex": has_index,
        "TestChunklist": _fixed("chunklist", "List", "Len"),
        "TestContains": _fixed("contains", "List", "Value"),
        "TestMerge": _fixed("merge", rest="Values"),
        "TestLength": _fixed("length", "Collection"),
        "TestLookup": _fixed("lookup", "Collection", "Key", "Default"),
        "TestElement": _fixed("element", "List", "Index"),
        "TestCoalesceList": _fixed("coalescelist", rest="Values"),
        "TestValues": _fixed("values", "Collection"),
        "TestZipMap": _fixed("zipmap", "Keys", "Values"),
        "TestKeys": _fixed("keys", "Collection"),
        "TestFlatten": _fixed("flatten", "List"),
        "TestSetproduct": _fixed("setproduct", rest="Collections"),
        "TestReverseList": _fixed("reverse", "Input"),
        "TestSlice": _fixed("slice", "Input", "Start", "End"),
    },
    "conversion_test.json": {"TestTo": _to},
    "csv_test.json": {"TestCSVDecode": _fixed("csvdecode", "Input")},
    "datetime_test.json": {"TestFormatDate": _format_date},
    "format_test.json": {"TestFormat": _format("format"), "TestFormatList": _format("formatlist")},
    "general_test.json": {"TestEqual": _operator("==", "A", "B"), "TestCoalesce": _fixed("coalesce", rest="Values")},
    "json_test.json": {"TestJSONEncode": _fixed("jsonencode", "Input"), "TestJSONDecode": _json_decode},
    "number_test.json": {
        "TestAbsolute": _fixed("abs", "Input"),
        "TestAdd": _operator("+", "A", "B"),
        "TestSubtract": _operator("-", "A", "B"),
        "TestMultiply": _operator("*", "A", "B"),
        "TestDivide": _operator("/", "A", "B"),
        "TestModulo": _operator("%", "A", "B"),
        "TestNegate": _operator("-", "Input"),
        "TestLessThan": _operator("<", "A", "B"),
        "TestLessThanOrEqualTo": _operator("<=", "A", "B"),
        "TestGreaterThan": _operator(">", "A", "B"),
        "TestGreaterThanOrEqualTo": _operator(">=", "A", "B"),
        "TestMin": _fixed("min", rest="Inputs"),
        "TestMax": _fixed("max", rest="Inputs"),
        "TestCeil": _fixed("ceil", "Num"),
        "TestFloor": _fixed("floor", "Num"),
        "TestLog": _fixed("log", "Num", "Base"),
        "TestPow": _fixed("pow", "Num", "Power"),
        "TestSignum": _fixed("signum", "Num"),
        "TestParseInt": _fixed("parseint", "Num", "Base"),
    },
    "regexp_test.json": {
        "TestRegex": _fixed("regex", "Pattern", "String"),
        "TestRegexAll": _fixed("regexall", "Pattern", "String"),
    },
    "sequence_test.json": {"TestConcat": _fixed("concat", rest="Input"), "TestRange": _fixed("range", rest="Args")},
    "set_test.json": {
        "TestSetUnion": _fixed("setunion", rest="Input"),
        "TestSetIntersection": _fixed("setintersection", rest="Input"),
        "TestSetSubtract": _fixed("setsubtract", "InputA", "InputB"),
    },
    "string_replace_test.json": {
        "TestReplace": _fixed("replace", "Input", "Substr", "Replace"),
        "TestRegexReplace": _fixed("regex_replace", "Input", "Substr", "Replace"),
    },
    "string_test.json": {
        "TestUpper": _fixed("upper", "Input"),
        "TestLower": _fixed("lower", "Input"),
        "TestReverse": _fixed("strrev", "Input"),
        "TestStrlen": _fixed("length", "Input"),
        "TestSubstr": _fixed("substr", "Input", "Offset", "Length"),
        "TestJoin": _fixed("join", "Separator", rest="Lists"),
        "TestSort": _fixed("sort", "Input"),
    },
}


def _file_set(case: Data) -> None:
    path, pattern, wanted, fails = case["value"]
    arguments = [value_of(path), value_of(pattern)]
    _check_call("fileset", arguments, {"Want": wanted, "Err": fails}, go_files.folder(*go_files.FUNCS))


def _file_exists(case: Data) -> None:
    _check_call("fileexists", [value_of(case["Path"])], case, go_files.folder(*go_files.FUNCS))


def _file_base64(case: Data) -> None:
    wanted = {"k": "string", "v": case["expectedOutput"]}
    argument = {"k": "string", "v": case["file"]}
    _check_call("filebase64", [value_of(argument)], {"Want": wanted, "Err": case["expectError"]}, go_files.folder())


def _template_file(case: Data) -> None:
    _check_call("templatefile", [value_of(case["Path"]), value_of(case["Vars"])], case, go_files.folder())


def _path_expand(case: Data) -> None:
    # The test knows the home directory only as a variable.
    want = re.search(r'homePath, "(.*?)"', json.dumps(case["Want"]).replace('\\"', '"'))
    if want is not None:
        case = {**case, "Want": {"k": "string", "v": str(Path.home() / want[1])}}
    _check_call("pathexpand", [value_of(case["Path"])], case)


def _rsa(case: Data) -> None:
    texts = go_files.rsa_texts()
    arguments = [texts.get(case[name].get("$go"), case[name]) for name in ("Ciphertext", "Privatekey")]
    _check_call("rsadecrypt", list(map(value_of, arguments)), case)


_CTY_FUNCS: dict[str, dict[str, Check]] = {
    "base64_test.json": {
        "TestBase64Decode": _fixed("base64decode", "String"),
        "TestBase64Encode": _fixed("base64encode", "String"),
    },
    "coalesce_test.json": {"TestCoalesce": _fixed("coalesce", rest="Values")},
    "filesystem_test.json": {
        "TestFileExists": _file_exists,
        "TestFileSet": _file_set,
        "TestBasename": _fixed("basename", "Path"),
        "TestDirname": lambda case: _check_call("dirname", [value_of(case["value"][0])], _as_case(case["value"])),
        "TestPathExpand": _path_expand,
    },
    "host_test.json": {"TestHost": _fixed("cidrhost", "Prefix", "Hostnum")},
    "md5_test.json": {"TestMd5": _fixed("md5", "String")},
    "netmask_test.json": {"TestNetmask": _fixed("cidrnetmask", "Prefix")},
    "rsa_test.json": {"TestRsaDecrypt": _rsa},
    "sha_test.json": {
        "TestSha1": _fixed("sha1", "String"),
        "TestSha256": _fixed("sha256", "String"),
        "TestSha512": _fixed("sha512", "String"),
    },
    "subnet_test.json": {"TestSubnet": _fixed("cidrsubnet", "Prefix", "Newbits", "Netnum")},
    "subnets_test.json": {"TestSubnets": _fixed("cidrsubnets", "Prefix", rest="Newbits")},
    "url_test.json": {"TestURLEncode": _fixed("urlencode", "String")},
    "uuid_v5_test.json": {"TestV5": _fixed("uuidv5", "Namespace", "Name")},
}


def _as_case(fields: list[Any]) -> Data:
    return {"Want": fields[-2], "Err": fields[-1]}


def _invalid_timestamp(case: Data) -> None:
    _check_call("unix_timestamp_parse", [value_of(case["Value"])], {"Err": True})


def _sum(case: Data) -> None:
    if '"float64"' in json.dumps(case):  # then the whole numbers in the list are doubles in Go too
        case = json.loads(json.dumps(case), object_hook=lambda d: {**d, "float64": d.get("k") == "number"})
    _fixed("sum", "List")(case)


_PACKER: dict[str, dict[str, Check]] = {
    "alltrue_test.json": {"TestAllTrue": _fixed("alltrue", "Collection")},
    "anytrue_test.json": {"TestAnyTrue": _fixed("anytrue", "Collection")},
    "datetime_test.json": {},
    "encoding_test.json": {"TestBase64Gzip": _fixed("base64gzip", "String")},
    "ends_with_test.json": {"TestEndsWith": _fixed("endswith", "String", "Suffix")},
    "filebase64_test.json": {"TestFilebase64": _file_base64},
    "index_test.json": {"TestIndex": _fixed("index", "List", "Value")},
    "length_test.json": {"TestLength": _fixed("length", "Value")},
    "rfc3339_parse_test.json": {"TestRFC3339Parse": _fixed("rfc3339_parse", "Value")},
    "starts_with_test.json": {"TestStartsWith": _fixed("startswith", "String", "Prefix")},
    "strcontains_test.json": {"TestStrContains": _fixed("strcontains", "String", "Substr")},
    "sum_test.json": {"TestSum": _sum},
    "templatefile_test.json": {"TestTemplateFile": _template_file},
    "unix_timestamp_parse_test.json": {
        "TestUnixTimestampParse": _fixed("unix_timestamp_parse", "Value"),
        "TestUnixTimestampParse_invalid": _invalid_timestamp,
    },
}


def _run(check: Check, case: Data) -> None:
    if check not in _KNOW_HOLES and has_hole({k: v for k, v in case.items() if k not in ("Err", "ctx")}):
        raise Skipped(CALLBACK)
    check(case)


_KNOW_HOLES: list[Check] = []
"""The checks that know what stands for a piece of Go in their tables."""


def _table_cases(folder: Path, files: dict[str, dict[str, Check]], other: str) -> Iterator[Case]:
    """A case for each row of the tables; tables without a check are skipped for the reason ``other``."""
    for name, checks in files.items():
        for test, rows in tables(folder / name).items():
            check = checks.get(test, _skip(other))
            for number, row in enumerate(rows):
                yield Case(f"{name.removesuffix('_test.json')}/{test}/{number}", partial(_run, check, row))


def _group(
    name: str, about: str, files: dict[str, dict[str, Check]], other: str = _NO_FUNCTION, folder: str = ""
) -> Group:
    def cases(corpus: Path) -> Iterable[Case]:
        return _table_cases(corpus / (folder or name), files, other)

    return Group(name, about, cases)


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
    "conversion_capsule_test.json": {"TestConvertCapsuleType": _skip(_GO_TYPE)},
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
        return Function("length", _function("length").body, Parameter("str", STRING, unknown=True), result=NUMBER)
    name = _GO_NAMES.get(spec.get("$ident", ""))
    if name is None:
        raise Skipped(CALLBACK)
    return _function(name)


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
    functions = standard_functions(Path("/"), _TIMESTAMP)
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


# -- YAML -----------------------------------------------------------------------

_STANDARD = {"$ident": "Standard"}


def _unmarshal(case: Data) -> None:
    if case["converter"] != _STANDARD:
        raise Skipped("a converter that no template can choose")
    try:
        value = _call("yamldecode", [from_python(case["src"])])
        result = convert(value, type_of(case["ty"]) if "ty" in case else ANY)
    except (FunctionError, ConversionError) as error:
        expect(bool(case["wantErr"]), f"{case['src']!r}: {error}")
        expect(str(error).endswith(case["wantErr"].rpartition(": ")[2]), f"says {error}, not {case['wantErr']!r}")
        return
    expect(not case["wantErr"], f"{case['src']!r}: no error, but {text_of(result)}")
    if "ty" in case:
        wanted = value_of(case["want"])
        expect(same(wanted, result), f"{case['src']!r} is {text_of(result)}, not {text_of(wanted)}")
    else:
        expect(result.type == type_of(case["want"]), f"{case['src']!r} is {result.type!r}")


def _marshal(case: Data) -> None:
    if case["conv"] != _STANDARD:
        raise Skipped("a converter that no template can choose")
    _check_call("yamlencode", [value_of(case["val"])], {"Want": {"k": "string", "v": case["want"]}})


def _yaml(corpus: Path) -> Iterator[Case]:
    checks: dict[str, Check] = {"TestUnmarshal": _unmarshal, "TestImpliedType": _unmarshal, "TestMarshal": _marshal}
    for name in ("decode_test.json", "encode_test.json", "implied_type_test.json"):
        for test, rows in tables(corpus / "go-cty-yaml" / name).items():
            for number, row in enumerate(rows):
                yield Case(f"{test}/{number}", partial(checks[test], row))


# -- operations -----------------------------------------------------------------


def _index_operation(case: Data) -> None:
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
    "ops_test.json": {"TestIndex": _index_operation, "TestApplyPath": _apply_path},
    "diagnostic_text_test.json": {"TestDiagnosticTextWriter": _skip("how Go prints diagnostics; ours look different")},
    "merged_test.json": dict.fromkeys(
        ("TestMergedBodiesContent", "TestMergeBodiesPartialContent"), _skip("merges bodies that the test makes in Go")
    ),
    "pos_scanner_test.json": {"TestPosScanner": _skip("tests Go's API: a scanner for the lines of any text")},
    "pos_test.json": dict.fromkeys(
        ("TestRangeOver", "TestPosOverlap", "TestRangePartitionAround"), _skip("tests Go's API: arithmetic on ranges")
    ),
    "traversal_for_expr_test.json": dict.fromkeys(
        ("TestAbsTraversalForExpr", "TestRelTraversalForExpr", "TestExprAsKeyword"),
        _skip("asks expressions that the test makes in Go"),
    ),
}


_KNOW_HOLES += [_path_expand, _rsa, _unify, _apply_path]

GROUPS = (
    _group("cty-stdlib", "cty's standard functions", _STDLIB),
    _group("cty-convert", "conversion and unification", _CONVERT, "tests Go's API"),
    _group("go-cty-funcs", "functions for networks, hashes, files, identifiers", _CTY_FUNCS),
    _group("packer-functions", "functions that Packer implements itself", _PACKER),
    Group("go-cty-yaml", "YAML", _yaml),
    Group("hclsyntax-values", "values of expressions and templates", _hclsyntax),
    _group("hcl-ext", "try, can, convert, types with defaults", _EXTENSIONS, "tests Go's API"),
    _group("hcl-core-ops", "the index operator, paths", _CORE, "tests Go's API", folder="hcl-core"),
)
