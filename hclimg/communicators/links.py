"""The hops of an SSH connection: straight to the machine, or to a bastion and from there to the machine.

Where there is a bastion, both are ``fabric.Connection``s. The straight one needs nothing of fabric, whose import takes
longer than the login, so it is paramiko's client with the few members of fabric's that a session uses.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from paramiko import Channel, SSHClient, Transport
from paramiko.agent import AgentRequestHandler


@define(eq=False)
class Link:
    """A straight connection; ``options`` go to paramiko's ``SSHClient.connect``."""

    host: str
    port: int
    user: str
    options: dict[str, Any]
    forward_agent: bool = False
    client: SSHClient = field(factory=SSHClient)

    @property
    def transport(self) -> Transport | None:
        return self.client.get_transport()

    @property
    def is_connected(self) -> bool:
        transport = self.transport
        return transport is not None and transport.is_active()

    def open(self) -> None:
        self.client.connect(self.host, port=self.port, username=self.user, **self.options)

    def create_session(self) -> Channel:
        """A session channel, with the agent forwarded where that is wanted."""
        transport = self.transport
        assert transport is not None
        channel = transport.open_session()
        if self.forward_agent:
            AgentRequestHandler(channel)
        return channel


def fabric_connection(end: Link, gateway: Any) -> Any:
    """The same hop as a ``fabric.Connection``, behind the connection ``gateway`` unless that is None."""
    from fabric import Config, Connection
    from paramiko import SSHConfig

    return Connection(
        end.host,
        user=end.user,
        port=end.port,
        gateway=gateway or False,
        forward_agent=end.forward_agent,
        connect_kwargs=end.options,
        config=Config(lazy=True, ssh_config=SSHConfig()),  # neither ~/.ssh/config nor ~/.fabric.yaml
    )
