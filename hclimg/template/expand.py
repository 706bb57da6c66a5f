"""A template and the values of its names → the blocks that there really are.

``dynamic`` blocks outside of components become the blocks that they generate; ``source`` and ``build`` blocks with
``for_each`` and ``enabled`` become their instances. What stands in a build is repeated when its lanes are laid out,
because it may ask which source it is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.dynamic import expanded
from hclimg.lang.evaluate import Scope
from hclimg.lang.names import inner_names
from hclimg.lang.syntax import Block, Body
from hclimg.template.disabled import check_unused
from hclimg.template.hcl import GENERATED, expanded_build, read_build, read_generated
from hclimg.template.instances import BlockInstances, expand_block
from hclimg.template.model import Address, BuildBlock, ComponentBlock, Template
from hclimg.template.repeat import instances


@attrs.frozen(eq=False, repr=False)
class Expansion:
    sources: Mapping[Address, BlockInstances]
    builds: tuple[BuildBlock, ...]


def expand_template(template: Template, scope: Scope, diags: Diagnostics) -> Expansion:
    """``scope`` has the variables, locals and data sources of the template."""
    generated = _generated(template.dynamic, template.sources, scope, diags)
    blocks = {**template.sources, **generated.sources}
    sources = {address: expand_block(block, scope, diags) for address, block in blocks.items()}
    builds = [made for build in template.builds for made in _builds(build, scope, diags)]
    return Expansion(sources, tuple(builds))


# -- what dynamic blocks make ---------------------------------------------------------


def _generated(
    dynamic: tuple[Block, ...], sources: Mapping[Address, ComponentBlock], scope: Scope, diags: Diagnostics
) -> Template:
    if not dynamic:
        return Template(path="", base_dir=Path())
    return read_generated(_made(dynamic, scope, diags), sources, diags)


def _made(dynamic: tuple[Block, ...], scope: Scope, diags: Diagnostics) -> Body:
    first = dynamic[0]
    return expanded(Body(first.source, first.start, first.end, dynamic), GENERATED, scope, diags)


# -- builds -----------------------------------------------------------------------------


def _builds(build: BuildBlock, scope: Scope, diags: Diagnostics) -> Iterator[BuildBlock]:
    if build.unread is not None and build.unread.type.text == "dynamic":
        for made in read_generated(_made((build.unread,), scope, diags), {}, diags).builds:
            yield from _builds(made, scope, diags)
        return
    names = build.unread.body.names if build.unread else build.names
    found = instances(build.meta, names, scope, build.context, diags)
    if not found.found:
        _check_unused_build(build, scope, diags)
    for item in found.found:
        read = _read(attrs.evolve(build, names=item.names), scope, diags)
        yield attrs.evolve(read, names=item.names, key=item.key)


def _read(build: BuildBlock, scope: Scope, diags: Diagnostics) -> BuildBlock:
    """The build with what its ``dynamic`` blocks generate."""
    if build.unread is None:
        return build
    block = build.unread.with_body(build.unread.body.with_names(build.names))
    return read_build(expanded_build(block, scope, diags), diags)


def _check_unused_build(build: BuildBlock, scope: Scope, diags: Diagnostics) -> None:
    """The names in everything that a build which is not enabled would contain."""
    if build.unread is not None:
        check_unused({}, build.unread.body, None, scope, build.context, diags)
        return
    own = {"name": build.name, "description": build.description, "sources": build.sources}
    meta = {**build.meta, **{name: expr for name, expr in own.items() if expr is not None}}
    check_unused(meta, None, build.names, scope, build.context, diags)
    for use in build.uses:
        check_unused(
            {**build.meta, **use.meta}, use.body, inner_names(build.names, use.names), scope, use.context, diags
        )
    for step in build.steps:
        check_unused({**build.meta, **step.meta}, step.body, build.names, scope, step.context, diags)
    for group in build.uses_of_groups:
        given = {name: item.expr for name, item in group.given.items()}
        check_unused({**build.meta, **group.meta, **given}, None, build.names, scope, group.context, diags)
