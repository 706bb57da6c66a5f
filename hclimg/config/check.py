"""What the cross-field rules of a config class report into; see :class:`hclimg.config.fields.Checker`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from hclimg.diagnostics import Diagnostics, Range


@frozen(eq=False, repr=False)
class Problems:
    """``places`` are the settings that the user wrote, with the range of each value; ``header`` is the block's."""

    diags: Diagnostics
    context: str
    header: Range
    places: Mapping[str, Range]
    unknown: frozenset[str]

    def is_set(self, name: str) -> bool:
        return name in self.places

    def is_known(self, *names: str) -> bool:
        return self.unknown.isdisjoint(names)

    def error(self, summary: str, detail: str, *names: str) -> None:
        if self.is_known(*names):
            self.diags.error(summary, detail, subject=self._place(names), context=self.context)

    def warn(self, summary: str, detail: str, *names: str) -> None:
        if self.is_known(*names):
            self.diags.warn(summary, detail, subject=self._place(names), context=self.context)

    def exactly_one(self, *names: str) -> None:
        """Of these settings the user must write one and no more."""
        if not any(map(self.is_set, names)):
            self.diags.error(
                "Missing required argument", f"One of {_listing(names)} is required.",
                subject=self.header, context=self.context,
            )  # fmt: skip
        self.at_most_one(*names)

    def at_most_one(self, *names: str) -> None:
        written = [name for name in names if self.is_set(name)]
        if len(written) > 1:
            detail = f"Only one of {_listing(names)} can be set, but {_listing(written)} are."
            self.diags.error("Conflicting arguments", detail, subject=self.places[written[1]], context=self.context)

    def file_exists(self, name: str, path: str) -> None:
        if self.is_known(name) and not Path(path).expanduser().exists():
            self.error("File not found", f'"{name}" names "{path}", which does not exist.', name)

    def _place(self, names: tuple[str, ...]) -> Range:
        return next((self.places[name] for name in names if name in self.places), self.header)


def _listing(names: tuple[str, ...] | list[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
