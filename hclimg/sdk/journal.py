"""What a run made outside this process, written down before it is made.

The engine keeps the records on disk (``hclimg.engine.journal``); components only use this protocol:

    record = ctx.journal.intend("directory", path=str(path))     # before it is made
    path.mkdir()
    record.made()                                                # with the identity that only its maker knows
    …
    shutil.rmtree(path)
    record.gone()                                                # or .kept() when it became a result

A record never holds a secret. Local kinds and their identity, which ``hclimg cleanup`` can remove by itself:

    process    pid, started (clock ticks since boot, field 22 of /proc/PID/stat), name
    directory  path
    file       path
    files      path (of their directory), names (with / between), new (whether the directory is the run's too): what is
               whole together or not at all

Everything else is a thing in a cloud, which the cloud's remover removes (``hclimg.sdk.remover``): ``CLOUD/thing`` with
``id``, ``name`` and what is needed to reach it again (``region``, ``account``, ``profile``, ``endpoint``); its mark is
in ``hclimg.sdk.mark``.
"""

from __future__ import annotations

from typing import Protocol


class Record(Protocol):
    def made(self, **identity: str) -> None:
        """It exists now; ``identity`` adds what was not known before (an id, a pid)."""

    def gone(self) -> None:
        """It is removed."""

    def kept(self) -> None:
        """It is no longer temporary: it is a result, or belongs to one."""


class Journal(Protocol):
    def intend(self, kind: str, **identity: str) -> Record:
        """Write down, durably, that something is about to be made."""


class _NoRecord:
    def made(self, **identity: str) -> None: ...
    def gone(self) -> None: ...
    def kept(self) -> None: ...


class NoJournal:
    """Keeps nothing: for tests of components, and for work that makes nothing."""

    def intend(self, kind: str, **identity: str) -> Record:  # noqa: ARG002
        return _NoRecord()
