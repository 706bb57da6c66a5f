"""The settings of the file builder."""

from __future__ import annotations

from hclimg.config.fields import Checker, config, setting


@config
class FileConfig:
    """Makes a file of a text or of another file."""

    target: str = setting("The file to make. What was there is replaced.")
    content: str = setting("The text to write.", default="")
    source: str = setting("The file to copy.", default="")

    def check(self, problems: Checker) -> None:
        if problems.is_known("target") and not self.target:
            problems.error("Missing required argument", '"target" is empty; name the file to make.', "target")
        for name, path in (("target", self.target), ("source", self.source)):
            if "\0" in path:
                problems.error("Incorrect value", f'"{name}" contains the character U+0000; no path can.', name)
        if not problems.is_known("content", "source"):
            return
        if self.content and self.source:
            detail = 'Only one of "content" and "source" can be set.'
            problems.error("Conflicting arguments", detail, "source", "content")
        if not (self.content or self.source or problems.is_set("content")):
            problems.warn("Empty file", 'Neither "content" nor "source" is set, so the file will be empty.', "target")
