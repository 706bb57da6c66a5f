"""How to reach a vCenter or an ESXi host: settings that builders and post-processors embed.

Knows nothing of the API. The password never leaves this process; whoever cleans up later brings it in the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from attrs import frozen

from hclimg.config.fields import Checker, config, setting
from hclimg.errors import BuildError
from hclimg.units import Secret

SERVER, USER, PASSWORD, INSECURE = (
    "VSPHERE_SERVER", "VSPHERE_USER", "VSPHERE_PASSWORD", "VSPHERE_ALLOW_UNVERIFIED_SSL",
)  # fmt: skip
_SERVER = re.compile(r"(?P<host>\[[0-9A-Fa-f:]+\]|[^\s/:\[\]]+)(:(?P<port>[0-9]{1,5}))?")
HTTPS = 443


@frozen(kw_only=True)
class Endpoint:
    """Where and as whom. ``server`` is ``host`` or ``host:port``."""

    server: str
    username: str
    password: Secret
    insecure: bool = False

    @property
    def host(self) -> str:
        return _parts(self.server)[0]

    @property
    def port(self) -> int:
        return _parts(self.server)[1]

    @property
    def identity(self) -> dict[str, str]:
        """For a journal and for artifacts: what leads to the same API again, without the password."""
        return {"server": self.server, "username": self.username, "insecure": "true" if self.insecure else ""}


@config
class VsphereAccess:
    """The vCenter, and the account to work with."""

    vcenter_server: str = setting(
        "The address of the vCenter (or of an ESXi host), with `:PORT` when it is not 443.",
        default="",
        default_doc=f"the environment variable {SERVER}",
    )
    username: str = setting(
        "The user to log in as.", default="", default_doc=f"the environment variable {USER}",
        example='"administrator@vsphere.local"',
    )  # fmt: skip
    password: Secret = setting(
        "The user's password.", default=Secret(""), default_doc=f"the environment variable {PASSWORD}"
    )
    insecure_connection: bool = setting("Whether to accept any certificate of the server.", default=False)
    datacenter: str = setting(
        "The datacenter, by name or path. Required when the vCenter has several.",
        default="",
        default_doc="the only one",
    )

    def check(self, problems: Checker) -> None:
        _check_account(problems, self, "vcenter_server")

    def endpoint(self) -> Endpoint:
        return remember(
            Endpoint(
                server=self.vcenter_server or os.environ.get(SERVER, ""),
                username=self.username or os.environ.get(USER, ""),
                password=self.password or Secret(os.environ.get(PASSWORD, "")),
                insecure=self.insecure_connection or os.environ.get(INSECURE, "").lower() in ("1", "true"),
            )
        )


@config
class HostAccess:
    """The vCenter and the account, as post-processors name them."""

    host: str = setting(
        "The address of the vCenter, with `:PORT` when it is not 443.", default="",
        default_doc=f"the environment variable {SERVER}",
    )  # fmt: skip
    username: str = setting("The user to log in as.", default="", default_doc=f"the environment variable {USER}")
    password: Secret = setting(
        "The user's password.", default=Secret(""), default_doc=f"the environment variable {PASSWORD}"
    )
    insecure: bool = setting("Whether to accept any certificate of the server.", default=False)

    def check(self, problems: Checker) -> None:
        _check_account(problems, self, "host")

    def endpoint(self) -> Endpoint:
        return VsphereAccess(
            vcenter_server=self.host, username=self.username, password=self.password, insecure_connection=self.insecure
        ).endpoint()


def _check_account(problems: Checker, settings: VsphereAccess | HostAccess, server: str) -> None:
    for name, variable in ((server, SERVER), ("username", USER), ("password", PASSWORD)):
        if not getattr(settings, name) and not os.environ.get(variable) and problems.is_known(name):
            detail = f'The argument "{name}" is required, or the environment variable {variable}.'
            problems.error("Missing required argument", detail, name)
    address = getattr(settings, server)
    if address and not _SERVER.fullmatch(address):
        detail = f'"{address}" is not an address; write a host name without "https://" and path.'
        problems.error("Invalid address", detail, server)


_known: dict[tuple[str, str], Secret] = {}


def remember(endpoint: Endpoint) -> Endpoint:
    """Keep the password for what this process does later with an artifact that it made."""
    _known[endpoint.server, endpoint.username] = endpoint.password
    return endpoint


def endpoint_of(identity: Mapping[str, str]) -> Endpoint:
    """The way back to the API of a journal's record or an artifact. Raises BuildError without a password."""
    server, username = identity.get("server", ""), identity.get("username", "")
    password = _known.get((server, username)) or Secret(os.environ.get(PASSWORD, ""))
    if not password.reveal():
        hint = f"Set the environment variable {PASSWORD}."
        raise BuildError(f"The password of {username} on {server} is not known.", hint=hint)
    return Endpoint(server=server, username=username, password=password, insecure=bool(identity.get("insecure")))


def _parts(server: str) -> tuple[str, int]:
    found = _SERVER.fullmatch(server)
    if found is None:
        raise BuildError(f'"{server}" is not the address of a vCenter.', hint="Write a host name, or HOST:PORT.")
    return found["host"].strip("[]"), int(found["port"] or HTTPS)
