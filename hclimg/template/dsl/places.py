"""Where in a Python file a call stands, and each of its arguments."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, FrameType

from attrs import field, frozen

from hclimg.diagnostics import SourceText


class DslError(TypeError):
    """Something that cannot be done with the values of a template."""


_OURS = str(Path(__file__).parents[2])
_Span = tuple[int, int]
_Key = tuple[int | None, int | None, int | None, int | None]
"""First and last line, first and last column in bytes: how the interpreter tells where an instruction comes from."""


@frozen(eq=False)
class Place:
    """A call, from ``start`` to ``end``, or one of its arguments; ``name`` is where the name of an argument stands."""

    source: SourceText
    start: int
    end: int
    keywords: Mapping[str, Place] = field(factory=dict)
    arguments: tuple[_Span, ...] = ()
    name: _Span | None = None

    def keyword(self, name: str) -> Place:
        return self.keywords.get(name) or self.at(None)

    def argument(self, number: int) -> Place:
        return self.at(self.arguments[number] if number < len(self.arguments) else None)

    def at(self, span: _Span | None) -> Place:
        return Place(self.source, *span) if span else Place(self.source, self.start, self.end)


class _File:
    """The text of a Python file, and the calls in it by the place that the interpreter has for them."""

    def __init__(self, filename: str, text: str) -> None:
        self.source = SourceText(filename, text)
        self.lines = [line.encode() for line in text.split("\n")]
        self.starts = [0]
        for line in text.split("\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.calls = {_key(node): node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}

    def offset(self, line: int, column: int) -> int:
        """``column`` counts bytes."""
        return self.starts[line - 1] + len(self.lines[line - 1][:column].decode(errors="replace"))

    def span(self, node: ast.expr) -> _Span:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def place(self, key: _Key, line: int) -> Place:
        call = self.calls.get(key)
        if call is not None:
            keywords = {item.arg: self._keyword(item, item.arg) for item in call.keywords if item.arg}
            return Place(self.source, *self.span(call), keywords, tuple(self.span(item) for item in call.args))
        begin, end, first, last = key
        if begin and end and first is not None and last is not None and (begin, first) < (end, last):
            return Place(self.source, self.offset(begin, first), self.offset(end, last))
        return self.line(line)

    def _keyword(self, item: ast.keyword, name: str) -> Place:
        start = self.offset(item.lineno, item.col_offset)
        return Place(self.source, *self.span(item.value), name=(start, start + len(name)))

    def line(self, number: int) -> Place:
        """A whole line, without what it is indented by."""
        text = self.lines[number - 1].decode(errors="replace")
        start = self.starts[number - 1]
        return Place(self.source, start + len(text) - len(text.lstrip()), start + len(text))


def _key(node: ast.Call) -> _Key:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


_files: dict[str, _File] = {}


def add_file(filename: str, text: str) -> SourceText:
    """Make a file known whose code is about to run. Raises SyntaxError."""
    _files[filename] = _File(filename, text)
    return _files[filename].source


def is_users(frame: FrameType) -> bool:
    """Whether the code is that of a template, or of a file that one imports; neither ours nor Python's own."""
    filename = frame.f_code.co_filename
    return filename in _files or (not filename.startswith(_OURS) and Path(filename).is_file())


def here() -> Place:
    """The call in the user's file that led to this one."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect does the same, and takes 30 ms to import
    while frame is not None and not is_users(frame):
        frame = frame.f_back
    if frame is None:
        raise DslError("Templates in Python are files, which hclimg reads: run `hclimg plan FILE.img.py`.")
    return _file(frame.f_code.co_filename).place(_position(frame), frame.f_lineno)


def line_place(filename: str, line: int) -> Place:
    """A whole line of a file."""
    return _file(filename).line(line)


_positions: dict[int, tuple[CodeType, list[_Key]]] = {}
"""Of each piece of code by its identity; the code is kept, so that no other gets the same."""


def _position(frame: FrameType) -> _Key:
    """A file is one piece of code however long it is, so its places are listed once and not for every call."""
    code = frame.f_code
    if id(code) not in _positions:
        _positions[id(code)] = code, list(code.co_positions())
    return _positions[id(code)][1][frame.f_lasti // 2]


def _file(filename: str) -> _File:
    """A template's own file, or a module that it imports."""
    if filename not in _files:
        _files[filename] = _File(filename, Path(filename).read_text(encoding="utf-8"))
    return _files[filename]
