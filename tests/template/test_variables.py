"""Where the values of variables come from, which one wins, and what is said when it does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from compile_kit import NOW, Workshop
from hclimg.lang.functions import standard_functions
from hclimg.lang.types import STRING, ListType
from hclimg.lang.values import Value, to_python
from hclimg.template.inputs import VariableInputs
from hclimg.template.load import load_template
from hclimg.template.variables import resolve_variables

Golden = Callable[[str, str], None]


def resolve(workshop: Workshop, text: str | None = None, **inputs: Any) -> dict[str, Value]:
    """The values of a template's variables; the folder as a template when no text is given."""
    template = load_template(str(workshop.folder), workshop.diags) if text is None else workshop.load(text)
    assert template is not None
    functions = standard_functions(template.base_dir, NOW)
    return resolve_variables(template, VariableInputs(**inputs), functions, workshop.diags)


def value(workshop: Workshop, text: str, name: str = "x", **inputs: Any) -> Any:
    found = resolve(workshop, text, **inputs)
    assert workshop.problems == ""
    return to_python(found[name])


def test_the_stronger_source_wins(workshop: Workshop) -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    workshop.write("t.pkr.hcl", "".join(f'variable "{name}" {{ default = "default" }}\n' for name in names))
    auto = "".join(f'{name} = "auto"\n' for name in names[2:])
    workshop.write("1.auto.pkrvars.hcl", auto.replace("auto", "first"))
    workshop.write("2.auto.pkrvars.hcl", auto)
    first = workshop.write("first.pkrvars.hcl", 'd = "file"\ne = "file"\nf = "file"\n')
    second = workshop.write("second.pkrvars.json", '{"e": "second"}')
    environment = {f"PKR_VAR_{name}": "environment" for name in names[1:]} | {"PKR_VAR_unknown": "x"}
    found = resolve(
        workshop,
        files=(str(first), str(second)),
        values=("f=option", "f=last option"),
        environment=environment,
    )
    assert workshop.problems == ""
    assert {name: to_python(found[name]) for name in names} == {
        "a": "default",
        "b": "environment",
        "c": "auto",
        "d": "file",
        "e": "second",
        "f": "last option",
    }


@pytest.mark.parametrize(
    ("declared", "text", "expected"),
    [
        ("type = string", '"quoted"', '"quoted"'),
        ("type = string", "a = b", "a = b"),
        ("type = number", "42", 42),
        ("type = bool", "true", True),
        ("type = any", "[1]", "[1]"),
        ("", "[1]", "[1]"),
        ("type = list(string)", '["a", 2]', ["a", "2"]),
        ("type = map(number)", '{ a = "1" }', {"a": 1}),
        ("type = object({ a = optional(number, 5), b = string })", '{ b = "x" }', {"a": 5, "b": "x"}),
        ("default = 42", "80", 80),
        ("default = true", "false", False),
        ('default = ["a"]', '["b", "c"]', ["b", "c"]),
        ("default = null", "text", "text"),
    ],
)
def test_a_text_is_read_by_the_type_of_the_variable(
    workshop: Workshop, declared: str, text: str, expected: Any
) -> None:
    template = f'variable "x" {{\n  {declared}\n}}'
    assert value(workshop, template, values=(f"x={text}",)) == expected
    assert value(workshop, template, environment={"PKR_VAR_x": text}) == expected


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ('env("HOME_OF_TEST")', "/root"),
        ('env("NOT_SET")', ""),
        ("null", None),
        ('"{{user `a`}}"', "{{user `a`}}"),
    ],
)
def test_defaults(workshop: Workshop, default: str, expected: Any) -> None:
    found = value(workshop, f'variable "x" {{ default = {default} }}', environment={"HOME_OF_TEST": "/root"})
    assert found == expected


def test_defaults_are_converted(workshop: Workshop) -> None:
    found = resolve(workshop, 'variable "x" {\n  type = list(string)\n  default = [1]\n}')
    assert found["x"].type == ListType(STRING)


def test_sensitive_values_are_marked(workshop: Workshop) -> None:
    found = resolve(workshop, 'variable "x" {\n  sensitive = true\n  default = "s3cret"\n}')
    assert found["x"].is_sensitive


CHECKED = """\
variable "x" {
  type    = string
  %s
  validation {
    condition     = length(var.x) > 2
    error_message = "It must be longer than two characters."
  }
}
"""


@pytest.mark.parametrize(("text", "problems"), [("long", 0), ("no", 1)])
def test_validation(workshop: Workshop, text: str, problems: int) -> None:
    resolve(workshop, CHECKED % "", values=(f"x={text}",))
    assert [item.detail for item in workshop.errors] == ["It must be longer than two characters."] * problems


def test_a_default_that_is_not_used_is_not_validated(workshop: Workshop) -> None:
    assert value(workshop, CHECKED % 'default = "no"', values=("x=long",)) == "long"


BAD = {
    "t.pkr.hcl": """\
variable "unset" { type = string }
variable "count" {
  type    = number
  default = "many"
}
variable "flag" { type = bool }
variable "hosts" { type = list(string) }
variable "password" {
  type      = list(string)
  sensitive = true
}
variable "refers" { default = var.count }
variable "elsewhere" {
  default = "x"
  validation {
    condition     = var.count > 1
    error_message = "Never."
  }
}
variable "unclear" {
  default = "x"
  validation {
    condition     = "maybe"
    error_message = "Never."
  }
}
""",
    "bad.pkrvars.hcl": 'flag = "perhaps"\nhost = ["a"]\nvariable "x" {}\nfaraway = 1\n',
    "worse.pkrvars.json": "[1]",
}


def test_everything_that_is_wrong_is_told(workshop: Workshop, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workshop.folder)
    for name, text in BAD.items():
        workshop.write(name, text)
    resolve(
        workshop,
        files=("bad.pkrvars.hcl", "worse.pkrvars.json", "absent.pkrvars.hcl"),
        values=("hosts=[", "hots=x", "nothing", 'password="hunter2"'),
    )
    golden("variables-mistakes.txt", workshop.problems)
    assert "hunter2" not in workshop.problems


def test_undeclared_values_of_var_files_can_be_passed_over(workshop: Workshop) -> None:
    path = str(workshop.write("x.pkrvars.hcl", "nobody = 1"))
    resolve(workshop, 'variable "x" { default = 1 }', files=(path,), warn_undeclared=False)
    assert workshop.problems == ""


LEGACY = """{
  "variables": {
    "bang": "bang{{user `baz`}}",
    "baz": "{{user `bar`}}baz",
    "bar": "{{user `foo`}}",
    "foo": "{{env `FOO`}}",
    "count": 8,
    "flag": true,
    "given": null
  },
  "builders": [{"type": "fake"}]
}"""


def resolve_legacy(workshop: Workshop, text: str, **inputs: Any) -> Mapping[str, Value]:
    template = workshop.load(text, "t.json")
    return resolve_variables(
        template, VariableInputs(**inputs), standard_functions(template.base_dir, NOW), workshop.diags
    )


def test_legacy_variables_refer_to_each_other(workshop: Workshop) -> None:
    found = resolve_legacy(workshop, LEGACY, environment={"FOO": "f"}, values=("given={{user `bang`}}!", "own=1"))
    assert workshop.problems == ""
    assert {name: to_python(item) for name, item in found.items()} == {
        "foo": "f",
        "bar": "f",
        "baz": "fbaz",
        "bang": "bangfbaz",
        "count": "8",
        "flag": "1",
        "given": "bangfbaz!",
        "own": "1",
    }


def test_legacy_variables_in_a_circle(workshop: Workshop) -> None:
    text = '{"variables": {"a": "{{user `b`}}", "b": "{{user `c`}}", "c": "{{user `a`}}"}, "builders": [{"type": "x"}]}'
    resolve_legacy(workshop, text)
    problem = workshop.only_error()
    assert "var.a → var.b → var.c → var.a" in problem.detail
    assert [str(item.range)[-9:] for item in problem.related] == ["json:1:45", "json:1:66"]


def test_a_legacy_var_file(workshop: Workshop) -> None:
    path = workshop.write("vars.json", '{"foo": "x", "more": "{{user `foo`}}{{user `foo`}}"}')
    found = resolve_legacy(workshop, LEGACY, files=(str(path),), values=("given=1",))
    assert to_python(found["more"]) == "xx"


LISTS = """\
variable "words" {
  type = list(string)
}
variable "secrets" {
  type      = list(string)
  sensitive = true
}
"""


@pytest.mark.parametrize("text", ["hunter2", "[hunter2", '["hunter2" "x"]', '"hunter2" + 1'])
def test_what_is_wrong_with_an_expression_on_the_command_line(workshop: Workshop, text: str) -> None:
    """The variable is named, and of a sensitive one nothing else."""
    template = workshop.load(LISTS)
    inputs = VariableInputs(values=(f"words={text}", f"secrets={text}"))
    resolve_variables(template, inputs, {}, workshop.diags)
    words, secrets = workshop.errors
    assert (str(words.subject)[:11], words.context) == ("-var words:", 'variable "words"')
    assert words.related[-1].range.begin.line == 1
    assert ("A text must be in quotes here." in words.detail) == (text == "hunter2")
    assert (secrets.subject and secrets.subject.begin.line, secrets.related, secrets.values) == (4, (), ())
    assert "hunter2" not in secrets.detail


# -- rules ------------------------------------------------------------------------

RULES = """\
variable "1x" { default = 1 }
variable "a.b" { default = 1 }
variable "shout" { default = upper("a") }
variable "typo" { default = evn("A") }
variable "size" {
  type    = number
  default = "big"
}
variable "count" {
  type    = number
  default = 1
}
variable "always" {
  default = "a"
  validation {
    condition     = true
    error_message = "Never seen."
  }
}
variable "word" {
  default = "a"
  validation {
    condition     = "no${var.word}"
    error_message = "Never seen."
  }
}
variable "unset" {
  validation {
    condition     = var.word == var.unset
    error_message = "Never seen."
  }
}
"""


def test_rules_of_declarations(workshop: Workshop, golden: Golden) -> None:
    resolve(workshop, RULES, values=("size=1", "count=2"), environment={"PKR_VAR_count": "many"})
    golden("variables-rules.txt", workshop.problems)


def test_of_several_options_only_the_last_is_looked_at(workshop: Workshop) -> None:
    text = 'variable "x" {\n  type = number\n}'
    assert value(workshop, text, values=("x=wrong", "x=5")) == 5


def test_var_files_are_told_by_their_names(workshop: Workshop) -> None:
    path = workshop.write("values.txt", 'x = "a"')
    resolve(workshop, 'variable "x" { default = "" }', files=(str(path),))
    assert workshop.only_error().summary == "Invalid var file"
    assert "*.pkrvars.hcl" in workshop.only_error().detail


def test_a_legacy_var_file_may_be_called_anything(workshop: Workshop) -> None:
    path = workshop.write("values", '{"x": "given"}')
    template = workshop.load('{"variables": {"x": ""}, "builders": [{"type": "fake"}]}', "t.json")
    found = resolve_variables(template, VariableInputs(files=(str(path),)), {}, workshop.diags)
    assert (to_python(found["x"]), workshop.problems) == ("given", "")


def test_many_undeclared_values_are_counted(workshop: Workshop) -> None:
    path = workshop.write("values.pkrvars.hcl", "".join(f"unknown{n} = {n}\n" for n in range(8)))
    resolve(workshop, 'variable "x" { default = "" }', files=(str(path),))
    assert [item.summary for item in workshop.diags] == ["Undeclared variable"] * 5 + ["Undeclared variables"]
    last = workshop.diags.items[-1]
    assert last.detail.startswith("The template declares 3 more")
    assert last.subject is not None
    assert last.subject.text == "unknown5"
