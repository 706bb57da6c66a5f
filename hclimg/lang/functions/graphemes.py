"""What a reader sees as one character: grapheme clusters. Lengths and positions in strings count these."""

from __future__ import annotations

from hclimg.lang.limits import TooLarge

_LONGEST = 16 << 20  # each piece takes fifty times the memory of a character


def clusters(text: str) -> list[str]:
    """The text in pieces that each look like one character."""
    if text.isascii():
        return _ascii_clusters(text)
    import regex  # it knows Unicode's segmentation rules

    if len(text) > _LONGEST:
        raise TooLarge(f"the string is longer than {_LONGEST >> 20} Mi characters")
    found: list[str] = regex.findall(r"\X", text)
    return found


def _ascii_clusters(text: str) -> list[str]:
    if "\r\n" not in text:
        return list(text)
    found: list[str] = []
    for piece in text.split("\r\n"):
        found.extend(piece)
        found.append("\r\n")
    return found[:-1]


def count(text: str) -> int:
    if text.isascii():
        return len(text) - text.count("\r\n")
    import regex

    return sum(1 for _ in regex.finditer(r"\X", text))
