"""An HCL document to be written: blocks, arguments and comments, and the text that they make.

python-hcl2 puts the document together; the texts of expressions are ours, and so is the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from hclimg.lang.show import quoted

if TYPE_CHECKING:
    from hcl2.rules.base import AttributeRule, BlockRule, BodyRule


@frozen
class Argument:
    """``name = text``, where ``text`` is the text of an expression."""

    name: str
    text: str
    comment: str = ""


@frozen
class Nested:
    """A block. ``comment`` may have several lines; it stands above the block."""

    type: str
    labels: tuple[str, ...]
    items: tuple[Item, ...]
    comment: str = ""


@frozen
class Note:
    """A comment that belongs to nothing."""

    comment: str


Item = Argument | Nested | Note


def document_text(items: Sequence[Item]) -> str:
    """The document in canonical layout."""
    import hcl2
    from hcl2.rules.base import StartRule

    from hclimg.lang.format import format_text

    return format_text(hcl2.reconstruct(StartRule([_body(items, top=True)])))


def _body(items: Sequence[Item], *, top: bool) -> BodyRule:
    from hcl2.rules.base import BodyRule

    lines: list[Any] = [] if top or not items else [_line()]
    before: Item | None = None
    for item in items:
        # Blocks stand apart from what is above them, arguments from the blocks above them, notes from everything.
        if before is not None and not (isinstance(item, Argument) and isinstance(before, Argument)):
            lines.append(_line())
        lines += [_line(f"# {text}\n" if text else "#\n") for text in item.comment.splitlines()]
        if not isinstance(item, Note):
            lines += [_block(item) if isinstance(item, Nested) else _argument(item), _line()]
        before = item
    return BodyRule(lines)


def _line(text: str = "\n") -> Any:
    from hcl2.rules.tokens import NL_OR_COMMENT
    from hcl2.rules.whitespace import NewLineOrCommentRule

    return NewLineOrCommentRule([NL_OR_COMMENT(text)])


def _block(block: Nested) -> BlockRule:
    from hcl2.rules import tokens
    from hcl2.rules.base import BlockRule

    signs: Any = tokens
    names = [_word(block.type), *(_word(quoted(label)) for label in block.labels)]
    return BlockRule([*names, signs.LBRACE(), _body(block.items, top=False), signs.RBRACE()])


def _argument(argument: Argument) -> AttributeRule:
    from hcl2.rules import tokens
    from hcl2.rules.base import AttributeRule
    from hcl2.rules.expressions import ExprTermRule

    signs: Any = tokens
    return AttributeRule([_word(argument.name), signs.EQ(), ExprTermRule([_word(argument.text)])])


def _word(text: str) -> Any:
    """A piece of text that python-hcl2 writes as it is."""
    from hcl2.rules.literal_rules import IdentifierRule
    from hcl2.rules.tokens import NAME

    return IdentifierRule([NAME(text)])
