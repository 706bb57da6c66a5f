"""Which files make a template."""

from __future__ import annotations

from pathlib import Path

import pytest

from compile_kit import Workshop
from hclimg.diagnostics import Diagnostics
from hclimg.template.load import load_template


def load(path: Path | str, **options: str) -> tuple[list[str], object]:
    diags = Diagnostics()
    template = load_template(str(path), diags, config_type=options.get("config_type", ""))
    return [f"{item.summary}: {item.detail}" for item in diags.errors], template


def test_a_directory_is_all_its_hcl_files(workshop: Workshop) -> None:
    workshop.write("b.pkr.hcl", 'source "fake" "b" {}')
    workshop.write("a.pkr.hcl", 'source "fake" "a" {}')
    workshop.write("notes.hcl", "not a template")
    workshop.write("z.auto.pkrvars.json", "{}")
    workshop.write("b.auto.pkrvars.hcl", "")
    workshop.write("a.auto.pkrvars.hcl", "")
    template = load_template(str(workshop.folder), workshop.diags)
    assert template is not None
    assert workshop.problems == ""
    assert list(template.sources) == [("fake", "a"), ("fake", "b")]
    names = [path.name for path in template.auto_var_files]
    assert names == ["a.auto.pkrvars.hcl", "b.auto.pkrvars.hcl", "z.auto.pkrvars.json"]
    assert template.base_dir == workshop.folder


def test_mistakes_of_all_files_are_reported_at_once(workshop: Workshop) -> None:
    workshop.write("a.pkr.hcl", "a = \n")
    workshop.write("b.pkr.hcl", 'source "x" {}\n')
    (workshop.folder / "c.pkr.hcl").write_bytes(b'variable "x" { default = "\xe9" }')
    load_template(str(workshop.folder), workshop.diags)
    assert len({item.subject.filename for item in workshop.errors if item.subject}) == 3


def test_a_file_alone_has_no_auto_var_files(workshop: Workshop) -> None:
    workshop.write("x.auto.pkrvars.hcl", "")
    assert workshop.load("").auto_var_files == ()


@pytest.mark.parametrize("name", ["t.pkr.hcl", "t.hcl"])
def test_hcl_by_name(workshop: Workshop, name: str) -> None:
    assert not workshop.load("", name).legacy


def test_the_option_overrules_the_name(workshop: Workshop) -> None:
    path = workshop.write("t.txt", 'source "fake" "a" {}')
    problems, template = load(path, config_type="hcl2")
    assert problems == []
    assert template is not None


def test_stdin_is_legacy_json_unless_told_otherwise() -> None:
    diags = Diagnostics()
    template = load_template("-", diags, stdin=lambda: "\ufeff" + '{"builders": [{"type": "fake"}]}')
    assert template is not None
    assert template.legacy
    hcl = load_template("-", diags, config_type="hcl2", stdin=lambda: 'source "fake" "a" {}')
    assert hcl is not None
    assert list(hcl.sources) == [("fake", "a")]
    assert not diags.items


def test_what_cannot_be_read_is_reported(workshop: Workshop) -> None:
    empty = workshop.folder / "empty"
    empty.mkdir()
    assert "holds no *.pkr.hcl, *.pkr.json or *.img.py file" in load(empty)[0][0]
    assert "No such file" in load(workshop.folder / "absent.pkr.hcl")[0][0].replace("no such file", "No such file")
    assert "Root value must be object" in load(workshop.write("t.pkr.json", "1"))[0][0]
    assert "none of hcl2, json" in load(empty, config_type="yaml")[0][0]
