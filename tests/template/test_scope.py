"""What names mean: locals in any order, cycles, and what becomes known later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compile_kit import NOW, Workshop
from hclimg.diagnostics import SourceText
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.parse import parse_expression
from hclimg.lang.values import Value, from_python, to_python
from hclimg.plan.compile import CompileOptions, evaluate_globals
from hclimg.template.globals import Globals, Known, late_scope
from hclimg.template.inputs import VariableInputs
from hclimg.template.model import DataAddress
from hclimg.template.scope import UNKNOWN_ARTIFACT, artifact_tree, known_artifact, known_build, unknown_build
from hclimg.units import Secret

Golden = Callable[[str, str], None]


def globals_of(workshop: Workshop, text: str) -> Globals:
    template = workshop.load(text + '\nvariable "x" {}\n')
    inputs = VariableInputs(values=("x=X",), warn_undeclared=False)
    options = CompileOptions(now=NOW, cwd=Path("/somewhere"), variables=inputs)
    return evaluate_globals(template, options, workshop.diags)


def look(workshop: Workshop, scope: Scope, expression: str) -> Value:
    return evaluate(parse_expression(SourceText("test", expression), workshop.diags), scope, workshop.diags)


def test_locals_stand_in_any_order(workshop: Workshop) -> None:
    found = globals_of(workshop, 'locals {\n  c = "${local.b}c"\n  b = "${local.a}b"\n}\nlocals { a = var.x }')
    assert workshop.problems == ""
    assert to_python(look(workshop, found.scope, "local.c")) == "Xbc"


def test_a_long_chain_of_locals(workshop: Workshop) -> None:
    """Neither recursion nor the order in which they are written matters."""
    lines = [f"  l{n} = local.l{n + 1} + 1" for n in range(3000)]
    found = globals_of(workshop, "locals {\n" + "\n".join(lines) + "\n  l3000 = 0\n}")
    assert workshop.problems == ""
    assert to_python(found.locals["l0"]) == 3000


def test_the_other_roots(workshop: Workshop) -> None:
    scope = globals_of(workshop, "").scope
    assert to_python(look(workshop, scope, "path.cwd")) == "/somewhere"
    assert to_python(look(workshop, scope, "path.root")) == str(workshop.folder)
    assert to_python(look(workshop, scope, "packer.version")) == "1.16.0"


def test_mistakes_in_locals(workshop: Workshop, golden: Golden) -> None:
    text = """\
locals {
  one    = local.two
  two    = { three = local.three }
  three  = [local.one]
  itself = local.itself
  wrong  = local.tow
  early  = build.ID
  secret = env("HOME")
}
data "look" "a" { text = data.look.b.text }
data "look" "b" { text = data.look.a.text }
"""
    globals_of(workshop, text)
    golden("scope-mistakes.txt", workshop.problems)


def test_a_sensitive_local_is_marked(workshop: Workshop) -> None:
    found = globals_of(workshop, 'local "s" {\n  expression = "x"\n  sensitive = true\n}')
    assert found.locals["s"].is_sensitive


def test_data_is_unknown_until_it_is_read(workshop: Workshop) -> None:
    found = globals_of(workshop, 'data "look" "a" {}\nlocals { name = "${data.look.a.name}-x" }')
    scope = found.scope.child({"extra": from_python(1)})
    assert not look(workshop, scope, "local.name").is_known
    known = found.later(Known(data={DataAddress("look", "a"): from_python({"name": "web"})}), 1)
    later = late_scope(scope, {"more": from_python(2)}, known)
    assert to_python(look(workshop, later, "[local.name, extra, more, var.x]")) == ["web-x", 1, 2, "X"]
    assert workshop.problems == ""


def test_which_data_an_expression_needs(workshop: Workshop) -> None:
    text = """\
data "look" "a" {}
data "look" "b" {}
locals {
  far  = local.near
  near = data.look.a.text
}
"""
    from hclimg.lang.evaluate import references

    found = globals_of(workshop, text)
    expression = parse_expression(SourceText("test", "[local.far, var.x]"), workshop.diags)
    assert found.data_of(references(expression)) == {DataAddress("look", "a")}


def test_build_facts(workshop: Workshop) -> None:
    before = unknown_build("prod", "fake", ["Flavour"])
    scope = Scope({"build": before})
    assert to_python(look(workshop, scope, "[build.name, build.type]")) == ["prod", "fake"]
    assert not look(workshop, scope, "[build.Host, build.Flavour]").is_wholly_known
    later = late_scope(scope, {"build": known_build(before, {"Host": "h", "Port": 22, "Password": "p"})})
    expression = "[build.name, build.Host, build.Port, build.User]"
    assert to_python(look(workshop, later, expression)) == ["prod", "h", 22, ""]
    assert look(workshop, later, "build.Password").is_sensitive
    assert workshop.problems == ""


def test_a_secret_fact_is_known_and_marked() -> None:
    found = known_build(unknown_build("", "fake", ()), {"Token": Secret("t0ken")})
    assert found.raw["Token"].raw == "t0ken"
    assert found.raw["Token"].is_sensitive


def test_a_misspelt_fact_is_an_error_before_anything_runs(workshop: Workshop) -> None:
    look(workshop, Scope({"build": unknown_build("", "fake", ())}), "build.Hst")
    assert 'named "Hst"' in workshop.only_error().detail


@pytest.mark.parametrize(("steps", "expression"), [(("vm", "web"), "vm.web"), (("prod", "vm", "web"), "prod.vm.web")])
def test_artifacts(workshop: Workshop, steps: tuple[str, ...], expression: str) -> None:
    other = ("vm", "other")
    before = Scope({"artifact": artifact_tree({steps: UNKNOWN_ARTIFACT, other: UNKNOWN_ARTIFACT})})
    assert not look(workshop, before, f"artifact.{expression}.path").is_known
    made = known_artifact(id_="VM", builder="test", files=["a.qcow2", "b"], state={"size": 3}, build=from_python({}))
    after = Scope({"artifact": artifact_tree({steps: made, other: UNKNOWN_ARTIFACT})})
    found = look(workshop, after, f"[artifact.{expression}.path, artifact.{expression}.files[1]]")
    assert to_python(found) == ["a.qcow2", "b"]
    assert to_python(look(workshop, after, f"artifact.{expression}.state.size")) == 3
