"""Which files a conversion is about, what they are written in, and what the new ones are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Final

from attrs import frozen

from hclimg.diagnostics import Diagnostics


class Syntax(Enum):
    LEGACY = "legacy JSON"
    HCL = "HCL"
    JSON = "HCL's JSON syntax"
    PYTHON = "Python"


TARGETS: Final = {"hcl": Syntax.HCL, "json": Syntax.JSON, "python": Syntax.PYTHON}
"""What can be written, by the name that the command line has for it."""
_TEMPLATE: Final = {Syntax.HCL: ".pkr.hcl", Syntax.JSON: ".pkr.json", Syntax.PYTHON: ".img.py"}
_VARS: Final = {Syntax.HCL: ".pkrvars.hcl", Syntax.JSON: ".pkrvars.json"}
_ENDINGS: Final = {
    ".pkr.hcl": Syntax.HCL, ".pkrvars.hcl": Syntax.HCL, ".hcl": Syntax.HCL,
    ".pkr.json": Syntax.JSON, ".pkrvars.json": Syntax.JSON, ".json": Syntax.LEGACY, ".img.py": Syntax.PYTHON,
}  # fmt: skip


@frozen
class File:
    """A file; ``ending`` is what its name says of it."""

    path: Path
    ending: str

    @classmethod
    def at(cls, path: Path) -> File:
        """A name that says nothing is one of a legacy template, as for Packer."""
        return cls(path, next((ending for ending in _ENDINGS if path.name.endswith(ending)), ""))

    @property
    def syntax(self) -> Syntax:
        return _ENDINGS.get(self.ending, Syntax.LEGACY)

    @property
    def is_vars(self) -> bool:
        return self.ending in _VARS.values()

    @property
    def stem(self) -> str:
        return self.path.name.removesuffix(self.ending)

    def renamed(self, to: Syntax, stem: str = "") -> str:
        """The name of the file that says the same in another syntax. Values of variables are not written in Python."""
        if self.syntax is to or (self.is_vars and to not in _VARS):
            return self.path.name
        return f"{stem or self.stem}{(_VARS if self.is_vars else _TEMPLATE)[to]}"


@frozen
class Job:
    """A template to be converted: a file, or all files of a directory that make one template together."""

    path: Path
    files: tuple[File, ...]

    @property
    def is_directory(self) -> bool:
        return self.path != self.files[0].path

    @property
    def name(self) -> str:
        """What the whole template can be called."""
        return self.path.resolve().name if self.is_directory else self.files[0].stem

    @property
    def is_legacy(self) -> bool:
        return self.files[0].syntax is Syntax.LEGACY


def jobs(paths: Iterable[str], to: Syntax, diags: Diagnostics) -> Iterator[Job]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from _of_directory(path, to, diags)
        elif (file := File.at(path)).syntax is to or (file.is_vars and to is Syntax.PYTHON):
            detail = f'"{path}" is written in {file.syntax.value} already. Other ways: --to {_others(file.syntax)}.'
            diags.error("Nothing to convert", detail)
        else:
            yield Job(path, (file,))


def _others(syntax: Syntax) -> str:
    return " or ".join(name for name, target in TARGETS.items() if target is not syntax)


def _of_directory(folder: Path, to: Syntax, diags: Diagnostics) -> Iterator[Job]:
    """Each legacy template is a job; all others are one together, if there is one among them to be converted."""
    files = [File.at(path) for path in sorted(folder.iterdir()) if path.is_file()]
    legacy = [file for file in files if file.ending == ".json"]
    others = [file for file in files if file.ending in (*_TEMPLATE.values(), *_VARS.values())]
    converts = any(file.syntax is not to and not file.is_vars for file in others)
    if not legacy and not converts:
        sources = ", ".join(f"*{ending}" for syntax, ending in _TEMPLATE.items() if syntax is not to)
        detail = f'The directory "{folder}" holds no legacy JSON template (*.json) and no file of {sources}.'
        diags.error("No template found", detail)
    for file in legacy:
        yield Job(file.path, (file,))
    if converts:
        yield Job(folder, tuple(others))
