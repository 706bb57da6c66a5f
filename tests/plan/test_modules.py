"""Modules: templates in directories of their own, with inputs, outputs, builds, and names that nobody else sees."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compile_kit import Workshop
from hclimg.plan.plan import Plan

Golden = Callable[[str, str], None]

APP = """\
variable "name" {
  type = string
  validation {
    condition     = length(var.name) > 1
    error_message = "A name has two characters."
  }
}
variable "size" {
  type    = number
  default = 10
}
locals { title = "${upper(var.name)} of ${var.size}" }
source "fake" "web" {
  text   = local.title
  number = var.size
}
build {
  sources = ["source.fake.web"]
  provisioner "run" { text = "in ${var.name}" }
}
output "image" { value = artifact.fake.web.path }
output "title" { value = local.title }
"""
CALL = 'module "app" {\n  source = "./app"\n  name   = "shop"\n}\n'


def plan_of(workshop: Workshop, text: str, **modules: str) -> Plan:
    for name, module in modules.items():
        workshop.write(f"{name}/main.pkr.hcl", module)
    return workshop.compile(text)


def title(plan: Plan, node: str) -> str:
    return plan.nodes[node].title


def test_the_builds_of_a_module_are_lanes(workshop: Workshop) -> None:
    plan = plan_of(workshop, CALL, app=APP)
    assert workshop.problems == ""
    assert list(plan.lanes) == ["module.app.fake.web"]
    assert title(plan, "module.app.fake.web/build") == "Launching fake: SHOP of 10"
    assert title(plan, "module.app.fake.web/provision[0]:run") == "Running provisioner run: in shop"


def test_instances(workshop: Workshop) -> None:
    text = """
    locals { sizes = { shop = 1, blog = 2 } }
    module "app" {
      source   = "./app"
      for_each = local.sizes
      name     = each.key
      size     = each.value
    }
    module "off" {
      source  = "./app"
      enabled = false
      name    = "off"
    }
    output "titles" { value = { for key, app in module.app : key => app.title } }
    output "shop" { value = module.app["shop"].title }
    output "off" { value = module.off }
    """
    plan = plan_of(workshop, text, app=APP)
    assert workshop.problems == ""
    assert sorted(plan.lanes) == ['module.app["blog"].fake.web', 'module.app["shop"].fake.web']
    assert title(plan, 'module.app["blog"].fake.web/build') == "Launching fake: BLOG of 2"
    values = {output.name: output.value for output in plan.outputs}
    assert values["titles"].raw["blog"].raw == "BLOG of 2"
    assert values["shop"].raw == "SHOP of 1"
    assert values["off"].is_null


def test_outputs_are_inputs_of_others_in_any_order(workshop: Workshop) -> None:
    text = """
    locals { third = "${module.second.title}!" }
    module "second" {
      source = "./app"
      name   = module.first.title
    }
    module "third" {
      source = "./app"
      name   = local.third
    }
    module "first" {
      source = "./app"
      name   = "one"
    }
    """
    plan = plan_of(workshop, text, app=APP)
    assert workshop.problems == ""
    assert title(plan, "module.third.fake.web/build") == "Launching fake: ONE OF 10 OF 10! of 10"


def test_a_build_waits_for_the_image_of_another_module(workshop: Workshop) -> None:
    user = 'variable "image" {}\nlocals { from = var.image }\nsource "fake" "u" {}\nbuild {\n  sources = ["fake.u"]\n' \
        '  provisioner "run" { text = local.from }\n}\n'  # fmt: skip
    text = CALL + 'module "user" {\n  source = "./user"\n  image  = module.app.image\n}\n'
    plan = plan_of(workshop, text, app=APP, user=user)
    assert workshop.problems == ""
    assert "module.app.fake.web/capture" in plan.predecessors("module.user.fake.u/build")
    only = workshop.compile(text, only=["module.user.*"])
    assert sorted(only.lanes) == ["module.app.fake.web", "module.user.fake.u"]


def test_the_root_waits_for_a_module(workshop: Workshop) -> None:
    text = CALL + 'source "fake" "r" { text = module.app.image }\nbuild { sources = ["fake.r"] }\n'
    plan = plan_of(workshop, text, app=APP)
    assert workshop.problems == ""
    assert "module.app.fake.web/capture" in plan.predecessors("fake.r/build")


def test_modules_of_modules(workshop: Workshop) -> None:
    outer = 'variable "n" {}\nmodule "inner" {\n  source = "../app"\n  name   = "in-${var.n}"\n}\n' \
        'output "image" { value = module.inner.image }\n'  # fmt: skip
    text = 'module "outer" {\n  source = "./outer"\n  for_each = toset(["x"])\n  n = each.key\n}\n'
    text += 'output "image" { value = module.outer["x"].image }\n'
    plan = plan_of(workshop, text, app=APP, outer=outer)
    assert workshop.problems == ""
    assert list(plan.lanes) == ['module.outer["x"].module.inner.fake.web']
    assert plan.outputs[0].lanes == ('module.outer["x"].module.inner.fake.web',)


def test_a_module_sees_nothing_of_its_caller(workshop: Workshop) -> None:
    module = 'source "fake" "m" { text = "${local.secret} ${var.secret}" }\nbuild { sources = ["fake.m"] }\n'
    text = 'locals { secret = 1 }\nvariable "secret" { default = 1 }\nmodule "m" {\n  source = "./m"\n}\n'
    plan_of(workshop, text, m=module)
    assert [error.summary for error in workshop.errors] == ["Undeclared local value", "Undeclared variable"]


def test_two_instances_of_a_module_share_nothing(workshop: Workshop) -> None:
    """Blocks are read once, but mean something else in each instance, also where that is not known yet."""
    module = 'variable "v" {}\nsource "fake" "m" { text = var.v }\nbuild { sources = ["fake.m"] }\n'
    text = """
    source "fake" "a" {}
    source "fake" "b" {}
    build { sources = ["fake.a", "fake.b"] }
    module "x" {
      source = "./m"
      v      = artifact.fake.a.path
    }
    module "y" {
      source = "./m"
      v      = artifact.fake.b.path
    }
    """
    plan = plan_of(workshop, text, m=module)
    assert workshop.problems == ""
    assert "fake.a/capture" in plan.predecessors("module.x.fake.m/build")
    assert "fake.a/capture" not in plan.predecessors("module.y.fake.m/build")
    assert "module.x.fake.m/source" in plan.nodes
    assert "module.y.fake.m/source" in plan.nodes


def test_paths(workshop: Workshop) -> None:
    module = """
    locals { own = [file("own.txt"), file("${path.module}/own.txt")] }
    source "fake" "m" { text = join(" ", [path.module, path.root, path.cwd], local.own) }
    build { sources = ["fake.m"] }
    """
    workshop.write("m/own.txt", "mine")
    plan = plan_of(workshop, 'module "m" {\n  source = "./m"\n}\n', m=module)
    assert workshop.problems == ""
    folder = workshop.folder
    assert title(plan, "module.m.fake.m/build") == f"Launching fake: {folder}/m {folder} {folder} mine mine"
    root = workshop.compile('source "fake" "r" { text = path.module }\nbuild { sources = ["fake.r"] }')
    assert title(root, "fake.r/build") == f"Launching fake: {folder}"


def test_groups_and_data_sources_of_a_module_are_its_own(workshop: Workshop) -> None:
    module = """
    group "g" {
      provisioner "run" { text = "group of ${var.v}" }
    }
    data "look" "d" { text = var.v }
    source "fake" "m" { text = data.look.d.text }
    build {
      sources = ["fake.m"]
      use "g" {}
    }
    variable "v" {}
    """
    text = 'module "m" {\n  source = "./m"\n  for_each = toset(["a"])\n  v = each.key\n}\ngroup "g" {}\n'
    plan = plan_of(workshop, text, m=module)
    assert workshop.problems == ""
    assert title(plan, 'module.m["a"].fake.m/provision[0]:run') == "Running provisioner run of group g: group of a"
    assert 'module.m["a"].data.look.d' in plan.predecessors('module.m["a"].fake.m/source')


def test_sensitive_outputs_stay_sensitive(workshop: Workshop) -> None:
    module = 'output "token" {\n  value     = "t0ps3cret"\n  sensitive = true\n}\n'
    plan_of(workshop, 'module "m" {\n  source = "./m"\n}\noutput "t" { value = module.m.token }\n', m=module)
    summaries = [error.summary for error in workshop.errors]
    assert "Output refers to sensitive values" in summaries
    assert "t0ps3cret" not in workshop.problems


MISTAKES = """\
module "missing" {
  source = "./ap"
}
module "remote" {
  source = "hashicorp/consul/aws"
}
module "git" {
  source = "git::https://example.com/x.git"
}
module "bare" {
  source = "app"
}
module "none" {
  name = "x"
}
module "computed" {
  source = "./${local.x}"
}
module "inputs" {
  source = "./app"
  nmae   = "x"
  size   = "many"
}
module "invalid" {
  source = "./app"
  name   = "x"
}
module "late" {
  source   = "./app"
  for_each = toset([artifact.fake.web.path])
  name     = "late"
}
module "late" {
  source = "./app"
  name   = "again"
}
module "a" {
  source = "./app"
  name   = local.from_b
}
module "b" {
  source = "./app"
  name   = module.a.title
}
module "wrong" {
  source = "./app"
  name   = artifact.fake.nothing.path
}
module "cyclic" {
  source = "./one"
}
locals {
  x      = "app"
  from_b = module.b.title
  typo   = module.inputs.titel
  nobody = module.nobody.title
}
"""


def test_mistakes(workshop: Workshop, golden: Golden) -> None:
    one = 'module "two" {\n  source = "../two"\n}\n'
    two = 'module "one" {\n  source = "../one"\n}\n'
    plan_of(workshop, MISTAKES, app=APP, one=one, two=two)
    golden("module-mistakes.txt", workshop.problems)


def test_mistakes_in_a_module_are_told_once(workshop: Workshop) -> None:
    module = 'variable "v" {}\nsource "fake" "m" { txet = var.v }\nbuild { sources = ["fake.m"] }\nthing {}\n'
    text = 'module "m" {\n  source = "./m"\n  for_each = toset(["a", "b"])\n  v = each.key\n}\n'
    plan_of(workshop, text, m=module)
    assert sorted(error.summary for error in workshop.errors) == ["Unsupported argument", "Unsupported block type"]


def test_modules_that_grow_without_bounds_are_refused(workshop: Workshop) -> None:
    calls = 'module "x" {{\n  source = "../m{0}"\n}}\nmodule "y" {{\n  source = "../m{0}"\n}}\n'
    for n in range(30):
        workshop.write(f"m{n}/main.pkr.hcl", calls.format(n + 1))
    workshop.write("m30/main.pkr.hcl", "")
    workshop.compile('module "m" {\n  source = "./m0"\n}\n')
    assert "Too many modules" in {error.summary for error in workshop.errors}


def test_a_deep_chain_of_modules_is_refused(workshop: Workshop) -> None:
    for n in range(80):
        workshop.write(f"m{n}/main.pkr.hcl", f'module "m" {{\n  source = "../m{n + 1}"\n}}\n')
    workshop.compile('module "m" {\n  source = "./m0"\n}\n')
    assert "Modules nested too deeply" in {error.summary for error in workshop.errors}


def test_what_a_build_makes_is_too_late_for_a_data_source(workshop: Workshop) -> None:
    plan_of(workshop, CALL + 'data "look" "d" { text = module.app.image }\n', app=APP)
    assert workshop.only_error().summary == "Value known too late"


def test_a_late_input_of_the_wrong_kind_is_not_refused_before_it_is_known(workshop: Workshop) -> None:
    text = 'source "fake" "a" {}\nbuild { sources = ["fake.a"] }\n' \
        'module "app" {\n  source = "./app"\n  name   = artifact.fake.a.id\n}\n'  # fmt: skip
    plan_of(workshop, text, app=APP)
    assert workshop.problems == ""


@pytest.mark.parametrize("name", ["old.json"])
def test_packers_old_templates_have_no_modules(workshop: Workshop, name: str) -> None:
    workshop.compile('{"builders": [{"type": "fake"}], "module": {}}', name)
    assert "module" in workshop.only_error().detail


GROUPS = """
variable "who" {}
locals { greeting = "hello ${var.who}" }
group "greet" {
  input "name" { default = "you" }
  provisioner "run" { text = "${local.greeting}, ${input.name} at ${source.name} in ${basename(path.module)}" }
  use "inner" { text = input.name }
  post-processor "sum" { text = input.name }
}
group "inner" {
  input "text" {}
  provisioner "copy" { text = "${var.who} ${input.text}" }
}
"""


def test_groups_of_modules(workshop: Workshop) -> None:
    text = """
    variable "who" { default = "nobody" }
    locals { me = "me of ${var.who}" }
    module "lib" {
      source = "./lib"
      who    = "world"
    }
    module "libs" {
      source   = "./lib"
      for_each = toset(["a", "b"])
      who      = each.key
    }
    source "fake" "base" {}
    source "fake" "web" {}
    build { sources = ["fake.base"] }
    build {
      sources = ["fake.web"]
      use "module.lib.greet" { name = local.me }
      use "module.libs[\\"b\\"].greet" { name = "${build.ID}${artifact.fake.base.id}" }
    }
    """
    plan = plan_of(workshop, text, lib=GROUPS)
    assert workshop.problems == ""
    titles = [node.title.removeprefix("Running provisioner ") for node in plan.nodes_of("fake.web")]
    assert titles[1:5] == [
        "run of group greet: hello world, me of nobody at web in lib",
        "copy of group greet/inner: world me of nobody",
        "run of group greet",
        "copy of group greet/inner",
    ]
    assert "fake.base/capture" in plan.predecessors("fake.web/build")


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("module.lbi.greet", 'There is no module "lbi". Did you mean "lib"?'),
        ("module.lib.gret", 'The module "lib" has no group "gret". Did you mean "greet"?'),
        ("module.libs.greet", "module.libs has for_each, so say which one is meant."),
        ('module.libs[\\"z\\"].greet', 'Its keys are "a".'),
        ('module.lib[\\"a\\"].greet', 'leave ["a"] out'),
        ("module.lib", "module.NAME.GROUP"),
    ],
)
def test_groups_of_modules_that_do_not_exist(workshop: Workshop, use: str, told: str) -> None:
    text = """
    module "lib" {
      source = "./lib"
      who    = "world"
    }
    module "libs" {
      source   = "./lib"
      for_each = toset(["a"])
      who      = each.key
    }
    source "fake" "web" {}
    build {
      sources = ["fake.web"]
      use "USE" {}
    }
    """
    plan_of(workshop, text.replace("USE", use), lib=GROUPS)
    assert told in workshop.only_error().detail


def test_repeated_data_sources_of_a_module(workshop: Workshop) -> None:
    module = """
    variable "v" {}
    data "look" "d" {
      for_each = toset(["x", "y"])
      text     = "${each.key} of ${var.v}"
    }
    source "fake" "m" { text = data.look.d["y"].text }
    build { sources = ["fake.m"] }
    output "d" { value = data.look.d["x"].text }
    """
    text = """
    module "m" {
      source = "./m"
      v      = "V"
    }
    source "fake" "r" { text = module.m.d }
    build { sources = ["fake.r"] }
    """
    plan = plan_of(workshop, text, m=module)
    assert workshop.problems == ""
    assert 'module.m.data.look.d["y"]' in plan.predecessors("module.m.fake.m/source")
    assert list(plan.predecessors("fake.r/source")) == ['module.m.data.look.d["x"]']
