"""A program of the host stands in the journal while it runs, so that a killed run can be cleaned up."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from hclimg.errors import BuildError, CommandFailed
from hclimg.sdk.context import Context
from hclimg.sdk.process import RUN_MARK, run_program, started_at


@attrs.define
class Book:
    """A journal and its only record: what was written, in order."""

    lines: list[tuple[str, dict[str, str]]] = attrs.field(factory=list)

    def intend(self, kind: str, **identity: str) -> Book:
        self.lines.append((f"intend {kind}", identity))
        return self

    def made(self, **identity: str) -> None:
        assert started_at(int(identity["pid"])) == identity["started"] != ""
        self.lines.append(("made", {}))

    def gone(self) -> None:
        self.lines.append(("gone", {}))

    def kept(self) -> None:
        self.lines.append(("kept", {}))


def test_a_program_is_in_the_journal_while_it_runs(ctx: Context) -> None:
    book = Book()
    with_book = attrs.evolve(ctx, journal=book)
    assert run_program(with_book, ["sh", "-c", f"echo ${RUN_MARK}; sleep 0.2"]).stdout == ctx.run.id
    assert book.lines == [("intend process", {"name": "sh"}), ("made", {}), ("gone", {})]


def test_a_program_that_fails_is_gone_too(ctx: Context) -> None:
    book = Book()
    with pytest.raises(CommandFailed):
        run_program(attrs.evolve(ctx, journal=book), ["sh", "-c", "sleep 0.2; exit 3"])
    assert book.lines[-1] == ("gone", {})


def test_a_program_that_cannot_start_leaves_no_record(ctx: Context, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF not really")
    broken.chmod(0o755)
    book = Book()
    with pytest.raises(BuildError, match="cannot be started: Exec format error"):
        run_program(attrs.evolve(ctx, journal=book), [broken])
    assert book.lines[-1] == ("gone", {})


def test_a_program_cannot_get_the_end_of_a_text(ctx: Context) -> None:
    """U+0000 in a template: an error of the user, and nothing is left in the journal."""
    book = Book()
    with pytest.raises(BuildError, match="sh cannot be started") as caught:
        run_program(attrs.evolve(ctx, journal=book), ["sh", "-c", "true"], env={"A": "x\0y"})
    assert "U+0000" in caught.value.hint
    assert book.lines[-1] == ("gone", {})
