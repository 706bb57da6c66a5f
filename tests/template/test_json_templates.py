"""Templates in HCL's JSON syntax: they mean what the same template means in native syntax, and say what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compile_kit import Workshop, registry
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import references
from hclimg.lang.json_syntax import parse_json_body
from hclimg.plan.render import to_json

Golden = Callable[[str, str], None]

NATIVE = """\
packer {
  required_version = ">= 1.7.0"
  required_plugins {
    amazon = { source = "github.com/hashicorp/amazon", version = "~> 1" }
  }
}
variable "region" {
  type    = list(string)
  default = ["eu"]
  validation {
    condition     = length(var.region) < 3
    error_message = "At most two regions."
  }
}
variable "spec" {
  type    = object({ size = optional(number, 7), name = string })
  default = { name = "x" }
}
variables { size = 3 }
locals {
  a = var.size + 1
  b = { (local.a) = "${upper(var.spec.name)}-%{if true}yes%{endif}" }
}
local "c" {
  expression = local.b
  sensitive  = true
}
data "look" "it" { text = "x" }
source "fake" "web" {
  text = "x"
  disk { size = 1 }
  disk { size = var.spec.size }
}
source "other" "db" {
  for_each = toset(["m", "n"])
  text     = each.key
  dynamic "disk" {
    for_each = [1, 2]
    iterator = it
    content { size = it.value }
  }
}
source "other" "off" { enabled = var.size > 9 }
output "where" {
  value       = local.a
  description = "Where."
}
build {
  name    = "prod"
  sources = ["source.fake.web", "source.other.off"]
  source "other.db" {
    name   = "second"
    number = 2
  }
  provisioner "run" {
    name         = "greet"
    only         = ["fake.web"]
    pause_before = "5s"
    lines        = ["echo", "tab\\t\\"q\\" é"]
    env          = { HOST = build.Host, A = local.a }
    retry { attempts = 3 }
    override = { "fake.web" = { disk = { size = 9 } } }
  }
  provisioner "copy" { text = "b" }
  dynamic "provisioner" {
    for_each = { x = "run", y = "copy" }
    labels   = [provisioner.value]
    content { text = provisioner.key }
  }
  error-cleanup-provisioner "copy" { text = "log" }
  post-processor "list" { keep_input_artifact = true }
  post-processors {
    post-processor "pack" { text = "$${x}" }
    post-processor "sum" {}
  }
}
"""

IN_JSON: dict[str, Any] = {
    "//": "what ${this is} does not matter",
    "packer": {
        "required_version": ">= 1.7.0",
        "required_plugins": [{"amazon": {"source": "github.com/hashicorp/amazon", "version": "~> 1"}}],
    },
    "variable": [
        {
            "region": {
                "type": "list(string)",
                "default": ["eu"],
                "validation": [
                    {"condition": "${length(var.region) < 3}", "error_message": "At most two regions."},
                ],
            }
        },
        {"spec": {"type": "object({ size = optional(number, 7), name = string })", "default": {"name": "x"}}},
    ],
    "variables": {"size": 3},
    "locals": {
        "//": 1,
        "a": "${var.size + 1}",
        "b": {"${local.a}": "${upper(var.spec.name)}-%{if true}yes%{endif}"},
    },
    "local": {"c": {"expression": "${local.b}", "sensitive": True}},
    "data": {"look": {"it": {"text": "x"}}},
    "source": {
        "fake": {"web": {"text": "x", "disk": [{"size": 1}, {"size": "${var.spec.size}"}]}},
        "other": {
            "db": {
                "for_each": '${toset(["m", "n"])}',
                "text": "${each.key}",
                "dynamic": {"disk": {"for_each": [1, 2], "iterator": "it", "content": {"size": "${it.value}"}}},
            },
            "off": {"enabled": "${var.size > 9}"},
        },
    },
    "output": {"where": {"value": "${local.a}", "description": "Where."}},
    "build": {
        "name": "prod",
        "sources": ["source.fake.web", "source.other.off"],
        "source": {"other.db": {"name": "second", "number": 2}},
        "provisioner": [
            {
                "run": {
                    "name": "greet",
                    "only": ["fake.web"],
                    "pause_before": "5s",
                    "lines": ["echo", 'tab\t"q" é'],
                    "env": {"HOST": "${build.Host}", "A": "${local.a}"},
                    "retry": {"attempts": 3},
                    "override": {"fake.web": {"disk": {"size": 9}}},
                }
            },
            {"copy": {"text": "b"}},
        ],
        "dynamic": {
            "provisioner": {
                "for_each": {"x": "run", "y": "copy"},
                "labels": ["${provisioner.value}"],
                "content": {"text": "${provisioner.key}"},
            }
        },
        "error-cleanup-provisioner": {"copy": {"text": "log"}},
        "post-processor": {"list": {"keep_input_artifact": True}},
        "post-processors": {"post-processor": [{"pack": {"text": "$${x}"}}, {"sum": {}}]},
    },
}


def plan_of(workshop: Workshop, text: str, name: str) -> str:
    plan = workshop.compile(text, name)
    assert not workshop.errors, workshop.problems
    return json.dumps(to_json(plan, registry()), indent=1)


def wrong(text: str | dict[str, Any] | list[Any]) -> Callable[[Workshop], list[tuple[str, str]]]:
    """What a template is refused for: summary, and the text at the place."""

    def run(workshop: Workshop) -> list[tuple[str, str]]:
        written = text if isinstance(text, str) else json.dumps(text)
        template = workshop.load(written, "t.pkr.json")
        if not workshop.errors:
            workshop.compile(template)
        return [(item.summary, item.subject.text if item.subject else "") for item in workshop.errors]

    return run


@pytest.mark.parametrize("indent", [None, 2])
def test_the_plan_is_that_of_the_native_template(tmp_path: Path, indent: int | None) -> None:
    native = plan_of(Workshop(tmp_path), NATIVE, "main.pkr.hcl")
    in_json = plan_of(Workshop(tmp_path), json.dumps(IN_JSON, indent=indent), "main.pkr.json")
    assert in_json.replace("main.pkr.json", "main.pkr.hcl") == native


def test_a_directory_may_mix_both(workshop: Workshop) -> None:
    workshop.write("a.pkr.json", '{"source": {"fake": {"web": {"text": "${local.name}", "disk": {"size": 1}}}}}')
    workshop.write("b.pkr.hcl", 'locals { name = "n" }\nvariable "v" {}\n')
    workshop.write("v.auto.pkrvars.json", '{"//": "for all", "v": "${x}"}')
    build = {"build": {"source": {"fake.web": {"number": 2, "disk": [{"size": 2}]}}}}
    workshop.write("c.pkr.json", json.dumps(build))
    from hclimg.template.load import load_template

    template = load_template(str(workshop.folder), workshop.diags)
    assert template is not None
    plan = workshop.compile(template)
    assert workshop.problems == ""
    nodes = {node["id"]: node for node in to_json(plan, registry())["nodes"]}
    settings = nodes["fake.web/build"]["settings"]
    assert settings == {"text": "n", "disk": [{"size": 1}, {"size": 2}], "number": 2}


def test_a_list_of_objects_is_a_body(workshop: Workshop) -> None:
    template = workshop.load('[{"locals": {"a": 1}}, {"locals": [{"b": 2}, {"c": 3}]}, {}]', "t.pkr.json")
    assert sorted(template.locals) == ["a", "b", "c"]
    assert not workshop.errors


def test_null_is_no_block(workshop: Workshop) -> None:
    template = workshop.load('{"locals": null, "source": {"fake": {"a": null}}, "variable": null}', "t.pkr.json")
    assert not template.sources
    assert not workshop.errors


def test_a_comment_is_a_key_of_every_body(workshop: Workshop) -> None:
    source = '{"fake": {"a": {"//": "x", "disk": {"//": "y"}}}}'
    text = f'{{"//": "${{", "//": 1, "source": {source}, "build": {{"sources": ["fake.a"]}}}}'
    workshop.compile(text, "t.pkr.json")
    assert workshop.problems == ""


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("1", [("Root value must be object", "1")]),
        ("[1]", [("Incorrect JSON value type", "1")]),
        ({"locls": {"a": 1}}, [("Extraneous JSON object property", '"locls"')]),
        ({"source": {"fake": 1}}, [("Incorrect JSON value type", "1")]),
        ({"source": {}}, [("Missing block label", "{")]),
        ({"source": {"fake": {"a": 1}}}, [("Incorrect JSON value type", "1")]),
        ({"build": {"sources": ["fake.a"], "naem": "x"}}, [("Extraneous JSON object property", '"naem"')]),
        ('{"variable": {"a": {"type": "string", "type": "number"}}}', [("Duplicate argument", '"type"')]),
        (
            '{"variable": {"a": {"default": {"b": 1, "b": 2}}}}',
            [("Duplicate object attribute", '"b"'), ("Missing build block", "")],
        ),
        ('{"locals": {"a": 1, "a": 2}}', [("Duplicate argument", '"a"')]),
        ({"variable": {"a": {"type": "lst(string)"}}}, [("Invalid type specification", "lst(string)")]),
        ({"variable": {"a": {"type": "string +"}}}, [("Missing expression", "")]),
        ({"variable": {"a": {"type": {"a": 1}}}}, [("Invalid type specification", '{"a": 1}')]),
        (
            r'{"locals": {"a": "tab\t\u00e9 ${upper(}"}, "build": {}}',
            [("Missing source", '"build"'), ("Unterminated function call", "upper(")],
        ),
        (
            r'{"locals": {"a": "\"\"${vra.x}"}, "source": {"fake": {"a": {}}}, "build": {"sources": ["fake.a"]}}',
            [("Unknown variable", "vra")],
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_mistakes(workshop: Workshop, text: Any, problems: list[tuple[str, str]]) -> None:
    assert sorted(wrong(text)(workshop)) == sorted(problems)


def test_what_a_body_refers_to() -> None:
    diags = Diagnostics()
    text = r'{"a": "\t${var.x}", "b": {"${local.k}": ["%{ for i in data.y.z }${i}%{ endfor }"]}}'
    body = parse_json_body(SourceText("t.pkr.json", text), diags)
    found = references(body)
    assert [(str(r), r.range.text) for r in found] == [
        ("var.x", "var.x"),
        ("local.k", "local.k"),
        ("data.y.z", "data.y.z"),
    ]


MISTAKES = """\
{
  "variable": {
    "name": {"type": "sting", "default": "x"},
    "size": {"type": "number", "default": "${env("}
  },
  "source": {
    "fake": {
      "web": {
        "txt": "x",
        "number": "${var.nmae}",
        "disk": [{"size": "big"}, 5],
        "lines": ["\\u00e9 ${upper(\\"a\\", \\"b\\")}"]
      }
    }
  },
  "build": {
    "sources": ["source.fake.web"],
    "provisioner": [
      {"run": {"retry": {"atempts": 2}, "text": "${1 +}"}},
      {"rum": {}}
    ]
  }
}
"""


def test_everything_that_is_wrong_is_told(workshop: Workshop, golden: Golden) -> None:
    template = workshop.load(MISTAKES, "t.pkr.json")
    workshop.compile(template)
    golden("json-mistakes.txt", workshop.problems)


def test_a_registry_of_values_that_are_not_constant(workshop: Workshop) -> None:
    template = {"variable": {"l": {"default": {}}}, "hcp_packer_registry": {"bucket_labels": "${var.l}"}}
    workshop.load(json.dumps(template), "t.pkr.json")
    assert [item.summary for item in workshop.diags] == ["Block without effect"]
