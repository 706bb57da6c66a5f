"""The plan as data, and fingerprints."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from compile_kit import NOW, Workshop, registry
from hclimg.diagnostics import SourceText
from hclimg.lang.evaluate import Scope
from hclimg.lang.functions import standard_functions
from hclimg.lang.parse import parse_expression
from hclimg.lang.values import object_of, string, unknown
from hclimg.plan.canonical import expression_text
from hclimg.plan.fingerprint import fingerprints
from hclimg.plan.render import to_dot, to_json, tree

Golden = Callable[[str, str], None]

TEMPLATE = """\
variable "token" {
  default   = "s3cret"
  sensitive = true
}
locals { prefix = "web" }
source "vm" "base" { text = "base" }
source "vm" "web" {
  text   = artifact.vm.base.path
  number = 2
  disk { size = 1 }
}
build {
  sources = ["vm.base", "vm.web"]
  source "vm.base" { name = "twin" }
  provisioner "run" {
    only         = ["vm.web"]
    lines        = ["${local.prefix}-${build.ID}", var.token]
    env          = { HOST = build.Host, NAME = upper(local.prefix) }
    wait         = "90s"
    secret       = "hunter2"
    max_retries  = 2
    timeout      = "5m"
    pause_before = "1s"
  }
  post-processor "list" { keep_input_artifact = true }
}
"""


def as_json(workshop: Workshop, text: str = TEMPLATE, name: str = "main.pkr.hcl", **options: Any) -> dict[str, Any]:
    plan = workshop.compile(text, name)
    assert workshop.errors == []
    return to_json(plan, registry(), **options)


def settings(plan: dict[str, Any], node: str) -> Any:
    return next(item["settings"] for item in plan["nodes"] if item["id"] == node)


def test_the_tree(workshop: Workshop) -> None:
    branches = tree(workshop.compile(TEMPLATE))
    assert [(branch.title, branch.after) for branch in branches] == [
        ("Shared", ()),
        ("vm.base", ()),
        ("vm.web", ("vm.base",)),
        ("vm.twin", ()),
    ]
    assert [leaf.notes for leaf in branches[0].leaves] == [("for vm.base, vm.twin",)]
    notes = {leaf.node.id: leaf.notes for leaf in branches[2].leaves}
    assert notes["vm.web/provision[0]:run"] == ("up to 3 attempts", "at most 5m", "after a pause of 1s")
    assert notes["vm.web/post-process[0.0]:list"] == ("keeps its input",)
    nodes = [leaf.node.id for branch in branches for leaf in branch.leaves]
    assert sorted(nodes) == sorted(workshop.compile(TEMPLATE).nodes)


def test_settings_show_what_is_known_and_how_the_rest_comes_about(workshop: Workshop) -> None:
    plan = as_json(workshop)
    assert settings(plan, "vm.web/provision[0]:run") == {
        "lines": {"expression": '["web-${build.ID}", <sensitive>]'},
        "env": {"expression": '{"HOST" = build.Host, "NAME" = "WEB"}'},
        "wait": "90s",
        "secret": "<sensitive>",
    }
    assert settings(plan, "vm.web/build") == {
        "text": {"expression": "artifact.vm.base.path"},
        "number": 2,
        "disk": [{"size": 1}],
    }
    assert "s3cret" not in json.dumps(plan)
    assert "hunter2" not in json.dumps(plan)


def test_json_is_json(workshop: Workshop, golden: Golden) -> None:
    plan = as_json(workshop)
    for node in plan["nodes"]:
        assert len(node.pop("fingerprint")) == 64
    golden("plan.json", json.dumps(plan, indent=2) + "\n")


def test_positions_are_left_out_unless_they_are_asked_for(workshop: Workshop) -> None:
    assert "main.pkr.hcl" not in json.dumps(as_json(workshop))
    node = next(item for item in as_json(workshop, positions=True)["nodes"] if item["kind"] == "build")
    assert node["position"]["line"] == 6


def test_dot_has_every_node(workshop: Workshop) -> None:
    plan = workshop.compile(TEMPLATE)
    dot = to_dot(plan)
    assert all(f'"{name}"' in dot for name in plan.nodes)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("build.Host", "build.Host"),
        ("(build.Host)", "build.Host"),
        ('"${build.Host}"', "build.Host"),
        ('"a${1 + 1}-${build.Host}\\n"', '"a2-${build.Host}\\n"'),
        ('build["Host"]', 'build["Host"]'),
        ("[build.Host, 1.5, null, true]", "[build.Host, 1.5, null, true]"),
        ("{ (build.Host) = 1, b = { c = 2 } }", '{build.Host = 1, "b" = {"c" = 2}}'),
        ("build.Port + 1 > 2 ? build.Host : var.x", '(((build.Port + 1) > 2) ? build.Host : "X")'),
        ("!build.Ready", "!build.Ready"),
        ('join("-", [build.Host]...)', 'join("-", [build.Host]...)'),
        ("[for n in [1, 2] : n + build.Port if n > 1]", None),
        ("build.Disks[*].size", None),
        ('"%{ if build.Ready }a%{ else }${var.x}%{ endif }"', None),
    ],
)
def test_expressions_have_one_spelling(workshop: Workshop, expression: str, text: str | None) -> None:
    scope = Scope({"var": object_of({"x": string("X")}), "build": unknown()}, standard_functions(workshop.folder, NOW))

    def spelled(source: str) -> str:
        return expression_text(parse_expression(SourceText("t", source), workshop.diags), scope)

    found = spelled(expression)
    assert workshop.problems == ""
    if text is not None:
        assert found == text
    assert spelled(expression.replace("var.x", '"X"').replace("(build.Host)", "((build.Host))")) == found
    assert spelled(expression.replace("build", "other")) != found


# -- fingerprints ---------------------------------------------------------------


def prints(workshop: Workshop, text: str, name: str = "main.pkr.hcl") -> dict[str, str]:
    plan = workshop.compile(text, name)
    assert workshop.errors == []
    return fingerprints(plan, registry())


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_fingerprints_do_not_depend_on_spelling(workshop: Workshop) -> None:
    other = (
        TEMPLATE.replace('"${local.prefix}-${build.ID}"', '"${"w"}eb-${(build.ID)}"')
        .replace("upper(local.prefix)", '"WEB"')
        .replace('text = "base"', 'text = join("", ["ba", "se"])')
    )
    assert other != TEMPLATE
    assert prints(workshop, TEMPLATE) == prints(workshop, other)


def test_a_change_reaches_what_comes_after_it(workshop: Workshop) -> None:
    before, after = prints(workshop, TEMPLATE), prints(workshop, TEMPLATE.replace('"90s"', '"91s"'))
    assert changed(before, after) == {
        f"vm.web/{name}" for name in ("provision[0]:run", "capture", "teardown", "post-process[0.0]:list", "release")
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('prefix = "web"', 'prefix = "wed"'),
        ('"s3cret"', '"s3cre7"'),
        ('"hunter2"', '"hunter3"'),
        ("${build.ID}", "${build.Host}"),
        ("max_retries  = 2", "continue_on_error = true"),
    ],
)
def test_whatever_influences_the_result_changes_the_fingerprint(workshop: Workshop, old: str, new: str) -> None:
    before, after = prints(workshop, TEMPLATE), prints(workshop, TEMPLATE.replace(old, new))
    assert "vm.web/provision[0]:run" in changed(before, after)


def test_another_lane_changes_those_that_start_from_it(workshop: Workshop) -> None:
    before, after = prints(workshop, TEMPLATE), prints(workshop, TEMPLATE.replace('text = "base"', 'text = "bass"'))
    assert {"vm.base/source", "vm.base/capture", "vm.web/source", "vm.web/build"} <= changed(before, after)


def test_the_content_of_files_counts(workshop: Workshop) -> None:
    path = workshop.write("script.sh", "one")
    text = f'source "vm" "a" {{ path = "{path}" }}\nbuild {{ sources = ["vm.a"] }}'
    before = prints(workshop, text)
    path.write_text("two")
    assert "vm.a/source" in changed(before, prints(workshop, text))
    path.unlink()
    path.mkdir()
    (path / "inner").write_text("x")
    with_directory = prints(workshop, text)
    (path / "inner").rename(path / "renamed")
    assert "vm.a/source" in changed(with_directory, prints(workshop, text))
