"""HCL blocks as a Python file that declares the same."""

from __future__ import annotations

import keyword
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import define, evolve, field

from hclimg.diagnostics import Diagnostics, Range
from hclimg.lang.references import references
from hclimg.lang.syntax import Attribute, Block, Body, Expr, GetAttr, Literal, TupleCons, Variable
from hclimg.lang.unparse import expression_text
from hclimg.template.blocks import source_reference
from hclimg.template.convert.comments import Attached
from hclimg.template.convert.python_exprs import (
    Names,
    enclosed,
    hashed,
    indented,
    is_word,
    python_text,
    string_text,
    word,
)
from hclimg.template.ordering import in_order

_OFFERED: Final = frozenset(
    "build cond data dynamic each env fn group hcl local module output packer path source variable".split()  # noqa: SIM905
)
_TYPES: Final = {"string": "str", "bool": "bool"}
_HANDLES: Final = frozenset(("variable", "variables", "source", "data", "module"))
"""Blocks that others refer to by a name in Python."""
_WITHOUT_EFFECT: Final = frozenset(("hcp_packer_registry", "communicator"))
_LATE: Final = {"group": 1, "build": 2, "output": 3}
_METHODS: Final = {
    "provisioner": "provisioner",
    "post-processor": "post_processor",
    "error-cleanup-provisioner": "error_cleanup",
}


def python_of(bodies: Sequence[tuple[Body, Attached]], diags: Diagnostics) -> str:
    """The Python file that declares what some HCL bodies do, in their order; what it cannot say is reported."""
    blocks = [block for body, _ in bodies for block in body.blocks]
    names = _names(blocks)
    writer = _Blocks(Names(names), ChainMap(*(dict(comments.of) for _, comments in bodies)), diags)
    parts = [f"{hashed(comments.heading)}\n" for _, comments in bodies if comments.heading]
    parts += [part for block in _in_order(blocks, names) for part in writer.block(block)]
    parts += [f"{hashed(comments.ending)}\n" for _, comments in bodies if comments.ending]
    text = "\n".join(parts)
    used = [name for name in sorted(_OFFERED) if _mentions(text, name)]
    return f"from hclimg import {', '.join(used)}\n\n{text}" if used else text


def _in_order(blocks: list[Block], names: Mapping[tuple[str, ...], str]) -> list[Block]:
    """Python needs a name before it is used: declarations first, each after those that it refers to."""
    owners = {names[s]: number for number, block in enumerate(blocks) for s in _all_steps_of(block) if s in names}

    def needed(number: int) -> Mapping[int, Range]:
        found: dict[int, Range] = {}
        for reference in references(blocks[number]):
            steps = (reference.root, *map(str, reference.steps))
            name = next((names[steps[:count]] for count in (3, 2) if steps[:count] in names), "")
            owner = owners.get(name.removesuffix(".artifact"))
            if owner is not None and owner != number:
                found.setdefault(owner, reference.range)
        return found

    order, _ = in_order(range(len(blocks)), needed)
    return [blocks[number] for number in sorted(order, key=lambda n: _LATE.get(blocks[n].type.text, 0))]


def _steps_of(block: Block) -> tuple[str, ...]:
    """How HCL refers to what the block declares."""
    labels = tuple(label.text for label in block.labels)
    return ("var" if block.type.text == "variable" else block.type.text, *labels)


def _all_steps_of(block: Block) -> list[tuple[str, ...]]:
    """A ``variables`` block declares several."""
    if block.type.text == "variables":
        return [("var", name) for name in block.body.attributes]
    return [_steps_of(block)]


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.\"']){name}(?=[(.])", text) is not None


def _names(blocks: Iterable[Block]) -> dict[tuple[str, ...], str]:
    """Names in Python for what other blocks refer to."""
    found: dict[tuple[str, ...], str] = {}
    taken = {*_OFFERED, *keyword.kwlist}
    for block in blocks:
        for steps in _all_steps_of(block) if block.type.text in _HANDLES else ():
            if steps in found:
                continue
            name = _free(steps[1:], taken)
            taken.add(name)
            found[steps] = name
            if block.type.text == "source":
                found["artifact", *steps[1:]] = f"{name}.artifact"
    return found


def _free(labels: tuple[str, ...], taken: set[str]) -> str:
    name = "".join(c if c.isalnum() else "_" for c in labels[-1])
    name = name if name.isidentifier() else f"_{name}"
    longer = "_".join([*labels[:-1], name]).replace("-", "_") if len(labels) > 1 else f"{name}_"
    number, candidate = 1, name if name not in taken else longer
    while candidate in taken or not candidate.isidentifier():
        number, candidate = number + 1, f"{name}_{number + 1}"
    return candidate


@define
class _Blocks:
    names: Names
    comments: Mapping[int, str]
    diags: Diagnostics
    builds: int = field(default=0, init=False)

    def block(self, block: Block) -> Iterator[str]:
        write = _WRITERS.get(block.type.text)
        if block.type.text in _WITHOUT_EFFECT:
            detail = f"A {block.type.text} block has no effect here, so it is left out."
            self.diags.warn("Block without effect", detail, subject=block.header)
        elif write is None:
            self._cannot(block)
        else:
            yield "\n".join([*self._above(block), *write(self, block)]) + "\n"

    def _above(self, item: Attribute | Block) -> Iterator[str]:
        said = self.comments.get(id(item), "")
        if said:
            yield hashed(said)

    def _commented(self, item: Attribute | Block, text: str) -> str:
        return "\n".join([*self._above(item), text])

    def _cannot(self, block: Block) -> None:
        detail = f"A template in Python has no {block.type.text} blocks."
        self.diags.error("Nothing to convert to", detail, subject=block.header)

    # -- declarations -------------------------------------------------------------------

    def variable(self, block: Block) -> Iterator[str]:
        name = block.labels[0].text
        yield f"{self.names.known['var', name]} = {_called('variable', self._declared(block, 'var'))}"

    def _declared(self, block: Block, root: str) -> list[str]:
        """The arguments of a variable, or of a group's input."""
        name = block.labels[0].text
        items = [
            self._commented(i, _type(i)) if i.name.text == "type" else self._argument(i)
            for i in block.body.attributes.values()
        ]
        rules = [self._rule(inner, (root, name)) for inner in block.body.blocks]
        return [string_text(name), *items, *([f"validation={enclosed('[', rules, ']')}"] if rules else [])]

    def _rule(self, block: Block, value: tuple[str, str]) -> str:
        inner = evolve(self.names, known={**self.names.known, value: "value"})
        parts = block.body.attributes
        condition, message = (python_text(parts[key].expr, inner) for key in ("condition", "error_message"))
        return f"(lambda value: {condition}, {message})"

    def variables(self, block: Block) -> Iterator[str]:
        for name, item in block.body.attributes.items():
            yield from self._above(item)
            arguments = [string_text(name), f"default={python_text(item.expr, self.names)}"]
            yield f"{self.names.known['var', name]} = {_called('variable', arguments)}"

    def locals(self, block: Block) -> Iterator[str]:
        for name, item in block.body.attributes.items():
            yield from self._above(item)
            yield f"local({string_text(name)}, {python_text(item.expr, self.names)})"

    def local(self, block: Block) -> Iterator[str]:
        found = dict(block.body.attributes)
        value = python_text(found.pop("expression").expr, self.names)
        yield _called("local", [string_text(block.labels[0].text), value, *map(self._argument, found.values())])

    def packer(self, block: Block) -> Iterator[str]:
        arguments = [self._argument(item) for item in block.body.attributes.values()]
        for inner in block.body.blocks:
            plugins = [f"{string_text(n)}: {python_text(a.expr, self.names)}" for n, a in inner.body.attributes.items()]
            arguments.append(f"required_plugins={{{', '.join(plugins)}}}")
        yield _called("packer", arguments)

    def output(self, block: Block) -> Iterator[str]:
        yield _called("output", [string_text(block.labels[0].text), *self._arguments(block.body)])

    def component(self, block: Block) -> Iterator[str]:
        """A source, a data source or a module: the handle that others refer to it by."""
        keyword_, labels = block.type.text, tuple(label.text for label in block.labels)
        name = self.names.known[keyword_, *labels]
        call = keyword_ if keyword_ == "module" else f"{keyword_}.{word(labels[0].replace('-', '_'))}"
        yield f"{name} = {_called(call, [string_text(labels[-1]), *self._arguments(block.body)])}"

    # -- builds and groups ------------------------------------------------------------------

    def build(self, block: Block) -> Iterator[str]:
        self.builds += 1
        handle = "this" if self.builds == 1 else f"this_{self.builds}"
        inner = _Blocks(evolve(self.names, build=handle), self.comments, self.diags)
        arguments = [inner._build_argument(item) for item in block.body.attributes.values()]
        yield f"with {_called('build', arguments)} as {handle}:"
        yield from inner._steps(block.body.blocks, handle)

    def group(self, block: Block) -> Iterator[str]:
        handle = "steps"
        known = dict(self.names.known)
        inputs = [b for b in block.body.blocks if b.type.text == "input"]
        known.update({("input", b.labels[0].text): f"{word(b.labels[0].text)}_input" for b in inputs})
        inner = _Blocks(evolve(self.names, known=known), self.comments, self.diags)
        yield f"with group({string_text(block.labels[0].text)}) as {handle}:"
        yield from inner._steps(block.body.blocks, handle)

    def _steps(self, blocks: Iterable[Block], handle: str) -> Iterator[str]:
        lines = [line for block in blocks for line in (*self._above(block), *self._step(block, handle))]
        yield from map(indented, lines or ["pass"])

    def _step(self, block: Block, handle: str) -> Iterator[str]:
        kind, labels = block.type.text, [label.text for label in block.labels]
        if kind == "dynamic":
            yield _called(f"{handle}.dynamic", [string_text(labels[0]), *self._rounds(block)])
            return
        arguments = self._arguments(block.body)
        if kind in _METHODS:
            yield _called(f"{handle}.{_METHODS[kind]}.{word(labels[0].replace('-', '_'))}", arguments)
        elif kind == "post-processors":
            yield f"with {handle}.post_processors() as chain:"
            yield from self._steps(block.body.blocks, "chain")
        elif kind == "source":
            yield _called(f"{handle}.source", [self._source(labels[0]), *arguments])
        elif kind == "use":
            yield _called(f"{handle}.use", [string_text(labels[0]), *arguments])
        elif kind == "input":
            call = _called(f"{handle}.input", self._declared(block, "input"))
            yield f"{self.names.known['input', labels[0]]} = {call}"
        elif kind in _WITHOUT_EFFECT:
            yield from self.block(block)
        else:
            self._cannot(block)

    def _build_argument(self, item: Attribute) -> str:
        if item.name.text == "sources" and isinstance(item.expr, TupleCons):
            return f"sources=[{', '.join(self._listed(one) for one in item.expr.items)}]"
        return self._argument(item)

    def _listed(self, expr: Expr) -> str:
        if isinstance(expr, Literal) and isinstance(expr.value.raw, str):
            return self._source(expr.value.raw)
        if isinstance(expr, GetAttr) and isinstance(expr.object, GetAttr) and isinstance(expr.object.object, Variable):
            return self._source(expression_text(expr))
        return python_text(expr, self.names)

    def _source(self, text: str) -> str:
        found = source_reference(text)
        known = self.names.known.get(("source", found.type, found.name)) if found and found.key is None else None
        return known or string_text(text)

    # -- arguments ----------------------------------------------------------------------

    def _arguments(self, body: Body) -> list[str]:
        """The arguments of a call; blocks of one name together, as a dict or a list of them."""
        found: dict[str, list[str]] = {}
        for item in body.items:
            self._collect(item, found)
        said = self._said(body)
        return [f"{said.get(name, '')}{_keyword(name, _one_or_all(texts))}" for name, texts in found.items()]

    def _said(self, body: Body) -> dict[str, str]:
        """The comments above arguments, those of all blocks of one name together."""
        found: dict[str, str] = {}
        for item in body.items:
            for text in self._above(item):
                name = item.name.text if isinstance(item, Attribute) else _made(item)
                found[name] = f"{found.get(name, '')}{text}\n"
        return found

    def _dict(self, body: Body) -> str:
        found: dict[str, list[str]] = {}
        for item in body.items:
            self._collect(item, found)
        said = self._said(body)
        items = [f"{said.get(name, '')}{string_text(name)}: {_one_or_all(texts)}" for name, texts in found.items()]
        return enclosed("{", items, "}")

    def _collect(self, item: Attribute | Block, found: dict[str, list[str]]) -> None:
        if isinstance(item, Attribute):
            found[item.name.text] = [python_text(item.expr, self.names)]
        else:
            is_dynamic = item.type.text == "dynamic"
            text = _called("dynamic", self._rounds(item)) if is_dynamic else self._dict(item.body)
            found.setdefault(_made(item), []).append(text)

    def _rounds(self, block: Block) -> list[str]:
        """The arguments of ``dynamic``: what to go through, and what each round gives."""
        given = block.body.attributes
        iterator = given["iterator"].expr if "iterator" in given else None
        name = iterator.name if isinstance(iterator, Variable) else block.labels[0].text
        used = {*_OFFERED, *keyword.kwlist, *self.names.known.values()}
        element = _free((name,), used)
        known = {**self.names.known, (name,): element}
        inner = _Blocks(evolve(self.names, known=known), self.comments, self.diags)
        content = next(inner for inner in block.body.blocks if inner.type.text == "content")
        found = [python_text(given["for_each"].expr, self.names), f"lambda {element}: {inner._dict(content.body)}"]
        if "labels" in given:
            found.append(f"labels={python_text(given['labels'].expr, inner.names)}")
        return [*found, *([f"iterator={string_text(name)}"] if iterator is not None else [])]

    def _argument(self, item: Attribute) -> str:
        return self._commented(item, _keyword(item.name.text, python_text(item.expr, self.names)))


def _made(block: Block) -> str:
    """The type of the blocks that it is, or makes."""
    return block.labels[0].text if block.type.text == "dynamic" else block.type.text


def _type(item: Attribute) -> str:
    text = expression_text(item.expr)
    return f"type={_TYPES.get(text) or string_text(text)}"


def _one_or_all(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else enclosed("[", texts, "]")


def _keyword(name: str, text: str) -> str:
    return f"{word(name)}={text}" if is_word(name) else f"**{{{string_text(name)}: {text}}}"


def _called(name: str, arguments: list[str]) -> str:
    return enclosed(f"{name}(", arguments, ")")


_WRITERS: Final[Mapping[str, Callable[[_Blocks, Block], Iterator[str]]]] = {
    "build": _Blocks.build,
    "data": _Blocks.component,
    "group": _Blocks.group,
    "local": _Blocks.local,
    "locals": _Blocks.locals,
    "module": _Blocks.component,
    "output": _Blocks.output,
    "packer": _Blocks.packer,
    "source": _Blocks.component,
    "variable": _Blocks.variable,
    "variables": _Blocks.variables,
}
