"""A template as a front end read it: blocks whose arguments are expressions, none of them evaluated yet.

HCL, legacy JSON and later Python config all become this. It knows where everything stands in the user's text and
nothing about components, values or the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from hclimg.diagnostics import Range
from hclimg.lang.syntax import Body, Expr
from hclimg.lang.typeexpr import TypeConstraint
from hclimg.registry import Kind

Address = tuple[str, str]
"""``(type, name)`` of a source or a data source."""


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
    (``only``, ``timeout``, ``retry.delay`` …).
    """

    kind: Kind
    keyword: str
    type: str
    body: Body
    header: Range
    name: str = ""
    meta: Mapping[str, Expr] = attrs.field(factory=dict)

    @property
    def address(self) -> Address:
        return self.type, self.name

    @property
    def context(self) -> str:
        """How diagnostics call the block: ``source "qemu" "web"``."""
        return " ".join([self.keyword, f'"{self.type}"', *([f'"{self.name}"'] if self.name else [])])


@attrs.frozen(eq=False, repr=False)
class SourceUse:
    """A ``source`` block of a ``build`` block: which source, under which name, with which further settings."""

    source: Address
    header: Range
    name: Expr | None = None
    body: Body | None = None


@attrs.frozen(eq=False, repr=False, kw_only=True)
class BuildBlock:
    """``sources`` is the list of references as the user wrote it, ``uses`` are the nested blocks."""

    header: Range
    name: Expr | None = None
    description: Expr | None = None
    sources: Expr | None = None
    uses: tuple[SourceUse, ...] = ()
    provisioners: tuple[ComponentBlock, ...] = ()
    error_cleanup: ComponentBlock | None = None
    chains: tuple[tuple[ComponentBlock, ...], ...] = ()

    @property
    def steps(self) -> Iterator[ComponentBlock]:
        """All that happens to a machine and to its image."""
        yield from self.provisioners
        if self.error_cleanup:
            yield self.error_cleanup
        for chain in self.chains:
            yield from chain


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Template:
    """``path`` is what the user named it; ``base_dir`` is ``path.root``.

    ``legacy`` when it was written in Packer's old JSON: builders are then known by their name alone, and variables
    that the user gives without declaring them count as declared. Not ``whole`` when what it declares could not be read
    in full: what a plan misses then may have been written. Not ``legible`` when most of what a plan would find wrong
    only follows from what could not be read.
    """

    path: str
    base_dir: Path
    legacy: bool = False
    description: str = ""
    variables: Mapping[str, VariableBlock] = attrs.field(factory=dict)
    locals: Mapping[str, LocalBlock] = attrs.field(factory=dict)
    data: Mapping[Address, ComponentBlock] = attrs.field(factory=dict)
    sources: Mapping[Address, ComponentBlock] = attrs.field(factory=dict)
    builds: tuple[BuildBlock, ...] = ()
    outputs: Mapping[str, OutputBlock] = attrs.field(factory=dict)
    required_plugins: Mapping[str, str] = attrs.field(factory=dict)
    auto_var_files: tuple[Path, ...] = ()
    whole: bool = True
    legible: bool = True
