"""Texts in HCL templates that look like references and are none: Packer's JSON calls, ``#{var.x}``, ``$var.x``.

They are what their author wrote, so there are warnings only, and only where no other meaning is likely.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection
from typing import Final

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.syntax import Body, Literal, walk

_CALL: Final = re.compile(r"\{\{-?\s*(user|env)\s+`(\w+)")
_REFERENCE: Final = re.compile(r"(?:#\{|(?<!\$)\$\(?|(?<!\{)\{\{?\s*)((var|local)\.([\w-]+))")


def warn_of_lookalikes(body: Body, variables: Collection[str], locals_: Collection[str], diags: Diagnostics) -> None:
    """Warn of each text in a file that names a variable or local in a way that is not HCL's."""
    source = body.source
    if source.filename.endswith(".py"):
        return  # what looks like a reference there is one, in an f-string
    found = [*_calls(source), *_references(source, {"var": variables, "local": locals_})]
    if not found:
        return
    blocks = [block for block in body.blocks if not block.type.text.startswith("variable")]  # values for anything
    nodes = (node for block in blocks for node in walk(block))
    # Texts never overlap, so the one that a place is in is the last that begins before it.
    texts = sorted([(n.start, n.end) for n in nodes if isinstance(n, Literal) and isinstance(n.value.raw, str)])
    for start, end, detail in found:
        at = bisect_right(texts, start, key=lambda text: text[0]) - 1
        if at >= 0 and end <= texts[at][1]:
            diags.warn("Text that looks like a reference", detail, subject=source.range(start, end))


def _calls(source: SourceText) -> list[tuple[int, int, str]]:
    meant = {
        "user": 'Only JSON templates call "user"; here the variable is written ${{var.{0}}}.',
        "env": 'Only JSON templates call "env" so; here it is env("{0}") in the default of a variable.',
    }
    return [(*m.span(), meant[m[1]].format(m[2])) for m in _CALL.finditer(source.text)]


def _references(source: SourceText, known: dict[str, Collection[str]]) -> list[tuple[int, int, str]]:
    return [
        (*m.span(), f"This stays as it is. To put in the value, write ${{{m[1]}}}.")
        for m in _REFERENCE.finditer(source.text)
        if m[3] in known[m[2]]
    ]
