"""The HTTP server of a build, from which an installer in the guest fetches its files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.http_server import FileServer


@config
class HttpConfig:
    """Files that the guest can fetch over HTTP while the machine is being built."""

    http_directory: str = setting("A directory to serve.", default="")
    http_content: dict[str, str] = setting(
        "Files to serve: path (starting with `/`) to content.",
        factory=dict,
        example='{ "/preseed.cfg" = file("preseed.cfg") }',
    )
    http_port_min: int = setting("The lowest port that the server may take.", default=8000)
    http_port_max: int = setting("The highest port that the server may take.", default=9000)
    http_bind_address: str = setting("The address to listen on.", default="", default_doc="0.0.0.0, all addresses")
    http_interface: str = setting("A network interface of the host, to listen on its address.", default="")
    http_network_protocol: str = setting(
        "`tcp`, `tcp4` or `tcp6`. Packer's `unix` and `unixpacket` are refused: no guest can reach such a socket.",
        default="tcp",
        choices=("tcp", "tcp4", "tcp6"),
    )

    @property
    def wanted(self) -> bool:
        return bool(self.http_directory or self.http_content)

    def check(self, problems: Checker) -> None:
        for one, other in (("http_content", "http_directory"), ("http_interface", "http_bind_address")):
            if getattr(self, one) and getattr(self, other):
                problems.error("Conflicting arguments", f'Only one of "{one}" and "{other}" can be set.', one, other)
        if self.http_directory:
            problems.file_exists("http_directory", self.http_directory)
        check_port_range(problems, "http_port_min", self.http_port_min, "http_port_max", self.http_port_max)
        for path in self.http_content:
            if not path.startswith("/"):
                detail = f'The path "{path}" must start with a slash.'
                problems.error("Invalid HTTP path", detail, "http_content")


def check_port_range(problems: Checker, low_name: str, low: int, high_name: str, high: int, floor: int = 1) -> None:
    """Report a range of ports that is empty or not one of ports."""
    for name, value in ((low_name, low), (high_name, high)):
        if not floor <= value <= 65535:
            problems.error("Invalid port", f'"{name}" must be from {floor} to 65535, not {value}.', name)
            return
    if low > high and problems.is_known(low_name, high_name):
        detail = f'"{low_name}" ({low}) is above "{high_name}" ({high}).'
        problems.error("Invalid port range", detail, low_name, high_name)


@frozen
class HttpAddress:
    """Where the server listens; ``host`` is empty when it listens everywhere."""

    host: str
    port: int


@step("Starting HTTP server", undo="Stopping HTTP server")
def http_server(ctx: Context, config: HttpConfig) -> Iterator[HttpAddress]:
    """Serve until the scope closes. Raises BuildError when no port is free."""
    from hclimg.sdk.http_server import FileServer
    from hclimg.sdk.ports import no_port, shuffled

    host = bind_host(config)
    low, high = config.http_port_min, config.http_port_max
    for port in shuffled(low, high):
        try:
            server = FileServer(host, port, config.http_directory, config.http_content, ctx)
        except OSError as error:
            _refuse_address(error, host)
            continue
        ctx.say(f"The HTTP server listens on port {port}.")
        yield from _serving(server, HttpAddress("" if host in ("0.0.0.0", "::") else host, port))
        return
    raise no_port(low, high, "the HTTP server")


def _serving(server: FileServer, address: HttpAddress) -> Iterator[HttpAddress]:
    server.start()
    yield address
    server.stop()


def _refuse_address(error: OSError, host: str) -> None:
    """A port that is taken is no reason to give up; an address that this machine does not have is."""
    import errno

    from hclimg.errors import BuildError

    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or error.errno is None or error.errno < 0:
        hint = "Set http_bind_address to an address of this machine."
        raise BuildError(f"The HTTP server cannot listen on {host}: {error.strerror or error}.", hint=hint) from error


def bind_host(config: HttpConfig) -> str:
    if config.http_interface:
        return interface_address(config.http_interface)
    if config.http_bind_address:
        return config.http_bind_address
    return "::" if config.http_network_protocol == "tcp6" else "0.0.0.0"


def interface_address(name: str) -> str:
    """The IPv4 address of a network interface of the host."""
    import fcntl
    import socket
    import struct

    from hclimg.errors import BuildError

    get_address = 0x8915  # SIOCGIFADDR
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), get_address, struct.pack("256s", name.encode()[:15]))
        except OSError as error:
            message = f'The network interface "{name}" has no IPv4 address: {error.strerror}.'
            raise BuildError(message, hint="`ip address` lists the interfaces of this machine.") from error
    return socket.inet_ntoa(answer[20:24])
