"""Build hook: puts into the wheel what is made from other files of it.

The parser tables of the grammars, so that nobody compiles them at run time, and the type stubs of templates in Python.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TablesHook(BuildHookInterface[Any]):
    made: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile each grammar to a temporary file and have it shipped as ``hclimg/grammar/NAME.tables``."""
        if version == "editable":  # a checkout keeps its tables in the cache: its grammars may change
            return
        tables = _load_alone(Path(self.root) / "hclimg" / "lang" / "tables.py")
        self.made = Path(tempfile.mkdtemp(prefix="hclimg-tables-"))
        for grammar in sorted((Path(self.root) / "grammar").glob("*.lark")):
            path = self.made / f"{grammar.stem}.tables"
            path.write_text(tables.compile_grammar(grammar.read_text(encoding="utf-8"), grammar.stem), encoding="utf-8")
            build_data["force_include"][str(path)] = f"hclimg/grammar/{path.name}"
        stubs = self.made / "__init__.pyi"
        stubs.write_text(_stubs(Path(self.root)), encoding="utf-8")
        build_data["force_include"][str(stubs)] = "hclimg/__init__.pyi"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        if self.made:
            shutil.rmtree(self.made)


def _stubs(root: Path) -> str:
    """Made by the package itself, in a process of its own: declarations need nothing but attrs and lark."""
    program = "from hclimg.template.dsl.stubs import *; print(stubs(Registry()))"
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def _load_alone(path: Path) -> ModuleType:
    """A module without its package, whose dependencies aren't installed while it is built."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
