"""Removes the containers and images that dead runs left in a container engine.

Both are found by their names, which have the run in them and are written down before anything is made. A commit goes on
when the run that asked for it is gone, so it is waited for: its image has its name at the end.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hclimg.containers.engine import DOCKER, is_missing, reason_of, removal, variables
from hclimg.errors import CleanupError
from hclimg.sdk.process import find_program, start
from hclimg.sdk.remover import Left, Remover

POLL = 0.2
"""Seconds between two looks at a commit."""


class DockerRemover(Remover):
    def remove(self, left: Left) -> None:
        match left.thing:
            case "container":
                _forget(left.identity, *removal(podman=_is_podman(left)), left.identity["name"])
            case "image":
                if not left.made and "container" in left.identity:
                    self._wait_for_commit(left)
                for image in filter(None, (left.id, left.identity["name"])):
                    _forget(left.identity, "rmi", image)
            case other:
                raise CleanupError(f'nothing here knows how to remove a "{other}"')

    def _wait_for_commit(self, left: Left) -> None:
        """Until its caller has ended, and docker's daemon, which goes on without one."""
        told = False
        while _is_argument(left.identity["name"]) or _is_committing(left):
            if not told:
                self.ctx.say(f"Waiting for the commit of {left.identity['container']}, which is still under way.")
            told = True
            self.ctx.sleep(POLL)


def _is_podman(left: Left) -> bool:
    return "podman" in _call(left.identity, "--version")[1].lower()


def _is_committing(left: Left) -> bool:
    """Whether the daemon has paused the container, as it does for a commit; podman is its own caller."""
    paused = ("container", "inspect", "--format", "{{.State.Paused}}", left.identity["container"])
    return not _is_podman(left) and _call(left.identity, *paused)[1].strip() == "true"


def _is_argument(name: str) -> bool:
    """Whether a process of this host has the name among its arguments."""
    for arguments in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            if name.encode() in arguments.read_bytes().split(b"\0"):
                return True
    return False


def _forget(identity: Mapping[str, str], *arguments: str) -> None:
    status, _, err = _call(identity, *arguments)
    reason = reason_of(tuple(err.splitlines()))
    if status and not is_missing(reason):
        raise CleanupError(reason or f"exit code {status}")


def _call(identity: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    command = [find_program(identity.get("engine", DOCKER)), *arguments]
    process = start(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **variables(identity)},
    )  # fmt: skip
    out, err = process.communicate()
    return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
