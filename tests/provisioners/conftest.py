"""A machine to provision, over a real SSH server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hclimg.communicators.connect import connect
from hclimg.sdk.machine import Machine
from servers.recording import Recording
from servers.relay import relay
from servers.sshd import Sshd

__all__ = ["relay"]


@pytest.fixture
def machine_with(recording: Recording, sshd: Sshd) -> Callable[..., Machine]:
    """``machine_with(**settings)`` is sshd's machine, reached with those communicator settings."""

    def make(**settings: Any) -> Machine:
        config = sshd.configure(**settings)
        communicator = connect(recording.ctx, config, host=config.ssh_host, port=config.ssh_port)
        return Machine(id="test", communicator=communicator)

    return make


@pytest.fixture
def machine(machine_with: Callable[..., Machine]) -> Machine:
    return machine_with()

