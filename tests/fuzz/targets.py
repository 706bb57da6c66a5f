"""What is fuzzed for tracebacks: each target reads one input as hclimg would, and must not raise.

Diagnostics are the right answer to nonsense; every target also looks at what it got, for a broken tree or a range
outside the text would only fail later, in somebody's terminal.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import generate
import seeds
from attrs import frozen
from mutations import damaged_bytes, mutated

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.format import format_text
from hclimg.lang.functions import standard_functions
from hclimg.lang.functions.model import Function
from hclimg.lang.gotemplate import GoTemplateError, parse_go_template, render
from hclimg.lang.json_syntax import parse_json_body
from hclimg.lang.parse import parse_body, parse_expression, parse_template, read_source
from hclimg.lang.show import shown
from hclimg.lang.syntax import Expr, Node, same, walk
from hclimg.lang.typeexpr import parse_type
from hclimg.lang.types import ANY, NUMBER, STRING, ListType, SetType
from hclimg.lang.values import Value, from_python, list_of, null, object_of, set_of, string, unknown
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.plan.fingerprint import fingerprints
from hclimg.plan.render import to_json
from hclimg.registry import Registry
from hclimg.sdk.boot import BootCommandError, parse_boot_command
from hclimg.template.hcl import read_hcl
from hclimg.template.inputs import VariableInputs
from hclimg.template.legacy import read_legacy
from hclimg.template.model import Template
from hclimg.ui.diagnostics import render as render_diagnostics
from hclimg.ui.diagnostics import to_json as diagnostics_to_json

NOW = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)
# They leave the machine, or spend the time that they are told to.
NOT_CALLED = frozenset(("vault", "consul_key", "aws_secretsmanager", "aws_secretsmanager_raw", "bcrypt"))
SECRET = "hunter2hunter2"


@frozen
class Target:
    """``make`` gives an input, ``read`` reads it."""

    name: str
    make: Callable[[random.Random], Any]
    read: Callable[[Any, Path], None]


# -- what the reading is done with ---------------------------------------------------------


@cache
def functions(folder: Path) -> Mapping[str, Function]:
    found = standard_functions(folder, NOW)
    return {name: found[name] for name in found if name not in NOT_CALLED}


@cache
def rich_scope(folder: Path) -> Scope:
    """Values of every kind: null, unknown, sensitive, deep, and far beyond what a machine word holds."""
    var = {
        "s": string("some text"),
        "n": from_python(42),
        "b": from_python(True),
        "big": from_python(10**60),
        "l": list_of([string("a"), string("b")], STRING),
        "ln": list_of([from_python(1), from_python(2)], NUMBER),
        "e": list_of([], STRING),
        "set": set_of([string("x"), string("y")], STRING),
        "m": from_python({"a": "1", "b": "2"}),
        "o": from_python({"a": [{"x": 1}, {"x": None}], "é": {"tags": ["t"]}, "": 0}),
        "t": from_python([1, "a", True, None, [2]]),
        "null": null(),
        "ns": null(STRING),
        "u": unknown(),
        "us": unknown(STRING),
        "un": unknown(ListType(NUMBER)),
        "uset": unknown(SetType(ANY)),
        "mixed": object_of({"k": unknown(NUMBER), "d": string("d")}),
        "secret": string(SECRET).with_marks(frozenset(("sensitive",))),
        "so": object_of({"a": string(SECRET).with_marks(frozenset(("sensitive",))), "b": from_python([1])}),
    }
    names = {
        "var": object_of(var),
        "local": object_of(var),
        "each": object_of({"key": string("k"), "value": unknown()}),
    }
    return Scope({**names, **var}, functions(folder))


def check(diags: Diagnostics) -> None:
    """What was reported can be shown, in both forms, and tells no secret."""
    for item in diags:
        if item.subject is not None:
            assert 0 <= item.subject.start <= item.subject.end <= len(item.subject.source.text), item
    text = render_diagnostics(diags)
    diagnostics_to_json(diags)
    assert SECRET not in text, text


def look_at(expr: Node) -> None:
    for node in walk(expr):
        assert 0 <= node.start <= node.end <= len(node.source.text), node
    references(expr)


# -- targets ---------------------------------------------------------------------------------


def read_body(text: str, _: Path) -> None:
    diags = Diagnostics()
    look_at(parse_body(SourceText("f.pkr.hcl", text), diags))
    check(diags)


def read_file(data: bytes, folder: Path) -> None:
    path, diags = folder / "f.pkr.hcl", Diagnostics()
    path.write_bytes(data)
    source = read_source(path, diags)
    assert (source is None) == diags.has_errors
    if source is not None:
        parse_body(source, diags)
    check(diags)


def format_file(text: str, _: Path) -> None:
    """Layout changes no meaning, and none of what it has laid out itself. Files with mistakes are left alone."""
    laid_out, diags = format_text(text), Diagnostics()
    body = parse_body(SourceText("f.pkr.hcl", text), diags)
    if not diags.has_errors:
        assert format_text(laid_out) == laid_out
        assert same(body.items, parse_body(SourceText("f.pkr.hcl", laid_out), diags).items)
        assert not diags.has_errors


def read_expression(text: str, folder: Path) -> None:
    _evaluate(parse_expression, text, folder)


def read_template(text: str, folder: Path) -> None:
    _evaluate(parse_template, text, folder)


def _evaluate(parse: Callable[[SourceText, Diagnostics], Expr], text: str, folder: Path) -> None:
    diags = Diagnostics()
    expr = parse(SourceText("f.hcl", text), diags)
    look_at(expr)
    again = parse(SourceText("f.hcl", text), Diagnostics())
    assert same(expr, again)
    value = evaluate(expr, rich_scope(folder), diags)
    assert isinstance(value, Value)
    assert SECRET not in shown(value) or "nonsensitive" in text
    check(diags)


def read_type(text: str, _: Path) -> None:
    diags = Diagnostics()
    expr = parse_expression(SourceText("f.hcl", text), diags)
    parse_type(expr, diags)
    parse_type(expr, diags, exact=True)
    check(diags)


GO_DATA: dict[str, Any] = {
    "Name": "x", "Vars": "A=1 B='2'", "Path": "/tmp/x", "A": {"B": "c"}, "List": ["a", "b"], "M": {"a": ["z"]},
    "L": [1, 2], "X": None, "Y": True, "N": 1.5, "HTTPIP": "10.0.0.1", "HTTPPort": 80,
}  # fmt: skip


def read_go_template(text: str, _: Path) -> None:
    for keep in (False, True):
        with suppress(GoTemplateError):
            render(parse_go_template(text), GO_DATA, {"user": str, "upper": str.upper}, keep_missing=keep)


def read_boot_command(text: str, _: Path) -> None:
    with suppress(BootCommandError):
        parse_boot_command(text)


def read_legacy_template(text: str, folder: Path) -> None:
    diags = Diagnostics()
    _plan(read_legacy(SourceText("f.json", text), "f.json", folder, diags), diags, folder)


def read_json_template(text: str, folder: Path) -> None:
    diags = Diagnostics()
    body = parse_json_body(SourceText("f.pkr.json", text), diags)
    look_at(body)
    _plan(read_hcl([body], "f.pkr.json", folder, diags), diags, folder)


def read_packer_template(text: str, folder: Path) -> None:
    diags = Diagnostics()
    body = parse_body(SourceText("f.pkr.hcl", text), diags)
    _plan(read_hcl([body], "f.pkr.hcl", folder, diags), diags, folder)


def _plan(template: Template | None, diags: Diagnostics, folder: Path, inputs: VariableInputs | None = None) -> None:
    """All that ``plan`` does with a template, short of drawing it."""
    if template is not None and (template.whole or not diags.has_errors):
        registry = Registry()
        environment = {"PKR_VAR_a": "[1", "PKR_VAR_x": "${"}
        options = CompileOptions(now=NOW, cwd=folder, variables=inputs or VariableInputs(environment=environment))
        plan = compile_plan(template, options, registry, diags)
        if not diags.has_errors:
            fingerprints(plan, registry)
            to_json(plan, registry, positions=True)
    check(diags)


DECLARED = """
variable "a" { default = "x" }
variable "b" { type = list(string) }
variable "c" { type = object({ d = optional(bool, true) }) }
variable "p" {
  default   = "x"
  sensitive = true
}
"""


def read_var_file(text: str, folder: Path) -> None:
    path = folder / ("f.pkrvars.json" if text.lstrip()[:1] in ("{", "[") else "f.pkrvars.hcl")
    path.write_text(text, encoding="utf-8", errors="replace")
    diags = Diagnostics()
    template = read_hcl([parse_body(SourceText("v.pkr.hcl", DECLARED), diags)], "v.pkr.hcl", folder, diags)
    _plan(template, diags, folder, VariableInputs(values=(f"c={text}", f"b={text}"), files=(str(path),)))


# -- inputs ------------------------------------------------------------------------------------


def of(texts: Callable[[], Sequence[str]]) -> Callable[[random.Random], str]:
    return lambda chance: mutated(texts(), chance)


def damaged(chance: random.Random) -> bytes:
    return damaged_bytes(chance.choice(seeds.pieces()), chance)


def templates() -> tuple[str, ...]:
    return (*seeds.GO_TEMPLATES, *seeds.expressions(), *(f"a ${{{e}}} b" for e in seeds.OWN_EXPRESSIONS))


TARGETS = {
    target.name: target
    for target in (
        Target("body", of(seeds.differential), read_body),
        Target("file", damaged, read_file),
        Target("format", of(seeds.differential), format_file),
        Target("expression", of(seeds.expressions), read_expression),
        Target("call", generate.expression, read_expression),
        Target("template", of(templates), read_template),
        Target("type", of(lambda: seeds.TYPES), read_type),
        Target("go-template", of(lambda: seeds.GO_TEMPLATES), read_go_template),
        Target("boot-command", of(lambda: seeds.BOOT_COMMANDS), read_boot_command),
        Target("legacy", of(seeds.legacy_templates), read_legacy_template),
        Target("json", of(seeds.json_templates), read_json_template),
        Target("packer", of(seeds.packer_templates), read_packer_template),
        Target("var-file", of(lambda: seeds.VAR_FILES), read_var_file),
    )
}
