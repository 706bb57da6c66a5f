"""The file with the artifacts that are there: ``HOME/artifacts.db``, SQLite, which only the user can read.

Each artifact that a build made and kept has a row, until it is destroyed or another one takes its place. Several runs
may write at the same time. The file is made with the first artifact; whoever only asks makes none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from json import dumps, loads
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from hclimg.errors import BuildError
from hclimg.sdk.machine import Artifact

if TYPE_CHECKING:
    from sqlite3 import Connection

MODE = 0o600
BUSY = 60.0
"""Seconds that a writer waits for others."""

MIGRATIONS = (
    """
    CREATE TABLE artifacts (
        number      INTEGER PRIMARY KEY AUTOINCREMENT,
        run         TEXT NOT NULL,
        template    TEXT NOT NULL,
        build       TEXT NOT NULL,
        made        REAL NOT NULL,
        builder     TEXT NOT NULL,
        component   TEXT NOT NULL,
        id          TEXT NOT NULL,
        description TEXT NOT NULL,
        files       TEXT NOT NULL,
        state       TEXT NOT NULL,
        contents    TEXT NOT NULL,
        trouble     TEXT NOT NULL DEFAULT ''
    )
    """,
)
"""What makes version N+1 of the file from version N. Add to the end; a file that is older gets the rest."""

_COLUMNS = "number, run, template, build, made, builder, component, id, description, files, state, contents, trouble"


@frozen(kw_only=True)
class StoredArtifact:
    """``number`` names it to people and is never used again. ``build`` is the lane, ``template`` what was applied (as
    in ``RunOptions``), ``made`` in seconds since the epoch. ``contents`` is what destroying it would remove: less than
    the artifact has, when a later build took the place of a part. ``trouble`` is why that did not work the last time.
    The files of ``artifact`` are absolute."""

    number: int = 0
    run: str
    template: str = ""
    build: str
    made: float
    artifact: Artifact
    contents: tuple[str, ...]
    trouble: str = ""


def artifact_file(home: Path) -> Path:
    return home / "artifacts.db"


@frozen
class ArtifactFile:
    """Every call is one transaction. All raise BuildError when the file cannot be read or written."""

    path: Path

    def all(self) -> list[StoredArtifact]:
        """Oldest first; nothing when there is no file."""
        if not self.path.exists():
            return []
        with self._transaction() as db:
            return _rows(db)

    def keep(self, found: Sequence[StoredArtifact]) -> list[int]:
        """Add artifacts; their numbers. What other runs made, and these took the place of, goes."""
        with self._transaction() as db:
            numbers = [_insert(db, item) for item in found]
            _replace(db, {name for item in found for name in item.contents}, {item.run for item in found})
            return numbers

    def replaced(self, names: Iterable[str], run: str) -> None:
        """These things are gone, because of a run; an artifact of another with nothing else in it goes too."""
        if self.path.exists():
            with self._transaction() as db:
                _replace(db, set(names), {run})

    def forget(self, numbers: Iterable[int]) -> None:
        with self._transaction() as db:
            _delete(db, numbers)

    def note(self, number: int, trouble: str) -> None:
        """Remember why an artifact could not be removed."""
        with self._transaction() as db:
            db.execute("UPDATE artifacts SET trouble = ? WHERE number = ?", (trouble, number))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        import sqlite3

        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE))
            with closing(sqlite3.connect(self.path, timeout=BUSY, isolation_level=None)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("BEGIN IMMEDIATE")
                _migrate(db, self.path)
                yield db
                db.execute("COMMIT")
        except OSError as error:
            raise BuildError(f"{self.path} cannot be written: {error.strerror}.") from error
        except sqlite3.OperationalError as error:
            raise BuildError(f"{self.path} cannot be read or written: {error}.") from error
        except sqlite3.DatabaseError as error:
            hint = "Move it away; the next apply makes a new one, which knows nothing of earlier artifacts."
            raise BuildError(f"{self.path} is not a file of artifacts: {error}.", hint=hint) from error


def _migrate(db: Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise BuildError(f"{path} was written by a newer hclimg.", hint="Use that one, or another file with -state.")
    for statement in MIGRATIONS[version:]:
        db.execute(statement)
    if version < len(MIGRATIONS):
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _rows(db: Connection) -> list[StoredArtifact]:
    return [_stored(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM artifacts ORDER BY number")]


def _stored(*row: Any) -> StoredArtifact:
    number, run, template, build, made, builder, component, own, description, files, state, contents, trouble = row
    artifact = Artifact(
        builder=builder, component=component, id=own, description=description, files=tuple(loads(files)),
        state=loads(state),
    )  # fmt: skip
    return StoredArtifact(
        number=number, run=run, template=template, build=build, made=made, artifact=artifact,
        contents=tuple(loads(contents)), trouble=trouble,
    )  # fmt: skip


def _insert(db: Connection, item: StoredArtifact) -> int:
    made = item.artifact
    row = (
        item.run, item.template, item.build, item.made, made.builder, made.component, made.id, made.description,
        dumps(made.files), dumps(dict(made.state)), dumps(item.contents), item.trouble,
    )  # fmt: skip
    names = _COLUMNS.removeprefix("number, ")
    done = db.execute(f"INSERT INTO artifacts ({names}) VALUES ({', '.join('?' * len(row))})", row)
    assert done.lastrowid is not None
    return done.lastrowid


def _delete(db: Connection, numbers: Iterable[int]) -> None:
    db.executemany("DELETE FROM artifacts WHERE number = ?", [(number,) for number in numbers])


def _replace(db: Connection, taken: set[str], runs: set[str]) -> None:
    """Of artifacts of other runs, what is not taken stays; nothing of them when that is nothing."""
    for old in _rows(db):
        rest = [name for name in old.contents if name not in taken]
        if old.run in runs or len(rest) == len(old.contents):
            continue
        if all(name in old.artifact.files and not os.path.lexists(name) for name in rest):
            _delete(db, [old.number])
        else:
            db.execute("UPDATE artifacts SET contents = ? WHERE number = ?", (dumps(rest), old.number))


def absolute(artifact: Artifact) -> Artifact:
    """With absolute names of its files: it may be destroyed from elsewhere."""
    return evolve(artifact, files=tuple(str(Path(name).absolute()) for name in artifact.files))
