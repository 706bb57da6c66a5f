"""The nodes of data sources, and which data sources have to be read before there can be a plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import Reference, references
from hclimg.lang.syntax import Node as SyntaxNode
from hclimg.plan.node import Node, NodeKind
from hclimg.plan.plan import Edge
from hclimg.plan.specs import LaneScope, Specs
from hclimg.template.globals import ArtifactUse, Globals
from hclimg.template.model import BuildBlock, ChainBlock, ComponentBlock, DataAddress, GroupBlock, Template, prefix
from hclimg.template.repeat import UNDECIDED, key_text


def data_node_id(address: DataAddress) -> str:
    """``data.TYPE.NAME``, with the key of an instance, and the module that it stands in before it."""
    return f"{prefix(address.module)}data.{address.type}.{address.name}{key_text(address.key)}"


def data_nodes(
    root: Globals, specs: Specs, wanted: Collection[DataAddress] | None = None
) -> tuple[list[Node], list[Edge]]:
    """What reads the data sources (only the wanted ones) that have not been read yet, and which waits for which."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    for names in root.all():
        for address, block in names.data_blocks():
            if address in root.known.data or (wanted is not None and address not in wanted):
                continue
            node, needed = _data_node(address, block, names, specs)
            nodes.append(node)
            edges += [(other, node.id) for other in sorted(map(data_node_id, needed))]
    return nodes, edges


def _data_node(
    address: DataAddress, block: ComponentBlock, names: Globals, specs: Specs
) -> tuple[Node, frozenset[DataAddress]]:
    """The node, and the data sources that it waits for."""
    scope = LaneScope(scope=names.scope, module=names.address, lane="", type="", build_name="")
    checked = specs.check(block, block.body, scope)
    found = specs.mentions(block, block.body).references
    _check_early(block, names, found, specs.diags)
    node = Node(
        id=data_node_id(address),
        kind=NodeKind.DATA,
        title=checked.titled(f"Reading {data_node_id(address)}"),
        spec=checked.spec,
        uses=checked.component.uses() if checked.component else {},
        data=address,
    )
    return node, frozenset() if names.has_cycles else names.data_of(found) - names.known.data.keys()


def _check_early(block: ComponentBlock, names: Globals, found: Iterable[Reference], diags: Diagnostics) -> None:
    """Data sources are read before anything is built, so they cannot be given what a build makes."""
    for reference in found:
        if any(isinstance(leaf, ArtifactUse) for leaf in names.leaves((reference,))):
            detail = f"{reference} depends on an artifact, but data sources are read before anything is built."
            diags.error("Value known too late", detail, subject=reference.range, context=block.context)


def deciding_data(root: Globals) -> frozenset[DataAddress]:
    """The data sources on which the shape of the plan depends, with those on which they depend themselves."""
    needs = _all_needs(root)
    found: set[DataAddress] = set()
    for names in root.all():
        for node in _deciding(names.template):
            found |= names.data_of(references(node))
    todo = list(found)
    while todo:
        more = needs.get(todo.pop(), frozenset()) - found
        found |= more
        todo += more
    return frozenset(found)


def readable_data(root: Globals) -> frozenset[DataAddress]:
    """The data sources that can be read now: nobody may wait for one of which it is not known how many it is."""
    needs = _all_needs(root)
    waiting = {address for address in needs if address.key == UNDECIDED or not root.at(address.module).decided}
    size = -1
    while size < len(waiting):
        size = len(waiting)
        waiting |= {address for address, needed in needs.items() if not needed.isdisjoint(waiting)}
    return frozenset(needs.keys() - waiting)


def _all_needs(root: Globals) -> dict[DataAddress, frozenset[DataAddress]]:
    """All data sources, with those that each of them waits for."""
    blocks = ((names, *found) for names in root.all() for found in names.data_blocks())
    return {address: _needs(names, block) for names, address, block in blocks}


def _needs(names: Globals, block: ComponentBlock) -> frozenset[DataAddress]:
    every = (*block.meta.values(), block.body)
    return names.data_of(reference for node in every for reference in references(node, block.names))


def _deciding(template: Template) -> Iterator[SyntaxNode]:
    """What cannot wait for a run: the expressions that say which blocks there are, and what hclimg does around them."""
    yield from template.dynamic
    for module in template.modules.values():
        yield from module.meta.values()
    for block in (*template.data.values(), *template.sources.values()):
        yield from block.meta.values()
    for build in template.builds:
        yield from _deciding_build(build)
    groups = [group for group in template.groups.values() if _decides(group)]
    names = {group.name for group in groups}
    uses = [use for build in template.builds for use in build.uses_of_groups]
    for use in (*uses, *(use for group in template.groups.values() for use in group.uses_of_groups)):
        yield from use.meta.values()
        yield from (item.expr for item in use.given.values()) if use.group in names else ()


def _decides(group: GroupBlock) -> bool:
    """Whether inputs of a group decide what hclimg does around its steps, or which there are."""
    metas = [step.meta for step in group.steps]
    metas += [chain.meta for chain in group.chains if isinstance(chain, ChainBlock)]
    exprs = [expr for meta in metas for expr in meta.values()]
    return any(True for _ in group.uses_of_groups) or any(r.root == "input" for e in exprs for r in references(e))


def _deciding_build(build: BuildBlock) -> Iterator[SyntaxNode]:
    yield from build.meta.values()
    if build.unread is not None:
        yield build.unread
    yield from (expr for expr in (build.name, build.description, build.sources) if expr is not None)
    for use in build.uses:
        yield from use.meta.values()
        yield from () if use.name is None else (use.name,)
    for chain in build.chains:
        yield from chain.meta.values() if isinstance(chain, ChainBlock) else ()
    for block in build.steps:
        yield from block.meta.values()
