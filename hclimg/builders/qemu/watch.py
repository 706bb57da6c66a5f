"""Why a guest went away: what waits for it is woken when QEMU ends, or cannot go on because the host's disk is full.

The reason is raised then, instead of "the connection broke".
"""

from __future__ import annotations

from hclimg.builders.qemu.guest import Guest
from hclimg.communicators.watched import Explain
from hclimg.errors import Cancelled, ConnectionLost, HclimgError
from hclimg.sdk.cancel import CancelToken


def explainer(guest: Guest, cancel: CancelToken) -> Explain:
    """For a communicator that waits with the guest's token; ``cancel`` is the build's own."""

    def explain(error: ConnectionLost | Cancelled) -> HclimgError | None:
        """A lost connection keeps its type, which provisioners that restart the machine look for."""
        if cancel.cancelled or not guest.failed:
            return None
        failure = guest.failure()
        if guest.full:
            return failure
        started = error.started if isinstance(error, ConnectionLost) else True
        return ConnectionLost(failure.message, started=started, hint=failure.hint)

    return explain
