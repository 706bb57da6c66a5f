"""Runs a Python template and gives the blocks that it declares.

Loading a file runs its code, with the rights of the user. What goes wrong in it is a diagnostic at the user's line.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import Final

from hclimg.diagnostics import Diagnostics, Range, Related, SourceText, did_you_mean
from hclimg.lang.syntax import Body
from hclimg.template.dsl.places import DslError, Place, add_file, is_users, line_place
from hclimg.template.dsl.record import recording

_NOT_OFFERED: Final = re.compile("cannot import name '(\\w+)' from 'hclimg'")


def load_python(source: SourceText, diags: Diagnostics) -> Body:
    """The blocks that the file declares; those up to its first mistake when there is one."""
    path = Path(source.filename).resolve()
    whole = Place(source, 0, len(source.text))
    try:
        add_file(source.filename, source.text)
        code = compile(source.text, source.filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        diags.error("Invalid Python", f"{_sentence(error.msg)}", subject=_syntax_place(source, error))
        return Body(source, 0, 0, (), whole=False)
    with recording() as found, _importable(path.parent), redirect_stdout(sys.stderr):
        try:
            exec(code, {"__name__": "__hclimg__", "__file__": str(path)})
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the user's code raises
            _report(error, source, diags)
            body = found.body(whole)
            return Body(source, body.start, body.end, body.items, whole=False)
    return found.body(whole)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """The file can import what stands beside it."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _syntax_place(source: SourceText, error: SyntaxError) -> Range:
    line = error.lineno or 1
    starts = source.line_starts
    start = starts[min(line, len(starts)) - 1] + max((error.offset or 1) - 1, 0)
    start = min(start, len(source.text))
    return source.range(start, min(start + 1, len(source.text)))


def _report(error: BaseException, source: SourceText, diags: Diagnostics) -> None:
    """Where the user's own code was, the innermost place first; ours is left out."""
    places = [_range(filename, line) for filename, line in _frames(error.__traceback__)]
    calls = tuple(Related("called from here", place) for place in reversed(places[:-1]))
    if isinstance(error, DslError):
        summary, detail = "Invalid use of a value", str(error)
    elif isinstance(error, SystemExit):
        summary, detail = "The template ended the program", "A template declares what is to be built; it must not exit."
    elif isinstance(error, ImportError) and (wrong := _NOT_OFFERED.match(str(error))):
        from hclimg.template import dsl

        hint = did_you_mean(wrong[1], dsl.__all__) or f" It offers {', '.join(dsl.__all__)}."
        summary, detail = "Unknown name", f'hclimg offers no "{wrong[1]}" to templates.{hint}'
    else:
        summary, detail = "The template raised an error", f"{type(error).__name__}: {error}"
    diags.error(summary, detail, subject=places[-1] if places else source.range(0, 0), related=calls)


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if is_users(trace.tb_frame) and "site-packages" not in filename:
            yield filename, trace.tb_lineno
        trace = trace.tb_next


def _range(filename: str, line: int) -> Range:
    place = line_place(filename, line)
    return Range(place.source, place.start, place.end)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
