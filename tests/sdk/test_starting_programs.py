"""A file that is executed must not be open for writing in a child that was forked meanwhile ("Text file busy")."""

from __future__ import annotations

import threading
from pathlib import Path

from hclimg.sdk.process import no_program_starts, start


def test_no_program_starts_while_a_script_is_written(tmp_path: Path) -> None:
    script = tmp_path / "script"
    other = threading.Thread(target=lambda: start(["sleep", "0.1"]).wait())
    with no_program_starts():
        with script.open("w") as file:
            other.start()
            other.join(0.05)
            assert other.is_alive()  # it waits: otherwise its child would hold the script now
            file.write("#!/bin/sh\nexit 7\n")
        script.chmod(0o755)
    assert start([str(script)]).wait() == 7
    other.join()
