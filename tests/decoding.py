"""What a template's text becomes as a component's settings, and what is said about it."""

from __future__ import annotations

from typing import Any, TypeVar

from hclimg.config.decode import decode
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope
from hclimg.lang.parse import parse_body
from hclimg.lang.values import unknown
from hclimg.sdk.components import Component

T = TypeVar("T")
C = TypeVar("C", bound=Component[Any])


def decoded(cls: type[T], text: str) -> tuple[T | None, list[str]]:
    """The config object, and each problem as ``line: summary; detail``. ``later`` is a value not known yet."""
    diags = Diagnostics()
    source = SourceText("test.pkr.hcl", text)
    body = parse_body(source, diags)
    scope = Scope({"later": unknown()}, {})
    config = decode(cls, body, scope, diags, context="test", header=source.range(0, 0))
    return config, [_shown(source, d.subject.start if d.subject else 0, d.summary, d.detail) for d in diags]


def _shown(source: SourceText, offset: int, summary: str, detail: str) -> str:
    return f"{source.position(offset).line}: {summary}; {detail}"


def component(cls: type[C], text: str) -> C:
    """The component as a template describes it, which must be right."""
    config, problems = decoded(cls.Config, text)
    assert problems == []
    return cls(config)
