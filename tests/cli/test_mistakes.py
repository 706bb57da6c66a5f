"""What is said about mistakes that people make: for each template in ``mistakes`` a golden text of the same name.

A template may begin with a comment that has the options of ``validate``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.cli.main import run

FOLDER = Path(__file__).parent / "mistakes"
NAMES = sorted(path.name for path in FOLDER.glob("*.pkr.hcl"))
OPTIONS = "# hclimg validate "


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_is_explained(
    name: str, golden: Callable[[str, str], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    begin = (FOLDER / name).read_text(encoding="utf-8-sig").partition("\n")[0]
    options = begin.removeprefix(OPTIONS).split() if begin.startswith(OPTIONS) else []
    run(["validate", *options, name])
    said = capsys.readouterr()
    assert said.out == "" or "warning" in said.err
    golden(f"mistakes/{name.removesuffix('.pkr.hcl')}.txt", said.err)


def test_each_kind_of_mistake_has_one() -> None:
    assert len(NAMES) >= 60
