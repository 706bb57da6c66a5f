"""``hclimg fmt``: puts HCL files into canonical layout. Options, output and exit codes are those of ``packer fmt``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from attrs import define, field

from hclimg.cli.options import Command, switch
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics
from hclimg.lang.format import format_text
from hclimg.lang.parse import parse_body
from hclimg.lang.source import decode_source, read_bytes, replace_file

STDIN = "-"
UNFORMATTED = 3  # the exit code of -check, as Terraform has it too
IN_DIRECTORIES = (".pkr.hcl", ".pkrvars.hcl")
LINES = re.compile(r"[^\n]*\n|[^\n]+")
CONTEXT = 3  # lines of a diff around what changes


@click.command(cls=Command)
@click.argument("paths", nargs=-1, metavar="[PATH...|-]")
@switch("-check", "Change nothing; the exit code is 3 if a file is not in canonical layout.")
@switch("-diff", "Print what changes.")
@switch("-write", "Write the files; -write=false: only name those that would change.", default=True)
@switch("-recursive", "Go into subdirectories too.")
def command(*, paths: tuple[str, ...], check: bool, diff: bool, write: bool, recursive: bool) -> int:
    """Put HCL files into canonical layout, and print the names of those that changed.

    PATH is a file or a directory, whose *.pkr.hcl and *.pkrvars.hcl files are meant; the current directory when it is
    left out. With - the text comes from standard input, and goes to standard output.
    """
    formatter = _Formatter(write=write and not check, diff=diff)
    for path in paths or (".",):
        if path == STDIN:
            formatter.standard_input(check=check)
        else:
            for file in _files(path, formatter.diags, recursive=recursive):
                formatter.file(file)
    show_diagnostics(formatter.diags)
    if formatter.diags.has_errors:
        return 1
    return UNFORMATTED if check and formatter.changed else 0


@define
class _Formatter:
    """``changed`` is how many texts were not in canonical layout. Files with mistakes are left alone."""

    write: bool
    diff: bool
    diags: Diagnostics = field(factory=Diagnostics, init=False)
    changed: int = field(default=0, init=False)
    _done: set[Path] = field(factory=set, init=False)

    def standard_input(self, *, check: bool) -> None:
        data = sys.stdin.buffer.read()
        laid_out = self._laid_out("<stdin>", data)
        if laid_out is None:
            return
        self.changed += laid_out != data
        if self.diff:
            self._print_diff("<stdin>", data, laid_out)
        elif not check:
            _print(laid_out)

    def file(self, path: Path) -> None:
        if path.resolve() in self._done:
            return
        self._done.add(path.resolve())
        data = read_bytes(path, self.diags)
        laid_out = None if data is None else self._laid_out(str(path), data)
        if data is None or laid_out is None or laid_out == data:
            return
        self.changed += 1
        if self.write:
            before = len(self.diags)
            replace_file(path, laid_out, self.diags)
            if len(self.diags) > before:
                return
        _print(f"{path}\n".encode(errors="surrogateescape"))
        if self.diff:
            self._print_diff(str(path), data, laid_out)

    def _laid_out(self, name: str, data: bytes) -> bytes | None:
        source = decode_source(name, data, self.diags)
        if source is None:
            return None
        found = Diagnostics()
        parse_body(source, found)
        self.diags.extend(found.errors)
        return None if found.has_errors else format_text(source.text).encode()

    def _print_diff(self, name: str, old: bytes, new: bytes) -> None:
        _print("".join(_diff(name, old.decode(), new.decode())).encode())


def _print(data: bytes) -> None:
    """Texts go through as they are, line ends included."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


# -- which files ------------------------------------------------------------------------


def _files(path: str, diags: Diagnostics, *, recursive: bool) -> Iterator[Path]:
    given = Path(path)
    if given.is_dir():
        yield from _in_directory(given, diags, recursive=recursive)
    elif given.exists() and not given.is_file():
        diags.error("Failed to read file", f'"{path}" is no ordinary file.')
    elif path.endswith(".json"):
        diags.error(
            "No HCL file",
            f'"{path}" is written in JSON, and fmt lays out HCL only. '
            f"A tool for JSON can lay it out:\n    python3 -m json.tool --indent 2 {path}",
        )
    elif not path.endswith(".hcl"):
        diags.error("No HCL file", f'"{path}" has not the ending .hcl; fmt changes *.pkr.hcl, *.pkrvars.hcl, *.hcl.')
    else:
        yield given


def _in_directory(folder: Path, diags: Diagnostics, *, recursive: bool) -> Iterator[Path]:
    """Its files, then those of its subdirectories; hidden ones and what editors leave behind don't count."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        diags.error("Failed to read directory", f'"{folder}" could not be read: {(error.strerror or "").lower()}.')
        return
    entries = [entry for entry in entries if not entry.name.startswith((".", "#"))]
    yield from (entry for entry in entries if entry.name.endswith(IN_DIRECTORIES) and not entry.is_dir())
    for entry in entries:
        if recursive and entry.is_dir() and not entry.is_symlink():
            yield from _in_directory(entry, diags, recursive=True)


# -- diffs ------------------------------------------------------------------------------


def _diff(name: str, old: str, new: str) -> Iterator[str]:
    """A unified diff. Layout changes lines and never adds or removes one, so that line N is compared with line N."""
    before, after = LINES.findall(old), LINES.findall(new)
    changed = [at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    if not changed:
        return
    yield f"--- old/{name}\n+++ new/{name}\n"
    for start, end in _hunks(changed, len(before)):
        where = f"{start + 1},{end - start}" if end - start > 1 else f"{start + 1}"
        yield f"@@ -{where} +{where} @@\n"
        at = start
        while at < end:
            stop = at + 1
            while stop < end and (before[at] == after[at]) == (before[stop] == after[stop]):
                stop += 1
            if before[at] == after[at]:
                yield from (_diff_line(" ", line) for line in before[at:stop])
            else:
                yield from (_diff_line("-", line) for line in before[at:stop])
                yield from (_diff_line("+", line) for line in after[at:stop])
            at = stop


def _hunks(changed: list[int], total: int) -> Iterator[tuple[int, int]]:
    start = max(0, changed[0] - CONTEXT)
    end = start
    for at in changed:
        if at - CONTEXT > end > start:
            yield start, end
            start = at - CONTEXT
        end = min(total, at + CONTEXT + 1)
    yield start, end


def _diff_line(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"
