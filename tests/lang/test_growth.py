"""Reading and evaluating takes time in proportion to the text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from growth import assert_linear
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.format import format_text
from hclimg.lang.functions import standard_functions
from hclimg.lang.gotemplate import parse_go_template, render
from hclimg.lang.json_syntax import parse_json_body
from hclimg.lang.parse import parse_body, parse_expression
from hclimg.lang.values import from_python
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.registry import Registry
from hclimg.template.hcl import read_hcl

NOW = datetime(2024, 1, 1, tzinfo=UTC)
BUILD = (
    'variable "x" {\n  default = 1\n}\n'
    'source "null" "n" {\n  communicator = "none"\n}\nbuild {\n  sources = ["null.n"]\n}\n'
)

HCL: dict[str, Callable[[int], str]] = {
    "arguments": lambda n: "".join(f"a{i} = [1, x.y, {{ k = f(1) }}]\n" for i in range(n)),
    "nested lists": lambda n: f"a = {'[' * n}{']' * n}\n",
    "nested templates": lambda n: "a = " + '"${' * n + "x" + '}"' * n + "\n",
    "a long sum": lambda n: f"a = 1{' + 1' * n}\n",
    "steps": lambda n: f"a = x{'.b[0]' * n}\n",
    "one long string": lambda n: f'a = "{"x${y}" * n}"\n',
    "one heredoc": lambda n: "a = <<-E\n" + "  x ${y} %{ if z }q%{ endif }\n" * n + "  E\n",
    "blocks in blocks": lambda n: "b {\n" * n + "}\n" * n,
    "conditionals": lambda n: f"a = {'x ? 1 : ' * n}2\n",
    "mistakes": lambda n: "a = ]\nb {\n" * n,
    "arguments that are set again": lambda n: "a = 1\n" * n,
}

LOCALS: dict[str, Callable[[int], str]] = {
    "a chain": lambda n: "".join(f"  l{i} = local.l{i + 1} + 1\n" if i < n else f"  l{i} = 1\n" for i in range(n + 1)),
    "a chain from its end": lambda n: "".join(
        f"  l{i} = local.l{i - 1} + 1\n" if i else "  l0 = 1\n" for i in range(n)
    ),
    "a cycle": lambda n: "".join(f"  l{i} = local.l{(i + 1) % n}\n" for i in range(n)),
    "all of them in one": lambda n: (
        "".join(f"  l{i} = 1\n" for i in range(n)) + f"  all = [{', '.join(f'local.l{i}' for i in range(n))}]\n"
    ),
    "references in texts": lambda n: "".join(f'  l{i} = "${{var.x}} y {{{{var.x"\n' for i in range(n)),
    "loops": lambda n: "".join(f"  l{i} = [for x in [1, 2, 3] : x + 1 if x > 1]\n" for i in range(n)),
}


def read(text: str) -> None:
    references(parse_body(SourceText("t.pkr.hcl", text), Diagnostics()))


def compiled(text: str) -> None:
    diags = Diagnostics()
    body = parse_body(SourceText("t.pkr.hcl", text), diags)
    template = read_hcl([body], "t.pkr.hcl", Path("/nowhere"), diags)
    compile_plan(template, CompileOptions(now=NOW, cwd=Path("/nowhere")), Registry(), diags)


@pytest.mark.parametrize("name", HCL)
def test_parsing(name: str) -> None:
    assert_linear(lambda n: partial(read, HCL[name](n)), 400)


@pytest.mark.parametrize("name", HCL)
def test_layout(name: str) -> None:
    assert_linear(lambda n: partial(format_text, HCL[name](n)), 200)


@pytest.mark.parametrize("name", LOCALS)
def test_locals(name: str) -> None:
    assert_linear(lambda n: partial(compiled, f"locals {{\n{LOCALS[name](n)}}}\n{BUILD}"), 1_000)


def test_variables() -> None:
    declared = 'variable "v{}" {{\n  default = "x"\n}}\n'
    assert_linear(lambda n: partial(compiled, "".join(declared.format(i) for i in range(n)) + BUILD), 300)


@pytest.mark.parametrize(
    "text",
    [
        "[for x in l : x + 1]",
        "{for x in l : x => x...}",
        "l[*]",
        '"%{ for x in l }${x},%{ endfor }"',
        "sort(l)",
        "jsonencode(l)",
    ],
)
def test_evaluation_of_long_lists(text: str) -> None:
    expr = parse_expression(SourceText("t", text), Diagnostics())
    functions = standard_functions(Path("/nowhere"), NOW)

    def prepare(n: int) -> Callable[[], object]:
        return partial(evaluate, expr, Scope({"l": from_python(list(range(n)))}, functions), Diagnostics())

    assert_linear(prepare, 2_000)


@pytest.mark.parametrize(
    "text",
    [
        lambda n: f"[{'{}, ' * n}1]",
        lambda n: "[" * n,
        lambda n: f"{{{', '.join(f'{chr(34)}{i}{chr(34)}: 1' for i in range(n))}}}",
    ],
)
def test_json(text: Callable[[int], str]) -> None:
    assert_linear(lambda n: partial(parse_json_body, SourceText("t.json", text(n)), Diagnostics()), 1_000)


@pytest.mark.parametrize("text", [lambda n: "{{ .A }} x " * n, lambda n: "{{ if .A }}" * n + "{{ end }}" * n])
def test_go_templates(text: Callable[[int], str]) -> None:
    render(parse_go_template(text(100)), {"A": "x"}, {})
    assert_linear(lambda n: partial(parse_go_template, text(n)), 500)
