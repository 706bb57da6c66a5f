"""HCL files to a template: which blocks there are, what they are called, and which of their arguments are hclimg's.

Nothing is evaluated here but what has to be constant (types, descriptions, version constraints).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from hclimg.config import unexpected
from hclimg.diagnostics import Diagnostics, Range, nearest
from hclimg.lang.dynamic import expanded, is_dynamic
from hclimg.lang.names import around
from hclimg.lang.scope import Scope
from hclimg.lang.shape import Shape, shaped
from hclimg.lang.syntax import Attribute, Block, Body, Property
from hclimg.lang.types import STRING
from hclimg.registry import Kind
from hclimg.template.blocks import (
    bad_reference,
    check_name,
    constant,
    duplicate,
    labels,
    part,
    renamed,
    source_reference,
    split,
    unsupported_argument,
    unsupported_block,
    within,
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
from hclimg.template.hcp import check_registry
from hclimg.template.lookalikes import warn_of_lookalikes
from hclimg.template.model import (
    Address,
    BuildBlock,
    ChainBlock,
    ComponentBlock,
    GroupBlock,
    LocalBlock,
    ModuleBlock,
    OutputBlock,
    SourceUse,
    Template,
    UseBlock,
    VariableBlock,
)
from hclimg.template.repeat import REPETITION
from hclimg.template.requirements import packer_block
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
    bodies = [shaped(body, ROOT_SHAPE, diags) for body in bodies]
    if reader.too_old(bodies):
        # What a template for another version contains cannot be judged by this one.
        return Template(path=path, base_dir=base_dir, legible=False)
    for body in bodies:
        reader.read(body)
    for body in bodies:
        warn_of_lookalikes(body, reader.variables, reader.locals, diags)
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
        dynamic=tuple(reader.dynamic),
        groups=reader.groups,
        modules=reader.modules,
        whole=all(map(_is_whole, bodies)) and not any(is_unreadable(local.expr) for local in reader.locals.values()),
        knows_builds=reader.knows_builds(bodies),
    )


def read_generated(body: Body, sources: Mapping[Address, ComponentBlock], diags: Diagnostics) -> Template:
    """What blocks say that ``dynamic`` blocks at the top have made; ``sources`` are those that are declared already."""
    reader = _Reader(diags, sources=dict(sources))
    reader.read(body)
    return Template(path="", base_dir=Path(), sources=reader.sources, builds=tuple(reader.builds))


def read_build(block: Block, diags: Diagnostics) -> BuildBlock:
    """A build whose ``dynamic`` blocks have been expanded."""
    return _build(block, _Reader(diags))


def _is_whole(body: Body) -> bool:
    """Whether all the blocks and arguments that declare something could be read."""
    return body.whole and all(_is_whole(block.body) for block in body.blocks if block.type.text not in _LEAVES)


_LEAVES = ("build", "source", "data", "provisioner", "error-cleanup-provisioner", "post-processor", "post-processors")
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
    registry: Block | None = None
    dynamic: list[Block] = attrs.field(factory=list)
    groups: dict[str, GroupBlock] = attrs.field(factory=dict)
    modules: dict[str, ModuleBlock] = attrs.field(factory=dict)

    def knows_builds(self, bodies: Iterable[Body]) -> bool:
        """Whether all that decides which builds there are, and how they are called, could be read."""
        named = [expr for b in self.builds for expr in (b.name, b.sources, *(use.name for use in b.uses))]
        whole = all(b.body.whole for body in bodies for b in body.blocks if b.type.text == "build")
        return whole and not any(map(is_unreadable, named)) and (bool(self.builds) or not self.diags.has_errors)

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
                _TOP_LEVEL[item.type.text](self, within(item, body.names))
            elif is_dynamic(item):
                self._dynamic(item)
            else:
                self._misspelt(item)

    def _no_block(self, item: Attribute) -> None:
        unsupported_argument(item, "", self.diags, (), tuple(_TOP_LEVEL))
        meant = nearest(item.name.text, _TOP_LEVEL) if isinstance(item, Property) else ""
        if meant:
            body = Body(item.source, item.start, item.end, (item,))
            for block in shaped(body, {item.name.text: ROOT_SHAPE[meant]}, self.diags).blocks:
                _TOP_LEVEL[meant](self, block)

    def _misspelt(self, block: Block) -> None:
        """Read as what was most likely meant, or else all that refers to it would be reported too."""
        unsupported_block(block, "", self.diags, (), tuple(_TOP_LEVEL))
        meant = unexpected.meant(block.type.text, (), _TOP_LEVEL)
        if meant:
            _TOP_LEVEL[meant](self, renamed(block, meant))

    def _dynamic(self, block: Block) -> None:
        """To be expanded when variables are known, so it cannot generate what has to be known by then."""
        wanted = block.labels[0].text if block.labels else ""
        if wanted == "build":
            self.builds.append(BuildBlock(header=block.header, unread=block))
        elif wanted not in _TOP_LEVEL or wanted in GENERATED:
            self.dynamic.append(block)
        else:
            hint = " Write for_each into the data block itself." if wanted == "data" else ""
            detail = (
                f'A dynamic block cannot generate "{wanted}" blocks here, because these are read before dynamic blocks '
                f"are expanded; it can generate {', '.join(GENERATED)}.{hint}"
            )
            self.diags.error("Unsupported dynamic block", detail, subject=block.header)

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
        keyword = block.type.text
        names = labels(block, ("type", "name"), self.diags)
        if names is None:
            return
        context = f'{keyword} "{names[0]}" "{names[1]}"'
        meta, body = part(block.body, REPETITION, context, self.diags)
        if kind is Kind.DATA_SOURCE:  # the name of a source only matters when something refers to it
            for label in block.labels:
                check_name(label, self.diags, context=context)
        found = ComponentBlock(
            kind=kind, keyword=keyword, type=names[0], name=names[1], body=body, header=block.header, meta=meta
        )
        first = known.setdefault(found.address, found)
        if first is not found:
            duplicate(f"The {found.context}", block.header, first.header, self.diags)

    def output(self, block: Block) -> None:
        declared = output_block(block, self.diags)
        first = self.outputs.setdefault(declared.name, declared) if declared else None
        if declared and first and first is not declared:
            duplicate(f'The output "{declared.name}"', declared.header, first.header, self.diags)

    def group(self, block: Block) -> None:
        declared = _group(block, self.diags)
        first = self.groups.setdefault(declared.name, declared) if declared else None
        if declared and first and first is not declared:
            duplicate(f"The {declared.context}", declared.header, first.header, self.diags)

    def module(self, block: Block) -> None:
        declared = _module(block, self.diags)
        first = self.modules.setdefault(declared.name, declared) if declared else None
        if declared and first and first is not declared:
            duplicate(f"The {declared.context}", declared.header, first.header, self.diags)

    # -- builds ---------------------------------------------------------------

    def build(self, block: Block) -> None:
        if labels(block, (), self.diags) is None:
            return
        block = block.with_body(shaped(block.body, BUILD_SHAPE, self.diags))
        if _has_dynamic(block.body):
            meta, _ = part(block.body, REPETITION, "build", Diagnostics())
            self.builds.append(BuildBlock(header=block.header, unread=block, meta=meta))
        else:
            self.builds.append(_build(block, self))

    # -- accepted, without effect ---------------------------------------------

    def hcp_registry(self, block: Block) -> None:
        if self.registry is not None:
            duplicate("The hcp_packer_registry", block.header, self.registry.header, self.diags)
        else:
            self.registry = block
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
    "group": _Reader.group,
    "module": _Reader.module,
    "hcp_packer_registry": _Reader.hcp_registry,
    "communicator": _Reader.communicator,
}


ROOT_SHAPE: Shape = {
    "packer": (),
    "variable": ("name",),
    "variables": (),
    "local": ("name",),
    "locals": (),
    "data": ("type", "name"),
    "source": ("type", "name"),
    "build": (),
    "output": ("name",),
    "group": ("name",),
    "module": ("name",),
    "hcp_packer_registry": (),
    "communicator": ("type", "name"),
    "dynamic": ("type",),
}

GENERATED: Shape = {"source": ("type", "name"), "build": ()}
"""What ``dynamic`` blocks outside of all others can generate."""

CHAIN_SHAPE: Shape = {"post-processor": ("type",)}
BUILD_SHAPE: Shape = {
    "source": ("source",),
    "provisioner": ("type",),
    "error-cleanup-provisioner": ("type",),
    "post-processor": ("type",),
    "post-processors": (),
    "use": ("group",),
    "hcp_packer_registry": (),
}
"""The blocks of a ``build`` block, with their labels."""


def expanded_build(block: Block, scope: Scope, diags: Diagnostics) -> Block:
    """A build block in which the ``dynamic`` blocks have been expanded that make steps of it."""
    body = _expanded(block.body, BUILD_SHAPE, scope, diags)
    items = [item if isinstance(item, Attribute) else _expanded_chain(item, body, scope, diags) for item in body.items]
    return block.with_body(body.holding(tuple(items)))


def _expanded_chain(block: Block, outer: Body, scope: Scope, diags: Diagnostics) -> Block:
    if block.type.text != "post-processors":
        return block
    seen = within(block, outer.names)
    return seen.with_body(_expanded(seen.body, CHAIN_SHAPE, scope, diags))


def _expanded(body: Body, shape: Shape, scope: Scope, diags: Diagnostics) -> Body:
    found = Diagnostics()
    body = expanded(body, shape, around(scope, body.names), found)
    diags.extend(attrs.evolve(item, context=item.context or "build") for item in found)
    return body


def _has_dynamic(body: Body) -> bool:
    chains = (block.body for block in body.blocks if block.type.text == "post-processors")
    return any(is_dynamic(item) for part_ in (body, *chains) for item in part_.items)


def _build(block: Block, reader: _Reader) -> BuildBlock:
    diags = reader.diags
    arguments = ("name", "description", "sources", *REPETITION)
    parts = split(block.body, "build", diags, arguments=arguments, blocks=BUILD_SHAPE)
    uses, cleanups = [], []
    provisioners: list[ComponentBlock | UseBlock | None] = []
    chains: list[ChainBlock | UseBlock | None] = []
    registries: list[Block] = []
    for item in parts.blocks:
        keyword = item.type.text
        if keyword == "source":
            uses.append(_source_use(item, diags))
        elif keyword == "provisioner":
            provisioners.append(_step(item, diags))
        elif keyword == "error-cleanup-provisioner":
            cleanups.append(_step(item, diags))
        elif keyword == "post-processor":
            chains.append(_single(_step(item, diags)))
        elif keyword == "post-processors":
            chains.append(_chain(item, diags))
        elif keyword == "use":
            used = _use(item, diags)
            provisioners.append(used)
            chains.append(used)
        else:
            registries.append(item)
    for registry in registries[:1]:
        check_registry(registry, diags)
    _only_one("The hcp_packer_registry of this build", [found.header for found in registries], diags)
    _only_one("The error-cleanup-provisioner of this build", [found.header for found in _some(cleanups)], diags)
    return BuildBlock(
        header=block.header,
        name=parts.expr("name"),
        description=parts.expr("description"),
        sources=parts.expr("sources"),
        uses=tuple(use for use in uses if use),
        provisioners=tuple(item for item in provisioners if item),
        error_cleanup=next(iter(_some(cleanups)), None),
        chains=tuple(chain for chain in chains if chain),
        meta=parts.exprs(REPETITION),
        names=block.body.names,
    )


GROUP_SHAPE: Shape = {
    "input": ("name",),
    **{name: BUILD_SHAPE[name] for name in ("provisioner", "post-processor", "post-processors", "use")},
}
_USE_META = frozenset(("only", "except"))


def _group(block: Block, diags: Diagnostics) -> GroupBlock | None:
    names = labels(block, ("name",), diags)
    if names is None or not check_name(block.labels[0], diags):
        return None
    inputs: dict[str, VariableBlock] = {}
    provisioners: list[ComponentBlock | UseBlock | None] = []
    chains: list[ChainBlock | UseBlock | None] = []
    for item in split(block.body, f'group "{names[0]}"', diags, blocks=GROUP_SHAPE).blocks:
        match item.type.text:
            case "input":
                _declare_input(item, inputs, diags)
            case "provisioner":
                provisioners.append(_step(item, diags))
            case "post-processor":
                chains.append(_single(_step(item, diags)))
            case "post-processors":
                chains.append(_chain(item, diags))
            case "use":
                used = _use(item, diags)
                provisioners.append(used)
                chains.append(used)
    return GroupBlock(
        name=names[0],
        header=block.header,
        inputs=inputs,
        provisioners=tuple(item for item in provisioners if item),
        chains=tuple(item for item in chains if item),
    )


def _declare_input(block: Block, known: dict[str, VariableBlock], diags: Diagnostics) -> None:
    declared = variable_block(block, diags, root="input")
    if declared is None:
        return
    if declared.name in _USE_META | REPETITION:
        detail = f'A use block has an argument "{declared.name}" of its own, so no input can be called that.'
        diags.error("Invalid name", detail, subject=block.labels[0].range, context=declared.context)
        return
    first = known.setdefault(declared.name, declared)
    if first is not declared:
        duplicate(f"The {declared.context}", declared.header, first.header, diags)


def _use(block: Block, diags: Diagnostics) -> UseBlock | None:
    names = labels(block, ("group",), diags)
    if names is None:
        return None
    context = f'use "{names[0]}"'
    meta, rest = part(block.body, _USE_META | REPETITION, context, diags)
    parts = split(rest, context, diags, arguments=rest.attributes)
    return UseBlock(
        group=names[0], header=block.header, given=parts.arguments, meta=meta, names=block.body.names
    )  # fmt: skip


def _module(block: Block, diags: Diagnostics) -> ModuleBlock | None:
    names = labels(block, ("name",), diags)
    if names is None or not check_name(block.labels[0], diags):
        return None
    context = f'module "{names[0]}"'
    meta, rest = part(block.body, frozenset(("source",)) | REPETITION, context, diags)
    source = meta.pop("source", None)
    if source is None and block.body.whole:
        detail = 'Say where the module is: source = "./DIRECTORY".'
        diags.error("Missing module source", detail, subject=block.header, context=context)
    return ModuleBlock(
        name=names[0],
        header=block.header,
        source=None if source is None else constant(source, STRING, context, diags),
        source_place=None if source is None else source.range,
        given=split(rest, context, diags, arguments=rest.attributes).arguments,
        meta=meta,
        names=block.body.names,
    )


def _some(found: Iterable[ComponentBlock | None]) -> tuple[ComponentBlock, ...]:
    return tuple(item for item in found if item)


def _only_one(what: str, found: list[Range], diags: Diagnostics) -> None:
    for again in found[1:]:
        duplicate(what, again, found[0], diags)


def _single(step: ComponentBlock | None) -> ChainBlock | None:
    """One post-processor on its own: how often it is there says how many chains there are."""
    if step is None:
        return None
    own = {name: expr for name, expr in step.meta.items() if name in REPETITION}
    rest = {name: expr for name, expr in step.meta.items() if name not in REPETITION}
    return ChainBlock(step.header, (attrs.evolve(step, meta=rest),), own, step.names, step.context)


def _chain(block: Block, diags: Diagnostics) -> ChainBlock | None:
    if labels(block, (), diags) is None:
        return None
    parts = split(block.body, "post-processors", diags, arguments=REPETITION, blocks=CHAIN_SHAPE)
    steps = _some(_step(item, diags) for item in parts.blocks)
    return ChainBlock(block.header, steps, parts.exprs(REPETITION), block.body.names)


def _source_use(block: Block, diags: Diagnostics) -> SourceUse | None:
    names = labels(block, ("source",), diags)
    if names is None:
        return None
    source = source_reference(names[0])
    if source is None:
        bad_reference(names[0], (), block.labels[0].range, diags)
        return None
    meta, rest = part(block.body, ("name", *REPETITION), "build", diags)
    name = meta.pop("name", None if block.body.whole else unknown_at(block.header))
    return SourceUse(source, block.header, name, rest if rest.items else None, meta, rest.names)


def _step(block: Block, diags: Diagnostics) -> ComponentBlock | None:
    """A provisioner or post-processor: its own body, and what hclimg does around it."""
    names = labels(block, ("type",), diags)
    if names is None:
        return None
    return step_block(block.type.text, names[0], block.body, block.header, diags, more=REPETITION)
