"""Outputs in a plan: what is known before a run, what they need, and what is wrong with them."""

from __future__ import annotations

import pytest

from compile_kit import Workshop, registry
from hclimg.plan.outputs import PlannedOutput
from hclimg.plan.plan import Plan
from hclimg.plan.render import to_json
from hclimg.ui.plan import render

BUILDS = """\
variable "token" {
  default   = "t0ps3cret"
  sensitive = true
}
locals { size = 40 }
source "fake" "web" {}
source "other" "db" {}
build { sources = ["source.fake.web", "source.other.db"] }
"""


def outputs(plan: Plan) -> dict[str, PlannedOutput]:
    return {output.name: output for output in plan.outputs}


def test_what_is_known_is_known_before_the_run(workshop: Workshop) -> None:
    plan = workshop.compile(BUILDS + 'output "size" { value = local.size + 2 }')
    assert not workshop.errors, workshop.problems
    assert outputs(plan)["size"].value.raw == 42


def test_an_artifact_is_known_after_it_is_built(workshop: Workshop) -> None:
    plan = workshop.compile(BUILDS + 'output "image" { value = artifact.fake.web.path }')
    assert not workshop.errors, workshop.problems
    found = outputs(plan)["image"]
    assert (found.value.is_known, found.lanes, found.complete) == (False, ("fake.web",), True)


def test_what_the_machine_tells_can_be_asked_for(workshop: Workshop) -> None:
    text = 'output "who" { value = "${artifact.fake.web.build.User} ${artifact.fake.web.build.Flavour}" }'
    assert not outputs(workshop.compile(BUILDS + text))["who"].value.is_known
    assert not workshop.errors, workshop.problems


def test_an_output_of_builds_that_are_left_out_is_not_complete(workshop: Workshop) -> None:
    text = 'output "both" { value = [artifact.fake.web.id, artifact.other.db.id] }'
    plan = workshop.compile(BUILDS + text, only=["fake.*"])
    assert not workshop.errors, workshop.problems
    assert not outputs(plan)["both"].complete
    assert "both stays what it is" in render([], outputs=plan.outputs)


def test_how_a_plan_shows_them(workshop: Workshop) -> None:
    text = """
    output "image"  { value = artifact.fake.web.path }
    output "tags"   { value = { size = local.size, "a b" = ["x", null] } }
    output "token"  {
      value     = "Bearer ${var.token}"
      sensitive = true
    }
    """
    plan = workshop.compile(BUILDS + text)
    assert not workshop.errors, workshop.problems
    shown = render([], outputs=plan.outputs)
    assert shown.startswith(
        """\
Outputs:
  image = (known after apply)
  tags = {
    "a b" = [
      "x",
      null,
    ]
    size  = 40
  }
  token = <sensitive>
"""
    )
    assert "t0ps3cret" not in shown


def test_the_json_form(workshop: Workshop) -> None:
    text = """
    output "image" {
      value       = "${local.size}:${artifact.fake.web.path}"
      description = "Where it is."
    }
    output "size" { value = local.size }
    output "token" {
      value     = var.token
      sensitive = true
    }
    """
    plan = workshop.compile(BUILDS + text)
    assert to_json(plan, registry())["outputs"] == {
        "image": {
            "sensitive": False,
            "lanes": ["fake.web"],
            "complete": True,
            "description": "Where it is.",
            "expression": '"40:${artifact.fake.web.path}"',
        },
        "size": {"sensitive": False, "lanes": [], "complete": True, "value": 40},
        "token": {"sensitive": True, "lanes": [], "complete": True},
    }
    assert "outputs" not in to_json(workshop.compile(BUILDS, "other.pkr.hcl"), registry())


@pytest.mark.parametrize(
    ("text", "summary", "detail"),
    [
        ('output "x" { value = artifact.fake.wbe.path }', "Unknown artifact", 'Did you mean "fake.web"?'),
        ('output "x" { value = artifact.fake.web.pth }', "Unsupported attribute", 'Did you mean "path"?'),
        ('output "x" { value = artifact.fake.web.build.Hots }', "Unsupported attribute", 'Did you mean "Host"?'),
        ('output "x" { value = local.siez }', "Undeclared local value", 'Did you mean "size"?'),
        ('output "x" { value = var.token }', "Output refers to sensitive values", "Add sensitive = true"),
        ('output "x" { value = artifact.fake.web.build.Password }', "Output refers to sensitive values", "nonsens"),
        ('output "x" { valeu = 1 }', "Unsupported argument", 'Did you mean "value"?'),
        ('output "x" {}', "Missing required argument", '"value" is required'),
        ('output { value = 1 }', "Missing block label", "has no name"),
        ('output "a b" { value = 1 }', "Invalid name", "begins with a letter"),
        ('output "x" { value = 1 }\noutput "x" { value = 2 }', "Duplicate declaration", 'output "x"'),
    ],
)  # fmt: skip
def test_mistakes(workshop: Workshop, text: str, summary: str, detail: str) -> None:
    workshop.compile(BUILDS + text)
    error = workshop.errors[0]
    assert error.summary == summary, workshop.problems
    assert detail in error.detail
    assert "t0ps3cret" not in workshop.problems


def test_legacy_templates_have_none(workshop: Workshop) -> None:
    workshop.compile('{"builders": [{"type": "fake"}], "output": {}}', "old.json")
    assert "output" in workshop.only_error().detail
