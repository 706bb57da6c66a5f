"""Tables of functions: cty's, go-cty-funcs', Packer's, and YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from conformance import go_files
from conformance.go_tables import (
    CALLBACK,
    GO_TYPE,
    KNOW_HOLES,
    Check,
    Data,
    call,
    check_call,
    fixed,
    group,
    has_index,
    index_operation,
    operator,
    skip,
)
from conformance.model import Case, Group, Skipped, expect, tables
from conformance.typed import has_hole, same, text_of, type_of, value_of
from hclimg.lang.convert import ConversionError, convert
from hclimg.lang.functions import FunctionError
from hclimg.lang.types import ANY
from hclimg.lang.values import from_python


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
        check_call(name, [layout, *map(value_of, case["Args"] or [])], {**case, "Want": wanted})

    return check


def _format_date(case: Data) -> None:
    time = {"k": "string", "v": "2006-01-02T15:04:05Z"}
    if "Format" in case:
        check_call("formatdate", [value_of(case["Format"]), value_of(time)], case)
    elif "Timestamp" in case:
        check_call("formatdate", [from_python("YYYY"), value_of(case["Timestamp"])], case)
    else:
        for layout, field in (
            ("YYYY-MM-DD'T'hh:mm:ssZ", "wantRFC3339"),
            ("EEEE, DD-MMM-YY hh:mm:ss ZZZ", "wantRFC850"),
        ):
            found = call("formatdate", [from_python(layout), from_python(case["input"])]).raw
            expect(found == case[field], f"{case['input']}: {found}, not {case[field]}")


def _json_decode(case: Data) -> None:
    if case.get("WantError") == "invalid character 'o' in literal null (expecting 'u')":
        case = {**case, "WantError": True}
    check_call("jsondecode", [value_of(case["Input"])], case)


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
        "TestNot": operator("!", "Input"),
        "TestAnd": operator("&&", "A", "B"),
        "TestOr": operator("||", "A", "B"),
    },
    "bytes_test.json": {"TestBytesLen": skip(GO_TYPE), "TestBytesSlice": skip(GO_TYPE)},
    "collection_test.json": {
        "TestIndex": lambda case: index_operation({"coll": case["Collection"], "key": case["Key"], **_want(case)}),
        "TestHasIndex": has_index,
        "TestChunklist": fixed("chunklist", "List", "Len"),
        "TestContains": fixed("contains", "List", "Value"),
        "TestMerge": fixed("merge", rest="Values"),
        "TestLength": fixed("length", "Collection"),
        "TestLookup": fixed("lookup", "Collection", "Key", "Default"),
        "TestElement": fixed("element", "List", "Index"),
        "TestCoalesceList": fixed("coalescelist", rest="Values"),
        "TestValues": fixed("values", "Collection"),
        "TestZipMap": fixed("zipmap", "Keys", "Values"),
        "TestKeys": fixed("keys", "Collection"),
        "TestFlatten": fixed("flatten", "List"),
        "TestSetproduct": fixed("setproduct", rest="Collections"),
        "TestReverseList": fixed("reverse", "Input"),
        "TestSlice": fixed("slice", "Input", "Start", "End"),
    },
    "conversion_test.json": {"TestTo": _to},
    "csv_test.json": {"TestCSVDecode": fixed("csvdecode", "Input")},
    "datetime_test.json": {"TestFormatDate": _format_date},
    "format_test.json": {"TestFormat": _format("format"), "TestFormatList": _format("formatlist")},
    "general_test.json": {"TestEqual": operator("==", "A", "B"), "TestCoalesce": fixed("coalesce", rest="Values")},
    "json_test.json": {"TestJSONEncode": fixed("jsonencode", "Input"), "TestJSONDecode": _json_decode},
    "number_test.json": {
        "TestAbsolute": fixed("abs", "Input"),
        "TestAdd": operator("+", "A", "B"),
        "TestSubtract": operator("-", "A", "B"),
        "TestMultiply": operator("*", "A", "B"),
        "TestDivide": operator("/", "A", "B"),
        "TestModulo": operator("%", "A", "B"),
        "TestNegate": operator("-", "Input"),
        "TestLessThan": operator("<", "A", "B"),
        "TestLessThanOrEqualTo": operator("<=", "A", "B"),
        "TestGreaterThan": operator(">", "A", "B"),
        "TestGreaterThanOrEqualTo": operator(">=", "A", "B"),
        "TestMin": fixed("min", rest="Inputs"),
        "TestMax": fixed("max", rest="Inputs"),
        "TestCeil": fixed("ceil", "Num"),
        "TestFloor": fixed("floor", "Num"),
        "TestLog": fixed("log", "Num", "Base"),
        "TestPow": fixed("pow", "Num", "Power"),
        "TestSignum": fixed("signum", "Num"),
        "TestParseInt": fixed("parseint", "Num", "Base"),
    },
    "regexp_test.json": {
        "TestRegex": fixed("regex", "Pattern", "String"),
        "TestRegexAll": fixed("regexall", "Pattern", "String"),
    },
    "sequence_test.json": {"TestConcat": fixed("concat", rest="Input"), "TestRange": fixed("range", rest="Args")},
    "set_test.json": {
        "TestSetUnion": fixed("setunion", rest="Input"),
        "TestSetIntersection": fixed("setintersection", rest="Input"),
        "TestSetSubtract": fixed("setsubtract", "InputA", "InputB"),
    },
    "string_replace_test.json": {
        "TestReplace": fixed("replace", "Input", "Substr", "Replace"),
        "TestRegexReplace": fixed("regex_replace", "Input", "Substr", "Replace"),
    },
    "string_test.json": {
        "TestUpper": fixed("upper", "Input"),
        "TestLower": fixed("lower", "Input"),
        "TestReverse": fixed("strrev", "Input"),
        "TestStrlen": fixed("length", "Input"),
        "TestSubstr": fixed("substr", "Input", "Offset", "Length"),
        "TestJoin": fixed("join", "Separator", rest="Lists"),
        "TestSort": fixed("sort", "Input"),
    },
}


def _file_set(case: Data) -> None:
    path, pattern, wanted, fails = case["value"]
    arguments = [value_of(path), value_of(pattern)]
    check_call("fileset", arguments, {"Want": wanted, "Err": fails}, go_files.folder(*go_files.FUNCS))


def _file_exists(case: Data) -> None:
    check_call("fileexists", [value_of(case["Path"])], case, go_files.folder(*go_files.FUNCS))


def _file_base64(case: Data) -> None:
    wanted = {"k": "string", "v": case["expectedOutput"]}
    argument = {"k": "string", "v": case["file"]}
    check_call("filebase64", [value_of(argument)], {"Want": wanted, "Err": case["expectError"]}, go_files.folder())


def _template_file(case: Data) -> None:
    check_call("templatefile", [value_of(case["Path"]), value_of(case["Vars"])], case, go_files.folder())


def _path_expand(case: Data) -> None:
    # The test knows the home directory only as a variable.
    want = re.search(r'homePath, "(.*?)"', json.dumps(case["Want"]).replace('\\"', '"'))
    if want is not None:
        case = {**case, "Want": {"k": "string", "v": str(Path.home() / want[1])}}
    check_call("pathexpand", [value_of(case["Path"])], case)


def _rsa(case: Data) -> None:
    texts = go_files.rsa_texts()
    arguments = [texts.get(case[name].get("$go"), case[name]) for name in ("Ciphertext", "Privatekey")]
    check_call("rsadecrypt", list(map(value_of, arguments)), case)


_CTY_FUNCS: dict[str, dict[str, Check]] = {
    "base64_test.json": {
        "TestBase64Decode": fixed("base64decode", "String"),
        "TestBase64Encode": fixed("base64encode", "String"),
    },
    "coalesce_test.json": {"TestCoalesce": fixed("coalesce", rest="Values")},
    "filesystem_test.json": {
        "TestFileExists": _file_exists,
        "TestFileSet": _file_set,
        "TestBasename": fixed("basename", "Path"),
        "TestDirname": lambda case: check_call("dirname", [value_of(case["value"][0])], _as_case(case["value"])),
        "TestPathExpand": _path_expand,
    },
    "host_test.json": {"TestHost": fixed("cidrhost", "Prefix", "Hostnum")},
    "md5_test.json": {"TestMd5": fixed("md5", "String")},
    "netmask_test.json": {"TestNetmask": fixed("cidrnetmask", "Prefix")},
    "rsa_test.json": {"TestRsaDecrypt": _rsa},
    "sha_test.json": {
        "TestSha1": fixed("sha1", "String"),
        "TestSha256": fixed("sha256", "String"),
        "TestSha512": fixed("sha512", "String"),
    },
    "subnet_test.json": {"TestSubnet": fixed("cidrsubnet", "Prefix", "Newbits", "Netnum")},
    "subnets_test.json": {"TestSubnets": fixed("cidrsubnets", "Prefix", rest="Newbits")},
    "url_test.json": {"TestURLEncode": fixed("urlencode", "String")},
    "uuid_v5_test.json": {"TestV5": fixed("uuidv5", "Namespace", "Name")},
}


def _as_case(fields: list[Any]) -> Data:
    return {"Want": fields[-2], "Err": fields[-1]}


def _invalid_timestamp(case: Data) -> None:
    check_call("unix_timestamp_parse", [value_of(case["Value"])], {"Err": True})


def _sum(case: Data) -> None:
    if '"float64"' in json.dumps(case):  # then the whole numbers in the list are doubles in Go too
        case = json.loads(json.dumps(case), object_hook=lambda d: {**d, "float64": d.get("k") == "number"})
    fixed("sum", "List")(case)


_PACKER: dict[str, dict[str, Check]] = {
    "alltrue_test.json": {"TestAllTrue": fixed("alltrue", "Collection")},
    "anytrue_test.json": {"TestAnyTrue": fixed("anytrue", "Collection")},
    "datetime_test.json": {},
    "encoding_test.json": {"TestBase64Gzip": fixed("base64gzip", "String")},
    "ends_with_test.json": {"TestEndsWith": fixed("endswith", "String", "Suffix")},
    "filebase64_test.json": {"TestFilebase64": _file_base64},
    "index_test.json": {"TestIndex": fixed("index", "List", "Value")},
    "length_test.json": {"TestLength": fixed("length", "Value")},
    "rfc3339_parse_test.json": {"TestRFC3339Parse": fixed("rfc3339_parse", "Value")},
    "starts_with_test.json": {"TestStartsWith": fixed("startswith", "String", "Prefix")},
    "strcontains_test.json": {"TestStrContains": fixed("strcontains", "String", "Substr")},
    "sum_test.json": {"TestSum": _sum},
    "templatefile_test.json": {"TestTemplateFile": _template_file},
    "unix_timestamp_parse_test.json": {
        "TestUnixTimestampParse": fixed("unix_timestamp_parse", "Value"),
        "TestUnixTimestampParse_invalid": _invalid_timestamp,
    },
}


# -- YAML -----------------------------------------------------------------------

_STANDARD = {"$ident": "Standard"}


def _unmarshal(case: Data) -> None:
    if case["converter"] != _STANDARD:
        raise Skipped("a converter that no template can choose")
    try:
        value = call("yamldecode", [from_python(case["src"])])
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
    check_call("yamlencode", [value_of(case["val"])], {"Want": {"k": "string", "v": case["want"]}})


def _yaml(corpus: Path) -> Iterator[Case]:
    checks: dict[str, Check] = {"TestUnmarshal": _unmarshal, "TestImpliedType": _unmarshal, "TestMarshal": _marshal}
    for name in ("decode_test.json", "encode_test.json", "implied_type_test.json"):
        for test, rows in tables(corpus / "go-cty-yaml" / name).items():
            for number, row in enumerate(rows):
                yield Case(f"{test}/{number}", partial(checks[test], row))


KNOW_HOLES += [_path_expand, _rsa]

GROUPS = (
    group("cty-stdlib", "cty's standard functions", _STDLIB),
    group("go-cty-funcs", "functions for networks, hashes, files, identifiers", _CTY_FUNCS),
    group("packer-functions", "functions that Packer implements itself", _PACKER),
    Group("go-cty-yaml", "YAML", _yaml),
)
