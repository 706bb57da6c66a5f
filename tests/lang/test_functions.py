"""Functions on strings, collections, numbers, encodings, times and networks, by examples."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from evaluating import TIME, problem_of, python_of, value_of

from hclimg.lang.functions import standard_functions
from hclimg.lang.functions.catalog import BEYOND_PACKER
from hclimg.lang.functions.environment import env_function
from hclimg.lang.types import NUMBER, STRING, ListType, MapType, SetType, TupleType
from hclimg.lang.values import from_python, unknown

PACKERS = """
    abs abspath alltrue anytrue aws_secretsmanager aws_secretsmanager_raw base64decode base64encode base64gzip
    basename bcrypt can ceil chomp chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist
    compact concat consul_key contains convert csvdecode dirname distinct element endswith file filebase64
    fileexists fileset flatten floor format formatdate formatlist indent index join jsondecode jsonencode keys
    legacy_isotime legacy_strftime length log lookup lower max md5 merge min parseint pathexpand pow range regex
    regex_replace regexall replace reverse rfc3339_parse rsadecrypt setintersection setproduct setunion sha1
    sha256 sha512 signum slice sort split startswith strcontains strrev substr sum templatefile textdecodebase64
    textencodebase64 timeadd timestamp title trim trimprefix trimspace trimsuffix try unix_timestamp_parse upper
    urlencode uuidv4 uuidv5 values vault yamldecode yamlencode zipmap
"""


def test_all_functions_are_there() -> None:
    functions = standard_functions(Path("/"), TIME)
    assert len(PACKERS.split()) == 103
    assert set(functions) == set(PACKERS.split()) | BEYOND_PACKER
    assert not set(PACKERS.split()) & BEYOND_PACKER
    assert "env" not in functions
    for name in functions:
        assert functions[name].name == name
        assert functions[name].about.endswith((".", ":")), name


def test_a_look_up_imports_one_module() -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import datetime; import hclimg.lang.evaluate\n"
        "from hclimg.lang.functions import standard_functions\n"
        "before = set(sys.modules); f = standard_functions(Path('/'), datetime.now()); assert 'upper' in f; list(f)\n"
        "assert set(sys.modules) == before, set(sys.modules) - before\n"
        "f['upper']; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if name.startswith("hclimg")] == [
        "hclimg.lang.functions.arguments",
        "hclimg.lang.functions.graphemes",
        "hclimg.lang.functions.strings",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # strings
        ('upper("straße é")', "STRASSE É".replace("SS", "ß")),
        ('lower("ÀΣ")', "àσ"),
        ('title("it\'s a hello-world")', "It'S A Hello-World"),
        ('chomp("a\\n\\r\\n\\n")', "a"),
        ('indent(2, "a\\nb\\n\\nc")', "a\n  b\n  \n  c"),
        ('join(", ", ["a", "b"], ["c"])', "a, b, c"),
        ('split(",", "a,,b")', ["a", "", "b"]),
        ('split("", "äb")', ["ä", "b"]),
        ('replace("a.b.c", ".", "/x/")', "a/x/b/x/c"),
        ('replace("1 + 2", "/[0-9]/", "n")', "1 + 2"),
        ('strrev("a👨‍👩‍👧b")', "b👨‍👩‍👧a"),
        ('substr("héllo", 1, 3)', "éll"),
        ('substr("hello", -3, -1)', "llo"),
        ('substr("hello", 4, 100)', "o"),
        ('substr("\\r\\nab", 1, 1)', "a"),
        ('trim("?!hello?!", "!?")', "hello"),
        ('trimprefix("abc", "ab")', "c"),
        ('trimsuffix("abc", "bc")', "a"),
        ('trimspace("\\u00a0\\t a \\n")', "a"),
        ('startswith("abc", "ab")', True),
        ('endswith("abc", "ab")', False),
        ('strcontains("abc", "b")', True),
        # patterns
        ('regex("[a-z]+", "12abc34")', "abc"),
        ('regex("(\\\\d+)-(\\\\d+)?", "x12-")', ["12", None]),
        ('regex("(?P<k>\\\\w+)=(?P<v>\\\\w+)", "a=1")', {"k": "a", "v": "1"}),
        ('regexall("[a-z]", "a1b2")', ["a", "b"]),
        ('regexall("a*", "baac")', ["", "aa", ""]),
        ('regex_replace("a1b22", "[0-9]+", "#")', "a#b#"),
        ('regex_replace("john smith", "(?P<f>\\\\w+) (\\\\w+)", "$2 $${f}")', "smith john"),
        ('regex_replace("ab", "(a)", "$1x")', "b"),
        # format
        ('format("%s is %d%%", "x", 5)', "x is 5%"),
        ('format("%05d|%-5d|%+d|% d|%x|%X|%o|%b", 42, 42, 42, 42, 255, 255, 8, 5)', "00042|42   |+42| 42|ff|FF|10|101"),
        ('format("%#x %#o %#b %.5d", 255, 8, 5, 42)', "0xff 010 0b101 00042"),
        ('format("%.2f %8.3f %-8.1f| %08.3f", 3.14159, 3.14159, 2.5, -3.14159)', "3.14    3.142 2.5     | -003.142"),
        ('format("%e %.2E", 12345.678, 0.00012)', "1.234568e+04 1.20E-04"),
        ('format("%g %g %g", 0.00001, 100000, 1000000)', "1e-05 100000 1e+06"),
        ('format("%.3g|%.0f|%.0f", 1234.5, 2.5, 3.5)', "1.23e+03|2|4"),
        ('format("%q %5s|%-5s|%.2s", "a\\"b", "x", "y", "hello")', '"a\\"b"     x|y    |he'),
        ('format("%v %v %v %v", "a", 1.5, true, [1, { a = null }])', 'a 1.5 true [1,{"a":null}]'),
        ('format("%#v", "x")', '"x"'),
        ('format("%[2]s %[1]s", "a", "b")', "b a"),
        ('format("%d", "12")', "12"),
        ('format("%v", null)', "null"),
        ('formatlist("%s-%d", ["a", "b"], [1, 2])', ["a-1", "b-2"]),
        ('formatlist("%s", "a")', ["a"]),
        # lists
        ("chunklist([1, 2, 3], 2)", [[1, 2], [3]]),
        ('coalesce(null, "", "x")', "x"),
        ("coalesce(null, 1, 2)", 1),
        ('coalescelist([], ["a"])', ["a"]),
        ('compact(["a", "", null, "b"])', ["a", "b"]),
        ("concat([1], [true], [])", [1, True]),
        ("contains([1, 2], 2)", True),
        ('contains([1, 2], "2")', False),
        ("distinct([1, 2, 1])", [1, 2]),
        ('element(["a", "b", "c"], 4)', "b"),
        ("flatten([1, [2, [3, []]], null])", [1, 2, 3, None]),
        ('index(["a", "b"], "b")', 1),
        ("length([1, 2])", 2),
        ('length("e\\u0301👨‍👩‍👧")', 2),
        ("length({ a = 1 })", 1),
        ("range(3)", [0, 1, 2]),
        ("range(1, 2, 0.5)", [1, 1.5]),
        ("range(3, 0)", [3, 2, 1]),
        ("reverse([1, true])", [True, 1]),
        ("slice([1, 2, 3, 4], 1, 3)", [2, 3]),
        ('sort(["b", "a", "B"])', ["B", "a", "b"]),
        ("alltrue([true, \"true\"])", True),
        ("alltrue([])", True),
        ("anytrue([false, null])", False),
        ("sum([1, 2.5])", 3.5),
        ("setunion([1], [2, 1])", [1, 2]),
        ("setintersection([1, 2], [2, 3])", [2]),
        ("setsubtract([1, 2], [2])", [1]),
        ('setproduct(["a", "b"], [1])', [["a", 1], ["b", 1]]),
        # maps
        ("keys({ b = 1, a = 2 })", ["a", "b"]),
        ("values({ b = 1, a = 2 })", [2, 1]),
        ('lookup({ a = 1 }, "a", 0)', 1),
        ('lookup({ a = 1 }, "b", 0)', 0),
        ("merge({ a = 1 }, null, { a = 2, b = true })", {"a": 2, "b": True}),
        ("merge()", {}),
        ('zipmap(["a", "b"], [1, true])', {"a": 1, "b": True}),
        # numbers
        ("[abs(-1.5), ceil(1.1), floor(-1.1), signum(-3), max(1, 3, 2), min(1, 3)]", [1.5, 2, -2, -1, 3, 1]),
        ('[parseint("ff", 16), parseint("-Z", 36), parseint("Z", 62)]', [255, -35, 61]),
        ("pow(2, 10)", 1024),
        ("log(8, 2)", 3),
        # conversion
        ('[tostring(1), tonumber("2"), tobool("true")]', ["1", 2, True]),
        ('tolist(["a", 1])', ["a", "1"]),
        ("toset([2, 1, 2])", [1, 2]),
        ('tomap({ a = 1, b = "x" })', {"a": "1", "b": "x"}),
        ('convert(["1"], list(number))', [1]),
        ("convert({}, object({ a = optional(number, 3) }))", {"a": 3}),
        ('issensitive(sensitive("x"))', True),
        ('issensitive(nonsensitive(sensitive("x")))', False),
        # encodings
        ('base64encode("hé")', "aMOp"),
        ('base64decode("aMOp")', "hé"),
        ('base64gzip("")', "H4sIAAAAAAAA/wAAAP//AQAA//8AAAAAAAAAAA=="),
        ('textencodebase64("é", "ISO-8859-1")', "6Q=="),
        ('textdecodebase64("6Q==", "latin1")', "é"),
        ('textdecodebase64(textencodebase64("aé", "UTF-16"), "UTF-16")', "aé"),
        ('urlencode("a b/ä~")', "a+b%2F%C3%A4~"),
        ('jsonencode({ b = [1, null], a = "<\\n>" })', '{"a":"\\u003c\\n\\u003e","b":[1,null]}'),
        ('jsondecode("{\\"a\\": [1.50, true, null, \\"\\\\ud800\\"]}")', {"a": [1.5, True, None, "\ufffd"]}),
        ('csvdecode("a,b\\n1,\\"x\\"\\"y\\n,z\\"\\n\\n")', [{"a": "1", "b": 'x"y\n,z'}]),
        ('yamldecode("a: 1\\nb: [x, yes, ~]\\nc: &x {d: 0b11}\\ne: {<<: *x, f: \'1\'}")',
         {"a": 1, "b": ["x", True, None], "c": {"d": 3}, "e": {"d": 3, "f": "1"}}),
        ('yamldecode("a: 2020-1-2 03:04:05")', {"a": "2020-01-02T03:04:05Z"}),
        ('yamlencode({ a = [1, { b = [] }], c = "x\\ny\\n" })', '"a":\n- 1\n- "b": []\n"c": |\n  x\n  y\n'),
        ('yamldecode(yamlencode([[[]], { k = { l = "é\\u0007" } }, "a\\n\\n", " b\\nc"]))',
         [[[]], {"k": {"l": "é\a"}}, "a\n\n", " b\nc"]),
        # hashes and identifiers
        ('md5("hello")', "5d41402abc4b2a76b9719d911017c592"),
        ('sha1("hello")', "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"),
        ('length(sha256(""))', 64),
        ('length(sha512(""))', 128),
        ('regex("^\\\\$2a\\\\$04\\\\$", bcrypt("x", 4))', "$2a$04$"),
        ('length(uuidv4())', 36),
        ('uuidv5("dns", "example.com")', "cfbff0d1-9375-5685-968c-48ce8b15ae17"),
        # networks
        ('cidrhost("10.1.2.0/24", 5)', "10.1.2.5"),
        ('cidrhost("10.1.2.0/24", -1)', "10.1.2.255"),
        ('cidrhost("fd00::/64", 1)', "fd00::1"),
        ('cidrnetmask("10.0.0.0/12")', "255.240.0.0"),
        ('cidrsubnet("10.0.0.0/8", 8, 3)', "10.3.0.0/16"),
        ('cidrsubnets("10.0.0.0/16", 4, 8, 4)', ["10.0.0.0/20", "10.0.16.0/24", "10.0.32.0/20"]),
        # times
        ("timestamp()", "2024-02-29T12:34:56Z"),
        ('formatdate("EEEE, D MMM YYYY hh:mm:ss ZZZ", timestamp())', "Thursday, 29 Feb 2024 12:34:56 UTC"),
        ('formatdate("HH\'h\' aa YY-MM-DD \'\'ZZZZZ", "2024-01-02T00:05:06+05:30")', "12h am 24-01-02 '+05:30"),
        ('timeadd("2024-02-28T23:00:00Z", "90m")', "2024-02-29T00:30:00Z"),
        ('timeadd("2024-03-01T00:00:00+02:00", "-1h30.5s")', "2024-02-29T22:59:29+02:00"),
        ('rfc3339_parse("2023-07-25T23:43:16Z").unix', 1690328596),
        ("unix_timestamp_parse(0).rfc3339", "1970-01-01T00:00:00Z"),
        ('[rfc3339_parse("2024-12-30T00:00:00Z").iso_year, rfc3339_parse("2024-12-30T00:00:00Z").iso_week]', [2025, 1]),
        ("legacy_isotime()", "2024-02-29T12:34:56Z"),
        ('legacy_isotime("Mon Jan _2 03:04:05PM 2006 -0700 MST")', "Thu Feb 29 12:34:56PM 2024 +0000 UTC"),
        ('legacy_isotime("20060102-150405.000")', "20240229-123456.000"),
        ('legacy_strftime("%Y-%m-%d %H:%M:%S")', "2024-02-29 12:34:56"),
        ('legacy_strftime("%v")', "29-Feb-2024"),
        # paths
        ('[basename("/a/b/"), basename("")]', ["b", "."]),
        ('[dirname("a"), dirname("/a/b/"), dirname("a/../b/c")]', [".", "/a/b", "b"]),
        ('abspath("/a/./b/../c")', "/a/c"),
    ],
)  # fmt: skip
def test_examples(text: str, expected: object) -> None:
    assert python_of(text) == expected


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('indent(-1, "a")', 'Invalid value for "spaces" parameter: the number of spaces must be between'),
        ('substr("a", 0.5, 1)', "value must be a whole number"),
        ('join(",", ["a", null])', "element 1 is null; cannot concatenate null values"),
        ('regex("(", "a")', 'Invalid value for "pattern" parameter: invalid regexp pattern: missing closing )'),
        ('regex("(?=a)", "a")', "invalid or unsupported Perl syntax"),
        ('regex("(a)\\\\1", "aa")', "invalid regexp pattern"),
        ('regex("(?P<a>x)(y)", "xy")', "cannot mix both named and unnamed"),
        ('regex("z", "a")', "pattern did not match any part of the given string"),
        ('format("%d", 1.5)', 'unsupported value for "%d" at 0: an integer is required'),
        ('format("a%z", 1)', "unsupported format verb 'z' in \"%z\" at offset 1"),
        ('format("%s %s", "a")', 'not enough arguments for "%s" at 3: need index 2 but have 1 total'),
        ('format("%s", 1, 2)', "too many arguments; only 1 used by format string"),
        ('format("x", 1)', "too many arguments; no verbs in format string"),
        ('format("%*d", 1, 2)', "unrecognized format character '*' at offset 1"),
        ('format("5%")', "invalid format string starting at offset 2"),
        ('formatlist("%s%s", ["a"], ["b", "c"])', "argument 2 has length 2, which is inconsistent with argument 1"),
        ("chunklist([1], -1)", "the size argument must be positive"),
        ("coalesce(null, \"\")", "no non-null, non-empty-string arguments"),
        ("coalesce(1, [])", "all arguments must have the same type"),
        ("concat([1], 2)", "all arguments must be lists or tuples; got number"),
        ("element([1], -1)", "cannot use element function with a negative index"),
        ("index([1], 2)", "item not found"),
        ("length(1)", "argument must be a string, a collection type, or a structural type"),
        ('lookup({ a = 1 }, "a")', 'Missing value for "default"'),
        ("lookup([1], 0, 1)", "lookup() requires a map as the first argument"),
        ("merge({}, 1)", 'arguments must be maps or objects, got "number"'),
        ("range(1, 2, 0)", "step must not be zero"),
        ("range(1, 5, -1)", "end must be less than start when step is negative"),
        ("range(1e12)", "more than 1024 values were generated"),
        ("slice([1, 2], 1, 3)", "end index must not be greater than the length of the list"),
        ("slice([1, 2], 2, 1)", "start index must not be greater than end index"),
        ("sum([])", "cannot sum an empty list"),
        ('sum(["x"])', "argument must be list, set, or tuple of number values"),
        ("setproduct([1])", "at least two arguments are required"),
        ("setunion([1], [true])", "given sets must all have compatible element types"),
        ('zipmap(["a"], [])', "number of keys (1) does not match number of values (0)"),
        ("max()", "must pass at least one number"),
        ('parseint("12", 2)', 'cannot parse "12" as a base 2 integer'),
        ('parseint("1", 63)', "base must be a whole number between 2 and 62 inclusive"),
        ("pow(-1, 0.5)", "the result is not a number"),
        ('tonumber("x")', 'cannot convert "x" to number; given string must be a decimal representation of a number'),
        ("tolist(1)", "cannot convert number to list of any single type"),
        ('convert("x", number)', 'Invalid value for "value" parameter: a number is required.'),
        ("convert(1, nope)", 'The keyword "nope" is not a valid type specification.'),
        ('base64decode("!")', 'failed to decode base64 data "!"'),
        ('base64decode("/w==")', "is not valid UTF-8"),
        ('textencodebase64("é", "ascii")', "characters that cannot be represented in ascii"),
        ('textencodebase64("a", "rot13")', '"rot13" is not a supported IANA encoding name or alias'),
        ("jsondecode(\"{\")", "EOF"),
        ('jsondecode("[1,]")', "invalid character ']' looking for beginning of value"),
        ('jsondecode("NaN")', "invalid character 'N' looking for beginning of value"),
        ("jsonencode(1 / 0)", "cannot serialize infinity as JSON"),
        ('csvdecode("a,b\\n1")', "CSV parse error on line 2: wrong number of fields"),
        ('csvdecode("a\\"")', 'CSV parse error on line 1: bare " in non-quoted-field'),
        ('csvdecode("a\\n\\"x")', 'CSV parse error on line 2: extraneous or missing " in quoted-field'),
        ('csvdecode("a,a")', 'duplicate column name "a"'),
        ('yamldecode("a: *x")', 'on line 1, column 4: reference to undefined anchor "x"'),
        ('yamldecode("--- 1\\n--- 2")', "only a single document is allowed"),
        ('yamldecode("a: [")', "on line 1, column 5"),
        ('yamldecode("!!int x")', 'cannot parse "x" as tag:yaml.org,2002:int'),
        ('uuidv5("x", "y")', "uuidv5() doesn't support namespace x (invalid UUID length: 1)"),
        ('rsadecrypt("!", "")', "cipher text must be base64-encoded"),
        ('rsadecrypt("", "no key")', "invalid private key"),
        ('bcrypt("x", 99)', "cost 99 is outside allowed range (4,31)"),
        ('cidrhost("10.0.0.0/24", 256)', "prefix of 24 does not accommodate a host numbered 256"),
        ('cidrhost("10.00.0.0/8", 1)', "invalid CIDR address: 10.00.0.0/8"),
        ('cidrsubnet("10.0.0.0/8", 33, 1)', "may not extend prefix by more than 32 bits"),
        ('cidrsubnet("10.0.0.0/30", 4, 1)', "insufficient address space"),
        ('cidrsubnets("10.0.0.0/30", 1, 1, 1)', "not enough remaining address space"),
        ('formatdate("YYY", timestamp())', 'invalid date format verb "YYY": year must either be "YY" or "YYYY"'),
        ('formatdate("\'x", timestamp())', "unterminated literal '"),
        ('formatdate("Y", "2024-02-30T00:00:00Z")', "not a valid RFC3339 timestamp: day out of range"),
        ('timeadd("2024-01-01", "1h")', "missing required time introducer 'T'"),
        ('timeadd("2024-01-01T00:00:00Z", "1d")', 'unknown unit "d" in duration "1d"'),
        ('timeadd("2024-01-01T00:00:00Z", "1")', 'missing unit in duration "1"'),
        ("unix_timestamp_parse(1.5)", "value must be a whole number of seconds"),
        ('legacy_strftime("%Q")', "unknown time format specification"),
        ('pathexpand("~root/x")', "cannot expand user-specific home dir"),
    ],
)  # fmt: skip
def test_problems(text: str, detail: str) -> None:
    assert detail in problem_of(text).detail


def test_types_of_results() -> None:
    assert value_of('split(",", "a")').type == ListType(STRING)
    assert value_of("concat([1], [true])").type == TupleType(value_of("[1, true]").type.elements)
    assert value_of('concat(tolist([1]), tolist(["a"]))').type == ListType(STRING)
    assert value_of("toset([1])").type == SetType(NUMBER)
    assert value_of("merge(tomap({ a = 1 }), tomap({ b = 2 }))").type == MapType(NUMBER)
    assert value_of('zipmap(["a"], tolist([1]))').type == MapType(NUMBER)
    assert value_of("setproduct(toset([1]), toset([2]))").type == SetType(TupleType((NUMBER, NUMBER)))
    assert python_of("tostring(pow(2, 64))") == "18446744073709550000"
    assert python_of("tostring(pow(2, 0.5))") == "1.4142135623730951"


@pytest.mark.parametrize(
    ("name", "arguments", "type_"),
    [
        ("upper", ["u"], STRING),
        ("split", [",", "u"], ListType(STRING)),
        ("regex", ["(a)(b)", "u"], TupleType((STRING, STRING))),
        ("formatlist", ["%s", "u"], ListType(STRING)),
        ("cidrsubnets", ["u", 1], ListType(STRING)),
        ("timestamp", [], STRING),
    ],
)
def test_unknown_arguments(name: str, arguments: list[object], type_: object) -> None:
    function = standard_functions(Path("/"), TIME)[name]
    result = function.call([unknown(STRING) if a == "u" else from_python(a) for a in arguments])
    assert result.is_wholly_known == ("u" not in arguments)
    assert result.type == type_


# -- beyond Packer --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one([])", None),
        ('one(["a"])', "a"),
        ("one(toset([1]))", 1),
        ("one(var.unset[*])", None),
        ('transpose({ a = ["1", "2"], b = ["2"] })', {"1": ["a"], "2": ["a", "b"]}),
        ("transpose({})", {}),
        ('matchkeys(["i-1", "i-2", "i-3"], ["w", "e", "w"], ["w"])', ["i-1", "i-3"]),
        ('matchkeys(["a"], ["1"], [1])', ["a"]),
        ('matchkeys(["a"], ["1"], [])', []),
        ('timecmp("2017-11-22T00:00:00Z", "2017-11-22T01:00:00+01:00")', 0),
        ('timecmp("2017-11-22T00:00:00Z", "2017-11-22T00:00:01Z")', -1),
        ('timecmp("2018-11-22T00:00:00Z", "2017-11-22T00:00:00Z")', 1),
        ("plantimestamp() == timestamp()", True),
        ('base64sha256("hello")', "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="),
        (
            'base64sha512("hello")',
            "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==",
        ),
        ('base64gunzip(base64gzip("h\u00e9llo"))', "h\u00e9llo"),
        ('urldecode("a+b%20c%C3%A9")', "a b c\u00e9"),
        ('urldecode(urlencode("a b&c=d/\u00e9"))', "a b&c=d/\u00e9"),
        ('templatestring("$${a}-%%{ if b }x%%{ endif }", { a = 1, b = true })', "1-x"),
        ("setsubtract([1, 2, 3], [2])", [1, 3]),
        ('issensitive(sensitive("a"))', True),
        ('issensitive(nonsensitive(sensitive("a")))', False),
        ('tonumber("1.50")', 1.5),
        ("tobool(null)", None),
        ('tolist(toset(["b", "a"]))', ["a", "b"]),
        ('tomap({ a = 1, b = "x" })', {"a": "1", "b": "x"}),
    ],
)
def test_functions_beyond_packer(text: str, expected: object) -> None:
    assert python_of(text, unset=None) == expected


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("one([1, 2])", "must be a list, set, or tuple value with either zero or one elements"),
        ('one("a")', "must be a list, set, or tuple value with either zero or one elements"),
        ("one(tolist([1, 2]))", "must be a list, set, or tuple value with either zero or one elements"),
        ("transpose({ a = [null] })", 'the list for key "a" contains a null value'),
        ('matchkeys(["a"], ["1", "2"], [])', "length of keys and values should be equal"),
        ('timecmp("x", "y")', "not a valid RFC3339 timestamp"),
        ('base64gunzip("!")', 'failed to decode base64 data "!"'),
        ('base64gunzip("aGVsbG8=")', "the decoded data is not in gzip format"),
        ('urldecode("100%")', 'invalid URL escape in "100%"'),
        ('urldecode("%ff")', "not valid UTF-8"),
        ('templatestring("$${a}", {})', 'vars map does not contain key "a"'),
    ],
)
def test_functions_beyond_packer_complain(text: str, detail: str) -> None:
    assert detail in problem_of(text).detail


def test_hashes_of_files(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"hello")
    for name in ("md5", "sha1", "sha256", "sha512", "base64sha256", "base64sha512"):
        assert python_of(f'file{name}("f") == {name}("hello")', tmp_path) is True
    assert "no file exists at nope" in problem_of('filesha256("nope")', tmp_path).detail


def test_the_environment() -> None:
    env = env_function({"HOME": "/root"}.get)
    assert env.call([from_python("HOME")]).raw == "/root"
    assert env.call([from_python("NOPE")]).raw == ""


def test_time_of_the_run_is_in_utc() -> None:
    local = datetime.fromisoformat("2024-01-01T01:00:00+02:00")
    assert standard_functions(Path("/"), local)["timestamp"].call([]).raw == "2023-12-31T23:00:00Z"
    assert local.astimezone(UTC).hour == 23


# -- bounds ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'format("%999999999999d", 1)',
        'format("%.999999999999f", 1.5)',
        "length(jsonencode(1e70000))",
        'regex("(a+)+$", join("", [for i in range(1000) : "aaaaaaaaaaaaaaaaaaaaaaaaaaaaab"]))',
        'parseint(join("", [for i in range(1000) : "99999999"]), 10)',
        'jsondecode("1e70000")',
    ],
)
def test_big_requests_have_an_answer_in_bounded_time(text: str) -> None:
    try:
        assert value_of(text).is_known
    except AssertionError:
        assert problem_of(text).detail


# Each list has ten times the list before.
BOMB = "a0: &a0 [x]" + "".join(f"\\na{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10))


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('jsondecode(join("", [for i in range(1000) : "["]))', "nested too deeply"),
        ('yamldecode(join("", [for i in range(1000) : "["]))', "nested too deeply"),
        ('jsondecode("1e999999")', "out of range"),
        ("setproduct(range(1000), range(1000), range(1000))", "the result would hold more than 1,000,000 values"),
        (f'yamldecode("{BOMB}")', "the document contains too many values"),
    ],
)  # fmt: skip
def test_requests_without_bounds_are_refused(text: str, detail: str) -> None:
    assert detail in problem_of(text).detail
