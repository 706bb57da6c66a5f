"""HCL files to a template: which blocks there are, what they are called, and which of their arguments are hclimg's.

Nothing is evaluated here but what has to be constant (types, descriptions, version constraints).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from hclimg.diagnostics import Diagnostics, Range, nearest
from hclimg.lang.shape import Shape, shaped
from hclimg.lang.syntax import Attribute, Block, Body, Expr, Property
from hclimg.registry import Kind
from hclimg.template.blocks import (
    bad_reference,
    duplicate,
    labels,
    source_reference,
    split,
    unsupported_argument,
    unsupported_block,
)
from hclimg.template.declarations import (
    declare_locals,
    is_unreadable,
    local_block,
    output_block,
    unknown_at,
    values,
    variable_block,
    variables_block,
)
from hclimg.template.model import (
    Address,
    BuildBlock,
    ComponentBlock,
    LocalBlock,
    OutputBlock,
    SourceUse,
    Template,
    VariableBlock,
)
from hclimg.template.requirements import check_registry, packer_block
from hclimg.template.steps import step_block

if TYPE_CHECKING:
    from collections.abc import Callable


def read_hcl(
    bodies: Iterable[Body], path: str, base_dir: Path, diags: Diagnostics, auto_var_files: tuple[Path, ...] = ()
) -> Template:
    """The template that some files make together; every problem of every file is reported.

    ``diags`` holds what was wrong with their syntax.
    """
    reader = _Reader(diags)
    bodies = [shaped(body, _SHAPE, diags) for body in bodies]
    if reader.too_old(bodies):
        # What a template for another version contains cannot be judged by this one.
        return Template(path=path, base_dir=base_dir, legible=False)
    for body in bodies:
        reader.read(body)
    return Template(
        path=path,
        base_dir=base_dir,
        variables=reader.variables,
        locals=reader.locals,
        data=reader.data,
        sources=reader.sources,
        builds=tuple(reader.builds),
        outputs=reader.outputs,
        required_plugins={name: source for name, (source, _) in reader.plugins.items()},
        auto_var_files=auto_var_files,
        whole=all(map(_is_whole, bodies)) and not any(map(is_unreadable, reader.naming())),
    )


def _is_whole(body: Body) -> bool:
    """Whether all the blocks and arguments that declare something could be read."""
    return body.whole and all(_is_whole(block.body) for block in body.blocks if block.type.text not in _LEAVES)


_LEAVES = ("source", "data", "provisioner", "error-cleanup-provisioner", "post-processor", "post-processors")
"""Blocks that declare nothing in themselves."""


@attrs.define
class _Reader:
    diags: Diagnostics
    variables: dict[str, VariableBlock] = attrs.field(factory=dict)
    locals: dict[str, LocalBlock] = attrs.field(factory=dict)
    data: dict[Address, ComponentBlock] = attrs.field(factory=dict)
    sources: dict[Address, ComponentBlock] = attrs.field(factory=dict)
    builds: list[BuildBlock] = attrs.field(factory=list)
    outputs: dict[str, OutputBlock] = attrs.field(factory=dict)
    plugins: dict[str, tuple[str, Range]] = attrs.field(factory=dict)

    def naming(self) -> Iterator[Expr | None]:
        """The expressions that decide which names there are, or what they stand for."""
        yield from (local.expr for local in self.locals.values())
        for build in self.builds:
            yield from (build.name, build.sources, *(use.name for use in build.uses))

    def too_old(self, bodies: Iterable[Body]) -> bool:
        """Read the ``packer`` blocks first; whether one of them asks for another version."""
        blocks = [b for body in bodies for b in body.blocks if b.type.text == "packer"]
        met = [packer_block(block, self.plugins, self.diags) for block in blocks]
        return not all(met)

    def read(self, body: Body) -> None:
        for item in body.items:
            if isinstance(item, Attribute):
                self._no_block(item)
            elif item.type.text in _TOP_LEVEL:
                _TOP_LEVEL[item.type.text](self, item)
            else:
                self._misspelt(item)

    def _no_block(self, item: Attribute) -> None:
        unsupported_argument(item, "", self.diags, (), tuple(_TOP_LEVEL))
        meant = nearest(item.name.text, _TOP_LEVEL) if isinstance(item, Property) else ""
        if meant:
            body = Body(item.source, item.start, item.end, (item,))
            for block in shaped(body, {item.name.text: _SHAPE[meant]}, self.diags).blocks:
                _TOP_LEVEL[meant](self, block)

    def _misspelt(self, block: Block) -> None:
        """Read as what was most likely meant, or else all that refers to it would be reported too."""
        unsupported_block(block, "", self.diags, (), tuple(_TOP_LEVEL))
        meant = nearest(block.type.text, _TOP_LEVEL)
        if meant:
            _TOP_LEVEL[meant](self, block)

    # -- declarations ---------------------------------------------------------

    def variable(self, block: Block) -> None:
        declared = variable_block(block, self.diags)
        if declared:
            self._declare_variables([declared])

    def variable_list(self, block: Block) -> None:
        self._declare_variables(variables_block(block, self.diags))

    def _declare_variables(self, found: list[VariableBlock]) -> None:
        for declared in found:
            first = self.variables.setdefault(declared.name, declared)
            if first is not declared:
                duplicate(f'The variable "{declared.name}"', declared.header, first.header, self.diags)

    def local(self, block: Block) -> None:
        declared = local_block(block, self.diags)
        if declared:
            declare_locals([declared], self.locals, self.diags)

    def local_list(self, block: Block) -> None:
        if labels(block, (), self.diags) is None:
            return
        found = [LocalBlock(name, at, expr) for name, at, expr in values(block, self.diags)]
        declare_locals(found, self.locals, self.diags)

    def data_source(self, block: Block) -> None:
        self._component(block, Kind.DATA_SOURCE, self.data)

    def source(self, block: Block) -> None:
        self._component(block, Kind.BUILDER, self.sources)

    def _component(self, block: Block, kind: Kind, known: dict[Address, ComponentBlock]) -> None:
        names = labels(block, ("type", "name"), self.diags)
        if names is None:
            return
        keyword = block.type.text
        found = ComponentBlock(
            kind=kind, keyword=keyword, type=names[0], name=names[1], body=block.body, header=block.header
        )
        first = known.setdefault(found.address, found)
        if first is not found:
            duplicate(f"The {found.context}", block.header, first.header, self.diags)

    def output(self, block: Block) -> None:
        declared = output_block(block, self.diags)
        first = self.outputs.setdefault(declared.name, declared) if declared else None
        if declared and first and first is not declared:
            duplicate(f'The output "{declared.name}"', declared.header, first.header, self.diags)

    # -- builds ---------------------------------------------------------------

    def build(self, block: Block) -> None:
        if labels(block, (), self.diags) is not None:
            self.builds.append(_build(block, self))

    # -- accepted, without effect ---------------------------------------------

    def hcp_registry(self, block: Block) -> None:
        check_registry(block, self.diags)

    def communicator(self, block: Block) -> None:
        if labels(block, ("type", "name"), self.diags) is not None:
            detail = "A communicator block has no effect. Write these settings into the source."
            self.diags.warn("Block without effect", detail, subject=block.header, context="communicator")

    def packer(self, block: Block) -> None:
        """Read already, before everything else."""


_TOP_LEVEL: dict[str, Callable[[_Reader, Block], None]] = {
    "packer": _Reader.packer,
    "variable": _Reader.variable,
    "variables": _Reader.variable_list,
    "local": _Reader.local,
    "locals": _Reader.local_list,
    "data": _Reader.data_source,
    "source": _Reader.source,
    "build": _Reader.build,
    "output": _Reader.output,
    "hcp_packer_registry": _Reader.hcp_registry,
    "communicator": _Reader.communicator,
}


_SHAPE: Shape = {
    "packer": (),
    "variable": ("name",),
    "variables": (),
    "local": ("name",),
    "locals": (),
    "data": ("type", "name"),
    "source": ("type", "name"),
    "build": (),
    "output": ("name",),
    "hcp_packer_registry": (),
    "communicator": ("type", "name"),
}


def _build(block: Block, reader: _Reader) -> BuildBlock:
    diags = reader.diags
    parts = split(block.body, "build", diags, arguments=("name", "description", "sources"), blocks=_BUILD_BLOCKS)
    uses, provisioners, cleanups = [], [], []
    chains: list[tuple[ComponentBlock, ...]] = []
    for item in parts.blocks:
        keyword = item.type.text
        if keyword == "source":
            uses.append(_source_use(item, diags))
        elif keyword == "provisioner":
            provisioners.append(_step(item, diags))
        elif keyword == "error-cleanup-provisioner":
            cleanups.append(_step(item, diags))
        elif keyword == "post-processor":
            chains.append(_some([_step(item, diags)]))
        elif keyword == "post-processors":
            chains.append(_chain(item, diags))
        else:
            reader.hcp_registry(item)
    _one_cleanup(_some(cleanups), diags)
    return BuildBlock(
        header=block.header,
        name=parts.expr("name"),
        description=parts.expr("description"),
        sources=parts.expr("sources"),
        uses=tuple(use for use in uses if use),
        provisioners=_some(provisioners),
        error_cleanup=next(iter(_some(cleanups)), None),
        chains=tuple(chain for chain in chains if chain),
    )


_BUILD_BLOCKS: Shape = {
    "source": ("source",),
    "provisioner": ("type",),
    "error-cleanup-provisioner": ("type",),
    "post-processor": ("type",),
    "post-processors": (),
    "hcp_packer_registry": (),
}


def _some(found: Iterable[ComponentBlock | None]) -> tuple[ComponentBlock, ...]:
    return tuple(item for item in found if item)


def _one_cleanup(found: tuple[ComponentBlock, ...], diags: Diagnostics) -> None:
    for again in found[1:]:
        duplicate("The error-cleanup-provisioner of this build", again.header, found[0].header, diags)


def _chain(block: Block, diags: Diagnostics) -> tuple[ComponentBlock, ...]:
    if labels(block, (), diags) is None:
        return ()
    parts = split(block.body, "post-processors", diags, blocks={"post-processor": ("type",)})
    return _some(_step(item, diags) for item in parts.blocks)


def _source_use(block: Block, diags: Diagnostics) -> SourceUse | None:
    names = labels(block, ("source",), diags)
    if names is None:
        return None
    address = source_reference(names[0])
    if address is None:
        bad_reference(names[0], block.labels[0].range, diags)
        return None
    name = block.body.attributes.get("name")
    items = tuple(item for item in block.body.items if item is not name)
    rest = block.body.holding(items) if items else None
    expr = name.expr if name else None if block.body.whole else unknown_at(block.header)
    return SourceUse(address, block.header, expr, rest)


def _step(block: Block, diags: Diagnostics) -> ComponentBlock | None:
    """A provisioner or post-processor: its own body, and what hclimg does around it."""
    names = labels(block, ("type",), diags)
    if names is None:
        return None
    return step_block(block.type.text, names[0], block.body, block.header, diags)
