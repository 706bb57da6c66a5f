"""Templates in Python: what ``from hclimg import …`` offers to a ``*.img.py`` file.

Calling these functions declares blocks, the same that HCL has; what they return stands for values that are known later.
Loops and functions of Python take the place of ``for_each`` and ``dynamic``.
"""

from __future__ import annotations

from hclimg.template.dsl.declare import (
    build,
    data,
    dynamic,
    group,
    local,
    module,
    output,
    packer,
    source,
    variable,
)
from hclimg.template.dsl.values import Ref, cond, each, env, fn, hcl, path

__all__ = [
    "Ref",
    "build",
    "cond",
    "data",
    "dynamic",
    "each",
    "env",
    "fn",
    "group",
    "hcl",
    "local",
    "module",
    "output",
    "packer",
    "path",
    "source",
    "variable",
]
