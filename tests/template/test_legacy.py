"""Legacy JSON templates: the same model, the same plan as HCL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from compile_kit import Workshop, registry
from hclimg.lang.syntax import same
from hclimg.plan.node import NodeKind
from hclimg.plan.render import to_json

Golden = Callable[[str, str], None]

SEED = """\
{
  "variables": {
    "access_key": "{{env `ALICLOUD_ACCESS_KEY`}}",
    "secret_key": "{{env `ALICLOUD_SECRET_KEY`}}"
  },
  "builders": [{
    "type": "alicloud-ecs",
    "access_key": "{{user `access_key`}}",
    "secret_key": "{{user `secret_key`}}",
    "region": "cn-beijing",
    "image_name": "packer_test2",
    "source_image": "centos_7_04_64_20G_alibase_201701015.vhd",
    "ssh_username": "root",
    "instance_type": "ecs.n1.tiny",
    "internet_charge_type": "PayByTraffic",
    "io_optimized": "true"
  }],
  "provisioners": [{
    "type": "shell",
    "inline": ["sleep 30", "yum install redis.x86_64 -y"]
  }]
}
"""


def test_the_seeds_template_is_read(workshop: Workshop) -> None:
    template = workshop.load(SEED, "seed.json")
    assert workshop.problems == ""
    assert template.legacy
    assert list(template.sources) == [("alicloud-ecs", "alicloud-ecs")]
    assert list(template.variables) == ["access_key", "secret_key"]
    (build,) = template.builds
    assert [step.type for step in build.provisioners] == ["shell"]


def test_a_builder_that_hclimg_does_not_have_is_named_when_the_template_is_checked(workshop: Workshop) -> None:
    workshop.compile(SEED.replace('"shell"', '"run"').replace("inline", "lines"), "seed.json")
    problem = workshop.only_error()
    assert problem.summary == "Unknown builder type"
    assert '"alicloud-ecs"' in problem.detail
    assert problem.subject is not None
    assert problem.subject.text == '"type": "alicloud-ecs"'


HCL = """\
variable "name" {
  type    = string
  default = "redis"
}
source "vm" "base" { text = "x-${var.name}" }
source "vm" "web" {
  text   = artifact.vm.base.path
  number = 8
  disk { size = 1 }
  disk { size = 2 }
}
build {
  sources = ["vm.base", "vm.web"]
  provisioner "run" {
    lines       = ["echo ${build.ID}", "install ${upper(var.name)}", "as ${source.name} {{ .Vars }}"]
    only        = ["vm.web"]
    max_retries = 2
    timeout     = "5m"
    override    = { web = { number = 3 } }
  }
  error-cleanup-provisioner "copy" { text = "x" }
  post-processor "list" {}
  post-processors {
    post-processor "pack" { text = "y" }
    post-processor "sum" { keep_input_artifact = true }
  }
}
"""
TWIN: dict[str, Any] = {
    "_comment": "The same.",
    "variables": {"name": "redis"},
    "builders": [
        {"type": "vm", "name": "base", "text": "x-{{user `name`}}"},
        {
            "type": "vm",
            "name": "web",
            "text": "{{ artifact `vm.base` `path` }}",
            "number": "8",
            "disk": [{"size": 1}, {"size": "2"}],
        },
    ],
    "provisioners": [
        {
            "type": "run",
            "lines": [
                "echo {{build `ID`}}",
                "install {{user `name` | upper}}",
                "as {{build_name}} {{ .Vars }}",
            ],
            "only": ["web"],
            "max_retries": "2",
            "timeout": "5m",
            "override": {"web": {"number": "3"}},
        }
    ],
    "error-cleanup-provisioner": {"type": "copy", "text": "x"},
    "post-processors": ["list", [{"type": "pack", "text": "y"}, {"type": "sum", "keep_input_artifact": True}]],
}


def test_the_plan_of_json_is_that_of_hcl(workshop: Workshop) -> None:
    hcl = to_json(workshop.compile(HCL), registry())
    legacy = to_json(workshop.compile(json.dumps(TWIN), "twin.json"), registry())
    assert workshop.problems == ""
    assert legacy == hcl


def test_lanes_are_called_as_the_builders(workshop: Workshop) -> None:
    plan = workshop.compile(json.dumps(TWIN), "twin.json")
    assert list(plan.lanes) == ["base", "web"]
    assert [lane.address for lane in plan.lanes.values()] == ["vm.base", "vm.web"]


def test_options_know_both_names(workshop: Workshop) -> None:
    for option in ("base", "vm.base"):
        plan = workshop.compile(json.dumps(TWIN), "twin.json", only=[option])
        assert list(plan.lanes) == ["base"]
    assert workshop.problems == ""


def legacy(**keys: Any) -> str:
    return json.dumps({"builders": [{"type": "fake"}], **keys}, indent=2)


def test_names_of_builders_may_use_variables(workshop: Workshop) -> None:
    text = legacy(
        variables={"os": "debian"},
        builders=[{"type": "fake", "name": "{{upper `x`}}-{{user `os`}}"}, {"type": "fake", "name": "plain"}],
        provisioners=[{"type": "run", "only": ["X-debian"]}],
    )
    plan = workshop.compile(text, "t.json")
    assert workshop.problems == ""
    assert list(plan.lanes) == ["X-debian", "plain"]
    kinds = [node.lane for node in plan.nodes.values() if node.kind is NodeKind.PROVISION]
    assert kinds == ["X-debian"]


def test_sensitive_variables(workshop: Workshop) -> None:
    text = legacy(variables={"a": "1", "b": "2"}, **{"sensitive-variables": ["a", "nobody"]})
    template = workshop.load(text, "t.json")
    assert [name for name, block in template.variables.items() if block.sensitive] == ["a"]
    assert [item.summary for item in workshop.diags] == ["Undeclared variable"]


@pytest.mark.parametrize(
    ("version", "summary"),
    [("0.1.0", ""), ("1.16.0", ""), ("2.1.0", "Unsupported Packer version"), ("x", "Invalid version constraint")],
)
def test_min_packer_version(workshop: Workshop, version: str, summary: str) -> None:
    workshop.load(legacy(min_packer_version=version, provisioners=[]), "t.json")
    assert [item.summary for item in workshop.errors] == [summary] * bool(summary)


def test_retry_and_empty_strings(workshop: Workshop) -> None:
    text = legacy(
        provisioners=[
            {"type": "run", "retry": {"attempts": "4", "delay": "1s"}},
            {"type": "run", "max_retries": "", "timeout": "", "number": "", "wait": ""},
        ]
    )
    plan = workshop.compile(text, "t.json")
    assert workshop.problems == ""
    attempts = [node.retry.attempts for node in plan.nodes.values() if node.kind is NodeKind.PROVISION]
    assert attempts == [4, 1]


MISTAKES = """\
{
  "builder": [],
  "description": "x",
  "_comment": "fine",
  "variables": {
    "list": ["a"],
    "broken": "{{user `x}}",
    "late": "{{build `ID`}}",
    "nested": "{{user (upper `x`)}}",
    "gone": "{{sed `s/a/b/` `x`}}"
  },
  "sensitive-variables": [1],
  "min_packer_version": "1.0.0",
  "builders": [
    "fake",
    {"name": "no type"},
    {"type": "fake", "txet": "x"},
    {"type": "fake", "text": "{{user `nobody`}}"},
    {"type": "fkae", "name": "b"},
    {"type": "fake", "name": "c", "text": "{{env `HOME`}} {{usr `x`}} {{upper}}"},
    {"type": "fake", "name": "d", "disk": [{"size": "big"}, 5]},
    {"type": "vm", "name": "e", "text": "{{ artifact `fake.cc` `path` }}"}
  ],
  "provisioners": [
    {"type": "run", "only": ["nobody"]},
    {"type": "run", "number": "many", "timeout": "soon"},
    {"type": ""},
    {"type": "run", "lines": ["{{build `Hst`}}", "{{if}}"]}
  ],
  "error-cleanup-provisioner": [],
  "post-processors": [5, [["deep"]], {"typ": "list"}, "zip"]
}
"""


def test_everything_that_is_wrong_is_told(workshop: Workshop, golden: Golden) -> None:
    template = workshop.load(MISTAKES, "t.json")
    workshop.compile(template)
    golden("legacy-mistakes.txt", workshop.problems)


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("[]", "Invalid template"),
        ('{"builders": {}}', "Invalid template"),
        ('{"builders": [{"type": "fake"}], "provisioners": "x"}', "Invalid template"),
        ('{"builders": [{"type": "fake"}, {"type": "fake"}]}', "Duplicate declaration"),
        ('{"builders": [{"type": "fake"}], "builders": []}', "Duplicate key"),
        ('{"builders": [{"type": "fake",}]}', "Trailing comma in object"),
    ],
)
def test_templates_of_the_wrong_shape(workshop: Workshop, text: str, summary: str) -> None:
    from hclimg.template.load import load_template

    load_template(str(workshop.write("t.json", text)), workshop.diags)
    assert workshop.only_error().summary == summary


@pytest.mark.parametrize("text", ["{}", '{"builders": []}'])
def test_a_template_without_builders(workshop: Workshop, text: str) -> None:
    workshop.compile(text, "t.json")
    assert workshop.only_error().summary == "Missing builders"


# -- the template engine --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "hcl"),
    [
        ("plain", '"plain"'),
        ("{{user `a`}}", '"${var.a}"'),
        ('{{ user "a" }}', '"${var.a}"'),
        ("x{{user `a-b`}}y", '"x${var.a-b}y"'),
        ("{{user `a b`}}", '"${var["a b"]}"'),
        ("{{build `ID`}}", '"${build.ID}"'),
        ("{{build_name}}/{{build_type}}", '"${source.name}/${source.type}"'),
        ("{{timestamp}}", '"${rfc3339_parse(timestamp()).unix}"'),
        ("{{isotime}}", '"${timestamp()}"'),
        ("{{isotime `2006-01-02`}}", '"${legacy_isotime("2006-01-02")}"'),
        ("{{strftime `%Y`}}", '"${legacy_strftime("%Y")}"'),
        ("{{env `A`}}{{vault `p` `k`}}{{consul_key `c`}}", '"${env("A")}${vault("p", "k")}${consul_key("c")}"'),
        ("{{aws_secretsmanager `s`}}", '"${aws_secretsmanager("s")}"'),
        ("{{uuid}}", '"${uuidv4()}"'),
        ("{{pwd}}{{template_dir}}", '"${path.cwd}${abspath(path.root)}"'),
        ("{{packer_version}}", '"${packer.version}"'),
        ("{{upper `x`}}{{lower `Y`}}", '"${upper("x")}${lower("Y")}"'),
        ("{{user `a` | upper | lower}}", '"${lower(upper(var.a))}"'),
        ("{{upper (user `a`)}}", '"${upper(var.a)}"'),
        ("{{replace_all `a` `b` (user `x`)}}", '"${replace(var.x, "a", "b")}"'),
        ("{{user `x` | replace_all `a` `b`}}", '"${replace(var.x, "a", "b")}"'),
        ("{{replace `a` `b` -1 (user `x`)}}", '"${replace(var.x, "a", "b")}"'),
        ("{{split (user `x`) `-` 1}}", '"${split("-", var.x)[1]}"'),
        ("{{artifact `vm.base` `path`}}", '"${artifact.vm.base.path}"'),
        ("a {{- user `x` -}} b", '"a${var.x}b"'),
        ("{{ .Vars }} {{.Path}}", '"{{ .Vars }} {{.Path}}"'),
        ("{{ .Vars }} {{user `x`}}", '"{{ .Vars }} ${var.x}"'),
        ("{{if eq .Os (user `x`)}}{{user `y`}}{{end}}", '"{{if eq .Os (${jsonencode(var.x)})}}${var.y}{{end}}"'),
        ("{{replace `a` `b` 2 (user `x`)}}", '"{{replace `a` `b` 2 (${jsonencode(var.x)})}}"'),
        ("{{replace `a.` `$b` 1 (user `x`)}}", r'"${regex_replace(var.x, "(?s)^(.*?)a\\.", "$${1}$$b")}"'),
        ("{{replace `-` `+` 2 `a-b-c-d`}}", '"${"a+b+c-d"}"'),
        ("{{upper .Name}}", '"{{upper .Name}}"'),
        ("{{/* a comment */}}x", '"{{/* a comment */}}x"'),
        ("{{`{{`}} stays", '"{{`{{`}} stays"'),
        ("{{user `x` | printf `%s`}}", '"{{${jsonencode(var.x)} | printf `%s`}}"'),
        (
            "{{if eq build_name `x`}}1{{else if .A}}{{upper `y`}}{{end}}",
            '"{{if eq ${jsonencode(source.name)} `x`}}1{{else if .A}}${upper("y")}{{end}}"',
        ),
    ],
)
def test_calls_become_expressions(workshop: Workshop, text: str, hcl: str) -> None:
    from hclimg.diagnostics import SourceText
    from hclimg.lang.parse import parse_expression
    from hclimg.template.lowering import lower_text

    found = lower_text(SourceText("t", text), workshop.diags)
    wanted = parse_expression(SourceText("hcl", hcl), workshop.diags)
    assert workshop.problems == ""
    assert same(found, wanted), (found, wanted)


def test_a_call_in_json_knows_its_place(workshop: Workshop) -> None:
    text = '{"builders": [{"type": "fake", "text": "a\\n\\u00e9 {{build `Hst`}}"}]}'
    workshop.compile(text, "t.json")
    problem = workshop.only_error()
    assert problem.subject is not None
    assert problem.subject.text == " `Hst`"


@pytest.mark.parametrize("value", ["text", "{{ .Vars }}", 'with "quotes"', "a\\b", "ünï"])
def test_a_literal_in_a_text_that_stays_has_the_value(workshop: Workshop, value: str) -> None:
    """What is lowered inside of a piece that stays is a Go string of the same text."""
    from compile_kit import NOW
    from hclimg.diagnostics import SourceText
    from hclimg.lang.evaluate import Scope, evaluate
    from hclimg.lang.functions import standard_functions
    from hclimg.lang.gotemplate import render
    from hclimg.lang.values import object_of, string
    from hclimg.template.lowering import lower_text

    expr = lower_text(SourceText("t", "{{if eq .Os (user `x`)}}same{{end}}"), workshop.diags)
    functions = standard_functions(workshop.folder, NOW)
    scope = Scope({"var": object_of({"x": string(value)})}, functions)
    text = evaluate(expr, scope, workshop.diags).raw
    assert render(text, {"Os": value}, {}) == "same"
