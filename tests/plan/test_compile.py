"""From a template to the plan: lanes, nodes, edges, and every way in which a template can be wrong."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from compile_kit import FakeSettings, Workshop, counter
from hclimg.plan.node import NodeKind, Trigger
from hclimg.plan.plan import Plan

Golden = Callable[[str, str], None]

TWO = """\
source "vm" "base" { text = "base" }
source "vm" "web" { text = artifact.vm.base.path }
"""


def edges(plan: Plan, kind: NodeKind | None = None) -> set[tuple[str, str]]:
    return {(a, b) for a, b in plan.edges if kind is None or plan.nodes[b].kind is kind}


def kinds(plan: Plan) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in plan.nodes.values():
        found[node.kind] = found.get(node.kind, 0) + 1
    return found


# -- the shape of a lane --------------------------------------------------------

WHOLE = """\
source "fake" "web" { text = "x" }
build {
  sources = ["source.fake.web"]
  provisioner "run" { text = "one" }
  provisioner "copy" {}
  error-cleanup-provisioner "run" {}
  post-processor "list" {}
  post-processors {
    post-processor "pack" {}
    post-processor "sum" { keep_input_artifact = true }
  }
}
"""


def test_the_nodes_of_a_lane_in_order(workshop: Workshop) -> None:
    plan = workshop.compile(WHOLE)
    assert workshop.problems == ""
    assert [node.id for node in plan.in_order()] == [
        "fake.web/source",
        "fake.web/build",
        "fake.web/provision[0]:run",
        "fake.web/provision[1]:copy",
        "fake.web/capture",
        "fake.web/error-cleanup:run",
        "fake.web/teardown",
        "fake.web/post-process[0.0]:list",
        "fake.web/post-process[1.0]:pack",
        "fake.web/post-process[1.1]:sum",
        "fake.web/release",
    ]


def test_the_edges_of_a_lane(workshop: Workshop) -> None:
    plan = workshop.compile(WHOLE)

    def before(name: str) -> list[str]:
        return [other.removeprefix("fake.web/") for other in plan.predecessors(f"fake.web/{name}")]

    assert before("build") == ["source"]
    assert before("provision[0]:run") == ["build"]
    assert before("provision[1]:copy") == ["provision[0]:run"]
    assert before("capture") == ["provision[1]:copy"]
    assert before("error-cleanup:run") == ["provision[0]:run", "provision[1]:copy", "capture"]
    assert before("teardown") == ["build", "provision[0]:run", "provision[1]:copy", "capture", "error-cleanup:run"]
    assert before("post-process[0.0]:list") == ["capture"]
    assert before("post-process[1.0]:pack") == ["capture"]
    assert before("post-process[1.1]:sum") == ["post-process[1.0]:pack"]
    assert before("release") == ["capture"]
    order = [(a.removeprefix("fake.web/"), b.removeprefix("fake.web/")) for a, b in plan.order]
    assert order == [
        ("post-process[0.0]:list", "post-process[1.0]:pack"),
        ("post-process[0.0]:list", "release"),
        ("post-process[1.0]:pack", "release"),
        ("post-process[1.1]:sum", "release"),
    ]


def test_triggers_and_specs(workshop: Workshop) -> None:
    plan = workshop.compile(WHOLE)
    nodes = {node.id.removeprefix("fake.web/"): node for node in plan.nodes.values()}
    assert nodes["teardown"].trigger is Trigger.ALWAYS
    assert nodes["error-cleanup:run"].trigger is Trigger.ON_FAILURE
    assert nodes["release"].trigger is Trigger.ON_SUCCESS
    assert nodes["source"].spec is nodes["build"].spec is nodes["capture"].spec
    assert nodes["post-process[1.1]:sum"].keep_input is True
    assert nodes["post-process[1.0]:pack"].keep_input is None
    assert nodes["source"].lane == ""
    assert nodes["build"].lane == "fake.web"
    assert nodes["provision[0]:run"].title == "Running provisioner run: one"


def test_a_lane_without_post_processors_releases_nothing(workshop: Workshop) -> None:
    plan = workshop.compile('source "fake" "a" {}\nbuild { sources = ["fake.a"] }')
    assert kinds(plan) == {"source": 1, "build": 1, "capture": 1, "teardown": 1}


# -- lanes ----------------------------------------------------------------------


def test_names_of_lanes(workshop: Workshop) -> None:
    plan = workshop.compile("""\
locals { prefix = "prod" }
source "fake" "a" {}
source "fake" "b" {}
build {
  name    = "${local.prefix}-web"
  sources = ["source.fake.a", "sources.fake.b"]
  source "fake.a" { name = "again" }
}
build { sources = [for name in ["a"]: "fake.${name}"] }
""")
    assert workshop.problems == ""
    assert list(plan.lanes) == ["prod-web.fake.a", "prod-web.fake.b", "prod-web.fake.again", "fake.a"]
    lane = plan.lanes["prod-web.fake.again"]
    assert (lane.address, lane.build_name, lane.source_type, lane.source_name) == (
        "prod-web.fake.again",
        "prod-web",
        "fake",
        "again",
    )


def test_two_lanes_of_the_same_name_are_told_apart(workshop: Workshop) -> None:
    plan_of_two = 'source "fake" "a" {}\nbuild { sources = ["fake.a"] }\nbuild { sources = ["fake.a"] }'
    plan = workshop.compile(plan_of_two)
    assert list(plan.lanes) == ["fake.a", "fake.a#2"]
    (warning,) = workshop.diags
    assert warning.summary == "Builds with the same name"
    assert len(warning.related) == 1
    assert list(workshop.compile(plan_of_two, only=["fake.a"]).lanes) == ["fake.a", "fake.a#2"]
    assert list(workshop.compile(plan_of_two, only=["*#2"]).lanes) == ["fake.a#2"]


def test_a_build_adds_settings_to_a_source(workshop: Workshop) -> None:
    plan = workshop.compile("""\
source "fake" "a" { text = "x" }
build {
  source "fake.a" {
    number = 2
    disk { size = 1 }
  }
}
""")
    assert workshop.problems == ""
    spec = plan.nodes["fake.a/build"].spec
    assert spec is not None
    assert list(spec.body.attributes) == ["text", "number"]
    assert plan.nodes["fake.a/build"].uses == {"kvm": 1}


def test_lanes_with_equal_sources_share_the_node(workshop: Workshop) -> None:
    plan = workshop.compile("""\
locals { one = 1 }
source "fake" "a" { number = 1 }
source "fake" "b" { number = local.one }
source "fake" "c" { number = 2 }
source "other" "d" { number = 1 }
source "fake" "named" { text = source.name }
build {
  sources = ["fake.a", "fake.b", "fake.c", "other.d", "fake.named"]
  source "fake.named" { name = "else" }
}
""")
    assert workshop.problems == ""
    shared = {plan.predecessors(f"{lane}/build")[0] for lane in ("fake.a", "fake.b")}
    assert shared == {"fake.a/source"}
    assert kinds(plan)["source"] == 5


# -- only, except, override -----------------------------------------------------

STEPS = """\
locals { first = "fake.a" }
source "fake" "a" {}
source "fake" "b" {}
build {
  sources = ["fake.a"]
  source "fake.b" { name = "c" }
  provisioner "run" {
    text = "for-all"
    lines = ["x"]
    override = {
      a        = { text = "for-a" }
      "fake.c" = { lines = ["y"], disk = [{ size = 1 }] }
    }
  }
  provisioner "copy" { only = [local.first] }
  provisioner "copy" { except = ["fake.a"] }
  post-processor "list" { only = ["fake.c"] }
}
"""


def test_only_except_and_override(workshop: Workshop) -> None:
    plan = workshop.compile(STEPS)
    assert workshop.problems == ""
    steps = {
        lane: [n.title for n in plan.nodes_of(lane) if n.kind in (NodeKind.PROVISION, NodeKind.POST_PROCESS)]
        for lane in plan.lanes
    }
    assert steps == {
        "fake.a": ["Running provisioner run: for-a", "Running provisioner copy"],
        "fake.c": ["Running provisioner run: for-all", "Running provisioner copy", "Running post-processor list"],
    }
    spec = plan.nodes["fake.c/provision[0]:run"].spec
    assert spec is not None
    assert spec.body.flexible
    assert list(spec.body.attributes) == ["text", "lines", "disk"]


def test_an_override_from_a_local(workshop: Workshop) -> None:
    plan = workshop.compile("""\
locals { special = { a = { text = "for-a", disk = [{ size = 4 }] } } }
source "fake" "a" {}
build {
  sources = ["fake.a"]
  provisioner "run" {
    text     = "x"
    override = local.special
  }
}
""")
    assert workshop.problems == ""
    assert plan.nodes["fake.a/provision[0]:run"].title == "Running provisioner run: for-a"


def test_how_a_step_runs(workshop: Workshop) -> None:
    plan = workshop.compile("""\
source "fake" "a" {}
build {
  sources = ["fake.a"]
  provisioner "run" {
    name              = "greet ${source.name}"
    max_retries       = "2"
    timeout           = "1h30m"
    pause_before      = "10s"
    continue_on_error = true
  }
  provisioner "run" {
    retry {
      attempts  = 5
      delay     = "1m"
      max_delay = "10m"
    }
  }
}
""")
    assert workshop.problems == ""
    first, second = (plan.nodes[f"fake.a/provision[{n}]:run"] for n in range(2))
    assert first.title == "Running provisioner greet a"
    assert (first.retry.attempts, first.timeout, first.pause_before, first.continue_on_error) == (3, 5400, 10, True)
    assert (second.retry.attempts, second.retry.delay, second.retry.max_delay) == (5, 60, 600)
    assert (second.timeout, second.pause_before, second.continue_on_error) == (None, 0, False)


# -- references between builds --------------------------------------------------


def test_an_artifact_in_a_source_makes_one_build_wait_for_another(workshop: Workshop) -> None:
    plan = workshop.compile(TWO + 'build {\n  sources = ["vm.web", "vm.base"]\n  post-processor "list" {}\n}')
    assert workshop.problems == ""
    assert ("vm.base/capture", "vm.web/source") in edges(plan)
    assert ("vm.base/capture", "vm.web/build") in edges(plan)
    # What the second machine may still read is there until it is gone.
    assert ("vm.web/teardown", "vm.base/release") in set(plan.order)


def test_an_artifact_in_a_step_makes_the_whole_lane_wait(workshop: Workshop) -> None:
    plan = workshop.compile("""\
source "vm" "a" {}
source "vm" "b" {}
build {
  name    = "base"
  sources = ["vm.a"]
  post-processor "list" {}
}
build {
  sources = ["vm.b"]
  provisioner "copy" { text = artifact.base.vm.a.files[0] }
  post-processor "list" { text = artifact.base.vm.a.id }
}
""")
    assert workshop.problems == ""
    assert ("base.vm.a/capture", "vm.b/build") in edges(plan)
    order = {(a, b) for a, b in plan.order if b == "base.vm.a/release"}
    assert {a for a, _ in order} == {
        "base.vm.a/post-process[0.0]:list",
        "vm.b/teardown",
        "vm.b/post-process[0.0]:list",
    }


def test_a_post_processor_may_look_at_its_own_artifact(workshop: Workshop) -> None:
    workshop.compile(
        'source "vm" "a" {}\nbuild {\n  sources = ["vm.a"]\n  post-processor "list" { text = artifact.vm.a.id }\n}'
    )
    assert workshop.problems == ""


def test_builds_that_wait_for_each_other(workshop: Workshop, golden: Golden) -> None:
    plan = workshop.compile("""\
source "vm" "a" { text = artifact.vm.b.path }
source "vm" "b" { text = artifact.vm.c.path }
source "vm" "c" {}
source "vm" "self" { text = artifact.vm.self.path }
build {
  sources = ["vm.a", "vm.b", "vm.self"]
}
build {
  sources = ["vm.c"]
  provisioner "copy" { text = artifact.vm.a.path }
}
""")
    golden("compile-cycles.txt", workshop.problems)
    assert len(plan.in_order()) == len(plan.nodes)


# -- data sources ---------------------------------------------------------------


def test_data_sources_come_before_what_needs_them(workshop: Workshop) -> None:
    plan = workshop.compile("""\
data "look" "a" { text = local.name }
data "look" "b" { text = data.look.a.text }
locals {
  name = "x"
  far  = data.look.b.text
}
source "fake" "uses" { text = local.far }
source "fake" "not" {}
build {
  sources = ["fake.uses"]
  provisioner "run" { text = data.look.a.text }
}
build { sources = ["fake.not"] }
""")
    assert workshop.problems == ""
    assert edges(plan, NodeKind.DATA) == {("data.look.a", "data.look.b")}
    assert edges(plan, NodeKind.SOURCE) == {("data.look.b", "fake.uses/source")}
    assert ("data.look.a", "fake.uses/build") in edges(plan)


def test_what_decides_the_shape_must_be_known(workshop: Workshop) -> None:
    """Data sources can be read before; what only a running build tells cannot."""
    workshop.compile("""\
data "look" "a" {}
source "fake" "a" {}
build {
  name    = data.look.a.text
  sources = ["fake.a"]
  provisioner "run" { timeout = data.look.a.text }
  provisioner "run" { only = [build.ID] }
}
""")
    assert [item.summary for item in workshop.errors] == ["Value not known yet"]
    assert "depends on build.ID" in workshop.errors[0].detail


# -- options --------------------------------------------------------------------

FOUR = (
    """\
source "file" "x" {}
""".replace("file", "fake")
    + """\
source "fake" "chocolate" {}
source "fake" "vanilla" {}
source "vm" "cherry" {}
build {
  name    = "my"
  sources = ["fake.chocolate", "fake.vanilla"]
  post-processors {
    post-processor "pack" { name = "apple" }
    post-processor "sum" { number = -1 }
  }
}
build { sources = ["vm.cherry"] }
"""
)


@pytest.mark.parametrize(
    ("only", "except_", "expected"),
    [
        (["*chocolate*"], [], ["my.fake.chocolate"]),
        ([], ["*ch*,apple"], ["my.fake.vanilla"]),
        (["my.*"], ["my.fake.vanilla", "apple"], ["my.fake.chocolate"]),
        (["{vm,none}.cherry"], [], ["vm.cherry"]),
        (["vm.cherry", "my.fake.v*"], ["apple"], ["my.fake.vanilla", "vm.cherry"]),
    ],
)
def test_only_and_except(workshop: Workshop, only: list[str], except_: list[str], expected: list[str]) -> None:
    plan = workshop.compile(FOUR, only=only, except_=except_)
    assert list(plan.lanes) == expected
    left_out = "apple" in ",".join(except_)
    assert [item.summary for item in workshop.errors] == ["Negative number"] * (
        expected != ["vm.cherry"] and not left_out
    )


def test_what_is_left_out_is_not_checked(workshop: Workshop) -> None:
    workshop.compile(FOUR, except_=["apple"])
    assert workshop.errors == []
    (warning,) = workshop.diags
    assert '"apple", and with it the rest of its chain: "sum"' in warning.detail


def test_nothing_is_left(workshop: Workshop) -> None:
    workshop.compile(FOUR, only=["chocolate"])
    assert [item.summary for item in workshop.diags] == ["No builds to run"]
    assert '-only "chocolate" matches none.' in workshop.errors[0].detail


def test_a_pattern_that_makes_no_sense(workshop: Workshop) -> None:
    workshop.compile(FOUR, only=["a[", "*"])
    assert 'only "a["' in workshop.errors[-1].detail


def test_a_build_brings_what_it_starts_from(workshop: Workshop) -> None:
    plan = workshop.compile(TWO + 'build { sources = ["vm.web", "vm.base"] }', only=["vm.web"])
    assert sorted(plan.lanes) == ["vm.base", "vm.web"]
    assert [item.summary for item in workshop.diags] == ["Needed build is added"]


def test_a_build_cannot_go_without_what_it_starts_from(workshop: Workshop) -> None:
    workshop.compile(TWO + 'build { sources = ["vm.web", "vm.base"] }', except_=["vm.base"])
    assert workshop.only_error().summary == "Needed build is left out"


# -- mistakes -------------------------------------------------------------------

MISTAKES = """\
locals { late = build.ID }
source "fake" "a" {
  text   = "x"
  txet   = "y"
  number = "many"
}
source "fkae" "b" {}
source "unused" "c" {}
source "vm" "d" { text = artifact.vm.dd.path }
source "vm" "e" { text = artifact.vm.d.pth }
source "vm" "f" { text = artifact.vm }
source "vm" "g" { text = build.Host }
source "vm" "same" { text = "x" }
build {
  sources = ["fake.a", "fkae.b", "vm.nope", "nonsense", 5, "vm.d", "vm.e", "vm.f", "vm.g"]
  source "vm.same" { text = "again" }
  provisioner "run" {
    text         = build.Hst
    only         = ["fake.a"]
    except       = ["fake.a"]
    timeout      = "10"
    pause_before = "-1s"
    max_retries  = "many"
    retry { attempts = 0 }
  }
  provisioner "rnu" {}
  provisioner "run" { only = ["fake.aa"] }
  provisioner "run" { override = "hello" }
  provisioner "run" { override = { a = "hello" } }
  provisioner "run" { override = { aa = { text = "x" } } }
  provisioner "run" { max_retries = -1 }
  provisioner "run" { text = upper(var.nope, local.nope) }
  post-processor "zip" {}
  post-processor "list" { text = data.look.nope.text }
}
build {}
"""


def test_everything_that_is_wrong_is_told_once(workshop: Workshop, golden: Golden) -> None:
    workshop.compile(MISTAKES)
    golden("compile-mistakes.txt", workshop.problems)


def test_a_template_without_builds(workshop: Workshop) -> None:
    workshop.compile('source "fake" "a" {}')
    assert workshop.only_error().summary == "Missing build block"


def test_data_sources_in_a_circle_are_reported(workshop: Workshop) -> None:
    plan = workshop.compile("""\
data "look" "a" { text = local.b }
data "look" "self" { text = data.look.self.text }
locals { b = data.look.a.text }
source "fake" "a" { text = local.b }
build { sources = ["fake.a"] }
""")
    assert [item.summary for item in workshop.errors] == ["Dependency cycle"] * 2
    assert len(plan.in_order()) == len(plan.nodes)


# -- growth ---------------------------------------------------------------------


def many(lanes: int, mention: str = "") -> str:
    sources = "".join(f'source "fake" "s{n}" {{ number = {n} }}\n' for n in range(lanes))
    names = ", ".join(f'"fake.s{n}"' for n in range(lanes))
    steps = "".join(f'  provisioner "run" {{ text = "step {n} {mention}" }}\n' for n in range(5))
    return f"{sources}build {{\n  sources = [{names}]\n{steps}}}\n"


@pytest.mark.parametrize(("mention", "each"), [("", 0), ("${build.ID}", 0), ("${source.name}", 5)])
def test_a_block_is_decoded_once_for_lanes_where_it_means_the_same(workshop: Workshop, mention: str, each: int) -> None:
    counter["decoded"] = 0
    workshop.compile(many(40, mention))
    assert workshop.problems == ""
    assert counter["decoded"] == 40 + max(5, 40 * each)


def test_the_plan_grows_with_the_template(workshop: Workshop) -> None:
    """Counted in objects rather than seconds."""

    def objects(lanes: int) -> int:
        template = workshop.load(many(lanes, "${build.ID}"))
        gc.collect()
        before = len(gc.get_objects())
        plan = workshop.compile(template)
        assert len(plan.nodes) == lanes * 9
        return len(gc.get_objects()) - before

    objects(10)
    assert objects(400) < 4.6 * objects(100)


SECRETS = """\
variable "pw" {
  sensitive = true
  default   = "hunter2"
  validation {
    condition     = length(var.pw) < 5
    error_message = "The password ${var.pw} is long."
  }
}
source "fake" "a" { text = "log in with ${var.pw}" }
build {
  sources = ["fake.a"]
  provisioner "run" { text = "plain" }
  provisioner "run" { lines = ["plain", var.pw] }
  provisioner "run" { wait = var.pw }
}
"""


def test_sensitive_values_are_in_no_title_and_in_no_diagnostic(workshop: Workshop) -> None:
    plan = workshop.compile(SECRETS)
    titles = [node.title for node in plan.nodes.values()]
    assert "Launching fake: <sensitive>" in titles
    assert "Running provisioner run: plain" in titles
    assert len(workshop.errors) == 2
    assert "hunter2" not in "".join([*titles, *[error.detail for error in workshop.errors]])


def test_only_what_is_marked_is_a_secret(workshop: Workshop) -> None:
    """A list with one sensitive element does not hide the others wherever they turn up."""
    from hclimg.config.decode import decode_body
    from hclimg.diagnostics import Diagnostics

    plan = workshop.compile(SECRETS)
    spec = next(node.spec for node in plan.nodes.values() if node.id.endswith("provision[1]:run"))
    assert spec is not None
    found = decode_body(FakeSettings, spec.body, spec.scope, Diagnostics(), context="", header=spec.header)
    assert found is not None
    assert found.secrets == ("hunter2",)



def test_override_of_a_build_that_is_not_there(workshop: Workshop) -> None:
    """A warning in HCL and an error in legacy templates, as in Packer."""
    workshop.compile("""\
source "fake" "a" {}
build {
  sources = ["fake.a"]
  provisioner "run" { override = { other = { text = "x" } } }
}
""")
    workshop.compile(
        """{
  "builders": [{"type": "fake", "name": "a"}],
  "provisioners": [{"type": "run", "override": {"other": {"text": "x"}}}]
}""",
        "t.json",
    )
    assert [(item.summary, item.severity.value) for item in workshop.diags] == [
        ("Unknown build", "warning"),
        ("Unknown build", "error"),
    ]
