"""The registry: every module named here offers ``GROUPS``, a tuple of :class:`conformance.model.Group`.

To add groups, add a module to this package and its name to ``FAMILIES``.
"""

from __future__ import annotations

from importlib import import_module

from conformance.model import Group

FAMILIES = (
    "own",
    "syntax_files",
    "syntax_tables",
    "token_tables",
    "second_opinion",
    "json_syntax",
    "evaluation",
    "function_tables",
    "value_tables",
    "value_core",
    "templates",
    "layout",
    "legacy",
    "conversion",
    "legacy_conversion",
    "packer_validates",
    "commands",
    "mistakes",
)


def all_groups() -> list[Group]:
    """Every group of every family, in the order in which the table shows them."""
    return [group for family in FAMILIES for group in import_module(f"{__name__}.{family}").GROUPS]
