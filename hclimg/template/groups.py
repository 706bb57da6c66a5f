"""Groups of steps: what a ``use`` block stands for, and which uses make sense at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from hclimg.diagnostics import Absence, Diagnostics, Range, one_of
from hclimg.errors import TemplateError
from hclimg.lang.evaluate import Reference, Scope, references
from hclimg.lang.names import Names, around
from hclimg.lang.syntax import Body, Expr, Literal, ObjectCons, ObjectItem
from hclimg.lang.values import Value, object_of, string, unknown
from hclimg.template.globals import ARTIFACT, Globals, moved
from hclimg.template.model import ChainBlock, ComponentBlock, GroupBlock, GroupMember, UseBlock
from hclimg.template.ordering import in_order, report_cycle
from hclimg.template.repeat import UNDECIDED, key_list, key_text
from hclimg.template.variables import Call, call_inputs

INPUT = "input"
IN_MODULE = "module."
"""What the name of a group in a module begins with: ``module.web.base``."""


@attrs.frozen(eq=False, repr=False, kw_only=True)
class GroupInputs:
    """``input`` in the steps of a group that is used once: ``known`` when all that it is given is known.

    ``home`` are the names of the module that the group stands in, ``caller`` is the address of that of the use.
    Otherwise it is evaluated again whenever more is known. Then what is wrong with it raises TemplateError.
    """

    group: GroupBlock
    use: UseBlock
    outer: Names | None
    home: Globals
    caller: str
    known: Value | None = None

    @property
    def is_late(self) -> bool:
        """Whether what stands in the steps depends on what is given: in another module, that is looked up there."""
        return self.known is None and self.caller == self.home.address

    @property
    def collection(self) -> Expr | None:
        """Everything that is given, as one expression."""
        items = [
            ObjectItem(i.source, i.start, i.end, Literal(i.source, i.start, i.end, string(name)), i.expr)
            for name, i in self.use.given.items()
        ]
        at = self.use.header
        return ObjectCons(at.source, at.start, at.end, tuple(items))

    def object(self, scope: Scope) -> Value:
        if self.known is not None:
            return self.known
        diags = Diagnostics()
        value = self.value(scope, diags)
        if diags.has_errors:
            raise TemplateError(diags.items)
        return value

    def member(self, name: str) -> Value | None:
        raw = self.known.raw if self.known is not None else None
        return raw.get(name) if isinstance(raw, dict) else None

    def value(self, scope: Scope, diags: Diagnostics) -> Value:
        use, scope = self.use, moved(scope, self.caller)
        if scope.variable(ARTIFACT) is None:  # what steps there are is decided before anybody knows of artifacts
            scope = scope.child({ARTIFACT: unknown()})
        call = Call(
            context=use.context, what=self.group.context.capitalize(), header=use.header, given=use.given,
            scope=around(scope, self.outer),
        )  # fmt: skip
        functions, environment = self.home.functions, self.home.world.environment
        return object_of(call_inputs(self.group.inputs, call, functions, environment, diags))

    @property
    def foreign(self) -> Iterator[Reference]:
        """What the values refer to in the module of the use, when the group stands in another one."""
        if self.known is None and self.caller != self.home.address:
            for item in self.use.given.values():
                yield from (attrs.evolve(found, home=self.caller) for found in references(item.expr, self.outer))


@attrs.frozen(eq=False, repr=False)
class UsedGroup:
    """The steps of a group as one use of it makes them; they see ``names``."""

    names: Names
    provisioners: tuple[ComponentBlock | UseBlock, ...]
    chains: tuple[ChainBlock | UseBlock, ...]


def used_group(inputs: GroupInputs, key: str | None, scope: Scope, diags: Diagnostics) -> UsedGroup:
    """What an instance of a ``use`` block comes to; ``scope`` is the one of the build's steps."""
    found = Diagnostics()
    value = inputs.value(scope, found)
    diags.extend(found)
    if found.has_errors or value.is_wholly_known:
        inputs = attrs.evolve(inputs, known=value)
    outer, member = inputs.outer, _member(inputs, key)
    names = Names({INPUT: inputs}, outer.marks, outer.undecided) if outer else Names({INPUT: inputs})
    group = inputs.group
    return UsedGroup(
        names,
        tuple(_joined(item, member) for item in group.provisioners),
        tuple(_joined_chain(item, member) for item in group.chains),
    )


def _member(inputs: GroupInputs, key: str | None) -> GroupMember:
    """How steps say where they come from; ``key`` is the one of the use."""
    use, around_it = inputs.use, inputs.use.member
    label = inputs.group.name + key_text(key)
    if around_it is None:
        return GroupMember(inputs.group.name, label, (use.header,))
    return GroupMember(inputs.group.name, f"{around_it.label}/{label}", (use.header, *around_it.places))


def _joined(item: ComponentBlock | UseBlock, member: GroupMember) -> ComponentBlock | UseBlock:
    return attrs.evolve(item, member=member) if isinstance(item, UseBlock) else attrs.evolve(item, group=member)


def _joined_chain(item: ChainBlock | UseBlock, member: GroupMember) -> ChainBlock | UseBlock:
    if isinstance(item, UseBlock):
        return attrs.evolve(item, member=member)
    return attrs.evolve(item, steps=tuple(attrs.evolve(step, group=member) for step in item.steps))


def references_of(body: Body) -> list[Reference]:
    """What a body refers to, through the inputs of its group too."""
    bindings = body.names.rounds.values() if body.names else ()
    foreign = [found for item in bindings if isinstance(item, GroupInputs) for found in item.foreign]
    return [*references(body), *foreign]


def unknown_inputs(group: GroupBlock, home: Globals) -> Names:
    """What the steps of a group see when nobody uses it."""
    types = {name: block.type.type if block.type else None for name, block in group.inputs.items()}
    value = object_of({name: unknown(type_) if type_ else unknown() for name, type_ in types.items()})
    at = UseBlock(group=group.name, header=group.header, given={})
    return Names({INPUT: GroupInputs(group=group, use=at, outer=None, home=home, caller=home.address, known=value)})


# -- which uses make sense -----------------------------------------------------------

_FOREIGN = re.compile(r'module\.([\w-]+)(?:\["(.*)"\])?\.([\w-]+)')


def home_of(use: UseBlock, names: Globals, diags: Diagnostics) -> tuple[Globals, str] | None:
    """Where the group of a use stands, and its name there; None when there is none, which is reported."""
    if not use.group.startswith(IN_MODULE):
        return names, use.group
    parts = _FOREIGN.fullmatch(use.group)
    if parts is None:
        detail = f'Write use "module.NAME.GROUP", or use "module.NAME[\\"KEY\\"].GROUP", not "{use.group}".'
        diags.error("Invalid reference to a group", detail, subject=use.header, context=use.context)
        return None
    name, key, group = parts.groups()
    found = names.modules.get(name)
    if found is None:
        hint = one_of(name, names.modules, "The modules are")
        _unknown(use, f'There is no module "{name}".{hint}', diags)
        return None
    home = found.found.get(key) or found.found.get(UNDECIDED)
    if home is None:
        keys = [known for known in found.found if known is not None]
        if found.repeated:
            _unknown(use, f"module.{name} has for_each, so say which one is meant.{key_list(keys)}", diags)
        elif found.found:
            _unknown(use, f"module.{name} has no for_each, so it has no instances: leave {key_text(key)} out.", diags)
        return None
    if group not in home.template.groups:
        hint = one_of(group, home.template.groups, "Its groups are")
        _unknown(use, f'The module "{name}" has no group "{group}".{hint}', diags)
        return None
    return home, group


def _unknown(use: UseBlock, detail: str, diags: Diagnostics) -> None:
    diags.error(
        "Unknown group", detail, subject=use.header, context=use.context, absence=Absence.DECLARATION
    )  # fmt: skip


def sound_groups(
    groups: Mapping[str, GroupBlock], uses: Iterable[UseBlock], diags: Diagnostics
) -> dict[str, GroupBlock]:
    """The groups that can be used; uses of unknown ones, and groups that use each other, are reported."""
    nested = [use for group in groups.values() for use in group.uses_of_groups]
    for use in (*uses, *nested):
        if use.group not in groups and not use.group.startswith(IN_MODULE):
            hint = one_of(use.group, groups, "The groups are") if groups else " The template has no group block."
            _unknown(use, f'There is no group "{use.group}".{hint}', diags)

    def needed(name: str) -> Mapping[str, Range]:
        return {use.group: use.header for use in groups[name].uses_of_groups if use.group in groups}

    _, cycles = in_order(groups, needed)
    for cycle in cycles:
        report_cycle("These groups use each other", cycle, str, diags)
    stuck = {name for cycle in cycles for name in cycle.path}
    return {name: group for name, group in groups.items() if name not in stuck}
