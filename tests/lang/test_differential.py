"""Our parser and the Go one, in the same process, judge the same damaged texts.

``HCLIMG_FUZZ=20000`` tries that many; a number in ``HCLIMG_FUZZ_SEED`` gives other ones.
"""

import os
from pathlib import Path

import pygohcl
import pytest
from mutations import mutations

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.parse import parse_body

COUNT = int(os.environ.get("HCLIMG_FUZZ", "400"))
SEED = int(os.environ.get("HCLIMG_FUZZ_SEED", "1"))
CASES = Path(__file__).parents[2] / "conformance" / "cases"
SEEDS = [
    *(path.read_text() for path in sorted(CASES.rglob("*.hcl"))),
    *(path.read_text().replace("\n----\n", "\n") for path in [Path(__file__).parent / "golden" / "mistakes.txt"]),
    'a = 1 + 2 * (x.y[0] - f("z", [1, 2]...)) >= 3 && !true || null == "q"\n',
    'a = [for k, v in {b = 1, "c" = 2} : "${k}-%{ if v }y%{ else }n%{ endif }" if v > 1]\n',
    "a = {for x in y[*].z : x.*.w => x...}\nb = c ? d : e.0.f\n",
    'b "l" k {\n  c = <<-EOT\n    one ${~ x ~}\n      $${two}\n    EOT\n  d { e = "\\u00e9" }\n}\n',
]


def go_accepts(text: str) -> bool:
    try:
        pygohcl.loads(text)
    except pygohcl.HCLParseError:
        return False
    except Exception:
        return True  # it also evaluates what it read
    return True


def short(text: str) -> list[str]:
    """Whole files make most mutations a repetition of few lines: pieces of them are better."""
    return [piece + "\n" for piece in text.split("\n\n") if piece.strip()]


@pytest.mark.parametrize("batch", range(4))
def test_damaged_texts_are_judged_as_by_go(batch: int) -> None:
    texts = [piece for seed in SEEDS for piece in short(seed)]
    for text in mutations(texts, COUNT // 4, SEED * 4 + batch):
        diags = Diagnostics()
        parse_body(SourceText("t", text), diags)
        assert (not diags.has_errors) == go_accepts(text), (text, [str(d) for d in diags])
        for error in diags:
            assert error.subject is not None
            assert 0 <= error.subject.start <= error.subject.end <= len(text)
