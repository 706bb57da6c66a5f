"""Templates with a mistake, of which it is known how many errors Packer prints: ours are no more; each has a place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from conformance.model import Case, Group, expect
from hclimg.diagnostics import Diagnostics
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.registry import Registry
from hclimg.template.load import load_template

ANSWERS = "*.packer-1.6.6.out"


def _cases(corpus: Path) -> Iterator[Case]:
    for answer in sorted((corpus / "diagnostics-packer-1.6.6").glob(ANSWERS)):
        template = answer.with_name(answer.name.removesuffix(ANSWERS[1:]))
        theirs = sum(line.startswith("Error: ") for line in answer.read_text().splitlines())
        yield Case(template.name, partial(_no_more_errors, template, theirs))


def _no_more_errors(path: Path, theirs: int) -> None:
    diags = Diagnostics()
    template = load_template(str(path), diags)
    if template is not None and template.legible:
        compile_plan(template, CompileOptions(now=datetime.now(UTC), cwd=path.parent), Registry(), diags)
    ours = diags.errors
    expect(0 < len(ours) <= theirs, f"{len(ours)} errors, Packer has {theirs}")
    expect(all(error.subject is not None for error in ours), "an error has no place")


GROUPS = (Group("mistakes-packer-1.6.6", "templates with a mistake: no more errors than Packer prints", _cases),)
