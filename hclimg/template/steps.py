"""Provisioners and post-processors: what is hclimg's own in their bodies, and what is the component's."""

from __future__ import annotations

from collections.abc import Iterator

from hclimg.diagnostics import Diagnostics, Range
from hclimg.lang.shape import Shape, shaped
from hclimg.lang.syntax import Attribute, Block, Body, Expr
from hclimg.registry import Kind
from hclimg.template.blocks import redefined, split
from hclimg.template.model import ComponentBlock

PROVISIONER_META = frozenset(
    ("name", "only", "except", "pause_before", "max_retries", "timeout", "continue_on_error", "override")
)
POST_PROCESSOR_META = frozenset(("name", "only", "except", "keep_input_artifact"))


def meta_names(kind: Kind) -> frozenset[str]:
    """The arguments of hclimg in the block of a component."""
    if kind is Kind.PROVISIONER:
        return PROVISIONER_META
    return POST_PROCESSOR_META if kind is Kind.POST_PROCESSOR else frozenset()
_SHAPE: Shape = {"retry": ()}
_RETRY_ARGUMENTS = ("attempts", "delay", "max_delay")


def step_block(
    keyword: str, type_: str, body: Body, header: Range, diags: Diagnostics, *, more: frozenset[str] = frozenset()
) -> ComponentBlock:
    """Part the arguments of hclimg (``only``, ``timeout``, ``retry { … }``) from those of the component.

    ``more`` are arguments of hclimg that only some languages have.
    """
    kind = Kind.POST_PROCESSOR if keyword == "post-processor" else Kind.PROVISIONER
    own = (PROVISIONER_META if kind is Kind.PROVISIONER else POST_PROCESSOR_META) | more
    context = f'{keyword} "{type_}"'
    meta: dict[str, Expr] = {}
    rest: list[Attribute | Block] = []
    for item in shaped(body, _SHAPE, diags).items:
        if isinstance(item, Attribute) and item.name.text in own:
            _add_argument(item, context, meta, diags)
        elif isinstance(item, Block) and item.type.text == "retry":
            _add_retry(item, context, meta, diags)
        else:
            rest.append(item)
    if len(rest) < len(body.items):
        body = body.holding(tuple(rest))
    return ComponentBlock(kind=kind, keyword=keyword, type=type_, body=body, header=header, meta=meta)


def _add_argument(item: Attribute, context: str, meta: dict[str, Expr], diags: Diagnostics) -> None:
    if item.name.text in meta:
        redefined(meta[item.name.text].range, item.name, context, diags)
    else:
        meta[item.name.text] = item.expr


def _add_retry(item: Block, context: str, meta: dict[str, Expr], diags: Diagnostics) -> None:
    if any(name.startswith("retry.") for name in meta):
        detail = "Only one retry block is allowed here."
        diags.error("Duplicate block", detail, subject=item.header, context=context)
        return
    meta.update(_retry(item.body, context, diags))


def _retry(body: Body, context: str, diags: Diagnostics) -> Iterator[tuple[str, Expr]]:
    parts = split(body, f"retry of {context}", diags, arguments=_RETRY_ARGUMENTS)
    return ((f"retry.{name}", item.expr) for name, item in parts.arguments.items())
