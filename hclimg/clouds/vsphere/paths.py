"""Paths of files on datastores, as vSphere writes them: ``[datastore] folder/file``."""

from __future__ import annotations

from attrs import frozen


@frozen
class DatastorePath:
    """A file of a datastore: ``[ds] folder/file``."""

    datastore: str
    path: str

    def __str__(self) -> str:
        return f"[{self.datastore}] {self.path}"

    @property
    def folder(self) -> DatastorePath:
        return DatastorePath(self.datastore, self.path.rpartition("/")[0])

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def parse_path(text: str) -> DatastorePath:
    """Read ``[ds] folder/file``. Raises ValueError with a sentence without its full stop."""
    if not text.startswith("[") or "]" not in text:
        raise ValueError(f'"{text}" is no path on a datastore; write "[datastore] folder/file.iso"')
    name, _, path = text[1:].partition("]")
    return DatastorePath(name.strip(), path.strip().lstrip("/"))
