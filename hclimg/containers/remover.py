"""Removes the containers and images that dead runs left in a container engine.

A container is found by its name, which is written down before it is made. An image in the making has a name with the
run in it; one that docker was committing when the run was killed is found by the event that docker keeps of it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from hclimg.containers.engine import DOCKER, is_missing, reason_of, variables
from hclimg.errors import CleanupError
from hclimg.sdk.process import find_program, start
from hclimg.sdk.remover import Left, Remover

POLL = 0.2
"""Seconds between two looks at a container."""


class DockerRemover(Remover):
    def remove(self, left: Left) -> None:
        match left.thing:
            case "container":
                _forget(left.identity, "rm", "-f", "-v", left.identity["name"])
            case "image":
                if not left.id and "container" in left.identity:
                    self._wait_for_commit(left)
                for image in _images(left):
                    _forget(left.identity, "rmi", image)
            case other:
                raise CleanupError(f'nothing here knows how to remove a "{other}"')

    def _wait_for_commit(self, left: Left) -> None:
        """The engine goes on with a commit when its caller is gone; the container is paused until it is done."""
        paused = ("container", "inspect", "--format", "{{.State.Paused}}", left.identity["container"])
        while _call(left.identity, *paused)[1].strip() == "true":
            self.ctx.sleep(POLL)


def _images(left: Left) -> list[str]:
    if left.id:
        return [left.id]
    if "name" in left.identity:
        return [left.identity["name"]]
    return _committed(left)


def _committed(left: Left) -> list[str]:
    """The images that docker committed from the container: the events are the only place that says it."""
    since, container = str(int(left.since)), left.identity["container"]
    filters = ("--filter", f"container={container}", "--filter", "event=commit")
    form = "{{.Actor.Attributes.imageID}}"
    _, out, _ = _call(left.identity, "events", "--since", since, "--until", "0s", *filters, "--format", form)
    return [line.strip() for line in out.splitlines() if line.strip().startswith("sha256:")]


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
