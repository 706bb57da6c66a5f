"""Legacy templates for different readers: hclimg, Packer of today, Packer 1.6."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hclimg.diagnostics import Diagnostics
from hclimg.lang.functions.golayout import layout_parts
from hclimg.template.convert.audience import NOT_TO_BE_SAID, Audience
from hclimg.template.convert.convert import Converted, converted
from hclimg.template.convert.files import File, Job, Syntax
from hclimg.template.convert.times import date_format

FILTER = {"filters": {"name": "debian-*"}, "owners": "1,2", "most_recent": "true"}
AMAZON = {"type": "amazon-ebs", "region": "{{user `region`}}", "source_ami_filter": FILTER}


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """The new text, and what was said; None for what cannot be converted."""

    def convert(template: dict[str, Any], audience: Audience) -> tuple[Converted | None, str, Diagnostics]:
        path, diags = tmp_path / "x.json", Diagnostics()
        path.write_text(json.dumps(template))
        made = converted(Job(path, (File.at(path),)), Syntax.HCL, diags, audience=audience)
        return made, "".join(made.texts.values()) if made else "", diags

    return convert


def test_filters_are_data_sources_and_equal_ones_are_one(written: Any) -> None:
    other = {**AMAZON, "name": "other one", "source_ami_filter": {**FILTER, "owners": ["3"]}}
    template = {"builders": [AMAZON, {**AMAZON, "name": "same"}, other]}
    made, text, diags = written(template, Audience.HCLIMG)
    assert text.count('data "amazon-ami"') == 2
    begin = 'data "amazon-ami" "amazon-ebs" {\n  region = var.region\n'
    assert f'{begin}  filters = {{\n    name = "debian-*"\n  }}\n' in text
    assert text.count("source_ami = data.amazon-ami.amazon-ebs.id") == 2
    assert "source_ami = data.amazon-ami.other_one.id" in text
    assert 'owners      = ["1", "2"]\n  most_recent = true\n' in text
    back = made.template(diags)
    assert not back.data
    assert all(block.body.blocks[0].type.text == "source_ami_filter" for block in back.sources.values())
    assert not diags.items


def test_packer_is_told_which_plugins_it_needs(written: Any) -> None:
    steps = [{"type": "ansible-local", "playbook_file": "x"}, {"type": "shell", "inline": "true"}]
    template = {"builders": [AMAZON], "provisioners": steps, "min_packer_version": "1.7.0"}
    _, text, _ = written(template, Audience.PACKER)
    assert text.startswith('packer {\n  required_version = ">= 1.7.0"\n\n  required_plugins {\n    amazon = {\n')
    assert 'ansible = {\n      source  = "github.com/hashicorp/ansible"\n      version = "~> 1"\n    }\n' in text
    assert "shell = {" not in text
    assert "required_plugins" not in written(template, Audience.HCLIMG)[1]


def test_packer_1_6_does_without_what_came_later(written: Any) -> None:
    template = {
        "variables": {"secret": "{{vault `a` `b`}}"},
        "sensitive-variables": ["secret"],
        "builders": [{**AMAZON, "ami_name": "x-{{timestamp}}-{{isotime \"2006-01-02T15\"}}-{{strftime `%F`}}"}],
        "provisioners": [{"type": "shell", "inline": ["{{aws_secretsmanager `a`}}"]}],
    }
    _, text, diags = written(template, Audience.PACKER_1_6)
    assert "data " not in text
    assert "source_ami_filter {" in text
    assert 'timestamp = regex_replace(timestamp(), "[- TZ:]", "")' in text
    day = 'formatdate("YYYY-MM-DD", timestamp())'
    assert f"""x-${{local.timestamp}}-${{formatdate("YYYY-MM-DD'T'hh", timestamp())}}-${{{day}}}\"""" in text
    assert 'aws_secretsmanager("a", null)' in text
    assert 'local "' not in text
    assert [item.summary for item in diags] == ["No secret any more", "Another timestamp"]


@pytest.mark.parametrize(
    "more",
    [
        {"error-cleanup-provisioner": {"type": "shell-local", "inline": ["true"]}},
        {"variables": {"x": "{{isotime \"15:04:05.000\"}}"}},
        {"variables": {"x": "{{strftime `%j`}}"}},
    ],
)
def test_what_packer_1_6_cannot_be_told(written: Any, more: dict[str, Any]) -> None:
    template = {"builders": [{"type": "null"}], **more}
    made, _, diags = written(template, Audience.PACKER_1_6)
    assert made is None
    assert [item.summary for item in diags] == [NOT_TO_BE_SAID]
    assert written(template, Audience.PACKER)[0] is not None


@pytest.mark.parametrize(
    ("layout", "wanted"),
    [
        ("20060102150405", "YYYYMMDDhhmmss"),
        ("Mon, 02 Jan 2006 15:04:05 MST", "EEE, DD MMM YYYY hh:mm:ss ZZZ"),
        ("at 3PM o'clock", "'at 'HAA' o''clock'"),
        ("0101", None),
        ("002", None),
        ("05.000", None),
    ],
)
def test_layouts_of_go(layout: str, wanted: str | None) -> None:
    assert date_format(layout_parts(layout)) == wanted


def test_attributes_of_chef(written: Any) -> None:
    """Packer takes an object in legacy templates only."""
    step = {"type": "chef-solo", "json": {"port": 80, "of": {"env": "{{user `env`}}"}}, "skip_install": True}
    template = {"variables": {"env": "x"}, "builders": [{"type": "null"}], "provisioners": [step, {"type": "shell"}]}
    assert "    json = {\n      port = 80\n" in written(template, Audience.HCLIMG)[1]
    _, text, diags = written(template, Audience.PACKER)
    assert 'json_string  = jsonencode({ port = 80, of = { env = "${var.env}" } })' in text
    assert not diags.items
    made, _, diags = written(template, Audience.PACKER_1_6)
    assert made is None
    assert [item.summary for item in diags] == [NOT_TO_BE_SAID]
