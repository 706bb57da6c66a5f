"""What names mean in the expressions of a template: ``var``, ``local``, ``data``, ``path``, ``packer``, ``env``.

Locals and data sources form one dependency graph and may stand in any order. What only a run knows (``data``,
``build``, ``artifact``) is unknown here; :func:`late_scope` gives the same scope with what has become known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from hclimg import PACKER_VERSION
from hclimg.diagnostics import Diagnostic, Diagnostics, Range
from hclimg.lang.evaluate import Reference, Scope, evaluate, references
from hclimg.lang.functions.environment import no_env_function
from hclimg.lang.functions.model import Function
from hclimg.lang.syntax import Node
from hclimg.lang.types import ANY, NUMBER, STRING, Type
from hclimg.lang.values import SENSITIVE, Value, from_python, null, number, object_of, string, unknown
from hclimg.template.instances import BlockInstances, expand_block
from hclimg.template.model import Address, ComponentBlock, DataAddress, Template
from hclimg.template.ordering import in_order, report_cycle
from hclimg.template.repeat import UNDECIDED
from hclimg.template.roots import Roots, owner_of
from hclimg.units import Secret

_SENSITIVE = frozenset((SENSITIVE,))
_UNKNOWN_TEXT = unknown(STRING)

BUILD_FACTS: Mapping[str, Value] = {
    "ID": _UNKNOWN_TEXT,
    "Host": _UNKNOWN_TEXT,
    "Port": unknown(NUMBER),
    "User": _UNKNOWN_TEXT,
    "Password": _UNKNOWN_TEXT,
    "ConnType": _UNKNOWN_TEXT,
    "PackerRunUUID": _UNKNOWN_TEXT,
    "PackerHTTPPort": _UNKNOWN_TEXT,
    "PackerHTTPIP": _UNKNOWN_TEXT,
    "PackerHTTPAddr": _UNKNOWN_TEXT,
    "SSHPublicKey": _UNKNOWN_TEXT,
    "SSHPrivateKey": _UNKNOWN_TEXT,
    "WinRMPassword": _UNKNOWN_TEXT,
}
"""What every builder has to tell: ``build.Host``."""

_SECRET_FACTS = frozenset(("Password", "SSHPrivateKey", "WinRMPassword"))

Key = tuple[str, ...]
"""``("local", NAME)`` or ``("data", TYPE, NAME)``."""


@attrs.define(eq=False)
class Globals:
    """The names that are the same everywhere in a template.

    ``scope`` has them all. ``data`` are the results of data sources that have been read, ``data_types`` says as far as
    it is known what the others will be. ``instances`` are the blocks that there are for each of them. ``has_cycles``
    when some names depend on themselves, which has been reported.
    """

    template: Template
    variables: Mapping[str, Value]
    functions: Mapping[str, Function]
    cwd: Path
    data: Mapping[DataAddress, Value] = attrs.field(factory=dict)
    data_types: Mapping[Address, Type] = attrs.field(factory=dict)
    locals: dict[str, Value] = attrs.field(factory=dict, init=False)
    instances: dict[Address, BlockInstances] = attrs.field(factory=dict, init=False)
    scope: Scope = attrs.field(init=False)
    has_cycles: bool = attrs.field(default=False, init=False)
    _wrong: dict[Key, list[Diagnostic]] = attrs.field(factory=dict, init=False)
    _reads: dict[Key, frozenset[DataAddress]] = attrs.field(factory=dict, init=False)
    _order: list[Key] = attrs.field(factory=list, init=False)
    _later: dict[frozenset[DataAddress], Globals] = attrs.field(factory=dict, init=False)
    _newest: Globals | None = attrs.field(default=None, init=False)

    def evaluate(self, diags: Diagnostics) -> Globals:
        """Evaluate the locals, in the order in which they depend on each other."""
        roots = self._make_scope()
        order, cycles = in_order(self._keys(), self._dependencies)
        self.has_cycles = bool(cycles)
        stuck = {key for cycle in cycles for key in cycle.path}
        for cycle in cycles:
            report_cycle("These values depend on each other", cycle, ".".join, diags)
        for key in order:
            if key[0] == "data":
                self._repeat((key[1], key[2]), roots, diags, stuck=key in stuck)
            self._reads[key] = self._read_by(key)
            if key in stuck and key[0] == "local":
                self.locals[key[1]] = unknown()
            elif key[0] == "local":
                self._local(key[1], diags)
        self._order = order
        roots["local"] = object_of(self.locals)
        return self

    def _make_scope(self) -> Roots:
        roots = Roots(self._roots())
        roots.owner = self
        self.scope = Scope(roots, {"env": no_env_function()}, Scope(None, self.functions))
        return roots

    def with_data(self, data: Mapping[DataAddress, Value]) -> Globals:
        """The same template when these results of data sources are known."""
        known = frozenset(data)
        found = self._later.get(known)
        if found is None:
            newest = self._newest
            before = newest if newest is not None and newest.data.keys() <= {*self.data, *known} else self
            found = self._later[known] = self._newest = before.knowing({**self.data, **data})
        return found

    def knowing(self, data: Mapping[DataAddress, Value]) -> Globals:
        """The same with more data: only the locals that depend on it are evaluated again."""
        found = Globals(self.template, self.variables, self.functions, self.cwd, data, self.data_types)
        found.instances, found.has_cycles = self.instances, self.has_cycles
        found._reads, found._order = self._reads, self._order
        roots, new, problems = found._make_scope(), data.keys() - self.data.keys(), Diagnostics()
        for key in self._order:
            if key[0] != "local":
                continue
            if not self._reads[key].isdisjoint(new):
                found._local(key[1], problems)
                continue
            found.locals[key[1]] = self.locals[key[1]]
            if key in self._wrong:
                found._wrong[key] = self._wrong[key]
        roots["local"] = object_of(found.locals)
        return found

    def problems_of(self, found: Iterable[Reference]) -> list[Diagnostic]:
        """What is wrong with the locals that some references need, through other locals too."""
        if not self._wrong:
            return []
        needed = [key for reference in found for key in self._meant(reference)]
        order, _ = in_order(needed, self._dependencies)
        return [problem for key in order for problem in self._wrong.get(key, ())]

    def data_of(self, found: Iterable[Reference]) -> frozenset[DataAddress]:
        """The data sources that some references need, through locals too."""
        needed: set[DataAddress] = set()
        for reference in found:
            for key in self._meant(reference):
                if key[0] == "data":
                    needed.update(self._addresses((key[1], key[2]), tuple(map(str, reference.steps[2:3]))))
                else:
                    needed |= self._reads.get(key, frozenset())
        return frozenset(needed)

    def data_blocks(self) -> Iterator[tuple[DataAddress, ComponentBlock]]:
        """The data sources that there are, an instance for each key."""
        for address, instances in self.instances.items():
            for key, block in instances.found.items():
                yield address if key is None else (*address, key), block

    def _addresses(self, address: Address, key: tuple[str, ...]) -> Iterator[DataAddress]:
        """What is read for a data source: with a key that it has, only this instance."""
        instances = self.instances.get(address)
        if instances is None or not instances.repeated:
            if instances is None or instances.found:
                yield address
            return
        meant = key if key and key[0] in instances.found else instances.found
        yield from ((*address, name) for name in meant if name is not None)

    # -- names ------------------------------------------------------------------

    def _roots(self) -> dict[str, Value]:
        return {
            "var": object_of(self.variables),
            "local": object_of({}),
            "data": self._data(),
            **surroundings(self.template, self.cwd),
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
            return self._read(address, address)
        if not instances.repeated:
            return null()
        if UNDECIDED in instances.found:
            return unknown()
        keys = [key for key in instances.found if key is not None]
        return object_of({key: self._read((*address, key), address) for key in keys})

    def _read(self, address: DataAddress, declared: Address) -> Value:
        known = self.data.get(address)
        return known if known is not None else unknown(self.data_types.get(declared, ANY))

    def _repeat(self, address: Address, roots: Roots, diags: Diagnostics, *, stuck: bool) -> None:
        """Find out which instances a data source has; what depends on it comes after that."""
        block = self.template.data[address]
        if not block.meta:
            self.instances[address] = BlockInstances(block, {None: block})
            return
        if stuck:
            self.instances[address] = BlockInstances(block, {UNDECIDED: block}, repeated=True)
            return
        scope = self.scope.child({"local": self._locals_for(*self._nodes(("data", *address)))})
        found = expand_block(block, scope, diags)
        self.instances[address] = found
        roots["data"] = self._data()

    # -- the graph of locals and data -----------------------------------------------

    def _keys(self) -> list[Key]:
        return [*(("data", *address) for address in self.template.data), *(("local", n) for n in self.template.locals)]

    def _nodes(self, key: Key) -> Sequence[Node]:
        """What a local or data source consists of."""
        if key[0] == "local":
            return (self.template.locals[key[1]].expr,)
        block = self.template.data[key[1], key[2]]
        return (*block.meta.values(), block.body)

    def _references(self, key: Key) -> Iterator[Reference]:
        return (reference for node in self._nodes(key) for reference in references(node))

    def _meant(self, reference: Reference) -> Sequence[Key]:
        """The declared locals or data sources that a reference refers to: several for ``data.TYPE`` as a whole."""
        steps = tuple(map(str, reference.steps))
        if reference.root == "local":
            names = steps[:1] or self.template.locals
            return [("local", name) for name in names if name in self.template.locals]
        if reference.root != "data":
            return ()
        if len(steps) > 1:
            return [("data", steps[0], steps[1])] if steps[:2] in self.template.data else ()
        return [("data", *address) for address in self.template.data if address[:1] == steps or not steps]

    def _dependencies(self, key: Key) -> Mapping[Key, Range]:
        found: dict[Key, Range] = {}
        for reference in self._references(key):
            for needed in self._meant(reference):
                found.setdefault(needed, reference.range)
        return found

    def _read_by(self, key: Key) -> frozenset[DataAddress]:
        return self.data_of(self._references(key))

    def _local(self, name: str, diags: Diagnostics) -> None:
        block = self.template.locals[name]
        before = len(diags.items)
        value = evaluate(block.expr, self.scope.child({"local": self._locals_for(block.expr)}), diags)
        if len(diags.items) > before:
            self._wrong["local", name] = diags.items[before:]
        self.locals[name] = value.with_marks(_SENSITIVE) if block.sensitive else value

    def _locals_for(self, *nodes: Node) -> Value:
        """The locals that expressions refer to; all of them when they refer to one that does not exist."""
        found = [r for node in nodes for r in references(node) if r.root == "local"]
        names = [str(r.steps[0]) for r in found if r.steps]
        if len(names) == len(found) and all(name in self.locals for name in names):
            return object_of({name: self.locals[name] for name in names})
        return object_of({name: self.locals.get(name, unknown()) for name in self.template.locals})


def surroundings(template: Template, cwd: Path) -> dict[str, Value]:
    """``path`` and ``packer``."""
    return {
        "path": object_of({"cwd": string(str(cwd)), "root": string(str(template.base_dir))}),
        "packer": object_of(
            {"version": string(PACKER_VERSION), "iterationID": string(""), "versionFingerprint": string("")}
        ),
    }


def make_globals(
    template: Template,
    variables: Mapping[str, Value],
    functions: Mapping[str, Function],
    diags: Diagnostics,
    *,
    cwd: Path,
    data: Mapping[DataAddress, Value] | None = None,
    data_types: Mapping[Address, Type] | None = None,
) -> Globals:
    return Globals(template, variables, functions, cwd, data or {}, data_types or {}).evaluate(diags)


def globals_of(scope: Scope) -> Globals | None:
    """The globals that a scope was made from."""
    owner = owner_of(scope)
    return owner if isinstance(owner, Globals) else None


# -- what belongs to one build --------------------------------------------------


def source_object(type_: str, name: str, keys: Sequence[str] = ()) -> Value:
    """``source.type``, ``source.name``; ``source.key`` is the key of an instance, null for what has none."""
    key = string(keys[-1]) if keys else null(STRING)
    return object_of({"type": string(type_), "name": string(name), "key": key})


def unknown_build(build_name: str, type_: str, facts: Iterable[str]) -> Value:
    """``build.*`` before the machine runs. A name that no machine ever tells is missing: using it is an error."""
    own = {name: unknown() for name in facts}
    usual = {name: _marked(name, value) for name, value in BUILD_FACTS.items()}
    return object_of({**usual, **own, "name": string(build_name), "type": string(type_)})


def known_build(placeholder: Value, facts: Mapping[str, Any]) -> Value:
    """``build.*`` once the machine runs: what it tells, and nothing in place of what it does not have."""
    names: Mapping[str, Value] = placeholder.raw if isinstance(placeholder.raw, dict) else {}
    found = {name: _absent(value) for name, value in names.items()}
    for name, fact in facts.items():
        value = from_python(fact.reveal() if isinstance(fact, Secret) else fact)
        secret = name in _SECRET_FACTS or isinstance(fact, Secret)
        found[name] = value.with_marks(_SENSITIVE) if secret else value
    return object_of(found)


def _marked(name: str, value: Value) -> Value:
    return value.with_marks(_SENSITIVE) if name in _SECRET_FACTS else value


def _absent(value: Value) -> Value:
    if value.is_known:
        return value
    return number(0) if value.type is NUMBER else string("")


UNKNOWN_ARTIFACT: Value = object_of(
    {
        "id": _UNKNOWN_TEXT,
        "builder": _UNKNOWN_TEXT,
        "path": _UNKNOWN_TEXT,
        "files": unknown(),
        "state": unknown(),
        "build": unknown(),
    }
)
"""``artifact.TYPE.NAME`` before it is built; ``path`` is its first file, ``build`` what the machine told."""


def known_artifact(*, id_: str, builder: str, files: Iterable[str], state: Mapping[str, Any], build: Value) -> Value:
    names = list(files)
    return object_of(
        {
            "id": string(id_),
            "builder": string(builder),
            "path": string(names[0] if names else ""),
            "files": from_python(names),
            "state": from_python(dict(state)),
            "build": build,
        }
    )


def artifact_tree(artifacts: Mapping[tuple[str, ...], Value]) -> Value:
    """``artifact`` itself: artifacts by the steps that lead to them, ``(TYPE, NAME)`` or ``(BUILD, TYPE, NAME)``."""
    tree: dict[str, Any] = {}
    for steps, value in artifacts.items():
        at = tree
        for step in steps[:-1]:
            at = at.setdefault(step, {})
        if isinstance(value.raw, dict):
            at.setdefault(steps[-1], {}).update(value.raw)
        else:
            at[steps[-1]] = value
    return _object(tree)


def _object(tree: Mapping[str, Any]) -> Value:
    return object_of({name: _object(item) if isinstance(item, dict) else item for name, item in tree.items()})


def late_scope(scope: Scope, names: Mapping[str, Value], data: Mapping[DataAddress, Value] | None = None) -> Scope:
    """A scope of a spec with what has become known: ``build`` and ``artifact`` in ``names``, results in ``data``.

    Locals that depend on data sources are evaluated again.
    """
    if not data:
        return scope.child(names)
    chain = list(scope.chain())
    at = next(i for i, inner in enumerate(chain) if isinstance(inner.variables, Roots))
    roots = chain[at].variables
    assert isinstance(roots, Roots)
    assert isinstance(roots.owner, Globals)
    found = roots.owner.with_data(data).scope
    for inner in reversed(chain[:at]):
        found = found.child(inner.variables or {})
    return found.child(names)
