"""``hclimg docs`` prints the declarations."""

from __future__ import annotations

import json

import pytest

from hclimg.cli.main import run


def test_the_list_of_components(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"builder/qemu", "provisioner/shell-local", "post-processor/shell-local"} <= set(lines)


def test_a_page_for_each_kind_that_has_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "file"]) == 0
    page = capsys.readouterr().out
    assert '# builder "file"' in page
    assert '# provisioner "file"' in page
    assert run(["docs", "provisioner/file"]) == 0
    assert "builder" not in capsys.readouterr().out.splitlines()[0]


def test_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "-json", "checksum"]) == 0
    assert "checksum_types" in json.loads(capsys.readouterr().out)["properties"]


def test_an_unknown_component(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "qemuu"]) == 1
    assert 'Did you mean "qemu"?' in capsys.readouterr().err


def test_the_functions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "functions"]) == 0
    table = capsys.readouterr().out
    assert "| `substr(str: string, offset: number, length: number) → string` | Part of a string" in table
    assert "| `env(name: string) → string` |" in table
    assert table.count("| Packer |") == 104
    assert run(["docs", "function/one"]) == 0
    assert capsys.readouterr().out.startswith("one(list)\n\nThe only element of a list")
    assert run(["docs", "-json", "functions"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert {e["name"]: (e["signature"], e["from"]) for e in entries}["md5"] == ("md5(str: string) → string", "Packer")


def test_an_unknown_function(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "function/subst"]) == 1
    assert 'There is no function "subst". Did you mean "substr"?' in capsys.readouterr().err


def test_data_sources_say_what_they_tell(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "data-source/http"]) == 0
    page = capsys.readouterr().out
    assert page.startswith('# data source "http"\n')
    assert "\n## data.http.NAME\n\n- `url` (string): " in page
    assert "- `status_code` (number): The status of the answer.\n" in page
