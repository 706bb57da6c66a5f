"""Servers that only the communicators need, and a communicator that is connected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hclimg.communicators.connect import connect
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from servers.relay import relay
from servers.socks5 import socks5
from servers.ssh_accounts import account_server
from servers.sshd import Sshd

__all__ = ["account_server", "relay", "socks5"]

Connected = Callable[..., Communicator]


@pytest.fixture
def connected(ctx: Context, sshd: Sshd) -> Connected:
    """``connected(**settings)`` logs in to sshd with those settings."""

    def make(**settings: Any) -> Communicator:
        config = sshd.configure(**settings)
        return connect(ctx, config, host=config.ssh_host, port=config.ssh_port)

    return make


@pytest.fixture
def ssh(connected: Connected) -> Communicator:
    return connected()
