"""Removes nodes and clients that dead runs left on a Chef server, by this host's knife.

The machine had the key that may do that, and is gone; so it takes a knife that its user has set up for the server.
"""

from __future__ import annotations

import subprocess

from hclimg.errors import CleanupError, MissingProgram
from hclimg.sdk.process import find_program, start
from hclimg.sdk.remover import Left, Remover

NOT_THERE = "could not be found"


class ChefRemover(Remover):
    def remove(self, left: Left) -> None:
        name, server = left.identity["name"], left.identity["server"]
        arguments = [left.thing, "delete", name, "-y", "--server-url", server]
        try:
            program = find_program("knife")
        except MissingProgram as error:
            command = " ".join(["knife", *arguments])
            raise CleanupError(f'this host has no knife; where there is one, run "{command}"') from error
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = start([program, *arguments], **streams)
        said = process.communicate()[0].decode("utf-8", "replace").strip()
        if process.returncode and NOT_THERE not in said:
            raise CleanupError(f"knife says: {said.splitlines()[-1] if said else f'exit code {process.returncode}'}")
