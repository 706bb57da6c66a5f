"""A hash of everything that influences what a node does: equal hashes, equal results.

It covers the component and its version, the settings with their values, the content of the files that it uses, what
hclimg does around it, and the same of all nodes before it. How the template spells this does not matter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hclimg.config.decode import Decoded, decode_body
from hclimg.diagnostics import Diagnostics
from hclimg.plan.canonical import settings_of
from hclimg.plan.node import Node, Spec
from hclimg.plan.plan import Plan
from hclimg.registry import Registry
from hclimg.sdk.components import Component


def fingerprints(plan: Plan, registry: Registry) -> dict[str, str]:
    """The fingerprint of every node, by id."""
    found: dict[str, str] = {}
    reader = SpecReader(registry)
    for node in plan.in_order():
        before = sorted(found[name] for name in plan.predecessors(node.id))
        found[node.id] = _digest([*_own(node, reader), *before])
    return found


def _own(node: Node, reader: SpecReader) -> Iterator[Any]:
    yield [node.kind.value, node.trigger.value, node.continue_on_error, node.keep_input]
    if node.spec is None:
        return
    component, settings = reader.read(node.spec, reveal=True)
    yield [node.spec.kind.value, node.spec.type, settings]
    if component is not None:
        yield _version(component)
        yield [_content(path) for path in component.inputs()]


class SpecReader:
    """Decodes specs again, each once, as far as they are known before a run."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._read: dict[tuple[int, bool], tuple[Component[Any] | None, dict[str, Any]]] = {}

    def read(self, spec: Spec, *, reveal: bool = False) -> tuple[Component[Any] | None, dict[str, Any]]:
        """The component, None when it is wrong, and its settings; secrets only show with ``reveal``."""
        key = id(spec), reveal
        if key not in self._read:
            self._read[key] = self._decode(spec, reveal)
        return self._read[key]

    def _decode(self, spec: Spec, reveal: bool) -> tuple[Component[Any] | None, dict[str, Any]]:
        cls = self._registry.load(spec.kind, spec.type)
        if cls is None:
            return None, {}
        decoded: Decoded[Any] | None = decode_body(
            cls.Config, spec.body, spec.scope, Diagnostics(), context=spec.context, header=spec.header
        )
        if decoded is None:
            return None, {}
        settings = settings_of(cls.Config, decoded.values, spec.body, spec.scope, reveal=reveal)
        return cls(decoded.config), settings


def _version(component: Component[Any]) -> str:
    """The version of the package that the component comes from."""
    package = type(component).__module__.partition(".")[0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _content(path: Path) -> str:
    """The hash of a file, or of all files of a directory with their names. A file that is missing hashes too."""
    if path.is_dir():
        files = sorted(item for item in path.rglob("*") if item.is_file())
        return _digest([[str(item.relative_to(path)), _content(item)] for item in files])
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _digest(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
