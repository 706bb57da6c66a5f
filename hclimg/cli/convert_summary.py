"""What ``hclimg convert`` says at its end: a line for each template, and how many came to what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from attrs import frozen

from hclimg.cli.terminal import theme_of

FAILED = "failed"


@frozen
class Result:
    """``files`` is what was written; ``verdict`` what there is to say of it, and ``why`` the reason of a failure."""

    path: Path
    files: tuple[Path, ...]
    verdict: str
    good: bool = True
    why: str = ""

    @property
    def said(self) -> str:
        return f"{self.verdict}: {self.why}" if self.why else self.verdict

    @property
    def written(self) -> str:
        return f" → {', '.join(map(str, self.files))}" if self.files else ""


def print_summary(results: Sequence[Result], out: TextIO) -> None:
    theme = theme_of(out)
    first = max((len(str(result.path)) for result in results), default=0)
    second = max((len(result.said) for result in results if result.files), default=0)
    for result in results:
        said = f"{result.said:<{second if result.files else 0}}"
        said = theme.paint("success" if result.good else "error", said)
        print(f"{result.path!s:<{first}}  {said}{theme.paint('faint', result.written)}", file=out)
    print(_total(results), file=out)


def _total(results: Sequence[Result]) -> str:
    good = sum(result.good for result in results)
    templates = "template" if len(results) == 1 else "templates"
    total = f"{good} of {len(results)} {templates} converted"
    counts = Counter(result.verdict for result in results)
    each = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    return f"{total}: {each}." if len(counts) > 1 else f"{total}."
