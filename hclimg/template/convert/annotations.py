"""Comments for who sees HCL for the first time: what the parts of a converted template are."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from hclimg.template.convert.document import Item, Note
from hclimg.template.convert.legacy import Sections

_FILE: Final = """\
This template was legacy JSON and has been written as HCL by a program. Look through it before you rely on it.
Its blocks may be moved to other *.pkr.hcl files of the same directory, which are one template together."""
_VARIABLES: Final = """\
What can be set from outside: with -var, -var-file, or environment variables that are called PKR_VAR_NAME.
A variable without a default has to be set. Values that are computed are locals."""
_SOURCES: Final = """\
Each builder of the old template is a source. Builds refer to it as source.TYPE.NAME."""
_BUILD: Final = """\
A build starts its sources, and runs the provisioners and then the post-processors on each of them."""


def annotated(sections: Sections) -> Sections:
    return evolve(
        sections,
        head=_below(_FILE, sections.head, always=True),
        variables=_below(_VARIABLES, sections.variables),
        sources=_below(_SOURCES, sections.sources),
        builds=_below(_BUILD, sections.builds),
    )


def _below(text: str, items: tuple[Item, ...], *, always: bool = False) -> tuple[Item, ...]:
    return (Note(text), *items) if items or always else ()
