"""``module`` blocks: the instances that they come to, each with the values of its variables."""

from __future__ import annotations

from collections.abc import Mapping

from hclimg.diagnostics import Diagnostics
from hclimg.lang.evaluate import Scope, references
from hclimg.lang.names import around
from hclimg.lang.values import Value
from hclimg.template.disabled import check_unused
from hclimg.template.globals import Globals, Leaf, ModuleInstances
from hclimg.template.model import ModuleBlock, Template, prefix
from hclimg.template.repeat import FOR_EACH, UNDECIDED, Instance, instances, key_text
from hclimg.template.variables import Call, call_inputs

MOST_MODULES = 1000
"""How many instances of modules a template can have, those of modules in modules included."""


def instantiate(block: ModuleBlock, caller: Globals, scope: Scope, diags: Diagnostics) -> ModuleInstances:
    """Evaluate the module for each of its instances; ``scope`` has what its block refers to."""
    found = instances(block.meta, block.names, scope, block.context, diags)
    if block.template is None:
        return ModuleInstances.unknown({}, repeated=found.repeated)
    if not found.found:
        given = {name: item.expr for name, item in block.given.items()}
        check_unused({**block.meta, **given}, None, block.names, scope, block.context, diags)
    if not _has_room(block, caller, len(found.found), diags):
        return ModuleInstances.unknown({}, repeated=found.repeated)
    made = {item.key: _instance(block, block.template, item, caller, scope, diags) for item in found.found}
    if UNDECIDED in made:
        return ModuleInstances.unknown(made, repeated=True)
    return ModuleInstances.of(made, repeated=found.repeated)


def _has_room(block: ModuleBlock, caller: Globals, more: int, diags: Diagnostics) -> bool:
    """Modules that call modules twice, and so on, grow without bounds."""
    tree = caller.tree
    fits = len(tree.members) + more <= MOST_MODULES
    if not fits and not tree.is_full:
        tree.is_full = True
        detail = f"The template has more than {MOST_MODULES} instances of modules, with those of modules in modules."
        diags.error("Too many modules", detail, subject=block.header, context=block.context)
    return fits


def _instance(
    block: ModuleBlock, template: Template, item: Instance, caller: Globals, scope: Scope, diags: Diagnostics
) -> Globals:
    functions = caller.world.functions(template.base_dir)
    before = len(diags)
    made = Globals(
        template=template,
        variables=_variables(block, template, item, caller, scope, diags),
        functions=functions,
        world=caller.world,
        known=caller.known,
        address=f"{prefix(caller.address)}module.{block.name}{key_text(item.key)}",
        path=(*caller.path, block.name, *(() if item.key is None else (item.key,))),
        parent=caller,
        tree=caller.tree,
        decided=caller.decided and item.key != UNDECIDED,
        given_reads=_reads(block, caller),
    )
    return made.evaluate(diags, diags.items[before:])


def _variables(
    block: ModuleBlock, template: Template, item: Instance, caller: Globals, scope: Scope, diags: Diagnostics
) -> Mapping[str, Value]:
    call = Call(
        context=block.context, what=f'Module "{block.name}"', header=block.header, given=block.given,
        scope=around(scope, item.names),
    )  # fmt: skip
    world = caller.world
    return call_inputs(template.variables, call, world.functions(template.base_dir), world.environment, diags)


def _reads(block: ModuleBlock, caller: Globals) -> dict[str, frozenset[Leaf]]:
    """What the values wait for that a module is given; through ``each`` also what the instances are made from."""
    around_them = caller.leaves(references(block.meta[FOR_EACH])) if FOR_EACH in block.meta else frozenset()
    return {name: around_them | caller.leaves(references(item.expr)) for name, item in block.given.items()}
