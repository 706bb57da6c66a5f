"""What lanes are called: names of builds and of sources, with the keys of their instances."""

from __future__ import annotations

import re

import attrs

from hclimg.diagnostics import did_you_mean
from hclimg.lang.show import quoted
from hclimg.lang.values import Value, object_of, string
from hclimg.template.expand import Expansion
from hclimg.template.instances import BlockInstances
from hclimg.template.model import BuildBlock, ComponentBlock, SourceReference
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

    ``callings`` are what options can begin the name of a lane with. ``key`` is which instance of the block this is.
    """

    name: str
    text: str
    steps: tuple[str, ...]
    callings: tuple[str, ...]
    key: str | None = None

    @classmethod
    def of(cls, build: BuildBlock, name: str) -> BuildName:
        """A name that is made with ``each`` tells instances apart; otherwise the key does."""
        if build.key is None or (name and build.name is not None and refers_to_each(build.name)):
            return cls(name, name, (name,) if name else (), (name,), build.key)
        base = name or _UNNAMED
        text = base + key_text(build.key)
        return cls(name, text, (base, build.key), (text, base), build.key)


@attrs.frozen
class LaneNames:
    """``name`` is what the source is called in its build, ``told`` the keys that tell it from others of that name.

    ``locals`` is what a build can call its lanes itself, ``callings`` what options can; ``steps`` and ``families`` are
    those of :class:`hclimg.plan.node.Lane`.
    """

    name: str
    told: tuple[str, ...]
    address: str
    locals: tuple[str, ...]
    callings: tuple[str, ...]
    steps: tuple[str, ...]
    families: tuple[tuple[str, ...], ...]


def lane_names(
    source: ComponentBlock, reference: SourceReference, named: SourceName, build: BuildName, module: str = ""
) -> LaneNames:
    """What the lane of an instance of a source is called, in a build that refers to it so and gives it this name.

    ``module`` is what all addresses of the module begin with that the build stands in.
    """
    name = named.text or source.name
    # Who gives one instance a name of its own has told it apart.
    own = () if source.key is None or (named.text and reference.key is not None) else (source.key,)
    keys = (*own, *named.keys)
    plain = f"{source.type}.{name}"
    local = plain + "".join(map(key_text, keys))
    begin = (*build.steps, source.type, name)
    prefixes = [module + (f"{calling}." if calling else "") for calling in build.callings]
    return LaneNames(
        name=name,
        # The name of a build is no part of the name of a file, so its key is, also when its name says it.
        told=keys if build.key is None else (build.key, *keys),
        address=module + (f"{build.text}.{local}" if build.text else local),
        locals=tuple(dict.fromkeys((local, plain))),
        callings=tuple(dict.fromkeys(prefix + one for prefix in prefixes for one in (local, plain))),
        steps=(*begin, *keys),
        families=(
            *([build.steps[:1]] if len(build.steps) > 1 else ()),
            *((*begin, *keys[:count]) for count in range(len(keys))),
        ),
    )


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
