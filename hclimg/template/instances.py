"""One block of a component, and the blocks that it comes to with ``for_each`` and ``enabled``."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import Scope
from hclimg.template.disabled import check_unused
from hclimg.template.model import ComponentBlock
from hclimg.template.repeat import instances


@attrs.frozen(eq=False, repr=False)
class BlockInstances:
    """What a block of a component comes to: ``found`` by key, which is None for a block without ``for_each``."""

    block: ComponentBlock
    found: Mapping[str | None, ComponentBlock]
    repeated: bool = False


def expand_block(block: ComponentBlock, scope: Scope, diags: Diagnostics) -> BlockInstances:
    """The instances of one block; the names in one that is not enabled are checked all the same."""
    found = instances(block.meta, block.names, scope, block.context, diags)
    if not found.found:
        check_unused(block.meta, block.body, block.names, scope, block.context, diags)
    return BlockInstances(
        block, {item.key: block.with_names(item.names, item.key) for item in found.found}, found.repeated
    )
