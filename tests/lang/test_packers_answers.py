"""Answers that Packer 1.6.6 gave where one would expect something else; its libraries for these are still the same."""

from __future__ import annotations

import pytest
from evaluating import problem_of, python_of, value_of

from hclimg.lang import numbers


def in_template(text: str) -> str:
    """The text as a string literal."""
    for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        text = text.replace(character, escape)
    return f'"{text}"'


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('!!int "3"', "3"),
        ('!!bool "yes"', "yes"),
        ('!!null ""', ""),
        ("!!int 0x1F", 31),
        ("!!int -0o17", -15),
        ("!!int 017", 17),
        (">\n yes", "true"),
        ("|\n 1.50", "1.5"),
        ("|\n 1.50\n", "1.50\n"),
        ("|-\n ~", None),
        ("a:\tb\t# c", {"a": "b"}),
        ("[a,\tb]", ["a", "b"]),
        ("{<<: {b: 2}, b: 1}", {"b": 1}),
        ("{b: 1, <<: {b: 2}}", {"b": 2}),
        ("'<<': {a: 1}", {"a": 1}),
        ("!!str <<: {a: 1}", {"<<": {"a": 1}}),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        ("+0b1", "+0b1"),
    ],
)
def test_yaml(document: str, expected: object) -> None:
    assert python_of(f"yamldecode({in_template(document)})") == expected


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ("! 3", 'unsupported tag "!"'),
        ("0b102", 'cannot parse "0b102" as tag:yaml.org,2002:int'),
        ("!!int 'x'", 'cannot parse "x" as tag:yaml.org,2002:int'),
        ("{<<: [{a: 1}]}", "cannot merge tuple into mapping"),
        ("%YAML 1.2\n--- a", "found incompatible YAML document"),
        ("%FOO x\n--- a", "found unknown directive name"),
        ('"a\\/b"', "found unknown escape character '/'"),
        ('"\\ud83d"', "found invalid Unicode character escape code"),
        ("\ta: 1", "found character '\\t' that cannot start any token"),
    ],
)
def test_yaml_that_is_refused(document: str, detail: str) -> None:
    assert detail in problem_of(f"yamldecode({in_template(document)})").detail


def test_long_strings_are_folded_in_yaml() -> None:
    words = " ".join(["word"] * 40)
    first, *others = python_of(f'yamlencode({{ a = {{ b = "{words}" }} }})').splitlines()[1:]
    assert first == '  "b": "' + " ".join(["word"] * 15)
    assert others[0] == "    " + " ".join(["word"] * 16)
    assert others[1] == "    " + " ".join(["word"] * 9) + '"'
    assert python_of(f'yamldecode(yamlencode(["{words}", "{"a  b " * 40}"]))') == [words, "a  b " * 40]
    assert python_of(f'yamlencode("{"x" * 100}   y")') == f'"{"x" * 100}\n  \\  y"\n'
    assert "\n" not in python_of(f'yamlencode("{"x" * 100} ")').strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pow(2.5, 1.5)", "3.9528470752104745"),
        ("pow(100, 1.5)", "1000.0000000000002"),
        ("pow(7, 0.25)", "1.6265765616977859"),
        ("pow(10, -0.3)", "0.5011872336272722"),
        ("pow(123.4, 5.6)", "514475732645.943"),
        ("pow(0.1, 5)", "0.000010000000000000006"),
        ("pow(-2, 3)", "-8"),
        ("pow(4, -0.5)", "0.5"),
        ("pow(0, -1)", "+Inf"),
        ("pow(-10, 999)", "-Inf"),
        ("pow(1, 1e300)", "1"),
        ("pow(0.5, 1e300)", "0"),
        ("pow(5, 0)", "1"),
        ("log(3, 2)", "1.584962500721156"),
        ("log(7, 3)", "1.7712437491614224"),
        ("log(1000, 10)", "2.9999999999999996"),
        ("log(1 / 0, 2)", "+Inf"),
        ("ceil(-0.5)", "0"),
        ("floor(-0)", "0"),
    ],
)
def test_numbers_to_the_last_digit(text: str, expected: str) -> None:
    assert numbers.text(value_of(text).raw) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('substr("abc", -2, 0)', "bc"),
        ('substr("abc", 1, 0)', ""),
        ('format("%-05.2g|", 1)', "1    |"),
        ("setproduct([2, 1, 2], toset([3]))", [[1, 3], [2, 3]]),
        ("yamlencode(1 / 0)", "+Inf\n...\n"),
    ],
)
def test_other_functions(text: str, expected: object) -> None:
    assert python_of(text) == expected


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("parseint(64, 10)", "first argument must be a string, not number"),
        ('cidrsubnet("10.0.0.0/8", 0, -1)', "does not accommodate a subnet numbered -1"),
        ("signum(2.5)", "value must be a whole number"),
        ("pow(-8, 1 / 3)", "the result is not a number"),
        ('coalescelist(["a"], toset(["b"]))', "coalescelist arguments must be lists or tuples"),
    ],
)
def test_refused(text: str, detail: str) -> None:
    assert detail in problem_of(text).detail
