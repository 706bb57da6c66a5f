from __future__ import annotations

import pytest

from hclimg.template.versions import parse_version, satisfies


@pytest.mark.parametrize(
    ("version", "constraint", "met"),
    [
        ("1.16.0", ">= 1.7.0, < 2.0.0", True),
        ("1.16.0", ">= v1", True),
        ("1.16.0", "1.16", True),
        ("1.16.0", "= 1.16.0", True),
        ("1.16.0", "!= 1.16.0", False),
        ("1.16.0", "> 1.16.0", False),
        ("1.16.0", "<=1.16", True),
        ("1.16.0", "~> 1.2", True),
        ("1.16.0", "~> 1.16.0", True),
        ("1.16.0", "~> 1.15.0", False),
        ("2.0.0", "~> 1.2", False),
        ("1.9.0", ">= 1.10.0", False),
        ("1.16.0", "~> 1", True),
        ("1.16.0", "~> 0", True),
        ("1.16.0", "~> 0.9", False),
        ("1.16.0", "~> 1.16.0-rc1", False),
        ("1.16.0", "~> 1.16.0.0", True),
        ("1.16.0", "<= 1.16.0-rc1", False),
        ("1.16.0", "= 1.16.0.0", True),
        ("1.16.0", ">= 1.0beta", True),
        ("1.16.0", ">= 1.0.0-", True),
        ("1.16.0", "< 2.0.0+meta", True),
        ("1.17.0-dev", ">= 1.16.0", False),
        ("1.17.0-dev", ">= 1.17.0-alpha", True),
        ("1.17.0-dev", "> 1.16.0-alpha", False),
        ("1.17.0-dev", "!= 1.16.0", True),
        ("1.17.0-dev", "~> 1.17.0-alpha", True),
        ("1.0.0-beta.2", ">= 1.0.0-beta.11", False),
        ("1.0.0", "> 1.0.0-rc1", True),
    ],
)
def test_constraints(version: str, constraint: str, met: bool) -> None:
    assert satisfies(version, constraint) is met


@pytest.mark.parametrize(
    "text", ["", "x", ">= ", "1..2", ">> 1.0", "1.0,", ">= 1.x", ">= 1.0 < 2.0", "=> 1", ">= V1", "1.0+"]
)
def test_what_is_no_constraint_raises(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a version"):
        satisfies("1.0.0", text)


def test_order_of_versions() -> None:
    written = ["0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0", "1.0.1", "1.2", "1.10"]
    parsed = [parse_version(text) for text in written]
    assert sorted(parsed, reverse=True) == parsed[::-1]
