"""Corpus files that a parser must accept or refuse as HCL does."""

from __future__ import annotations

from conformance.model import Group

GROUPS: tuple[Group, ...] = ()
