"""``for_each``, ``enabled`` and ``dynamic``: which builds and steps there are, and what they are called."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import pytest

from compile_kit import Workshop, registry
from hclimg.plan.node import Node, NodeKind
from hclimg.plan.plan import Plan
from hclimg.plan.render import to_json, tree

Golden = Callable[[str, str], None]

SITES = 'variable "sites" {\n  default = { eu = { size = 1 }, us = { size = 2 } }\n}\n'
WEB = SITES + 'source "vm" "web" {\n  for_each = var.sites\n  text = each.key\n  number = each.value.size\n}\n'
ONE = 'source "vm" "one" {}\n'


def titles(plan: Plan, lane: str) -> list[str]:
    """What the steps of a lane are called that the template writes."""
    wanted = (NodeKind.PROVISION, NodeKind.ERROR_CLEANUP, NodeKind.POST_PROCESS)
    return [node.title.removeprefix("Running ") for node in plan.nodes_of(lane) if node.kind in wanted]


def settings(plan: Plan, node: str) -> dict[str, object]:
    data = to_json(plan, registry())
    found = next(item for item in data["nodes"] if item["id"] == node)["settings"]
    assert isinstance(found, dict)
    return found


def clean(
    workshop: Workshop, text: str, name: str = "main.pkr.hcl", only: Iterable[str] = (), except_: Iterable[str] = ()
) -> Plan:
    plan = workshop.compile(text, name, only=only, except_=except_)
    assert workshop.problems == ""
    return plan


# -- sources --------------------------------------------------------------------------


def test_a_source_for_each_key(workshop: Workshop) -> None:
    plan = clean(workshop, WEB + 'build { sources = ["source.vm.web"] }')
    assert list(plan.lanes) == ['vm.web["eu"]', 'vm.web["us"]']
    assert settings(plan, 'vm.web["us"]/build') == {"text": "us", "number": 2}
    lane = plan.lanes['vm.web["us"]']
    assert (lane.source_type, lane.source_name, lane.keys, lane.label) == ("vm", "web", ("us",), "web-us")
    assert to_json(plan, registry())["lanes"][1] == {
        "address": 'vm.web["us"]', "type": "vm", "name": "web", "keys": ["us"],
    }  # fmt: skip


def test_a_set_of_strings(workshop: Workshop) -> None:
    text = 'source "vm" "a" {\n  for_each = toset(["y", "x"])\n  text = "${each.key}${each.value}"\n}\n'
    plan = clean(workshop, text + 'build { sources = ["vm.a"] }')
    assert [settings(plan, f"{lane}/build")["text"] for lane in plan.lanes] == ["xx", "yy"]


@pytest.mark.parametrize(
    ("sources", "lanes"),
    [
        ('["source.vm.web[\\"eu\\"]"]', ['vm.web["eu"]']),
        ('[source.vm.web["eu"]]', ['vm.web["eu"]']),
        ("[source.vm.web]", ['vm.web["eu"]', 'vm.web["us"]']),
        ("[source.vm.one, source.vm.web.us]", ["vm.one", 'vm.web["us"]']),
        ('[for key in ["us", "eu"] : source.vm.web[key]]', ['vm.web["us"]', 'vm.web["eu"]']),
        ("values(source.vm.web)", ['vm.web["eu"]', 'vm.web["us"]']),
    ],
)
def test_references_to_sources(workshop: Workshop, sources: str, lanes: list[str]) -> None:
    assert list(clean(workshop, f"{WEB}{ONE}build {{\n  sources = {sources}\n}}").lanes) == lanes


def test_a_source_that_a_build_adds_to(workshop: Workshop) -> None:
    plan = clean(
        workshop,
        WEB
        + """\
build {
  source "vm.web" {
    name = "big"
    disk { size = 7 }
  }
  source "vm.web[\\"eu\\"]" {
    for_each = { x = "one", y = "two" }
    lines    = [each.value, source.name, source.key]
  }
}
""",
    )
    assert list(plan.lanes) == ['vm.big["eu"]', 'vm.big["us"]', 'vm.web["eu"]["x"]', 'vm.web["eu"]["y"]']
    assert settings(plan, 'vm.big["us"]/build') == {"text": "us", "number": 2, "disk": [{"size": 7}]}
    # The source's own each stays what it was where the build brings another one.
    assert settings(plan, 'vm.web["eu"]["y"]/build') == {"text": "eu", "number": 1, "lines": ["two", "web-eu-y", "y"]}


def test_a_name_that_says_which_instance_it_is(workshop: Workshop) -> None:
    text = ONE + 'build {\n  source "vm.one" {\n    for_each = toset(["a", "b"])\n    name = "n-${each.key}"\n  }\n}'
    assert list(clean(workshop, text).lanes) == ["vm.n-a", "vm.n-b"]


# -- builds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "lanes"),
    [
        ("", ['build["a"].vm.one', 'build["b"].vm.one']),
        ('name = "img"', ['img["a"].vm.one', 'img["b"].vm.one']),
        ('name = "img-${each.key}"', ["img-a.vm.one", "img-b.vm.one"]),
    ],
)
def test_a_build_for_each_key(workshop: Workshop, name: str, lanes: list[str]) -> None:
    plan = clean(
        workshop,
        f"""{ONE}build {{
  for_each = {{ a = "x", b = "y" }}
  {name}
  sources = ["vm.one"]
  provisioner "run" {{ text = each.value }}
  post-processor "pack" {{ text = "${{each.key}} ${{source.name}}" }}
}}
""",
    )
    assert list(plan.lanes) == lanes
    assert titles(plan, lanes[1])[0] == "provisioner run: y"
    assert settings(plan, f"{lanes[1]}/post-process[0.0]:pack") == {"text": "b one-b"}


def test_a_build_whose_sources_depend_on_its_key(workshop: Workshop) -> None:
    text = WEB + "build {\n  for_each = var.sites\n  name = each.key\n  sources = [source.vm.web[each.key]]\n}"
    assert list(clean(workshop, text).lanes) == ['eu.vm.web["eu"]', 'us.vm.web["us"]']


# -- steps --------------------------------------------------------------------------------

STEPS = """\
build {
  sources = ["vm.one"]
  provisioner "run" {
    for_each = { a = 1, b = 2 }
    text     = "${each.key}${each.value}"
    timeout  = "${each.value}m"
    name     = "n${each.key}"
  }
  error-cleanup-provisioner "run" {
    for_each = toset(["only"])
    text     = each.key
  }
  post-processor "pack" {
    for_each = toset(["p", "q"])
    text     = each.key
  }
  post-processors {
    for_each = { c = 3 }
    post-processor "pack" { text = each.key }
    post-processor "sum" {
      for_each = toset(["s", "t"])
      text     = each.key
    }
  }
}
"""


def test_steps_for_each_key(workshop: Workshop) -> None:
    plan = clean(workshop, ONE + STEPS)
    assert titles(plan, "vm.one") == [
        'provisioner na["a"]: a1',
        'provisioner nb["b"]: b2',
        'error-cleanup-provisioner run["only"]: only',
        'post-processor pack["p"]',
        'post-processor pack["q"]',
        'post-processor pack["c"]',
        'post-processor sum["s"]',
        'post-processor sum["t"]',
    ]
    ids = [node.id for node in plan.nodes_of("vm.one") if node.kind is NodeKind.POST_PROCESS]
    assert [name.removeprefix("vm.one/post-process") for name in ids] == [
        "[0.0]:pack", "[1.0]:pack", "[2.0]:pack", "[2.1]:sum", "[2.2]:sum",
    ]  # fmt: skip
    assert [node.timeout for node in provisioners(plan)] == [60.0, 120.0]
    assert settings(plan, "vm.one/post-process[2.2]:sum") == {"text": "t"}


def provisioners(plan: Plan) -> list[Node]:
    return [node for node in plan.in_order() if node.kind is NodeKind.PROVISION]


def test_steps_may_ask_which_source_they_are_for(workshop: Workshop) -> None:
    plan = clean(
        workshop,
        WEB
        + ONE
        + """\
build {
  sources = ["vm.web", "vm.one"]
  provisioner "run" {
    enabled = source.key != "us"
    text    = coalesce(source.key, "none")
  }
  provisioner "copy" {
    for_each = source.name == "one" ? {} : { x = source.key }
    text     = each.value
  }
}
""",
    )
    assert titles(plan, 'vm.web["eu"]') == ["provisioner run: eu", 'provisioner copy["x"]: eu']
    assert titles(plan, 'vm.web["us"]') == ['provisioner copy["x"]: us']
    assert titles(plan, "vm.one") == ["provisioner run: none"]


def test_steps_for_some_instances(workshop: Workshop) -> None:
    plan = clean(
        workshop,
        WEB
        + """\
build {
  sources = ["vm.web"]
  provisioner "run" { only = ["vm.web"] }
  provisioner "copy" {
    only     = ["vm.web[\\"us\\"]"]
    override = { "vm.web[\\"us\\"]" = { text = "over" } }
  }
  provisioner "copy" {
    for_each = toset(["eu"])
    except   = ["vm.web[\\"${each.key}\\"]"]
  }
}
""",
    )
    assert titles(plan, 'vm.web["eu"]') == ["provisioner run"]
    assert titles(plan, 'vm.web["us"]') == ["provisioner run", "provisioner copy: over", 'provisioner copy["eu"]']


# -- enabled --------------------------------------------------------------------------------


def test_what_is_not_enabled_is_not_there(workshop: Workshop) -> None:
    plan = clean(
        workshop,
        ONE
        + """\
variable "off" { default = false }
source "vm" "off" { enabled = var.off }
source "nonesuch" "plugin" { enabled = var.off }
build {
  sources = ["vm.one", "vm.off", "nonesuch.plugin"]
  source "vm.one" {
    enabled = var.off
    name    = "again"
  }
  provisioner "run" { enabled = var.off }
  provisioner "copy" { enabled = !var.off }
  error-cleanup-provisioner "run" { enabled = "false" }
  post-processor "pack" { enabled = var.off }
  post-processors {
    enabled = var.off
    post-processor "sum" {}
  }
  post-processors {
    post-processor "list" {}
    post-processor "sum" { enabled = var.off }
  }
}
build {
  enabled = var.off
  sources = ["vm.one"]
}
""",
    )
    assert list(plan.lanes) == ["vm.one"]
    assert titles(plan, "vm.one") == ["provisioner copy", "post-processor list"]


def test_enabled_may_ask_for_each(workshop: Workshop) -> None:
    text = 'source "vm" "a" {\n  for_each = { x = true, y = false }\n  enabled = each.value\n}\n'
    assert list(clean(workshop, text + 'build { sources = ["vm.a"] }').lanes) == ['vm.a["x"]']


def test_names_that_mean_nothing_are_told_also_where_nothing_is_enabled(workshop: Workshop) -> None:
    workshop.compile(
        ONE
        + """\
source "vm" "off" {
  enabled = false
  text    = var.typo
  wrong   = "a setting that is not looked at"
  number  = "x"
  dynamic "disk" {
    for_each = nothing
    content { size = disk.value }
  }
}
build {
  sources = ["vm.one"]
  provisioner "run" {
    enabled  = false
    for_each = toset([])
    text     = "${each.key} ${build.ID} ${source.name} ${upper(lokal.x)}"
    timeout  = uper("x")
  }
}
build {
  enabled = false
  sources = [source.vm.one]
  provisioner "run" { text = vra.x }
}
"""
    )
    assert [(item.summary, item.context) for item in workshop.errors] == [
        ("Undeclared variable", 'source "vm" "off"'),
        ("Unknown variable", 'source "vm" "off"'),
        ("Unknown variable", 'provisioner "run"'),
        ("Call to unknown function", 'provisioner "run"'),
        ("Unknown variable", 'provisioner "run"'),
    ]


# -- selection ----------------------------------------------------------------------------------

ALL = ['vm.web["eu"]', 'vm.web["us"]', "vm.one", 'img["a"].vm.web["eu"]']
SELECT = (
    WEB
    + ONE
    + """\
build {
  sources = ["vm.web", "vm.one"]
  post-processor "pack" { for_each = toset(["p", "q"]) }
}
build {
  for_each = toset(["a"])
  name     = "img"
  sources  = [source.vm.web["eu"]]
}
"""
)


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ('vm.web["eu"]', [0]),
        ("vm.web", [0, 1]),
        ("*.web", [0, 1, 3]),
        ('*["eu"]', [0, 3]),
        ('vm.web["*"]', [0, 1]),
        ('vm.web["?s"]', [1]),
        ("img.*", [3]),
        ('img["a"].*', [3]),
        ('img.vm.web["eu"]', [3]),
        ("vm.{one,web}", [0, 1, 2]),
        ('vm.web["eu"],vm.one', [0, 2]),
    ],
)
def test_only(workshop: Workshop, pattern: str, chosen: list[int]) -> None:
    assert list(clean(workshop, SELECT, only=[pattern]).lanes) == [ALL[index] for index in chosen]


def test_except(workshop: Workshop) -> None:
    plan = clean(workshop, SELECT, except_=['vm.web["us"],pack["q"]'])
    assert list(plan.lanes) == [ALL[0], ALL[2], ALL[3]]
    assert titles(plan, "vm.one") == ['post-processor pack["p"]']
    assert titles(clean(workshop, SELECT, except_=["pack"]), "vm.one") == []


def test_commas_in_keys_do_not_cut_a_pattern(workshop: Workshop) -> None:
    text = 'source "vm" "a" { for_each = toset(["x,y", "x"]) }\nbuild { sources = ["vm.a"] }'
    assert list(clean(workshop, text, only=['vm.a["x,y"]']).lanes) == ['vm.a["x,y"]']


# -- artifacts ----------------------------------------------------------------------------------

CHAIN = (
    SITES
    + """\
source "vm" "base" { for_each = var.sites }
source "vm" "app" {
  for_each = var.sites
  text     = artifact.vm.base[each.key].path
}
source "vm" "every" { lines = [for key, image in artifact.vm.base : image.path] }
source "vm" "late" {
  for_each = { x = artifact.vm.base["us"].path }
  text     = each.value
}
build { sources = ["vm.base", "vm.app", "vm.every", "vm.late"] }
"""
)


def test_builds_that_start_from_instances(workshop: Workshop) -> None:
    plan = clean(workshop, CHAIN)
    after = {branch.lane: branch.after for branch in tree(plan) if branch.lane}
    assert after['vm.app["us"]'] == ('vm.base["us"]',)
    assert after["vm.every"] == ('vm.base["eu"]', 'vm.base["us"]')
    assert after['vm.late["x"]'] == ('vm.base["us"]',)
    assert settings(plan, 'vm.late["x"]/build') == {"text": {"expression": "each.value"}}


def test_only_what_an_instance_needs_comes_along(workshop: Workshop) -> None:
    plan = workshop.compile(CHAIN, only=['vm.app["eu"]'])
    assert list(plan.lanes) == ['vm.base["eu"]', 'vm.app["eu"]']


def test_an_artifact_of_an_instance_that_does_not_exist(workshop: Workshop) -> None:
    workshop.compile(CHAIN + 'build {\n  sources = ["vm.base"]\n  name = "b"\n  provisioner "run" {\n'
                     '    text = artifact.vm.app["uss"].path\n  }\n}')  # fmt: skip
    error = workshop.only_error()
    assert error.summary == "Unknown artifact"
    assert error.detail == 'vm.app has no instance ["uss"]. Did you mean "us"? Its keys are "eu", "us".'


def test_artifacts_of_builds_with_keys(workshop: Workshop) -> None:
    plan = clean(workshop, ONE + """\
source "vm" "next" { lines = [artifact.img["a"].vm.one.path, artifact.vm.alone.path] }
source "vm" "all" { lines = [for key, build in artifact.img : build.vm.one.path] }
build {
  for_each = toset(["a", "b"])
  name     = "img"
  sources  = ["vm.one"]
}
build {
  sources = ["vm.next", "vm.all"]
  source "vm.one" { name = "alone" }
}
""")
    after = {branch.lane: branch.after for branch in tree(plan) if branch.lane}
    assert after["vm.next"] == ('img["a"].vm.one', "vm.alone")
    assert after["vm.all"] == ('img["a"].vm.one', 'img["b"].vm.one')


@pytest.mark.parametrize(
    ("reference", "detail"),
    [
        ("img.vm.one.path", 'img has no instance ["vm"]. Its keys are "a", "b".'),
        ('img["a"].vm.two.path', 'No build is called "img.a.vm.two". Did you mean "img.a.vm.one"?'),
    ],
)
def test_artifacts_of_builds_that_do_not_exist(workshop: Workshop, reference: str, detail: str) -> None:
    workshop.compile(f"""{ONE}build {{
  for_each = toset(["a", "b"])
  name     = "img"
  sources  = ["vm.one"]
}}
build {{
  sources = ["vm.one"]
  provisioner "run" {{ text = artifact.{reference} }}
}}
""")
    assert workshop.only_error().detail == detail


def test_an_instance_with_a_name_of_its_own(workshop: Workshop) -> None:
    plan = clean(workshop, WEB + """\
build {
  source "vm.web[\\"us\\"]" {
    name  = "big"
    lines = [source.name, source.key]
  }
}
""")
    assert list(plan.lanes) == ["vm.big"]
    assert settings(plan, "vm.big/build")["lines"] == ["big", "us"]


# -- dynamic blocks -----------------------------------------------------------------------------

DYNAMIC = """\
locals {
  groups = { one = ["x"], two = ["y", "z"] }
}
dynamic "source" {
  for_each = local.groups
  labels   = ["vm", source.key]
  content {
    lines = source.value
    dynamic "disk" {
      for_each = source.value
      content { size = disk.key }
    }
  }
}
dynamic "build" {
  for_each = local.groups
  iterator = it
  content {
    name = it.key
    dynamic "source" {
      for_each = [it.key]
      labels   = ["vm.${source.value}"]
      content {
        text = "of ${it.key}"
      }
    }
    provisioner "copy" { text = it.key }
    dynamic "provisioner" {
      for_each = it.value
      labels   = ["run"]
      content {
        text    = "${it.key} ${provisioner.value}"
        timeout = "${provisioner.key + 1}m"
      }
    }
    dynamic "post-processors" {
      for_each = it.value
      content {
        dynamic "post-processor" {
          for_each = ["pack", "sum"]
          labels   = [post-processor.value]
          content { text = "${it.key} ${post-processors.value} ${post-processor.value}" }
        }
      }
    }
  }
}
"""


def test_dynamic_blocks_at_every_level(workshop: Workshop) -> None:
    plan = clean(workshop, DYNAMIC)
    assert list(plan.lanes) == ["one.vm.one", "two.vm.two"]
    assert settings(plan, "two.vm.two/build") == {
        "lines": ["y", "z"], "disk": [{"size": 0}, {"size": 1}], "text": "of two",
    }  # fmt: skip
    assert titles(plan, "two.vm.two") == [
        "provisioner copy: two",
        "provisioner run: two y",
        "provisioner run: two z",
        "post-processor pack",
        "post-processor sum",
        "post-processor pack",
        "post-processor sum",
    ]
    assert settings(plan, "two.vm.two/post-process[1.1]:sum") == {"text": "two z sum"}
    assert [node.timeout for node in provisioners(plan)] == [None, 60.0, None, 60.0, 120.0]


def test_dynamic_blocks_in_json(workshop: Workshop) -> None:
    content = {"text": "${provisioner.value}"}
    text = {
        "source": {"vm": {"one": {}}},
        "build": {
            "sources": ["vm.one"],
            "dynamic": {"provisioner": {"for_each": ["a", "b"], "labels": ["run"], "content": content}},
            "post-processors": {"dynamic": {"post-processor": {"for_each": [1], "labels": ["pack"], "content": {}}}},
            "provisioner": {"copy": {"for_each": {"k": "v"}, "text": "${each.value}"}},
        },
    }  # fmt: skip
    plan = clean(workshop, json.dumps(text), name="main.pkr.json")
    assert titles(plan, "vm.one") == [
        "provisioner run: a", "provisioner run: b", 'provisioner copy["k"]: v', "post-processor pack",
    ]  # fmt: skip


def test_for_each_around_dynamic_blocks(workshop: Workshop) -> None:
    plan = clean(
        workshop,
        ONE
        + """\
build {
  for_each = { a = [1, 2] }
  name     = "b"
  sources  = ["vm.one"]
  dynamic "provisioner" {
    for_each = each.value
    labels   = ["run"]
    content {
      for_each = toset(["in"])
      text     = "${provisioner.value} ${each.key}"
    }
  }
}
""",
    )
    assert titles(plan, 'b["a"].vm.one') == ['provisioner run["in"]: 1 in', 'provisioner run["in"]: 2 in']


def test_unused_blocks_of_templates_for_packer_mean_what_they_did(workshop: Workshop) -> None:
    """A source may be called each, and a name of a variable may be one of ours."""
    plan = clean(
        workshop,
        """\
variable "each" { default = "e" }
variable "for_each" { default = { enabled = true } }
locals { enabled = var.for_each.enabled }
source "vm" "each" { text = var.each }
build {
  sources = ["source.vm.each"]
  provisioner "run" { text = "${source.name} ${local.enabled}" }
}
""",
    )
    assert titles(plan, "vm.each") == ["provisioner run: each true"]


# -- data that decides -----------------------------------------------------------------------------


def test_what_waits_for_data_is_checked_once(workshop: Workshop) -> None:
    """As validate does: nobody has read the data source yet."""
    text = """\
data "look" "it" {}
source "vm" "a" {
  for_each = data.look.it.hosts
  text     = each.key
}
build {
  sources = ["vm.a"]
  provisioner "run" {
    for_each = toset(data.look.it.names)
    enabled  = data.look.it.on
    wrong    = each.value
  }
  dynamic "provisioner" {
    for_each = data.look.it.hosts
    labels   = ["run"]
    content { text = provisioner.valu }
  }
}
"""
    workshop.compile(text)
    assert [(item.summary, item.subject.text if item.subject else "") for item in workshop.errors] == [
        ("Unsupported argument", "wrong"),
        ("Unsupported attribute", ".valu"),
    ]


# -- mistakes ------------------------------------------------------------------------------------

MISTAKES = (
    SITES
    + """\
variable "secret" {
  default   = "hunter22"
  sensitive = true
}
variable "list" { default = ["a", "b"] }
variable "records" { default = [{ name = "a" }] }
variable "nothing" {
  type    = map(string)
  default = null
}
source "vm" "list" { for_each = var.list }
source "vm" "records" { for_each = var.records }
source "vm" "number" { for_each = 5 }
source "vm" "null" { for_each = var.nothing }
source "vm" "secret" { for_each = toset([var.secret]) }
source "vm" "numbers" { for_each = toset([1, 2]) }
source "vm" "empty_key" { for_each = toset([""]) }
source "vm" "run" { for_each = toset([artifact.vm.list.id]) }
source "vm" "no_bool" { enabled = "perhaps" }
source "vm" "null_bool" { enabled = null }
source "vm" "secret_bool" { enabled = var.secret == "x" }
source "vm" "outside" { text = each.key }
source "vm" "typo" {
  for_each = var.sites
  text     = each.valu.size
  number   = each.value.sice
}
source "vm" "ok" { for_each = var.sites }
source "vm" "plain" {}
build {
  sources = ["vm.ok[\\"uss\\"]", source.vm.ok["ue"], source.vm.plain["a"], source.vm.okay, "vm.ok[eu]"]
}
build {
  sources = ["vm.outside", "vm.typo"]
  provisioner "run" { for_each = { (build.ID) = 1 } }
  post-processor "pack" { name = each.key }
}
build {
  for_each = var.list
  sources  = ["vm.plain"]
}
build {
  sources = ["vm.plain"]
  dynamic "provisioner" {
    for_each = var.sites
    content {}
  }
  dynamic "provisioner" {
    for_each = var.sites
    labels   = [provisioner.value]
    content {}
  }
  dynamic "provisioner" {
    for_each = var.sites
    labels   = ["run", provisioner.key]
    content {}
  }
  dynamic "provisioner" {
    for_each = var.sites
    labels   = "run"
    content {}
  }
  dynamic "provisoner" {
    for_each = var.sites
    labels   = ["run"]
    content {}
  }
  dynamic "provisioner" {
    for_each = { a = var.secret }
    labels   = [provisioner.value]
    content {}
  }
}
dynamic "variable" {
  for_each = []
  labels   = ["x"]
  content {}
}
dynamic "data" {
  for_each = []
  labels   = ["x", "y"]
  content {}
}
dynamic "bild" {
  for_each = []
  content {}
}
"""
)


def test_everything_that_is_wrong_with_repetition(workshop: Workshop, golden: Golden) -> None:
    workshop.compile(MISTAKES)
    assert "hunter22" not in workshop.problems
    golden("repetition-mistakes.txt", workshop.problems)


# -- many -----------------------------------------------------------------------------------------


def test_instances_with_odd_keys_have_names_of_their_own(workshop: Workshop) -> None:
    keys = ["a/b", "a b", 'a"b', "a\\nb", "..", "ünï", "${x}", "a.b", "[]", "#2", " "]
    listed = json.dumps(keys, ensure_ascii=False).replace("${", "$${").replace("\\\\n", "\\n")
    plan = clean(workshop, f'source "vm" "a" {{ for_each = toset({listed}) }}\nbuild {{ sources = ["vm.a"] }}')
    assert len(plan.lanes) == len(keys)
    labels = [lane.label for lane in plan.lanes.values()]
    assert len(set(labels)) == len(keys)
    assert all(set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789-._") for label in labels)
    assert not any("\n" in name for name in plan.nodes)
    for name in plan.lanes:
        assert list(clean(workshop, (workshop.folder / "main.pkr.hcl").read_text(), only=[name]).lanes) == [name]


def test_the_work_grows_with_the_number_of_instances(workshop: Workshop) -> None:
    """Steps that the evaluator takes for twice the instances are about twice as many."""
    assert calls(workshop, 200) < 2.6 * calls(workshop, 100)


def calls(workshop: Workshop, number: int) -> int:
    import sys

    steps = "\n".join(f'  provisioner "run" {{ text = "{index} ${{source.key}}" }}' for index in range(5))
    text = f'source "vm" "a" {{ for_each = toset([for n in range({number}) : "k${{n}}"]) }}\n'
    template = workshop.load(f'{text}build {{\n  sources = ["vm.a"]\n{steps}\n}}')
    count = 0

    def tracer(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(tracer)
    try:
        plan = workshop.compile(template)
    finally:
        sys.setprofile(None)
    assert len(plan.lanes) == number
    assert workshop.problems == ""
    return count


def test_what_repetition_makes_is_bounded(workshop: Workshop) -> None:
    """A few lines must not fill the memory: the blocks of a template are counted, wherever they come from."""
    workshop.compile("""\
locals { keys = toset([for n in range(1000) : "k${n}"]) }
source "vm" "a" {
  for_each = local.keys
}
build {
  for_each = local.keys
  sources  = ["vm.a"]
}
""")
    error = workshop.only_error()
    assert (error.summary, error.context) == ("Too many blocks", "build")


def test_what_dynamic_blocks_make_is_bounded(workshop: Workshop) -> None:
    disk = 'dynamic "disk" {\n for_each = range(1000)\n content { size = disk.value }\n}\n'
    text = f'source "vm" "a" {{\n{disk * 60}\n}}\nbuild {{ sources = ["vm.a"] }}'
    workshop.compile(text)
    assert workshop.only_error().summary == "Too many blocks"
