"""Data source ``null``."""

from __future__ import annotations

from hclimg.config.kinds import object_type
from hclimg.datasources.null import NullDataConfig, NullDataOutput, NullDataSource
from hclimg.lang.types import STRING, ObjectType
from hclimg.sdk.context import Context
from hclimg.sdk.testing import component, decoded


def test_it_gives_back_its_input(ctx: Context) -> None:
    assert component(NullDataSource, 'input = "chocolate"').read(ctx) == {"output": "chocolate"}
    assert object_type(NullDataOutput) == ObjectType({"output": STRING})


def test_input_must_not_be_empty() -> None:
    assert decoded(NullDataConfig, 'input = ""')[1] == ['1: Missing required argument; "input" must not be empty.']
    assert "1: Missing required argument" in decoded(NullDataConfig, "")[1][0]
    assert decoded(NullDataConfig, "input = later")[1] == []
