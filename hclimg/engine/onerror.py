"""What happens when a node fails: ``-on-error=cleanup|abort|ask|run-cleanup-provisioner``.

The scheduler asks this policy; it knows nothing of scopes. ``abort`` leaves everything of a failed or interrupted
lane in place and skips its error-cleanup provisioner; ``run-cleanup-provisioner`` is ``abort`` with that provisioner;
``ask`` lets the person decide for each failed node.
"""

from __future__ import annotations

import threading
from enum import StrEnum

from attrs import define, field

from hclimg.engine.state import error_text
from hclimg.errors import Cancelled
from hclimg.plan.node import Node, NodeKind
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import NoPrompter, Prompter

QUESTION = "[c] Clean up and exit, [a] abort without cleanup, or [r] retry?"
CLEANING = frozenset({NodeKind.TEARDOWN, NodeKind.RELEASE, NodeKind.ERROR_CLEANUP})


class OnError(StrEnum):
    CLEANUP = "cleanup"
    ABORT = "abort"
    ASK = "ask"
    RUN_CLEANUP_PROVISIONER = "run-cleanup-provisioner"


class Decision(StrEnum):
    CLEAN_UP = "c"
    ABORT = "a"
    RETRY = "r"


ANSWERS = {decision.value: decision for decision in Decision}


@define
class FailurePolicy:
    """Its answers may be asked for from any thread."""

    mode: OnError = OnError.CLEANUP
    prompter: Prompter = field(factory=NoPrompter)
    _aborted: set[str] = field(factory=set, init=False)
    _terminal: threading.Lock = field(factory=threading.Lock, init=False)

    def wants(self, node: Node) -> bool:
        """Whether a node that could run should."""
        if node.kind is not NodeKind.ERROR_CLEANUP:
            return True
        return self.mode is not OnError.ABORT and node.lane not in self._aborted

    def asks(self, node: Node) -> bool:
        """Whether :meth:`decide` has to be called about the failure of a node."""
        return self.mode is OnError.ASK and node.kind not in CLEANING

    def decide(self, node: Node, error: BaseException, cancel: CancelToken) -> Decision:
        """Ask the person what to do about a failed node. Blocks; an interrupt means: clean up."""
        with self._terminal:
            decision = self._ask(f'"{node.title}" failed: {error_text(error)}', cancel)
        if decision is Decision.ABORT and node.lane:
            self._aborted.add(node.lane)
        return decision

    def abandons(self, lane: str, *, failed: bool) -> bool:
        """Whether what a lane made stays in place at its end."""
        left = self.mode in (OnError.ABORT, OnError.RUN_CLEANUP_PROVISIONER)
        return failed and (left or lane in self._aborted)

    def _ask(self, problem: str, cancel: CancelToken) -> Decision:
        question = f"{problem}\n{QUESTION}"
        while True:
            try:
                answer = self.prompter.ask(question, cancel).strip().lower()[:1]
            except (Cancelled, EOFError):
                return Decision.CLEAN_UP
            if answer in ANSWERS:
                return ANSWERS[answer]
            question = f'"{answer}" is none of c, a and r. {QUESTION}'
