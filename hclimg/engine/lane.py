"""What a run knows about one lane: its machine, what it owns, and the artifacts that it made."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from hclimg.plan.node import Lane, NodeKind
from hclimg.plan.plan import Plan
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.components import Builder
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.scope import Scope


class LaneToken(CancelToken):
    """The token of everything that works with a lane's machine.

    A connection to a machine is made by one node and used by many, and keeps the token with which it was made. So the
    nodes of a lane share this token: each attempt at one begins with a fresh one, and passes its own cancel on to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._turn = 0
        self._turns = threading.Lock()

    @contextmanager
    def attempt(self, outer: CancelToken) -> Iterator[None]:
        """While inside, a cancel of ``outer`` cancels this token. What comes too late does not meet the next one."""
        with self._turns:
            self._turn += 1
            turn = self._turn
            self._event.clear()
        with outer.closing(lambda: self._cancel_turn(turn)):
            yield

    def _cancel_turn(self, turn: int) -> None:
        with self._turns:
            if turn == self._turn:
                self.cancel()


@define(eq=False)
class LaneRun:
    """The nodes of a lane run one after another, so it is changed by one thread at a time.

    ``artifacts`` are what CAPTURE and each POST_PROCESS made, by node; ``keeps`` tells of each POST_PROCESS that
    succeeded whether it wants its input to stay; ``removed`` are the artifacts that are gone again.
    """

    lane: Lane
    scope: Scope = field(factory=Scope)
    token: LaneToken = field(factory=LaneToken)
    builder: Builder[Any] | None = None
    machine: Machine | None = None
    facts: Mapping[str, Any] = field(factory=dict)
    artifacts: dict[str, Artifact] = field(factory=dict)
    keeps: dict[str, bool] = field(factory=dict)
    removed: set[str] = field(factory=set)

    def result(self) -> tuple[Artifact, ...]:
        """The artifacts that stay, each once, the builder's first."""
        found: list[Artifact] = []
        for name, artifact in self.artifacts.items():
            if name not in self.removed and artifact not in found:
                found.append(artifact)
        return tuple(found)

    def unwanted(self, plan: Plan) -> dict[str, Artifact]:
        """The artifacts that nobody wants to keep, the last made first, without the files that others still have.

        An artifact goes when something was made from it, everything that should be made from it was, and none of
        that wants it to stay. So a post-processor that failed keeps what it was given.
        """
        doomed = [name for name in self.artifacts if self._is_used_up(name, plan)]
        staying = [artifact for name, artifact in self.artifacts.items() if name not in doomed]
        files = {_absolute(name) for artifact in staying for name in artifact.files}
        found = {}
        for name in reversed(doomed):
            artifact = self.artifacts[name]
            own = tuple(file for file in artifact.files if _absolute(file) not in files)
            if artifact not in staying and (own or not artifact.files):
                found[name] = evolve(artifact, files=own)
        return found

    def _is_used_up(self, name: str, plan: Plan) -> bool:
        users = [user for user in plan.successors(name) if plan.nodes[user].kind is NodeKind.POST_PROCESS]
        return bool(users) and not any(self.keeps.get(user, True) for user in users)


def _absolute(name: str) -> Path:
    return Path(name).absolute()
