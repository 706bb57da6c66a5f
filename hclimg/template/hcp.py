"""``hcp_packer_registry``, of a service that hclimg does not talk to: what is constant is checked, all is ignored."""

from __future__ import annotations

import re
from collections.abc import Callable

from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import evaluate
from hclimg.lang.syntax import Block, Expr
from hclimg.lang.types import STRING, MapType
from hclimg.template.blocks import NO_VARIABLES, constant, labels, split

KEYWORD = "hcp_packer_registry"
_ARGUMENTS = ("bucket_name", "description", "labels", "bucket_labels", "build_labels", "channels")
_LABELS = ("labels", "bucket_labels", "build_labels")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,34}[A-Za-z0-9]")
_MAX_DESCRIPTION = 255


def check_registry(block: Block, diags: Diagnostics) -> None:
    """Warn that the block has no effect, and report what is wrong in it."""
    detail = "hclimg does not report builds to the HCP Packer registry, so this block is ignored."
    diags.warn("Block without effect", detail, subject=block.header, context=KEYWORD)
    if labels(block, (), diags) is None:
        return
    parts = split(block.body, KEYWORD, diags, arguments=_ARGUMENTS)
    _check_text(parts.expr("bucket_name"), diags, "Invalid bucket name", _bucket_problem)
    _check_text(parts.expr("description"), diags, "Description too long", _description_problem)
    for name in _LABELS:
        expr = parts.expr(name)
        if expr is not None and _is_constant(expr):
            constant(expr, MapType(STRING), KEYWORD, diags)


def _check_text(expr: Expr | None, diags: Diagnostics, summary: str, problem_of: Callable[[str], str]) -> None:
    if expr is None or not _is_constant(expr):
        return
    text = constant(expr, STRING, KEYWORD, diags)
    problem = problem_of(text) if text is not None else ""
    if problem:
        diags.error(summary, problem, subject=expr.range, context=KEYWORD)


def _is_constant(expr: Expr) -> bool:
    """Whether it refers to nothing and calls nothing: only then can it be judged here."""
    found = Diagnostics()
    evaluate(expr, NO_VARIABLES, found)
    return not found.items


def _bucket_problem(text: str) -> str:
    if not text or _BUCKET.fullmatch(text):
        return ""
    return "The name of a bucket has 3 to 36 letters, digits and dashes, and no dash at its ends."


def _description_problem(text: str) -> str:
    if len(text) <= _MAX_DESCRIPTION:
        return ""
    return f"A description has at most {_MAX_DESCRIPTION} characters; this one has {len(text)}."
