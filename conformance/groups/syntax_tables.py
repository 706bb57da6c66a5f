"""Tables of HCL's own syntax tests."""

from __future__ import annotations

from conformance.model import Group

GROUPS: tuple[Group, ...] = ()
