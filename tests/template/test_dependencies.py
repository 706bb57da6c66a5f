"""Locals and data sources depend on each other: one graph, in any order, whose cycles are told."""

from __future__ import annotations

from collections.abc import Callable

from compile_kit import NOW, Workshop
from hclimg.diagnostics import Diagnostics
from hclimg.lang.values import from_python, to_python
from hclimg.plan.compile import CompileOptions, evaluate_globals
from hclimg.template.globals import Globals, Known
from hclimg.template.model import DataAddress


def globals_of(workshop: Workshop, text: str) -> Globals:
    return evaluate_globals(workshop.load(text), CompileOptions(now=NOW, cwd=workshop.folder), workshop.diags)


def with_data(found: Globals, **texts: str) -> Globals:
    """The same names when ``data.look.NAME.text`` are these."""
    data = {DataAddress("look", name): from_python({"text": text}) for name, text in texts.items()}
    return found.later(Known(data=data), frozenset(texts.items()))


def test_cycles_are_told_with_every_place(workshop: Workshop, golden: Callable[[str, str], None]) -> None:
    found = globals_of(
        workshop,
        """\
data "look" "a" { text = local.b }
locals {
  b   = "${local.c}-"
  c   = data.look.a.text
  me  = local.me
  all = length(local)
}
data "look" "self" { text = data.look.self.text }
data "look" "one" { text = data.look.two.text }
data "look" "two" { text = join(",", keys(data.look)) }
""",
    )
    assert found.has_cycles
    golden("dependency-cycles.txt", workshop.problems)


MIXED = """\
locals {
  last  = upper(local.next)
  every = { for name, it in data.look : name => it.text }
  by    = data.look[local.key].text
  key   = "b"
}
data "look" "a" { text = local.first }
locals {
  next  = "${data.look.b.text}!"
  first = "x"
}
data "look" "b" { text = data.look.a.text }
"""


def test_they_may_stand_in_any_order(workshop: Workshop) -> None:
    found = globals_of(workshop, MIXED)
    assert workshop.problems == ""
    assert to_python(found.locals["first"]) == "x"
    assert not found.locals["last"].is_known
    later = with_data(found, a="A", b="b")
    assert to_python(later.locals["last"]) == "B!"
    assert to_python(later.locals["every"]) == {"a": "A", "b": "b"}
    assert to_python(later.locals["by"]) == "b"


def test_results_become_known_one_after_another(workshop: Workshop) -> None:
    found = globals_of(workshop, MIXED)
    first, both, other = with_data(found, a="A"), with_data(found, a="A", b="b"), with_data(found, b="b")
    for later, last in ((first, None), (both, "B!"), (other, "B!")):
        assert later.locals["last"].is_known == (last is not None)
        assert last is None or to_python(later.locals["last"]) == last
        assert to_python(later.locals["first"]) == "x"
        assert later.scope.variable("local") is not None
    assert not other.locals["every"].is_wholly_known
    assert to_python(both.locals["every"]) == {"a": "A", "b": "b"}
    assert with_data(found, a="A", b="b") is both


def test_what_a_local_needs_is_known_also_when_it_names_all(workshop: Workshop) -> None:
    found = globals_of(workshop, MIXED)
    from hclimg.lang.evaluate import references

    needs = {
        name: {address.name for address in found.data_of(references(block.expr))}
        for name, block in found.template.locals.items()
    }
    assert needs == {
        "last": {"b"},
        "every": {"a", "b"},
        "by": {"a", "b"},
        "key": set(),
        "next": {"b"},
        "first": set(),
    }


def test_mistakes_that_only_data_brings_to_light_belong_to_locals(workshop: Workshop) -> None:
    found = globals_of(
        workshop, 'data "look" "a" {}\nlocals {\n  n = tonumber(data.look.a.text)\n  m = local.n + 1\n}\n'
    )
    assert workshop.problems == ""
    later = with_data(found, a="no number")
    from hclimg.lang.evaluate import references

    needs = references(found.template.locals["m"].expr)
    problems = Diagnostics()
    problems.extend(later.problems_of(needs))
    assert len(problems.errors) == 1
    subject = problems.errors[0].subject
    assert subject is not None
    assert subject.text == "data.look.a.text"
    assert found.problems_of(needs) == []
