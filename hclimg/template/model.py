"""A template as a front end read it: blocks whose arguments are expressions, none of them evaluated yet.

HCL, legacy JSON and later Python config all become this. It knows where everything stands in the user's text and
nothing about components, values or the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from hclimg.diagnostics import Range
from hclimg.lang.names import Names
from hclimg.lang.show import quoted
from hclimg.lang.syntax import Attribute, Block, Body, Expr
from hclimg.lang.typeexpr import TypeConstraint
from hclimg.registry import Kind

Address = tuple[str, str]
"""``(type, name)`` of a source or a data source."""


def prefix(module: str) -> str:
    """What addresses begin with in the module with this address; the template itself has none."""
    return f"{module}." if module else ""


@attrs.frozen
class DataAddress:
    """What is read: a data source, or the instance with this ``key``, in the module with this address."""

    type: str
    name: str
    key: str | None = None
    module: str = ""


@attrs.frozen(eq=False, repr=False)
class Validation:
    condition: Expr
    message: Expr
    header: Range


@attrs.frozen(eq=False, repr=False, kw_only=True)
class VariableBlock:
    """An input of a template or of a group. ``default`` is None when it has to be given a value.

    ``root`` is what it is called under: ``var.NAME``, and ``input.NAME`` in a group.
    """

    name: str
    header: Range
    type: TypeConstraint | None = None
    default: Expr | None = None
    description: str = ""
    sensitive: bool = False
    validations: tuple[Validation, ...] = ()
    root: str = "var"

    @property
    def kind(self) -> str:
        return "variable" if self.root == "var" else self.root

    @property
    def context(self) -> str:
        return f'{self.kind} "{self.name}"'


@attrs.frozen(eq=False, repr=False)
class LocalBlock:
    name: str
    header: Range
    expr: Expr
    sensitive: bool = False


@attrs.frozen(eq=False, repr=False, kw_only=True)
class OutputBlock:
    """A value that the user wants to know after the builds."""

    name: str
    header: Range
    value: Expr
    description: str = ""
    sensitive: bool = False

    @property
    def context(self) -> str:
        return f'output "{self.name}"'


@attrs.frozen(eq=False, repr=False, kw_only=True)
class ComponentBlock:
    """A block that configures a component: ``source``, ``data``, ``provisioner``, ``post-processor``.

    ``keyword`` is what the template calls it; ``meta`` are the arguments that are hclimg's and not the component's
    (``for_each``, ``only``, ``timeout``, ``retry.delay`` …). ``key`` is which instance of a block with ``for_each``
    this is; the names of its body (``each``) hold in ``meta`` too.
    """

    kind: Kind
    keyword: str
    type: str
    body: Body
    header: Range
    name: str = ""
    meta: Mapping[str, Expr] = attrs.field(factory=dict)
    key: str | None = None
    group: GroupMember | None = None

    @property
    def address(self) -> Address:
        return self.type, self.name

    @property
    def names(self) -> Names | None:
        return self.body.names

    def with_names(self, names: Names | None, key: str | None = None) -> ComponentBlock:
        """The same block with further names, as the instance with this key."""
        if names is None:
            return self
        return attrs.evolve(self, body=self.body.with_names(names), key=self.key if key is None else key)

    @property
    def context(self) -> str:
        """How diagnostics call the block: ``source "qemu" "web"``, an instance of it ``source "qemu" "web"["a"]``."""
        key = f"[{quoted(self.key)}]" if self.key else ""
        own = " ".join([self.keyword, f'"{self.type}"', *([f'"{self.name}"'] if self.name else [])]) + key
        return f'{own} of group "{self.group.name}"' if self.group else own


@attrs.frozen(eq=False, repr=False)
class GroupMember:
    """By which use a step of a group comes into a build: ``label`` tells it from others, ``places`` are the uses."""

    name: str
    label: str
    places: tuple[Range, ...]


@attrs.frozen(eq=False, repr=False, kw_only=True)
class UseBlock:
    """``use "GROUP" { … }``: the steps of a group, with values for its inputs.

    ``member`` says, for one that stands in a group itself, by which use it comes into a build.
    """

    group: str
    header: Range
    given: Mapping[str, Attribute]
    meta: Mapping[str, Expr] = attrs.field(factory=dict)
    names: Names | None = None
    member: GroupMember | None = None

    @property
    def context(self) -> str:
        return f'use "{self.group}"'


@attrs.frozen(eq=False, repr=False)
class SourceReference:
    """``source.TYPE.NAME``; with a key, one instance of a source with ``for_each``, otherwise all of them."""

    type: str
    name: str
    key: str | None = None

    @property
    def address(self) -> Address:
        return self.type, self.name


@attrs.frozen(eq=False, repr=False)
class SourceUse:
    """A ``source`` block of a ``build`` block: which source, under which name, with which further settings."""

    source: SourceReference
    header: Range
    name: Expr | None = None
    body: Body | None = None
    meta: Mapping[str, Expr] = attrs.field(factory=dict)
    names: Names | None = None

    @property
    def context(self) -> str:
        return f'source "{self.source.type}.{self.source.name}"'


@attrs.frozen(eq=False, repr=False)
class ChainBlock:
    """Post-processors that work on each other's artifacts: a ``post-processors`` block, or one ``post-processor``."""

    header: Range
    steps: tuple[ComponentBlock, ...]
    meta: Mapping[str, Expr] = attrs.field(factory=dict)
    names: Names | None = None
    context: str = "post-processors"


@attrs.frozen(eq=False, repr=False, kw_only=True)
class GroupBlock:
    """``group "NAME" { … }``: provisioners and post-processors for builds to use."""

    name: str
    header: Range
    inputs: Mapping[str, VariableBlock] = attrs.field(factory=dict)
    provisioners: tuple[ComponentBlock | UseBlock, ...] = ()
    chains: tuple[ChainBlock | UseBlock, ...] = ()

    @property
    def context(self) -> str:
        return f'group "{self.name}"'

    @property
    def steps(self) -> Iterator[ComponentBlock]:
        return steps_of(self.provisioners, None, self.chains)

    @property
    def uses_of_groups(self) -> Iterator[UseBlock]:
        return (item for item in self.provisioners if isinstance(item, UseBlock))


@attrs.frozen(eq=False, repr=False, kw_only=True)
class ModuleBlock:
    """``module "NAME" { source = … }``: a template in a directory of its own, with values for its variables.

    ``source`` is None when it could not be read; ``template`` is None until it has been found.
    """

    name: str
    header: Range
    source: str | None
    source_place: Range | None
    given: Mapping[str, Attribute]
    meta: Mapping[str, Expr] = attrs.field(factory=dict)
    names: Names | None = None
    template: Template | None = None

    @property
    def context(self) -> str:
        return f'module "{self.name}"'


def steps_of(
    provisioners: Iterable[ComponentBlock | UseBlock],
    error_cleanup: ComponentBlock | None,
    chains: Iterable[ChainBlock | UseBlock],
) -> Iterator[ComponentBlock]:
    """The blocks that stand there themselves, without those of groups."""
    yield from (item for item in provisioners if isinstance(item, ComponentBlock))
    if error_cleanup:
        yield error_cleanup
    for chain in chains:
        yield from chain.steps if isinstance(chain, ChainBlock) else ()


@attrs.frozen(eq=False, repr=False, kw_only=True)
class BuildBlock:
    """``sources`` is the list of references as the user wrote it, ``uses`` are the nested blocks.

    ``unread`` is the whole block while it holds ``dynamic`` blocks, or is one: what it contains is known only once
    these have been expanded. ``key`` is which instance of a block with ``for_each`` this is.
    """

    header: Range
    name: Expr | None = None
    description: Expr | None = None
    sources: Expr | None = None
    uses: tuple[SourceUse, ...] = ()
    provisioners: tuple[ComponentBlock | UseBlock, ...] = ()
    error_cleanup: ComponentBlock | None = None
    chains: tuple[ChainBlock | UseBlock, ...] = ()
    meta: Mapping[str, Expr] = attrs.field(factory=dict)
    names: Names | None = None
    key: str | None = None
    unread: Block | None = None

    @property
    def context(self) -> str:
        return "build"

    @property
    def steps(self) -> Iterator[ComponentBlock]:
        """All that happens to a machine and to its image, but for what groups do."""
        return steps_of(self.provisioners, self.error_cleanup, self.chains)

    @property
    def uses_of_groups(self) -> Iterator[UseBlock]:
        return (item for item in self.provisioners if isinstance(item, UseBlock))


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Template:
    """``path`` is what the user named it; ``base_dir`` is ``path.root``.

    ``legacy`` when it was written in Packer's old JSON: builders are then known by their name alone, and variables
    that the user gives without declaring them count as declared. Not ``whole`` when what it declares could not be read
    in full: what a plan misses then may have been written. It ``knows_builds`` when that holds for builds and their
    names. Not ``legible`` when most of what a plan would find wrong only follows from what could not be read.
    ``dynamic`` are the blocks of that kind that stand outside of all others, but for those that make builds.
    ``comments`` and ``required_version`` are those of a legacy template.
    """

    path: str
    base_dir: Path
    legacy: bool = False
    description: str = ""
    comments: tuple[str, ...] = ()
    required_version: str = ""
    variables: Mapping[str, VariableBlock] = attrs.field(factory=dict)
    locals: Mapping[str, LocalBlock] = attrs.field(factory=dict)
    data: Mapping[Address, ComponentBlock] = attrs.field(factory=dict)
    sources: Mapping[Address, ComponentBlock] = attrs.field(factory=dict)
    builds: tuple[BuildBlock, ...] = ()
    outputs: Mapping[str, OutputBlock] = attrs.field(factory=dict)
    dynamic: tuple[Block, ...] = ()
    groups: Mapping[str, GroupBlock] = attrs.field(factory=dict)
    modules: Mapping[str, ModuleBlock] = attrs.field(factory=dict)
    required_plugins: Mapping[str, str] = attrs.field(factory=dict)
    auto_var_files: tuple[Path, ...] = ()
    whole: bool = True
    knows_builds: bool = True
    legible: bool = True

    def all(self) -> Iterator[Template]:
        """This one and those of all modules, each once."""
        seen: set[int] = set()
        todo = [self]
        while todo:
            current = todo.pop()
            if id(current) not in seen:
                seen.add(id(current))
                yield current
                todo.extend(block.template for block in current.modules.values() if block.template)
