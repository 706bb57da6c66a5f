"""Our parser and the Go one, in the same process, judge the same damaged texts.

``HCLIMG_FUZZ=40000`` tries that many; a number in ``HCLIMG_FUZZ_SEED`` gives other ones.
"""

import os

import pytest
from mutations import mutations
from seeds import differential
from verdicts import difference, is_comparable

from conformance.oracle import go_complaint

COUNT = int(os.environ.get("HCLIMG_FUZZ", "4000"))
SEED = int(os.environ.get("HCLIMG_FUZZ_SEED", "1"))

# What a fuzzer found that we judged in another way.
ACCEPTED = (
    "a = var.0e10",
    "a =a1.0e10",
    "a = <<E\nx\nE\xa0",
    "a = <<E\nx\n\u3000E\u2028",
    "a = <<E\nx${1}\n \x0b E\x85 ",
    "a = x[0][for]",
    "a = x.*[for]",
    "a = x * [for y in z: y]",
    'a = "${x}"[for][for]',
    "a = (x[*\n])",
    "a = x[*/*\n*/]",
)  # fmt: skip
REFUSED = ("a = var.0.1", "a = <<E\nx\n\x1cE", "a = x * [for]", "a = x[*\n]", "a = x[\n*]", "a = x[* # y\n]")


def test_damaged_texts_are_judged_as_by_go() -> None:
    found = [difference(text) for text in mutations(differential(), COUNT, SEED) if is_comparable(text)]
    assert [str(d) for d in found if d] == []


@pytest.mark.parametrize("text", ACCEPTED + REFUSED)
def test_texts_once_misjudged_are_judged_as_by_go(text: str) -> None:
    assert difference(f"{text}\n") is None
    assert bool(go_complaint(f"{text}\n")) == (text in REFUSED)
