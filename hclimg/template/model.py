"""A template as a front end read it: blocks whose arguments are expressions, none of them evaluated yet.

HCL, legacy JSON and later Python config all become this. It knows where everything stands in the user's text and
nothing about components, values or the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from hclimg.diagnostics import Range
from hclimg.lang.names import Names
from hclimg.lang.syntax import Block, Body, Expr
from hclimg.lang.typeexpr import TypeConstraint
from hclimg.registry import Kind

Address = tuple[str, str]
"""``(type, name)`` of a source or a data source."""

DataAddress = tuple[str, ...]
"""The same of what is read: an instance of a data source with ``for_each`` has its key as a third part."""


@attrs.frozen(eq=False, repr=False)
class Validation:
    condition: Expr
    message: Expr
    header: Range


@attrs.frozen(eq=False, repr=False, kw_only=True)
class VariableBlock:
    """An input variable. ``default`` is None when the user has to give a value."""

    name: str
    header: Range
    type: TypeConstraint | None = None
    default: Expr | None = None
    description: str = ""
    sensitive: bool = False
    validations: tuple[Validation, ...] = ()


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
        """How diagnostics call the block: ``source "qemu" "web"``."""
        return " ".join([self.keyword, f'"{self.type}"', *([f'"{self.name}"'] if self.name else [])])


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
    provisioners: tuple[ComponentBlock, ...] = ()
    error_cleanup: ComponentBlock | None = None
    chains: tuple[ChainBlock, ...] = ()
    meta: Mapping[str, Expr] = attrs.field(factory=dict)
    names: Names | None = None
    key: str | None = None
    unread: Block | None = None

    @property
    def context(self) -> str:
        return "build"

    @property
    def steps(self) -> Iterator[ComponentBlock]:
        """All that happens to a machine and to its image."""
        yield from self.provisioners
        if self.error_cleanup:
            yield self.error_cleanup
        for chain in self.chains:
            yield from chain.steps


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
    required_plugins: Mapping[str, str] = attrs.field(factory=dict)
    auto_var_files: tuple[Path, ...] = ()
    whole: bool = True
    knows_builds: bool = True
    legible: bool = True
