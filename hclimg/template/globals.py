"""The names that are the same everywhere in a template, or in one instance of a module: ``var``, ``local``, ``data``,
``module``, ``path``, ``packer``.

Locals, data sources, outputs and modules form one dependency graph and may stand in any order; a module is evaluated
when all that it is given has been. What only a run tells is unknown at first: :meth:`Globals.later` gives the same
names with what has become known, in all modules.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from hclimg import PACKER_VERSION
from hclimg.diagnostics import Diagnostic, Diagnostics, Range
from hclimg.lang.evaluate import Reference, Scope, evaluate, references
from hclimg.lang.functions.environment import no_env_function
from hclimg.lang.functions.model import Function
from hclimg.lang.syntax import Node
from hclimg.lang.types import Type
from hclimg.lang.values import NULL, SENSITIVE, Value, object_of, string, unknown
from hclimg.template.instances import BlockInstances, expand_block
from hclimg.template.model import Address, ComponentBlock, DataAddress, ModuleBlock, Template
from hclimg.template.ordering import in_order, in_text_order, report_cycle
from hclimg.template.repeat import UNDECIDED
from hclimg.template.roots import Roots, owner_of

ARTIFACT = "artifact"

_SENSITIVE = frozenset((SENSITIVE,))
_INPUTS = ("inputs",)

Key = tuple[str, ...]
"""``("local", NAME)``, ``("data", TYPE, NAME)``, ``("output", NAME)``, ``("module", NAME)``, and ``("inputs",)``: all
that a module is given."""


@attrs.frozen
class ArtifactUse:
    """A reference to an artifact, in the module with this address."""

    module: str
    steps: tuple[str | int, ...]
    place: Range = attrs.field(eq=False)


Leaf = DataAddress | ArtifactUse
"""What only a run tells."""


@attrs.frozen(kw_only=True)
class Known:
    """What a run has told: results of data sources; ``artifact`` as it is in each module, by the module's address."""

    data: Mapping[DataAddress, Value] = attrs.field(factory=dict)
    artifacts: Mapping[str, Value] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class World:
    """What is the same for a template and all its modules.

    ``functions`` gives those for a template's folder, ``data_type`` says what a data source will be, and
    ``instantiate`` makes the instances of a module block.
    """

    functions: Callable[[Path], Mapping[str, Function]]
    environment: Mapping[str, str]
    cwd: Path
    data_type: Callable[[ComponentBlock], Type]
    instantiate: Callable[[ModuleBlock, Globals, Scope, Diagnostics], ModuleInstances]


@attrs.define(eq=False, repr=False)
class Tree:
    """A template with all its modules, evaluated once: ``members`` by address. ``is_full`` when more were wanted than
    fit; ``later`` are the trees for what has become known, ``newest`` is the root of the last one."""

    members: dict[str, Globals] = attrs.field(factory=dict)
    is_full: bool = False
    later: dict[Hashable, Tree] = attrs.field(factory=dict)
    newest: Globals | None = None


@attrs.frozen(eq=False, repr=False)
class ModuleInstances:
    """What a ``module`` block comes to: instances by key, which is None without ``for_each``; ``module.NAME``."""

    found: Mapping[str | None, Globals]
    repeated: bool
    value: Value

    @classmethod
    def of(cls, found: Mapping[str | None, Globals], *, repeated: bool) -> ModuleInstances:
        """``module.NAME`` is null for one that is not enabled."""
        outputs = {key: one.output_object() for key, one in found.items()}
        if repeated:
            return cls(found, True, object_of({str(key): value for key, value in outputs.items()}))
        return cls(found, False, next(iter(outputs.values()), NULL))

    @classmethod
    def unknown(cls, found: Mapping[str | None, Globals], *, repeated: bool = False) -> ModuleInstances:
        """When nobody can say what there is."""
        return cls(found, repeated, unknown())


@attrs.define(eq=False, repr=False, kw_only=True)
class Globals:
    """The names of a template or of an instance of a module, which ``address`` then names: ``module.web["a"]``.

    Not ``decided`` when only data sources will tell which instances there are: this one then stands for all of them.
    ``path`` has the names and keys in the address. ``scope`` has all the names. ``has_cycles`` when some depend on
    themselves, which has been reported. ``given_reads`` says what the values that ``parent`` gives wait for.
    """

    template: Template
    variables: Mapping[str, Value]
    functions: Mapping[str, Function]
    world: World
    known: Known = attrs.field(factory=Known)
    address: str = ""
    path: tuple[str, ...] = ()
    parent: Globals | None = None
    tree: Tree = attrs.field(factory=Tree)
    decided: bool = True
    given_reads: Mapping[str, frozenset[Leaf]] = attrs.field(factory=dict)
    locals: dict[str, Value] = attrs.field(factory=dict, init=False)
    outputs: dict[str, Value] = attrs.field(factory=dict, init=False)
    modules: dict[str, ModuleInstances] = attrs.field(factory=dict, init=False)
    instances: dict[Address, BlockInstances] = attrs.field(factory=dict, init=False)
    scope: Scope = attrs.field(init=False)
    has_cycles: bool = attrs.field(default=False, init=False)
    order: list[Key] = attrs.field(factory=list, init=False)
    _wrong: dict[Key, list[Diagnostic]] = attrs.field(factory=dict, init=False)
    _reads: dict[Key, frozenset[Leaf]] = attrs.field(factory=dict, init=False)

    def evaluate(self, diags: Diagnostics, given: Iterable[Diagnostic] = (), before: Globals | None = None) -> Globals:
        """Evaluate everything, in the order of the dependencies.

        ``given`` is what was wrong with the variables. ``before`` are the same names when less was known: what does not
        depend on more than that is not evaluated again.
        """
        self.tree.members[self.address] = self
        self._wrong[_INPUTS] = list(given)
        roots = Roots(self._roots())
        roots.owner = self
        self.scope = Scope(roots, {"env": no_env_function()}, Scope(None, self.functions))
        stuck = self._put_in_order(diags) if before is None else frozenset()
        if before is not None:
            self.order, self.has_cycles, self.instances = before.order, before.has_cycles, before.instances
            roots["data"] = self._data()
        for key in self.order:
            if before is not None and self._kept(key, before):
                continue
            start = len(diags.items)
            self._evaluate(key, roots, diags, stuck=key in stuck)
            self._reads[key] = self._read_by(key)
            if len(diags.items) > start:
                self._wrong[key] = diags.items[start:]
        roots["local"] = object_of(self.locals)
        roots["module"] = object_of({name: found.value for name, found in self.modules.items()})
        return self

    def _put_in_order(self, diags: Diagnostics) -> frozenset[Key]:
        """Find the order; the keys that depend on themselves, which is reported."""
        self.order, cycles = in_order(self._keys(), self._dependencies)
        self.has_cycles = bool(cycles)
        for cycle in cycles:
            report_cycle("These values depend on each other", cycle, ".".join, diags)
        return frozenset(key for cycle in cycles for key in cycle.path)

    def _kept(self, key: Key, before: Globals) -> bool:
        """Keep what a key was before, if nothing has become known that it depends on. Modules always do."""
        reads = before._reads.get(key, frozenset())
        if key[0] == "module" or (key[0] != "data" and not all(self._is_old(leaf, before) for leaf in reads)):
            return False
        self._reads[key] = reads
        if key in before._wrong:
            self._wrong[key] = before._wrong[key]
        match key:
            case ("local", name):
                self.locals[name] = before.locals[name]
            case ("output", name):
                self.outputs[name] = before.outputs[name]
        return True

    def _is_old(self, leaf: Leaf, before: Globals) -> bool:
        """Whether as much was known of it before."""
        return isinstance(leaf, DataAddress) and (leaf in before.known.data or leaf not in self.known.data)

    def output_object(self) -> Value:
        """What the caller of a module sees of it."""
        return object_of({name: self.outputs.get(name, unknown()) for name in self.template.outputs})

    # -- all modules --------------------------------------------------------------

    def all(self) -> Iterator[Globals]:
        """These and those of all modules below, a caller before what it calls."""
        todo = [self]
        while todo:
            current = todo.pop()
            yield current
            below = [one for instances in current.modules.values() for one in instances.found.values()]
            todo.extend(reversed(below))

    @property
    def root(self) -> Globals:
        return self.tree.members[""]

    def at(self, address: str) -> Globals:
        """The names of the module with an address, from any other of the same tree."""
        return self.tree.members[address]

    def later(self, known: Known, identity: Hashable) -> Globals:
        """The same names when more is known; equal identities stand for equal knowledge."""
        root, tree = self.root, self.tree
        if identity not in tree.later:
            every = Known(data={**root.known.data, **known.data}, artifacts=known.artifacts)
            made = Globals(
                template=root.template,
                variables=root.variables,
                functions=root.functions,
                world=root.world,
                known=every,
            )
            newest = tree.newest
            before = newest if newest is not None and newest.known.data.keys() <= every.data.keys() else root
            tree.newest = made.evaluate(Diagnostics(), before=before)
            tree.later[identity] = made.tree
        return tree.later[identity].members.get(self.address, self)

    # -- what waits for what ------------------------------------------------------

    def problems_of(self, found: Iterable[Reference]) -> list[Diagnostic]:
        """What is wrong with what some references need, through other names too."""
        problems: list[Diagnostic] = []
        homes: dict[str, list[Reference]] = {}
        for reference in found:
            homes.setdefault(self.address if reference.home is None else reference.home, []).append(reference)
        for home, own in homes.items():
            problems += self.at(home).own_problems_of(own)
        return in_text_order(problems)

    def own_problems_of(self, found: Iterable[Reference]) -> Iterator[Diagnostic]:
        """The same for references that are meant here."""
        if any(self._wrong.values()):
            needed = [key for reference in found for key in self._meant(reference)]
            order, _ = in_order(needed, self._dependencies)
            yield from (problem for key in order for problem in self._wrong.get(key, ()))

    def leaves(self, found: Iterable[Reference]) -> frozenset[Leaf]:
        """What of a run some references need, through other names and modules too."""
        needed: set[Leaf] = set()
        for reference in found:
            owner = self if reference.home is None else self.at(reference.home)
            needed.update(owner.leaves_of(reference))
        return frozenset(needed)

    @property
    def data(self) -> Mapping[DataAddress, Value]:
        """The results of data sources that have been read, in all modules."""
        return self.known.data

    def waits_for_builds(self, found: Iterable[Reference]) -> bool:
        """Whether some references need what a build makes, through other names too."""
        return any(isinstance(leaf, ArtifactUse) for leaf in self.leaves(found))

    def data_of(self, found: Iterable[Reference]) -> frozenset[DataAddress]:
        """The data sources that some references need."""
        return frozenset(leaf for leaf in self.leaves(found) if isinstance(leaf, DataAddress))

    def leaves_of(self, reference: Reference) -> Iterable[Leaf]:
        """The same for one reference that is meant here."""
        if reference.root == ARTIFACT:
            return (ArtifactUse(self.address, reference.steps, reference.range),)
        if reference.root == "var" and self.parent is not None:
            every = frozenset[Leaf]().union(*self.given_reads.values())
            return self.given_reads.get(str(reference.steps[0]), frozenset()) if reference.steps else every
        needed: set[Leaf] = set()
        for key in self._meant(reference):
            if key[0] == "data":
                needed.update(self._addresses((key[1], key[2]), tuple(map(str, reference.steps[2:3]))))
            elif key[0] == "module":
                needed |= self._module_leaves(key[1], reference)
            else:
                needed |= self._reads.get(key, frozenset())
        return needed

    def data_blocks(self) -> Iterator[tuple[DataAddress, ComponentBlock]]:
        """The data sources that there are, an instance for each key."""
        for address, instances in self.instances.items():
            for key, block in instances.found.items():
                yield DataAddress(*address, key, self.address), block

    def _addresses(self, address: Address, key: tuple[str, ...]) -> Iterator[DataAddress]:
        """What is read for a data source: with a key that it has, only this instance."""
        instances = self.instances.get(address)
        if instances is None:
            yield DataAddress(*address, None, self.address)
            return
        meant = key if key and key[0] in instances.found else instances.found
        yield from (DataAddress(*address, one, self.address) for one in meant)

    def _module_leaves(self, name: str, reference: Reference) -> frozenset[Leaf]:
        """Of the outputs of a module that a reference means: all of them when it does not say which."""
        instances = self.modules.get(name)
        if instances is None:
            return frozenset()
        steps = [str(step) for step in reference.steps[1:3]]
        chosen = list(instances.found.values())
        if instances.repeated and steps:
            key = steps.pop(0)
            chosen = [instances.found[key]] if key in instances.found else chosen
        found = (one.output_reads(steps[0] if steps else None) for one in chosen)
        return frozenset[Leaf]().union(*found)

    def output_reads(self, name: str | None) -> frozenset[Leaf]:
        """What an output waits for; without a name, all of them."""
        names = [name] if name in self.template.outputs else [*self.template.outputs]
        return frozenset[Leaf]().union(*(self._reads.get(("output", str(one)), frozenset()) for one in names))

    # -- names ------------------------------------------------------------------

    def _roots(self) -> dict[str, Value]:
        return {
            "var": object_of(self.variables),
            "local": object_of({}),
            "data": self._data(),
            "module": object_of({}),
            **surroundings(self.root.template.base_dir, self.template.base_dir, self.world.cwd),
        }

    def _data(self) -> Value:
        by_type: dict[str, dict[str, Value]] = {}
        for address in self.template.data:
            by_type.setdefault(address[0], {})[address[1]] = self._result(address)
        return object_of({type_: object_of(names) for type_, names in by_type.items()})

    def _result(self, address: Address) -> Value:
        """``data.TYPE.NAME``: what was read, an object of that for the keys of ``for_each``, null if not enabled."""
        instances = self.instances.get(address)
        if instances is None or None in instances.found:
            return self._read(address, None)
        if not instances.repeated:
            return NULL
        if UNDECIDED in instances.found:
            return unknown()
        return object_of({str(key): self._read(address, key) for key in instances.found})

    def _read(self, address: Address, key: str | None) -> Value:
        known = self.known.data.get(DataAddress(*address, key, self.address))
        return known if known is not None else unknown(self.world.data_type(self.template.data[address]))

    def _repeated(self, block: ComponentBlock, diags: Diagnostics, *, stuck: bool) -> BlockInstances:
        """Which instances a data source has; what depends on it comes after that."""
        if not block.meta:
            return BlockInstances(block, {None: block})
        if stuck:
            return BlockInstances(block, {UNDECIDED: block}, repeated=True)
        return expand_block(block, self._scope_for(("data", *block.address)), diags)

    # -- the graph ----------------------------------------------------------------

    def _keys(self) -> list[Key]:
        template = self.template
        return [
            *(("data", *address) for address in template.data),
            *(("local", name) for name in template.locals),
            *(("module", name) for name in template.modules),
            *(("output", name) for name in template.outputs),
        ]

    def _nodes(self, key: Key) -> tuple[Node, ...]:
        """The expressions of what a key stands for."""
        match key:
            case ("local", name):
                return (self.template.locals[name].expr,)
            case ("data", type_, name):
                source = self.template.data[type_, name]
                return (*source.meta.values(), source.body)
            case ("output", name):
                return (self.template.outputs[name].value,)
            case ("module", name):
                block = self.template.modules[name]
                return (*block.meta.values(), *(item.expr for item in block.given.values()))
        return ()

    def _references(self, key: Key) -> Iterator[Reference]:
        return (reference for node in self._nodes(key) for reference in references(node))

    def _meant(self, reference: Reference) -> Sequence[Key]:
        """What a reference refers to of what is declared in this template: several for ``data.TYPE`` as a whole."""
        steps = tuple(map(str, reference.steps))
        match reference.root:
            case "local" | "module":
                known = self.template.locals if reference.root == "local" else self.template.modules
                return [(reference.root, name) for name in (steps[:1] or known) if name in known]
            case "data" if len(steps) > 1:
                return [("data", steps[0], steps[1])] if steps[:2] in self.template.data else ()
            case "data":
                return [("data", *address) for address in self.template.data if address[:1] == steps or not steps]
            case "var" if self.parent is not None:
                return (_INPUTS,)
        return ()

    def _dependencies(self, key: Key) -> Mapping[Key, Range]:
        found: dict[Key, Range] = {}
        for reference in self._references(key):
            for needed in self._meant(reference):
                found.setdefault(needed, reference.range)
        return found

    def _read_by(self, key: Key) -> frozenset[Leaf]:
        return self.leaves(self._references(key))

    def _evaluate(self, key: Key, roots: Roots, diags: Diagnostics, *, stuck: bool) -> None:
        match key:
            case ("data", type_, name):
                self.instances[type_, name] = self._repeated(self.template.data[type_, name], diags, stuck=stuck)
                if self.template.data[type_, name].meta:
                    roots["data"] = self._data()
            case ("local", name):
                block = self.template.locals[name]
                value = unknown() if stuck else evaluate(block.expr, self._scope_for(key), diags)
                self.locals[name] = value.with_marks(_SENSITIVE) if block.sensitive else value
            case ("output", name):
                output = self.template.outputs[name]
                value = unknown() if stuck else evaluate(output.value, self._scope_for(key), diags)
                self.outputs[name] = value.with_marks(_SENSITIVE) if output.sensitive else value
            case ("module", name):
                self.modules[name] = self._module(name, diags, stuck=stuck)

    def _module(self, name: str, diags: Diagnostics, *, stuck: bool) -> ModuleInstances:
        if stuck:
            return ModuleInstances.unknown({})
        block = self.template.modules[name]
        return self.world.instantiate(block, self, self._scope_for(("module", name)), diags)

    def _scope_for(self, key: Key) -> Scope:
        """The scope in which a key is evaluated: only what it refers to is there, since that comes before it."""
        found = list(self._references(key))
        names = {"local": self._those("local", found), "module": self._those("module", found)}
        if key[0] in ("output", "module"):
            names[ARTIFACT] = self.known.artifacts.get(self.address, unknown())
        return self.scope.child(names)

    def _those(self, root: str, found: Iterable[Reference]) -> Value:
        """The locals or modules among some references; all of them when one does not exist, or all are meant."""
        every = self.template.locals if root == "local" else self.template.modules
        own = [reference for reference in found if reference.root == root]
        names = [str(reference.steps[0]) for reference in own if reference.steps]
        if len(names) < len(own) or not all(name in every for name in names):
            names = [*every]
        return object_of({name: self._value_of(root, name) for name in names})

    def _value_of(self, root: str, name: str) -> Value:
        if root == "local":
            return self.locals.get(name, unknown())
        return self.modules[name].value if name in self.modules else unknown()


def surroundings(root: Path, module: Path, cwd: Path) -> dict[str, Value]:
    """``path`` and ``packer``; ``root`` and ``module`` are the folders of the template and of the module."""
    paths = {"cwd": cwd, "root": root, "module": module}
    return {
        "path": object_of({name: string(str(path)) for name, path in paths.items()}),
        "packer": object_of(
            {"version": string(PACKER_VERSION), "iterationID": string(""), "versionFingerprint": string("")}
        ),
    }


def globals_of(scope: Scope) -> Globals | None:
    """The globals that a scope was made from."""
    owner = owner_of(scope)
    return owner if isinstance(owner, Globals) else None


def late_scope(scope: Scope, names: Mapping[str, Value], owner: Globals | None = None) -> Scope:
    """A scope with what has become known: ``names`` of one build, and ``owner``, what its globals have become."""
    if owner is None:
        return scope.child(names)
    chain = list(scope.chain())
    at = next(i for i, inner in enumerate(chain) if isinstance(inner.variables, Roots))
    found = owner.scope
    for inner in reversed(chain[:at]):
        found = found.child(inner.variables or {})
    return found.child(names)


def moved(scope: Scope, address: str) -> Scope:
    """The scope of one build, as the names of another module of the same tree see it."""
    owner = globals_of(scope)
    if owner is None or owner.address == address:
        return scope
    other = owner.at(address)
    return late_scope(scope, {ARTIFACT: other.known.artifacts.get(address, unknown())}, other)
