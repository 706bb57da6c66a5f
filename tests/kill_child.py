"""hclimg, ended from inside at a chosen moment: ``kill_child.py SIGNAL MOMENT ARGUMENT…``.

SIGNAL is KILL or INT. MOMENT is ``after:N`` or ``before:N`` (the entry number N of the run's journal is on the disk, or
is about to be written), ``at:S`` (S seconds after the first entry) or ``never``.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping

from hclimg.cli.main import main
from hclimg.engine.journal import ResourceJournal


def end_at(moment: str, end: Callable[[], None]) -> None:
    """Watch every entry that the journal writes. Entries that say what became of a thing count too."""
    how, _, number = moment.partition(":")
    write, sync = ResourceJournal._write, ResourceJournal._sync

    def watched_write(self: ResourceJournal, entry: Mapping[str, object]) -> int:
        first = self._written == 0
        if how == "before" and self._written + 1 == int(number):
            end()
        written = write(self, entry)
        if how == "at" and first:
            threading.Thread(target=lambda: (time.sleep(float(number)), end()), daemon=True).start()
        return written

    def watched_sync(self: ResourceJournal, entry: int) -> None:
        sync(self, entry)
        if how == "after" and entry == int(number):
            end()

    ResourceJournal._write, ResourceJournal._sync = watched_write, watched_sync


if __name__ == "__main__":
    number = {"KILL": signal.SIGKILL, "INT": signal.SIGINT}[sys.argv[1]]
    end_at(sys.argv[2], lambda: os.kill(os.getpid(), number))
    sys.argv[1:] = sys.argv[3:]
    main()
