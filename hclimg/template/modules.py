"""Finds and reads the modules that a template calls: templates in directories of their own, and what these call.

A directory is read once, however often it is called.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import attrs

from hclimg.diagnostics import Diagnostics, Range, Related, did_you_mean
from hclimg.template.model import ModuleBlock, Template

Read = Callable[[str, Diagnostics], Template | None]

DEEPEST = 50
"""How deep modules can call modules."""

_ADDRESS = re.compile(r"[a-z0-9+.-]+(::|://)|git@|github\.com/|bitbucket\.org/|[\w-]+/[\w-]+/[\w-]+$", re.IGNORECASE)


def load_modules(template: Template, read: Read, diags: Diagnostics) -> Template:
    """The template with its modules; ``read`` reads the template in a directory.

    What cannot be found or read, and modules that call each other, are reported.
    """
    if not template.modules:
        return template
    return _Loading(read, diags).with_modules(template, (_caller(str(template.base_dir), None),))


@attrs.frozen
class _Caller:
    """A directory that is being read, as users know it and as it really is, and the block that called it."""

    path: str
    directory: str
    place: Range | None


@attrs.define
class _Loading:
    read: Read
    diags: Diagnostics
    _done: dict[str, Template | None] = attrs.field(factory=dict)

    def with_modules(self, template: Template, callers: tuple[_Caller, ...]) -> Template:
        modules = {
            name: attrs.evolve(block, template=self._called(block, template, callers))
            for name, block in template.modules.items()
        }
        called = [block.template for block in modules.values()]
        return attrs.evolve(
            template,
            modules=modules,
            whole=template.whole and all(one is not None and one.whole for one in called),
            knows_builds=template.knows_builds and all(one is not None and one.knows_builds for one in called),
        )

    def _called(self, block: ModuleBlock, caller: Template, callers: tuple[_Caller, ...]) -> Template | None:
        path = self._path(block, caller)
        if path is None:
            return None
        directory = os.path.realpath(path)
        if any(known.directory == directory for known in callers):
            self._report_cycle(block, directory, callers)
            return None
        if directory not in self._done:
            self._done[directory] = self._read(path, block, (*callers, _caller(path, block.header)))
        return self._done[directory]

    def _read(self, path: str, block: ModuleBlock, callers: tuple[_Caller, ...]) -> Template | None:
        if len(callers) > DEEPEST:
            detail = f"Modules can be called {DEEPEST - 1} levels deep at most."
            self.diags.error("Modules nested too deeply", detail, subject=block.header, context=block.context)
            return None
        template = self.read(path, self.diags)
        return None if template is None else self.with_modules(template, callers)

    # -- where it is --------------------------------------------------------------

    def _path(self, block: ModuleBlock, caller: Template) -> str | None:
        """The directory of a module, as users know it; None, after a report, when there is none."""
        source = block.source
        if source is None:
            return None
        if not source.startswith(("./", "../", "/")) and source not in (".", ".."):
            self._report(block, "Unsupported module source", _not_local(source, caller.base_dir))
            return None
        path = Path(os.path.normpath(caller.base_dir / source))
        if not path.is_dir():
            what = "is a file; a module is a directory" if path.exists() else "does not exist"
            self._report(block, "Module not found", f'The directory "{path}" {what}.{_like(path)}')
            return None
        return str(path)

    def _report(self, block: ModuleBlock, summary: str, detail: str) -> None:
        at = block.source_place or block.header
        self.diags.error(summary, detail, subject=at, context=block.context)

    def _report_cycle(self, block: ModuleBlock, directory: str, callers: tuple[_Caller, ...]) -> None:
        first = next(i for i, known in enumerate(callers) if known.directory == directory)
        names = [known.path for known in (*callers[first:], callers[first])]
        related = [Related("called here", known.place) for known in callers[first + 1 :] if known.place]
        if len(names) == 2:
            detail = f'The module calls its own directory "{names[0]}".'
        else:
            detail = f"These modules call each other: {' → '.join(names)}. Remove one of the calls."
        self.diags.error(
            "Module cycle", detail, subject=block.header, context=block.context, related=tuple(related)
        )  # fmt: skip


def _caller(path: str, place: Range | None) -> _Caller:
    return _Caller(path, os.path.realpath(path), place)


def _not_local(source: str, base_dir: Path) -> str:
    """Why a source is none that hclimg reads."""
    if not _ADDRESS.match(source) and (base_dir / source).is_dir():
        return f'A local module begins with "./" or "../". Did you mean "./{source}"?'
    return (
        f'"{source}" is no local path. hclimg reads modules from local directories only: "./modules/web", "../shared", '
        "or an absolute path. Fetch a module of a registry or of git yourself, for instance as a git submodule."
    )


def _like(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_dir()]
    except OSError:
        return ""
    return did_you_mean(path.name, names)
