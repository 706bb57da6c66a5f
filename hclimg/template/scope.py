"""What names mean that belong to one build: ``build``, ``source``, ``artifact``.

What only a run tells is unknown until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hclimg.lang.types import NUMBER, STRING
from hclimg.lang.values import SENSITIVE, Value, from_python, null, number, object_of, string, unknown
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
