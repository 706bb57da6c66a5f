"""What a reader sees as one character: grapheme clusters. Lengths and positions in strings count these."""

from __future__ import annotations


def clusters(text: str) -> list[str]:
    """The text in pieces that each look like one character."""
    if text.isascii():
        return _ascii_clusters(text)
    import regex  # it knows Unicode's segmentation rules

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
    return len(clusters(text))
