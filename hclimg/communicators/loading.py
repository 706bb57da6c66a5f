"""Loads paramiko without what hclimg has no use for: half of the time that a short build would take to start."""

from __future__ import annotations

import sys
import threading
from typing import Any, cast

_lock = threading.Lock()


def load_paramiko() -> None:
    """Import paramiko before anything else does.

    Where invoke is installed (fabric needs it), paramiko imports all of it for one keyword of ``~/.ssh/config``, which
    hclimg does not read. A module that is None in ``sys.modules`` counts as not installed, which paramiko is fine with.
    """
    with _lock:
        if "paramiko" in sys.modules or "invoke" in sys.modules:
            return
        modules = cast("dict[str, Any]", sys.modules)
        modules["invoke"] = None
        try:
            import paramiko as paramiko
        finally:
            del modules["invoke"]
