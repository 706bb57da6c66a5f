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
