"""Loads paramiko without what hclimg has no use for: half of the time that a short build would take to start."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from importlib import import_module
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


def load_ahead(kind: str) -> None:
    """Begin to import what a connection of this kind needs, in a thread: while a machine comes up there is time for it.

    What cannot be imported is told by whoever needs it then.
    """
    if kind == "ssh":
        threading.Thread(target=_load_ssh, name="loading", daemon=True).start()


def _load_ssh() -> None:
    with suppress(ImportError):
        load_paramiko()
        for name in ("session", "login", "ssh", "socks", "tunnels", "sftp_files", "rooted", "tarstream"):
            import_module(f"hclimg.communicators.{name}")
