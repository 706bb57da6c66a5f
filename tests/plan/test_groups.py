"""Groups of provisioners and post-processors: where their steps come, what they see, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compile_kit import Workshop
from hclimg.plan.node import NodeKind
from hclimg.plan.plan import Plan

Golden = Callable[[str, str], None]

BUILD = """\
source "fake" "web" {}
source "other" "db" {}
build {
  sources = ["source.fake.web", "source.other.db"]
  provisioner "run" { text = "first" }
  use "base" { who = "me" }
  provisioner "run" { text = "last" }
  post-processor "list" {}
}
"""
BASE = """\
group "base" {
  input "who" { type = string }
  input "size" {
    type    = number
    default = 40
  }
  provisioner "run" { text = "hello ${input.who}" }
  provisioner "copy" { number = input.size }
  post-processor "sum" { text = input.who }
  post-processors {
    post-processor "pack" {}
    post-processor "list" {}
  }
}
"""


def titles(plan: Plan, lane: str, kind: NodeKind = NodeKind.PROVISION) -> list[str]:
    return [node.title.removeprefix("Running ") for node in plan.nodes_of(lane) if node.kind is kind]


def test_the_steps_of_a_group_come_where_it_is_used(workshop: Workshop) -> None:
    plan = workshop.compile(BASE + BUILD)
    assert workshop.problems == ""
    for lane in ("fake.web", "other.db"):
        assert titles(plan, lane) == [
            "provisioner run: first",
            "provisioner run of group base: hello me",
            "provisioner copy of group base",
            "provisioner run: last",
        ]
        assert titles(plan, lane, NodeKind.POST_PROCESS) == [
            "post-processor sum of group base",
            "post-processor pack of group base",
            "post-processor list of group base",
            "post-processor list",
        ]


def test_a_use_can_be_for_some_builds_only(workshop: Workshop) -> None:
    text = BUILD.replace('who = "me"', 'who  = "me"\n    only = ["fake.web"]').replace("{ who", "{\n    who")
    plan = workshop.compile(BASE + text.replace('["fake.web"] }', '["fake.web"]\n  }'))
    assert workshop.problems == ""
    assert len(titles(plan, "fake.web")) == 4
    assert titles(plan, "other.db") == ["provisioner run: first", "provisioner run: last"]


def test_filters_of_the_use_and_of_the_step_hold_both(workshop: Workshop) -> None:
    text = """
    group "g" {
      provisioner "run" {
        text   = "not db"
        except = ["other.db"]
      }
      provisioner "run" { text = "all" }
    }
    source "fake" "web" {}
    source "other" "db" {}
    source "vm" "x" {}
    build {
      sources = ["fake.web", "other.db", "vm.x"]
      use "g" { only = ["fake.web", "other.db"] }
    }
    """
    plan = workshop.compile(text)
    assert [len(titles(plan, lane)) for lane in ("fake.web", "other.db", "vm.x")] == [2, 1, 0]


def test_for_each_and_enabled(workshop: Workshop) -> None:
    text = """
    variable "on" { default = false }
    source "fake" "web" {}
    build {
      sources = ["fake.web"]
      use "base" {
        for_each = { a = "Ada", b = "Ben" }
        who      = each.value
      }
      use "base" {
        enabled = var.on
        who     = "nobody"
      }
    }
    """
    plan = workshop.compile(BASE + text)
    assert workshop.problems == ""
    assert titles(plan, "fake.web") == [
        'provisioner run of group base["a"]: hello Ada',
        'provisioner copy of group base["a"]',
        'provisioner run of group base["b"]: hello Ben',
        'provisioner copy of group base["b"]',
    ]


def test_groups_use_groups(workshop: Workshop) -> None:
    text = """
    group "all" {
      input "name" {}
      use "base" { who = upper(input.name) }
      provisioner "run" { text = "after ${input.name}" }
    }
    source "fake" "web" {}
    build {
      sources = ["fake.web"]
      use "all" { name = source.name }
    }
    """
    plan = workshop.compile(BASE + text)
    assert workshop.problems == ""
    assert titles(plan, "fake.web") == [
        "provisioner run of group all/base: hello WEB",
        "provisioner copy of group all/base",
        "provisioner run of group all: after web",
    ]


def test_each_lane_has_its_own_inputs(workshop: Workshop) -> None:
    plan = workshop.compile(BASE + BUILD.replace('"me"', '"${source.type}.${source.name}"'))
    assert titles(plan, "fake.web")[1].endswith("hello fake.web")
    assert titles(plan, "other.db")[1].endswith("hello other.db")


def test_what_the_machine_tells_is_known_later(workshop: Workshop) -> None:
    plan = workshop.compile(BASE + BUILD.replace('"me"', "build.ID"))
    assert workshop.problems == ""
    assert titles(plan, "fake.web")[1] == "provisioner run of group base"


def test_a_group_sees_the_names_of_the_template_but_not_those_of_the_use(workshop: Workshop) -> None:
    text = """
    locals { x = "X" }
    group "g" {
      provisioner "run" { text = "${local.x} ${source.name}" }
      provisioner "run" { text = each.key }
    }
    source "fake" "web" {}
    build {
      sources = ["fake.web"]
      use "g" { for_each = toset(["k"]) }
    }
    """
    plan = workshop.compile(text)
    assert titles(plan, "fake.web")[0].endswith(": X web")
    assert workshop.only_error().subject is not None
    assert "each" in workshop.only_error().detail


def test_an_artifact_that_an_input_names_is_waited_for(workshop: Workshop) -> None:
    text = """
    group "g" {
      input "image" {}
      provisioner "copy" { path = input.image }
    }
    source "fake" "base" {}
    source "fake" "web" {}
    build { sources = ["fake.base"] }
    build {
      sources = ["fake.web"]
      use "g" { image = artifact.fake.base.path }
    }
    """
    plan = workshop.compile(text)
    assert workshop.problems == ""
    assert "fake.base/capture" in plan.predecessors("fake.web/build")
    workshop.compile(text.replace("base.path", "base.pth"))
    assert 'Did you mean "path"?' in workshop.only_error().detail


def test_a_sensitive_input_is_not_shown(workshop: Workshop) -> None:
    text = BASE.replace(
        'input "who" { type = string }', 'input "who" {\n    type      = string\n    sensitive = true\n  }'
    )
    plan = workshop.compile(text + BUILD.replace('"me"', '"t0ps3cret"'))
    assert workshop.problems == ""
    assert "t0ps3cret" not in str([node.title for node in plan.nodes.values()])


def test_mistakes(workshop: Workshop, golden: Golden) -> None:
    text = """\
group "base" {
  input "who" { type = string }
  input "size" {
    type    = number
    default = 40
    validation {
      condition     = input.size < 100
      error_message = "At most 99."
    }
  }
  input "only" {}
  input "who" {}
  provisioner "run" { text = input.hwo }
  provisioner "run" { txt = "x" }
}
group "unused" {
  input "n" { type = number }
  provisioner "run" { text = "${local.nothing} ${input.n}" }
  provisioner "rnu" {}
}
group "a" {
  use "b" {}
}
group "b" {
  use "a" {}
}
group "base" {}
source "fake" "web" {}
build {
  sources = ["source.fake.web"]
  use "base" { who = "fine" }
  use "base" {}
  use "base" {
    who  = ["a"]
    size = 100
    hwo  = 1
  }
  use "base" {
    who  = local.missing
    only = ["fake.wbe"]
  }
  use "bsae" { who = "x" }
  use "a" {}
}
"""
    workshop.compile(text)
    golden("group-mistakes.txt", workshop.problems)


def test_a_group_that_cannot_be_referred_to(workshop: Workshop) -> None:
    workshop.compile('group "not a name" {}\n' + BASE + BUILD)
    assert workshop.only_error().summary == "Invalid name"


def test_a_late_value_is_validated_late_and_not_before(workshop: Workshop) -> None:
    text = """
    group "g" {
      input "id" {
        validation {
          condition     = length(input.id) > 3
          error_message = "Too short."
        }
      }
      provisioner "run" { text = input.id }
    }
    source "fake" "web" {}
    build {
      sources = ["fake.web"]
      use "g" { id = build.ID }
    }
    """
    workshop.compile(text)
    assert workshop.problems == ""


def test_groups_that_grow_without_bounds_are_refused(workshop: Workshop) -> None:
    levels = "\n".join(f'group "g{n}" {{\n  use "g{n + 1}" {{}}\n  use "g{n + 1}" {{}}\n}}' for n in range(40))
    text = (
        f'{levels}\ngroup "g40" {{}}\nsource "fake" "web" {{}}\nbuild {{\n  sources = ["fake.web"]\n  use "g0" {{}}\n}}'
    )
    workshop.compile(text)
    assert workshop.errors[0].summary == "Too many steps"


@pytest.mark.parametrize("name", ["old.json"])
def test_packers_old_templates_have_no_groups(workshop: Workshop, name: str) -> None:
    workshop.compile('{"builders": [{"type": "fake"}], "group": {}}', name)
    assert "group" in workshop.only_error().detail
