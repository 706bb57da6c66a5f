"""Starts a service of nova: ``nova_service.py NAME ARGUMENTS…``. Run by the system's Python.

nova looks for its drivers in a package of its own only; the folder ``virt`` beside this file becomes a part of it.
"""

import sys
from importlib import import_module
from pathlib import Path

name = sys.argv[1]
sys.argv = [f"nova-{name}", *sys.argv[2:]]
service = import_module(f"nova.cmd.{name}")
if name == "compute":
    import nova.virt

    nova.virt.__path__.append(str(Path(__file__).parent / "virt"))
sys.exit(service.main())
