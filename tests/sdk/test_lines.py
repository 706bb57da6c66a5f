"""Output in pieces becomes lines."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hclimg.sdk.lines import LineSplitter


def split(*pieces: bytes) -> list[str]:
    lines: list[str] = []
    splitter = LineSplitter(lambda line, stream: lines.append(f"{stream}: {line}"), "out")
    for piece in pieces:
        splitter.feed(piece)
    splitter.close()
    return lines


def test_pieces_make_no_difference() -> None:
    assert split(b"one\ntw", b"o\n\nth", b"ree") == ["out: one", "out: two", "out: ", "out: three"]


@given(st.text(alphabet="aé€😀\r\n "), st.lists(st.integers(0, 60)))
def test_any_cut_gives_the_same_lines(text: str, cuts: list[int]) -> None:
    data = text.encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert split(*(data[a:b] for a, b in pairwise(places))) == split(data)


def test_a_long_progress_bar_is_not_kept() -> None:
    bar = b"".join(b"\r%d%%" % n for n in range(100_000))
    assert split(*(bar[at : at + 1000] for at in range(0, len(bar), 1000)), b"\r\n") == ["out: 99999%"]


def test_a_line_without_end_is_told_in_parts() -> None:
    lines = split(*[b"x" * 10_000] * 20)
    assert len(lines) > 1
    assert "".join(line.removeprefix("out: ") for line in lines) == "x" * 200_000
