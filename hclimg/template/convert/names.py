"""Names of legacy templates, which may be any text, as the identifiers that HCL wants."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from hclimg.lang.unparse import is_identifier

_NOT_IN_NAMES: Final = re.compile(r"[^\w-]+")


def identifiers(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """A different identifier for each name: itself where it is one."""
    names = list(dict.fromkeys(names))
    found = {name: name for name in names if is_identifier(name) and name not in taken}
    used = {*taken, *found}
    for name in names:
        if name in found:
            continue
        base = _NOT_IN_NAMES.sub("_", name).strip("_") or "x"
        base = base if is_identifier(base) else f"_{base}"
        number, new = 1, base
        while new in used:
            number, new = number + 1, f"{base}_{number + 1}"
        found[name] = new
        used.add(new)
    return {name: found[name] for name in names}
