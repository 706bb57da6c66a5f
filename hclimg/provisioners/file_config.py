"""The settings of the provisioner ``file``."""

from __future__ import annotations

from hclimg.config.fields import Checker, config, setting


@config
class FileConfig:
    """Copies files and directories. As with rsync, a source that ends with "/" means what is in the directory."""

    source: str = setting("The file or directory to copy.", default="")
    sources: tuple[str, ...] = setting("Files and directories to copy.", default=())
    content: str = setting("The text of the file to write.", default="")
    destination: str = setting("Where to: a file, or a directory when it ends with a slash.")
    direction: str = setting("To the machine, or from it.", default="upload", choices=("upload", "download"))
    generated: bool = setting("Whether the source will exist only when the build runs.", default=False)

    @property
    def all(self) -> tuple[str, ...]:
        return (*((self.source,) if self.source else ()), *self.sources)

    @property
    def uploads(self) -> bool:
        return self.direction == "upload"

    def check(self, problems: Checker) -> None:
        if not any(map(problems.is_set, ("source", "sources", "content"))):
            problems.exactly_one("source", "sources", "content")
        for name in ("source", "sources"):
            problems.at_most_one(name, "content")
        if not self.destination:
            problems.error("Missing required argument", '"destination" must not be empty.', "destination")
        if problems.is_set("content") and not self.uploads:
            detail = 'With direction = "download", name the source on the machine; "content" is for uploads.'
            problems.error("Conflicting arguments", detail, "content", "direction")
        if problems.is_set("content") and self.destination.endswith("/"):
            detail = '"destination" must name a file when "content" is given, not a directory.'
            problems.error("Invalid destination", detail, "destination", "content")
        if problems.is_set("sources") and not self.sources:
            problems.error("Missing required argument", '"sources" must name at least one file.', "sources")
        if self.uploads and not self.generated and problems.is_known("direction", "generated"):
            for name, values in (("source", (self.source,)), ("sources", self.sources)):
                for value in filter(None, values):
                    problems.file_exists(name, value)
