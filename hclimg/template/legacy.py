"""Packer's old JSON templates, read into the same template that HCL makes.

Their ``{{ }}`` calls become HCL expressions (:mod:`hclimg.template.lowering`), their builders become sources of one
build. What they cannot say (locals, data sources, several builds) is simply not there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from hclimg.diagnostics import Diagnostics, Range, SourceText, did_you_mean, nearest
from hclimg.lang.json_scan import scan_unique
from hclimg.lang.json_tree import (
    JsonArray,
    JsonConstant,
    JsonMember,
    JsonNode,
    JsonNumber,
    JsonObject,
    JsonString,
    kind_of,
)
from hclimg.lang.syntax import Body, Expr, Literal, Name, Property
from hclimg.lang.typeexpr import TypeConstraint
from hclimg.lang.types import STRING
from hclimg.lang.values import string
from hclimg.registry import Kind
from hclimg.template.blocks import duplicate
from hclimg.template.lowering import lower_string, lower_value
from hclimg.template.model import (
    Address,
    BuildBlock,
    ChainBlock,
    ComponentBlock,
    SourceReference,
    SourceUse,
    Template,
    VariableBlock,
)
from hclimg.template.requirements import check_version
from hclimg.template.steps import step_block

_TEXT = TypeConstraint(STRING)


def read_legacy(source: SourceText, path: str, base_dir: Path, diags: Diagnostics) -> Template | None:
    """The template in a JSON text; None when it is not even an object."""
    root = scan_unique(source, diags)
    legible = not diags.has_errors
    if not isinstance(root, JsonObject):
        if root is not None and not diags.has_errors:
            detail = f"A template is a JSON object, but this is {kind_of(root)}."
            diags.error("Invalid template", detail, subject=root.range)
        return None
    if not _fits(root, diags):
        # What a template for a newer Packer contains cannot be judged.
        return Template(path=path, base_dir=base_dir, legacy=True, legible=False)
    reader = _Reader(diags)
    for member in root.members:
        reader.read(member)
    return attrs.evolve(reader.template(path, base_dir, root), legible=legible)


def _fits(root: JsonObject, diags: Diagnostics) -> bool:
    wanted = root.get("min_packer_version")
    if wanted is None or not isinstance(wanted, JsonString):
        return True
    constraint = Literal(wanted.source, wanted.start, wanted.end, string(f">= {wanted.text}"))
    return check_version(constraint, "min_packer_version", diags)


@attrs.define
class _Reader:
    diags: Diagnostics
    variables: dict[str, VariableBlock] = attrs.field(factory=dict)
    sensitive: list[JsonString] = attrs.field(factory=list)
    sources: dict[Address, ComponentBlock] = attrs.field(factory=dict)
    uses: list[SourceUse] = attrs.field(factory=list)
    provisioners: list[ComponentBlock] = attrs.field(factory=list)
    error_cleanup: ComponentBlock | None = None
    chains: list[ChainBlock] = attrs.field(factory=list)
    description: str = ""
    comments: list[str] = attrs.field(factory=list)
    required_version: str = ""
    names: dict[str, Range] = attrs.field(factory=dict)

    def read(self, member: JsonMember) -> None:
        key = member.key.text
        if key in _ROOT_KEYS:
            _ROOT_KEYS[key](self, member)
        elif key.startswith("_"):
            self._comment(member)
        else:
            hint = did_you_mean(key, _ROOT_KEYS) or ' A comment is a key that begins with "_".'
            detail = f'A template has no "{key}" at its root.{hint}'
            self.diags.error("Unknown root key", detail, subject=member.key.range)
            self._misspelt(member)

    def _comment(self, member: JsonMember) -> None:
        if isinstance(member.value, JsonString):
            self.comments.append(member.value.text)
        else:
            self.comments.append(member.value.range.text)

    def _misspelt(self, member: JsonMember) -> None:
        """Read as what was most likely meant, or else all that refers to it would be reported too."""
        meant = nearest(member.key.text, _ROOT_KEYS)
        if meant:
            _ROOT_KEYS[meant](self, member)

    def template(self, path: str, base_dir: Path, root: JsonObject) -> Template:
        self._mark_sensitive()
        header = next((member.key.range for member in root.members if member.key.text == "builders"), root.opening)
        build = BuildBlock(
            header=header,
            uses=tuple(self.uses),
            provisioners=tuple(self.provisioners),
            error_cleanup=self.error_cleanup,
            chains=tuple(self.chains),
        )
        return Template(
            path=path,
            base_dir=base_dir,
            legacy=True,
            description=self.description,
            comments=tuple(self.comments),
            required_version=self.required_version,
            variables=self.variables,
            sources=self.sources,
            builds=(build,) if self.uses else (),
        )

    # -- variables ------------------------------------------------------------

    def read_variables(self, member: JsonMember) -> None:
        for inner in self._members(member.value, '"variables"'):
            name, value = inner.key.text, inner.value
            if isinstance(value, JsonObject | JsonArray):
                detail = f'The value of a variable is a string, but "{name}" is {kind_of(value)}.'
                self.diags.error("Invalid variable", detail, subject=value.range, context="variables")
                continue
            default = self._default(value)
            self.variables[name] = VariableBlock(name=name, header=inner.key.range, type=_TEXT, default=default)

    def _default(self, value: JsonNode) -> Expr | None:
        """All variables are strings; null says that the user has to give a value."""
        if isinstance(value, JsonString):
            return lower_string(value, self.diags)
        if isinstance(value, JsonNumber):
            return Literal(value.source, value.start, value.end, string(value.text))
        assert isinstance(value, JsonConstant)
        if value.value is None:
            return None
        # The texts that Packer's decoder makes of bools.
        return Literal(value.source, value.start, value.end, string("1" if value.value else "0"))

    def read_sensitive(self, member: JsonMember) -> None:
        for item in self._items(member.value, '"sensitive-variables"'):
            if isinstance(item, JsonString):
                self.sensitive.append(item)
            else:
                detail = f"The name of a variable is expected here, not {kind_of(item)}."
                self.diags.error("Invalid variable name", detail, subject=item.range, context="sensitive-variables")

    def _mark_sensitive(self) -> None:
        for item in self.sensitive:
            block = self.variables.get(item.text)
            if block is None:
                detail = f'There is no variable "{item.text}".{did_you_mean(item.text, self.variables)}'
                self.diags.warn("Undeclared variable", detail, subject=item.range, context="sensitive-variables")
            else:
                self.variables[item.text] = attrs.evolve(block, sensitive=True)

    # -- components -----------------------------------------------------------

    def read_builders(self, member: JsonMember) -> None:
        for number, item in enumerate(self._items(member.value, '"builders"')):
            self._builder(item, number)

    def _builder(self, item: JsonNode, number: int) -> None:
        found = self._component(item, "builder")
        if found is None:
            return
        type_, name_node = found.type, found.rest.pop("name", None)
        name_expr = self._name(name_node, found)
        literal = isinstance(name_expr, Literal)
        name = str(name_expr.value.raw) if isinstance(name_expr, Literal) else type_
        if name_expr is not None and not literal:
            # The name is known only with the values of variables.
            name = f"builders[{number}]"
        at = name_node.value.range if name_node else found.header
        first = self.names.setdefault(name, at)
        if first is not at:
            duplicate(f'A builder called "{name}"', at, first, self.diags)
            return
        block = ComponentBlock(
            kind=Kind.BUILDER,
            keyword="builder",
            type=type_,
            name=name,
            body=found.body(self.diags),
            header=found.header,
        )
        self.sources[block.address] = block
        self.uses.append(SourceUse(SourceReference(*block.address), at, None if literal else name_expr))

    def _name(self, member: JsonMember | None, found: _Found) -> Expr | None:
        if member is None:
            return None
        if isinstance(member.value, JsonString):
            return lower_string(member.value, self.diags) if member.value.text else None
        detail = f'The "name" of a builder is a string, not {kind_of(member.value)}.'
        self.diags.error("Incorrect value", detail, subject=member.value.range, context=f'builder "{found.type}"')
        return None

    def read_provisioners(self, member: JsonMember) -> None:
        for item in self._items(member.value, '"provisioners"'):
            step = self._step(item, "provisioner")
            if step:
                self.provisioners.append(step)

    def read_error_cleanup(self, member: JsonMember) -> None:
        self.error_cleanup = self._step(member.value, "error-cleanup-provisioner")

    def read_post_processors(self, member: JsonMember) -> None:
        for item in self._items(member.value, '"post-processors"'):
            parts = item.items if isinstance(item, JsonArray) else (item,)
            chain = [self._post_processor(part) for part in parts]
            steps = tuple(step for step in chain if step)
            if steps:
                self.chains.append(ChainBlock(steps[0].header, steps))

    def _post_processor(self, item: JsonNode) -> ComponentBlock | None:
        if isinstance(item, JsonString):
            empty = Body(item.source, item.end, item.end, (), flexible=True)
            return step_block("post-processor", item.text, empty, item.range, self.diags)
        if isinstance(item, JsonArray):
            detail = "A list inside a list of post-processors is a sequence; there can be none inside a sequence."
            self.diags.error("Invalid post-processor", detail, subject=item.opening, context="post-processors")
            return None
        return self._step(item, "post-processor")

    def _step(self, item: JsonNode, keyword: str) -> ComponentBlock | None:
        found = self._component(item, keyword)
        if found is None:
            return None
        return step_block(keyword, found.type, found.body(self.diags), found.header, self.diags)

    def _component(self, item: JsonNode, keyword: str) -> _Found | None:
        if not isinstance(item, JsonObject):
            article = "An" if keyword[0] == "e" else "A"
            detail = f'{article} {keyword} is an object with a "type", but this is {kind_of(item)}.'
            self.diags.error(f"Invalid {keyword}", detail, subject=item.opening, context=keyword)
            return None
        rest = {member.key.text: member for member in item.members}
        type_ = rest.pop("type", None)
        if type_ is None or not isinstance(type_.value, JsonString) or not type_.value.text:
            detail = f'This {keyword} has no "type", which says what it is.'
            at = type_.value.range if type_ else item.opening
            self.diags.error("Missing type", detail, subject=at, context=keyword)
            return None
        header = item.source.range(type_.key.start, type_.value.end)
        return _Found(item, type_.value.text, header, rest)

    # -- other root keys --------------------------------------------------------

    def read_description(self, member: JsonMember) -> None:
        if isinstance(member.value, JsonString):
            self.description = member.value.text

    def read_version(self, member: JsonMember) -> None:
        """Checked already, before anything else."""
        if isinstance(member.value, JsonString):
            self.required_version = f">= {member.value.text}"

    def ignore(self, member: JsonMember) -> None:
        """Read elsewhere, or of no use here."""

    # -- shapes -----------------------------------------------------------------

    def _members(self, node: JsonNode, what: str) -> tuple[JsonMember, ...]:
        if isinstance(node, JsonObject):
            return node.members
        self._wrong_shape(node, what, "an object")
        return ()

    def _items(self, node: JsonNode, what: str) -> tuple[JsonNode, ...]:
        if isinstance(node, JsonArray):
            return node.items
        self._wrong_shape(node, what, "a list")
        return ()

    def _wrong_shape(self, node: JsonNode, what: str, wanted: str) -> None:
        detail = f"{what} must be {wanted}, but it is {kind_of(node)}."
        self.diags.error("Invalid template", detail, subject=node.opening)


@attrs.frozen
class _Found:
    """A component: ``rest`` are its members but for the type."""

    node: JsonObject
    type: str
    header: Range
    rest: dict[str, JsonMember]

    def body(self, diags: Diagnostics) -> Body:
        node = self.node
        items = tuple(_property(member, diags) for member in self.rest.values())
        return Body(node.source, node.start, node.end, items, flexible=True)


def _property(member: JsonMember, diags: Diagnostics) -> Property:
    key, value = member.key, member.value
    name = Name(key.source, key.start, key.end, key.text)
    return Property(key.source, key.start, value.end, name, lower_value(value, diags))


_ROOT_KEYS: dict[str, Callable[[_Reader, JsonMember], None]] = {
    "builders": _Reader.read_builders,
    "description": _Reader.read_description,
    "error-cleanup-provisioner": _Reader.read_error_cleanup,
    "min_packer_version": _Reader.read_version,
    "post-processors": _Reader.read_post_processors,
    "provisioners": _Reader.read_provisioners,
    "push": _Reader.ignore,
    "sensitive-variables": _Reader.read_sensitive,
    "variables": _Reader.read_variables,
}
