"""How a tunnel is written in a template: ``PORT:HOST:PORT``, as after ``ssh -L`` and ``ssh -R``."""

from __future__ import annotations

from attrs import frozen


@frozen
class TunnelSpec:
    """Connections to ``listen`` on one side go to ``host:port`` as seen from the other."""

    listen: int
    host: str
    port: int


def parse_tunnel(text: str) -> TunnelSpec:
    """Raises ValueError with a sentence (without its full stop) for the user."""
    listen, _, target = text.partition(":")
    host, _, port = target.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (host and _is_port(listen) and _is_port(port)):
        raise ValueError(f'"{text}" is not a tunnel; write PORT:HOST:PORT, such as "8080:localhost:80"')
    return TunnelSpec(int(listen), host, int(port))


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536
