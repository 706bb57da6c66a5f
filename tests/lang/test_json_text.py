"""JSON as data and as text again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.json_scan import scan
from hclimg.lang.json_text import data_of, indent_of, json_text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def read(text: str) -> Any:
    diags = Diagnostics()
    root = scan(SourceText("x.json", text), diags)
    assert root is not None
    assert not diags.has_errors, diags.errors
    return data_of(root)


@given(VALUES)
def test_the_standard_library_says_the_same(value: Any) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert text == json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    assert read(text) == value


@pytest.mark.parametrize("number", ["1.50", "1e400", "0.1000", "1E5", "123456789012345678901234567890", "9" * 5000])
def test_numbers_keep_their_digits(number: str) -> None:
    assert json_text(read(f"[{number}]")) == f"[\n  {number}\n]\n"


@pytest.mark.parametrize(("text", "indent"), [('{\n    "a": 1\n}', "    "), ('{\n\t"a": 1}', "\t"), ("{}", "  ")])
def test_the_indentation_of_a_text(text: str, indent: str) -> None:
    assert indent_of(text) == indent
