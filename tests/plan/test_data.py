"""Data sources in plans: their types, and which of them are read before there is a plan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from compile_kit import Workshop
from hclimg.diagnostics import Diagnostics
from hclimg.lang.values import from_python
from hclimg.plan.compile import CompileOptions, compile_plan, compile_reading
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.template.model import DataAddress

SHAPE = """\
data "null" "base" { input = "web" }
data "null" "names" { input = local.prefix }
data "null" "late" { input = data.null.names.output }
locals {
  prefix = "${data.null.base.output}-"
  names  = ["null.${data.null.names.output}"]
}
source "null" "a" { communicator = "none" }
build {
  sources = local.names
  provisioner "shell-local" {
    inline  = ["echo ${data.null.late.output}"]
    timeout = "5m"
  }
}
"""
OPTIONS = {"now": datetime(2024, 2, 29, tzinfo=UTC)}


def reading(workshop: Workshop, text: str, *, every: bool = False) -> Plan:
    options = CompileOptions(cwd=workshop.folder, **OPTIONS)
    return compile_reading(workshop.load(text), options, Registry(), Diagnostics(), every=every)


Golden = Callable[[str, str], None]


def test_misspelt_attributes_are_found_before_anything_is_read(workshop: Workshop, golden: Golden) -> None:
    template = workshop.load("""\
data "http" "page" { url = "http://example.org/" }
data "null" "it" { input = data.http.page.bdy }
locals {
  lines = split("\\n", data.http.page.body)
  more  = data.htp.page.body
  type  = data.http.page.response_headers.Content-Type
  count = data.http.page.status_code + 1
  wrong = data.http.pge.body
}
source "null" "a" { communicator = "none" }
build {
  sources = ["null.a"]
  provisioner "shell-local" { inline = [data.null.it.outptu] }
}
""")
    compile_plan(template, CompileOptions(cwd=workshop.folder, **OPTIONS), Registry(), workshop.diags)
    golden("data-attributes.txt", workshop.problems)


def test_what_decides_the_shape_is_read_first(workshop: Workshop) -> None:
    plan = reading(workshop, SHAPE)
    assert [node.id for node in plan.in_order()] == ["data.null.base", "data.null.names"]
    assert set(plan.edges) == {("data.null.base", "data.null.names")}
    every = reading(workshop, SHAPE, every=True)
    assert [node.id for node in every.in_order()] == ["data.null.base", "data.null.names", "data.null.late"]


def test_nothing_is_read_first_when_the_shape_is_known(workshop: Workshop) -> None:
    assert not reading(workshop, SHAPE.replace("local.names", '["null.a"]')).nodes


def test_arguments_around_steps_are_read_first(workshop: Workshop) -> None:
    text = SHAPE.replace("local.names", '["null.a"]').replace('"5m"', "data.null.late.output")
    assert {node.id for node in reading(workshop, text).nodes.values()} == {
        "data.null.base",
        "data.null.names",
        "data.null.late",
    }


def test_what_was_read_is_known_and_not_read_again(workshop: Workshop) -> None:
    known = {
        DataAddress("null", "base"): from_python({"output": "w"}),
        DataAddress("null", "names"): from_python({"output": "a"}),
    }
    options = CompileOptions(cwd=workshop.folder, data=known, **OPTIONS)
    plan = compile_plan(workshop.load(SHAPE), options, Registry(), workshop.diags)
    assert workshop.problems == ""
    assert list(plan.lanes) == ["null.a"]
    assert [name for name in plan.nodes if name.startswith("data.")] == ["data.null.late"]
    assert list(plan.predecessors("data.null.late")) == []
    assert list(plan.successors("data.null.late")) == ["null.a/build"]


def test_validate_goes_on_without_what_is_not_read(workshop: Workshop) -> None:
    options = CompileOptions(cwd=workshop.folder, **OPTIONS)
    compile_plan(workshop.load(SHAPE), options, Registry(), workshop.diags)
    assert workshop.problems == ""
