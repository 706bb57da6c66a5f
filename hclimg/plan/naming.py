"""What lanes are called: names of builds and of sources, with the keys of their instances."""

from __future__ import annotations

import re

import attrs

from hclimg.diagnostics import did_you_mean
from hclimg.lang.show import quoted
from hclimg.lang.values import Value, object_of, string
from hclimg.template.expand import Expansion
from hclimg.template.instances import BlockInstances
from hclimg.template.model import BuildBlock, SourceReference
from hclimg.template.repeat import key_list, key_text, refers_to_each

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 60
_UNNAMED = "build"
"""What a build with ``for_each`` and without a name is called, so that its key has something to follow."""


@attrs.frozen
class SourceName:
    """The name that a build gives a source, None when it gives none; ``keys`` tell apart those of the same name.

    ``key`` is which instance of the ``source`` block in the build this is, also when the name says so.
    """

    text: str | None
    keys: tuple[str, ...] = ()
    key: str | None = None


@attrs.frozen
class BuildName:
    """``name`` is what ``build.name`` gives, ``text`` what addresses begin with, ``steps`` the same in references.

    ``callings`` are what options can begin the name of a lane with.
    """

    name: str
    text: str
    steps: tuple[str, ...]
    callings: tuple[str, ...]

    @classmethod
    def of(cls, build: BuildBlock, name: str) -> BuildName:
        """A name that is made with ``each`` tells instances apart; otherwise the key does."""
        if build.key is None or (name and build.name is not None and refers_to_each(build.name)):
            return cls(name, name, (name,) if name else (), (name,))
        base = name or _UNNAMED
        text = base + key_text(build.key)
        return cls(name, text, (base, build.key), (text, base))


def file_part(key: str) -> str:
    """A key as a part of the name of a file: different ones for different keys, readable where that can be."""
    safe = _UNSAFE.sub("-", key)
    if safe == key and len(key) <= _LONGEST:
        return key
    import hashlib

    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe[:_LONGEST].strip('-')}-{digest}".lstrip("-")


def source_values(expansion: Expansion) -> Value:
    """``source`` in the ``sources`` of a build: a text for each source, which refers to it."""
    by_type: dict[str, dict[str, Value]] = {}
    for (type_, name), sources in expansion.sources.items():
        by_type.setdefault(type_, {})[name] = _reference(f"source.{type_}.{name}", sources)
    return object_of({type_: object_of(names) for type_, names in by_type.items()})


def _reference(text: str, sources: BlockInstances) -> Value:
    if not sources.repeated:
        return string(text)
    return object_of({key: string(f"{text}[{quoted(key)}]") for key in sources.found if key is not None})


def unknown_instance(wanted: SourceReference, sources: BlockInstances) -> tuple[str, str]:
    """Summary and detail when a reference means an instance that does not exist."""
    name, key = f"source.{wanted.type}.{wanted.name}", key_text(wanted.key)
    if not sources.repeated:
        return "Unknown instance", f"{name} has no for_each, so it has no instances: leave {key} out."
    keys = [key for key in sources.found if key is not None]
    return "Unknown instance", f"There is no {name}{key}.{did_you_mean(wanted.key or '', keys)}{key_list(keys)}"
