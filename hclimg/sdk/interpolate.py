"""The Go templates in a component's settings (``{{ .Path }}``), rendered when the component runs.

What was known when the template was compiled is an expression already and never comes here: ``user`` and ``env`` do
not exist any more at this point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hclimg import PACKER_VERSION
from hclimg.errors import BuildError

if TYPE_CHECKING:
    from hclimg.sdk.context import Context

NOT_ALLOWED_IN_NAMES = r"[^A-Za-z0-9 ()./'@_\[\]-]"
"""What ``clean_resource_name`` replaces: the characters that the names of Amazon's images cannot have."""


def render(ctx: Context, template: str, data: Mapping[str, object]) -> str:
    """The text with its ``{{ … }}`` replaced. Raises BuildError when it is wrong, or names what is not in ``data``."""
    if "{{" not in template:
        return template
    from hclimg.lang.gotemplate import GoTemplateError
    from hclimg.lang.gotemplate import render as render_go

    try:
        return render_go(template, data, functions(ctx))
    except GoTemplateError as error:
        fields = ", ".join(f"{{{{.{name}}}}}" for name in data)
        hint = f"Here it can use {fields}." if fields else "Write {{`{{`}} for two literal braces."
        raise BuildError(f'The template "{_short(template)}" cannot be rendered: {error}', hint=hint) from error


def functions(ctx: Context) -> dict[str, Callable[..., object]]:
    """What a template can call."""
    started = datetime.fromtimestamp(ctx.run.started, UTC)
    return {
        "build": lambda name: _fact(ctx, name),
        "build_name": lambda: ctx.build_name,
        "build_type": lambda: ctx.build_type,
        "clean_resource_name": _clean_resource_name,
        "isotime": lambda layout="": _isotime(started, layout),
        "lower": lambda text: str(text).lower(),
        "packer_version": lambda: PACKER_VERSION,
        "pwd": _pwd,
        "replace": lambda old, new, count, text: str(text).replace(str(old), str(new), int(count)),
        "replace_all": lambda old, new, text: str(text).replace(str(old), str(new)),
        "split": _split,
        "strftime": lambda layout: started.strftime(layout),
        "timestamp": lambda: str(int(ctx.run.started)),
        "upper": lambda text: str(text).upper(),
        "uuid": _uuid,
    }


def _fact(ctx: Context, name: str) -> object:
    if name not in ctx.facts:
        known = ", ".join(sorted(ctx.facts)) or "nothing"
        raise BuildError(f'The machine has no build value "{name}".', hint=f"It has {known}.")
    return ctx.facts[name]


def _isotime(started: datetime, layout: str) -> str:
    if not layout:
        return started.strftime("%Y-%m-%dT%H:%M:%SZ")
    from hclimg.lang.functions.golayout import format_by_layout

    return format_by_layout(started, layout)


def _clean_resource_name(name: str) -> str:
    import re

    return re.sub(NOT_ALLOWED_IN_NAMES, "-", name)


def _split(text: str, separator: str, index: int) -> str:
    parts = text.split(separator)
    if not 0 <= index < len(parts):
        raise BuildError(f'split: "{text}" has no part number {index}.', hint="Parts are counted from 0.")
    return parts[index]


def _pwd() -> str:
    from pathlib import Path

    return str(Path.cwd())


def _uuid() -> str:
    from uuid import uuid4

    return str(uuid4())


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
