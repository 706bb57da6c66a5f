"""Legacy templates as HCL: the text, and that it means the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.parse import parse_body
from hclimg.plan.compare import differences
from hclimg.plan.compile import CompileOptions
from hclimg.registry import Registry
from hclimg.template.convert.bodies import BodyWriter
from hclimg.template.convert.document import document_text
from hclimg.template.convert.legacy import sections_of
from hclimg.template.hcl import read_hcl
from hclimg.template.legacy import read_legacy
from hclimg.template.model import Template

NULL = {"type": "null", "communicator": "none"}
SCRIPT = "#!/bin/sh\nset -e\necho {{user `region`}}\n"

EVERYTHING = {
    "_comment": "Builds the web server.\nAsk the platform team.",
    "description": "web",
    "min_packer_version": "1.5.0",
    "variables": {
        "region": "eu",
        "token": None,
        "home": "{{env `HOME`}}",
        "label": "{{user `region`}}-{{isotime `2006`}}",
        "both": "{{env `USER`}}/{{timestamp}}",
        "tries": "3",
        "zip": "007",
        "odd name": "x",
        "timestamp": "not the time",
    },
    "sensitive-variables": ["token", "label"],
    "builders": [
        {**NULL},
        {"type": "file", "name": "my file", "content": SCRIPT, "target": "{{user `label`}}/{{build_name}}"},
        {"type": "file", "name": "{{user `region`}}-file", "target": "x-{{timestamp}}", "content": "{{user `zip`}}"},
    ],
    "provisioners": [
        {
            "type": "shell-local",
            "only": ["null", "my file"],
            "override": {"my file": {"inline": ["echo {{user `odd name`}} ${NOT_OURS}"]}},
            "inline": ["a", "{{user `timestamp`}} costs 5$"],
            "pause_before": "5s",
            "max_retries": "{{user `tries`}}",
        },
        {"type": "shell-local", "command": "{{.Vars}} {{split (user `region`) `-` 0}} {{upper `x`}} {{build `ID`}}"},
        {"type": "shell-local", "inline": "{{user `both`}}", "except": ["null"], "timeout": "1h", "max_retries": "2"},
    ],
    "error-cleanup-provisioner": {"type": "shell-local", "inline": ["true"]},
    "post-processors": [
        "manifest",
        [
            {"type": "checksum", "output": "{{.BuildName}}.sum", "keep_input_artifact": "true"},
            {"type": "manifest", "output": "o.json", "strip_path": True, "custom_data": {"a b": "{{user `region`}}"}},
        ],
    ],
}


def legacy(template: Any) -> Template:
    diags = Diagnostics()
    text = json.dumps(template, ensure_ascii=False)
    found = read_legacy(SourceText("old.json", text), "old.json", Path(), diags)
    assert not diags.has_errors, diags.errors
    assert found is not None
    return found


def converted(template: Any) -> str:
    return document_text(sections_of(legacy(template), BodyWriter(Registry())).all)


def same_plan(template: Any) -> list[str] | None:
    diags = Diagnostics()
    new = read_hcl([parse_body(SourceText("new.pkr.hcl", converted(template)), diags)], "new.pkr.hcl", Path(), diags)
    assert not diags.has_errors, diags.errors
    options = CompileOptions(now=datetime(2024, 1, 2, tzinfo=UTC), cwd=Path.cwd())
    found = differences(legacy(template), new, options, diags)
    assert not diags.has_errors, diags.errors
    return found


def test_everything(golden: Callable[[str, str], None]) -> None:
    golden("convert_everything.pkr.hcl", converted(EVERYTHING))


def test_everything_means_the_same() -> None:
    assert same_plan(EVERYTHING) == []


@pytest.mark.parametrize(
    "template",
    [
        {"builders": [NULL]},
        {"builders": [{**NULL, "name": "a"}, {**NULL, "name": "b"}, {**NULL, "name": "a b"}]},
        {"builders": [{**NULL, "name": "1st"}], "provisioners": [{"type": "shell-local", "inline": "{{build_name}}"}]},
        {"builders": [{**NULL, "name": "a.b"}], "post-processors": [{"type": "manifest", "only": ["a.b"]}]},
        {"builders": [NULL], "provisioners": [{"type": "breakpoint", "disable": "true", "note": ""}]},
        {"builders": [NULL], "provisioners": [{"type": "shell-local", "inline": ["${x} %{y} {{`{{`}} \\ \" \t"]}]},
        {"builders": [NULL], "provisioners": [{"type": "shell-local", "environment_vars": "A=1", "command": "x"}]},
        {
            "variables": {"a": "{{env `A`}}{{env `B`}}", "b": "{{user `a`}}", "var": "{{user `b`}}!"},
            "builders": [{"type": "file", "target": "t", "content": "{{user `var`}}"}],
        },
        {
            "variables": {"x": "1"},
            "builders": [NULL],
            "provisioners": [{"type": "shell-local", "inline": ["{{if eq (user `x`) `1`}}y{{end}}"], "only": ["null"]}],
        },
    ],
)
def test_the_plan_is_the_same(template: Any) -> None:
    assert same_plan(template) == []


def test_a_variable_has_the_type_that_every_use_wants() -> None:
    steps = [{"type": "shell-local", "inline": ["x"], "max_retries": "{{user `n`}}"}]
    template = {"variables": {"n": "5"}, "builders": [NULL], "provisioners": steps}
    assert 'variable "n" {\n  type    = number\n  default = 5\n}' in converted(template)
    steps.append({"type": "shell-local", "inline": ["{{user `n`}}"]})
    assert 'variable "n" {\n  type    = string\n  default = "5"\n}' in converted(template)


def test_variables_that_nobody_declared() -> None:
    text = converted({"builders": [{**NULL, "ssh_host": "{{user `host`}}"}]})
    assert text.startswith('# The old template used "host" and did not declare it.\nvariable "host" {')


def test_what_differs_is_told() -> None:
    diags = Diagnostics()
    options = CompileOptions(now=datetime(2024, 1, 2, tzinfo=UTC), cwd=Path.cwd())
    one = legacy({"builders": [NULL], "post-processors": [{"type": "manifest", "output": "a"}]})
    other = legacy({"builders": [NULL], "post-processors": [{"type": "manifest", "output": "b"}, "manifest"]})
    found = differences(one, other, options, diags)
    assert found is not None
    node = "nodes: null.null/post-process[0.0]:manifest"
    assert f'{node}: settings: output: "a" became "b"' in found
    assert "nodes: null.null/post-process[1.0]:manifest is only in the second plan" in found


def test_components_that_are_not_known_here() -> None:
    builder = {
        "type": "amazon-ebs",
        "tags": {"a": "b"},
        "source_ami_filter": {"filters": {"name": "x"}, "owners": ["self"], "most_recent": True},
        "launch_block_device_mappings": [{"device_name": "a"}, {"device_name": "b"}],
    }
    text = converted({"builders": [builder]})
    assert "  tags = {\n    a = \"b\"\n  }" in text
    assert "  source_ami_filter {\n    filters = {" in text
    assert text.count("  launch_block_device_mappings {") == 2
