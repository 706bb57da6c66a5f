"""Go's text/template as Packer's templates use it: ``{{ .Name }}``, ``{{ user `x` | upper }}``, if, range, with.

``parse_go_template`` gives a tree of the nodes in :mod:`.nodes`; ``render`` gives the text. Without named templates,
``break`` and ``continue``. Knows none of Packer's functions: callers bring those that they offer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hclimg.lang.gotemplate.nodes import (
    Action,
    Command,
    Constant,
    Dot,
    Field,
    Function,
    GoTemplate,
    GoTemplateError,
    If,
    Item,
    Node,
    Paren,
    Pipeline,
    Range,
    Text,
    Variable,
    With,
    Word,
)
from hclimg.lang.gotemplate.parsing import parse_go_template

__all__ = [
    "Action",
    "Command",
    "Constant",
    "Dot",
    "Field",
    "Function",
    "GoTemplate",
    "GoTemplateError",
    "If",
    "Item",
    "Node",
    "Paren",
    "Pipeline",
    "Range",
    "Text",
    "Variable",
    "With",
    "Word",
    "parse_go_template",
    "render",
]


def render(
    template: str | GoTemplate,
    data: Mapping[str, object],
    functions: Mapping[str, Callable[..., Any]],
    *,
    keep_missing: bool = False,
) -> str:
    """The template's text for some data. Raises GoTemplateError.

    A field that the data lacks is an error, unless ``keep_missing``: then it prints as ``<no value>``, as in Go.
    """
    if isinstance(template, str):
        if "{{" not in template:
            return template
        template = parse_go_template(template)
    from hclimg.lang.gotemplate.rendering import Renderer

    return Renderer(data, functions, keep_missing).render(template)
