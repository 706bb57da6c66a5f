"""``hclimg fix``: puts today's names in place of old ones in legacy JSON templates."""

from __future__ import annotations

import difflib
from pathlib import Path

import click
from attrs import define, field

from hclimg.cli.options import Command, switch
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.json_scan import scan_unique
from hclimg.lang.json_text import data_of, indent_of, json_text
from hclimg.lang.json_tree import JsonObject
from hclimg.lang.source import read_source, replace_file
from hclimg.template.fixes.table import Fixed, fix_template

TO_FIX = 3  # the exit code of -check, as with fmt


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="TEMPLATE...")
@switch("-check", "Change nothing; the exit code is 3 if a template has something to fix.")
@switch("-diff", "Print what changes.")
@switch("-write", "Write the fixed templates back.")
@switch("-validate", "-validate=false: print the result even if it is no template.", default=True)
def command(*, paths: tuple[str, ...], check: bool, diff: bool, write: bool, validate: bool) -> int:
    """Put today's names in place of old ones in legacy JSON templates.

    Without an option the fixed template is printed, and the given file stays as it is.
    """
    fixer = _Fixer(Diagnostics(), check=check, diff=diff, write=write, validate=validate)
    if len(paths) > 1 and not (check or diff or write):
        detail = "The result of one template can be printed. For several, say -write, -diff or -check."
        fixer.diags.error("Several templates", detail)
    else:
        for path in paths:
            fixer.file(Path(path))
    show_diagnostics(fixer.diags)
    if fixer.diags.has_errors:
        return 1
    return TO_FIX if check and fixer.changed else 0


@define
class _Fixer:
    """``changed`` is how many templates had something to fix."""

    diags: Diagnostics
    check: bool
    diff: bool
    write: bool
    validate: bool
    changed: int = field(default=0, init=False)

    def file(self, path: Path) -> None:
        source = self._read(path)
        fixed = None if source is None else self._fixed(source, path)
        if source is None or fixed is None:
            return
        new = json_text(fixed.template, indent_of(source.text)) if fixed.applied else source.text
        self.changed += bool(fixed.applied)
        if self.diff:
            print("".join(_diff(str(path), source.text, new)), end="")
        if self.write and not self.check and fixed.applied:
            replace_file(path, new.encode(), self.diags)
        if self.check or self.diff or self.write:
            self._tell(path, fixed)
        else:
            print(json_text(fixed.template), end="")

    def _read(self, path: Path) -> SourceText | None:
        if path.name.endswith((".hcl", ".pkr.json")) or path.is_dir():
            detail = f'"{path}" is no legacy JSON template. Only those have names that fix knows.'
            self.diags.error("No legacy template", detail)
            return None
        return read_source(path, self.diags)

    def _fixed(self, source: SourceText, path: Path) -> Fixed | None:
        found = Diagnostics()
        root = scan_unique(source, found)
        if isinstance(root, JsonObject) and not found.has_errors:
            fixed = fix_template(data_of(root))
            if self.validate:
                self._check(fixed, path, found)
        elif not found.has_errors:
            found.error("Invalid template", "A legacy template is a JSON object.", subject=root and root.range)
        self.diags.extend(found.errors)
        return None if found.has_errors else fixed

    def _check(self, fixed: Fixed, path: Path, found: Diagnostics) -> None:
        from hclimg.template.legacy import read_legacy

        result = SourceText(f"{path} (fixed)", json_text(fixed.template))
        read_legacy(result, str(path), path.parent, found)

    def _tell(self, path: Path, fixed: Fixed) -> None:
        """Names of files, as fmt prints them, and what was done to each."""
        if fixed.applied and not self.diff:
            print(path)
            for fix in fixed.applied:
                print(f"  {fix.name}: {fix.summary}")


def _diff(name: str, old: str, new: str) -> list[str]:
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    lines = difflib.unified_diff(before, after, name, name)
    return [line if line.endswith("\n") else f"{line}\n" for line in lines]
