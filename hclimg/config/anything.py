"""The settings of a component of which nobody knows what it takes: everything, as it is written.

What it is given is checked as far as the language goes: what it refers to exists. Which spelling a component wants is
not known here: blocks or objects, a list of one or its element, a list of texts or one with commas, ``"5"`` or 5.
"""

from __future__ import annotations

from typing import Any, ClassVar

from hclimg.config.fields import config


@config
class Anything:
    """Whatever a template says."""

    takes_anything: ClassVar[bool] = True


def same_spelling(data: Any) -> Any:
    """Plain data in the one spelling of all that may mean the same."""
    if isinstance(data, dict):
        return {name: same_spelling(item) for name, item in data.items()}
    if isinstance(data, list):
        items = [same_spelling(item) for item in data]
        if len(items) == 1:
            return items[0]
        return ",".join(items) if all(isinstance(item, str) for item in items) else items
    if isinstance(data, bool):
        return "true" if data else "false"
    return str(data) if isinstance(data, int | float) else data
