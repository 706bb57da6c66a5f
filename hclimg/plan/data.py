"""The nodes of data sources, and which data sources have to be read before there can be a plan."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hclimg.lang.evaluate import references
from hclimg.lang.syntax import Node as SyntaxNode
from hclimg.plan.node import Node, NodeKind
from hclimg.plan.plan import Edge
from hclimg.plan.specs import LaneScope, Specs
from hclimg.template.blocks import source_reference
from hclimg.template.model import BuildBlock, ComponentBlock, DataAddress, Template
from hclimg.template.repeat import UNDECIDED, key_text
from hclimg.template.scope import Globals


def data_node_id(address: DataAddress) -> str:
    """``data.TYPE.NAME``, with the key of an instance."""
    return f"data.{address[0]}.{address[1]}{''.join(map(key_text, address[2:]))}"


def data_address(node: str) -> DataAddress:
    """The address in the id of a node that reads a data source."""
    found = source_reference(node.removeprefix("data."))
    assert found is not None, node
    return found.address if found.key is None else (*found.address, found.key)


def data_nodes(
    globals_: Globals, specs: Specs, wanted: Collection[DataAddress] | None = None
) -> tuple[list[Node], list[Edge]]:
    """What reads the data sources (only the wanted ones) that have not been read yet, and which waits for which."""
    scope = LaneScope(scope=globals_.scope, lane="", type="", build_name="")
    nodes: list[Node] = []
    edges: list[Edge] = []
    for address, block in globals_.data_blocks():
        if address in globals_.data or (wanted is not None and address not in wanted):
            continue
        checked = specs.check(block, block.body, scope)
        uses = checked.component.uses() if checked.component else {}
        title = checked.titled(f"Reading {data_node_id(address)}")
        node = Node(id=data_node_id(address), kind=NodeKind.DATA, title=title, spec=checked.spec, uses=uses)
        nodes.append(node)
        if not globals_.has_cycles:
            needed = globals_.data_of(specs.mentions(block, block.body).references)
            edges += [(data_node_id(other), node.id) for other in sorted(needed - globals_.data.keys())]
    return nodes, edges


def deciding_data(globals_: Globals) -> frozenset[DataAddress]:
    """The data sources on which the shape of the plan depends, with those on which they depend themselves."""
    blocks = dict(globals_.data_blocks())
    found = {address for node in _deciding(globals_.template) for address in globals_.data_of(references(node))}
    todo = list(found)
    while todo:
        more = _needs(globals_, blocks[todo.pop()]) - found
        found |= more
        todo += more
    return frozenset(found)


def readable_data(globals_: Globals) -> frozenset[DataAddress]:
    """The data sources that can be read now: nobody may wait for one of which it is not known how many it is."""
    needs = {address: _needs(globals_, block) for address, block in globals_.data_blocks()}
    waiting = {address for address in needs if address[2:] == (UNDECIDED,)}
    size = -1
    while size < len(waiting):
        size = len(waiting)
        waiting |= {address for address, needed in needs.items() if not needed.isdisjoint(waiting)}
    return frozenset(needs.keys() - waiting)


def _needs(globals_: Globals, block: ComponentBlock) -> frozenset[DataAddress]:
    every = (*block.meta.values(), block.body)
    return globals_.data_of(reference for node in every for reference in references(node, block.names))


def _deciding(template: Template) -> Iterator[SyntaxNode]:
    """What cannot wait for a run: the expressions that say which blocks there are, and what hclimg does around them."""
    yield from template.dynamic
    for block in (*template.data.values(), *template.sources.values()):
        yield from block.meta.values()
    for build in template.builds:
        yield from _deciding_build(build)


def _deciding_build(build: BuildBlock) -> Iterator[SyntaxNode]:
    yield from build.meta.values()
    if build.unread is not None:
        yield build.unread
    yield from (expr for expr in (build.name, build.description, build.sources) if expr is not None)
    for use in build.uses:
        yield from use.meta.values()
        yield from () if use.name is None else (use.name,)
    for chain in build.chains:
        yield from chain.meta.values()
    for block in build.steps:
        yield from block.meta.values()
