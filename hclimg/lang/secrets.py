"""Which texts in a value must not be shown."""

from __future__ import annotations

from collections.abc import Iterator

from hclimg.lang.values import Value


def secret_texts(value: Value, *, hidden: bool = False) -> Iterator[str]:
    """The texts in a value that are sensitive; all of them when it is sensitive as a whole, or ``hidden``."""
    hidden = hidden or value.is_sensitive
    raw = value.raw
    if isinstance(raw, tuple):
        for item in raw:
            yield from secret_texts(item, hidden=hidden)
    elif isinstance(raw, dict):
        for item in raw.values():
            yield from secret_texts(item, hidden=hidden)
    elif hidden and isinstance(raw, str):
        yield raw
