"""Type stubs for templates in Python, made from the declared settings of every component that there is.

An editor completes the arguments of ``source.qemu(…)`` with them, and mypy checks these.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from attrs import define, field

from hclimg.config.schema import Schema, SettingSpec, schema_of
from hclimg.registry import Kind, Registry
from hclimg.template.steps import meta_names
from hclimg.units import Secret

OFFERED: Final = "offered.pyi.txt"
_CLASSES: Final = {
    Kind.BUILDER: ("_Sources", "_name: str, /, ", "Source"),
    Kind.DATA_SOURCE: ("_DataSources", "_name: str, /, ", "Ref"),
    Kind.PROVISIONER: ("_Provisioners", "", "None"),
    Kind.POST_PROCESSOR: ("_PostProcessors", "", "None"),
}
"""For each kind of component: the class that has a method for each, and what these take and give."""
_TYPES: Final[dict[Any, str]] = {
    str: "_Text", int: "_Number", float: "_Number", bool: "_Bool", Path: "_Text", timedelta: "_Text", Secret: "_Text",
    Any: "Any",
}  # fmt: skip
_META: Final = {
    "continue_on_error": "_Bool",
    "except": "_Builds",
    "keep_input_artifact": "_Bool",
    "max_retries": "_Number",
    "only": "_Builds",
    "override": "Mapping[str, Mapping[str, Any]]",
}
_REPEATED: Final = {"for_each": "Any", "enabled": "_Bool"}


def stubs(registry: Registry) -> str:
    """The text of ``hclimg/__init__.pyi``."""
    text = files(__package__).joinpath(OFFERED).read_text(encoding="utf-8")
    writer = _Writer()
    methods = {kind: list(writer.methods(kind, registry)) for kind in _CLASSES}
    for kind, (name, _, _) in _CLASSES.items():
        text = text.replace(f"class {name}: ...\n", "\n".join([f"class {name}:", *methods[kind], ""]))
    return "\n".join([text, *writer.blocks.values()])


@define
class _Writer:
    """``blocks`` are the classes of nested blocks, by their names."""

    blocks: dict[str, str] = field(factory=dict)
    _names: dict[type, str] = field(factory=dict)

    def methods(self, kind: Kind, registry: Registry) -> Iterator[str]:
        _, first, result = _CLASSES[kind]
        for name in registry.names(kind):
            cls = registry.load(kind, name)
            assert cls is not None
            schema = schema_of(cls.Config)
            arguments = ", ".join(self._arguments(schema, kind))
            yield f"    def {_word(name.replace('-', '_'))}(self, {first}*, {arguments}) -> {result}:"
            yield f"        {_doc(schema.doc)}"
        yield f"    def __call__(self, type_: str, /, *names: str, **settings: Any) -> {result}: ..."
        yield f"    def __getattr__(self, name: str) -> Callable[..., {result}]: ..."

    def _arguments(self, schema: Schema, kind: Kind) -> Iterator[str]:
        """Required ones first, those of hclimg last."""
        settings = sorted(schema.settings.values(), key=lambda spec: not spec.meta.required)
        for spec in settings:
            yield f"{_word(spec.name)}: {self._type(spec)}{'' if spec.meta.required else ' = ...'}"
            for alias in spec.meta.aliases:
                yield f"{_word(alias)}: {self._type(spec)} = ..."
        own = {name: _META.get(name, "_Text") for name in sorted(meta_names(kind))} | _REPEATED
        if kind in (Kind.PROVISIONER, Kind.POST_PROCESSOR):
            own["retry"] = "_Block[_Retry]"
        yield from (f"{_word(name)}: {type_} = ..." for name, type_ in own.items() if name not in schema.names)

    def _type(self, spec: SettingSpec) -> str:
        if spec.meta.nested:
            return f"{'_Blocks' if spec.meta.many else '_Block'}[{self._block(spec.element)}]"
        if spec.meta.choices and spec.type is str:
            return f"Literal[{', '.join(map(repr, spec.meta.choices))}] | Ref"
        return _type_of(spec.type)

    def _block(self, cls: type) -> str:
        """The name of the class of a nested block; one that several components have is written once."""
        if cls not in self._names:
            name = f"_{cls.__name__}"
            while name in self.blocks:
                name += "_"
            self._names[cls] = name
            self.blocks[name] = ""  # its place: before those inside of it
            items = [f"    {_key(spec, self._type(spec))}" for spec in schema_of(cls).settings.values()]
            self.blocks[name] = "\n".join([f"class {name}(TypedDict, total=False):", *(items or ["    pass"]), ""])
        return self._names[cls]


def _key(spec: SettingSpec, type_: str) -> str:
    return f"{_word(spec.name)}: {f'Required[{type_}]' if spec.meta.required else type_}"


def _type_of(kind: Any) -> str:
    if kind in _TYPES:
        return _TYPES[kind]
    origin = get_origin(kind)
    if origin is tuple:
        return f"Sequence[{_type_of(get_args(kind)[0])}] | Ref"
    if origin is dict:
        return f"Mapping[str, {_type_of(get_args(kind)[1])}] | Ref"
    return "_Text" if isinstance(kind, type) and issubclass(kind, Enum) else "Any"


def _word(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def _doc(text: str) -> str:
    """The first paragraph, as the doc string of a method."""
    line = " ".join(text.partition("\n\n")[0].split()).replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{line}"""'
