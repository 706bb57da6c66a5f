"""The settings that say how to reach a machine: Packer's 49 communicator keys, for every builder to embed.

It knows the keys and their rules, and nothing of connections: ``validate`` must stay cheap.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from hclimg.communicators.key_file import key_file_problem
from hclimg.communicators.tunnel_spec import parse_tunnel
from hclimg.config.fields import Checker, config, setting
from hclimg.diagnostics import did_you_mean
from hclimg.units import Secret

KINDS = ("ssh", "winrm", "none", "docker", "dockerWindowsContainer")
"""Every communicator that some builder can have; a builder says with ``allow`` which ones are its own."""

DEFAULT_TIMEOUT = timedelta(minutes=5)
DEFAULT_ATTEMPTS = 10


@config
class CommunicatorConfig:
    """How to reach the machine."""

    communicator: str = setting('How to talk to the machine: "ssh", "winrm" or "none".', default="ssh")
    pause_before_connecting: timedelta = setting(
        "How long to wait after the machine answered, before connecting again and going on.", default=timedelta()
    )

    ssh_host: str = setting("The address to connect to; most builders find it by themselves.", default="")
    ssh_port: int = setting("The port of the machine's SSH server.", default=22)
    ssh_username: str = setting("The user to log in as. Required with SSH.", default="")
    ssh_password: Secret = setting("The user's password.", default=Secret(""))
    ssh_keypair_name: str = setting("The name of a key pair that the cloud already has.", default="")
    temporary_key_pair_name: str = setting("The name of the key pair that is made for this build.", default="")
    temporary_key_pair_type: str = setting(
        "The kind of key pair that is made for this build.",
        default="",
        choices=("rsa", "dsa", "ecdsa", "ed25519"),
        default_doc="rsa",
    )
    temporary_key_pair_bits: int = setting(
        "The size of the key that is made for this build.", default=0, default_doc="3072 for rsa, 256 for ecdsa"
    )
    ssh_ciphers: tuple[str, ...] = setting("The ciphers to offer, best first.", default=())
    ssh_clear_authorized_keys: bool = setting(
        "Whether to remove the temporary key from the machine's authorized_keys files at the end.", default=False
    )
    ssh_key_exchange_algorithms: tuple[str, ...] = setting("The key exchanges to offer, best first.", default=())
    ssh_private_key_file: Path | None = setting("A private key of the user; ~ is expanded.", default=None)
    ssh_certificate_file: Path | None = setting("A signed certificate of the private key.", default=None)
    ssh_pty: bool = setting("Whether commands run on a terminal.", default=False)
    ssh_timeout: timedelta | None = setting("How long to wait for SSH.", default=None, default_doc="5m")
    ssh_wait_timeout: timedelta | None = setting(
        "The old name of ssh_timeout.", default=None, deprecated="write ssh_timeout instead."
    )
    ssh_agent_auth: bool = setting("Whether to log in with the keys of the local SSH agent.", default=False)
    ssh_disable_agent_forwarding: bool = setting(
        "Whether to keep the local SSH agent away from the machine.", default=False
    )
    ssh_handshake_attempts: int = setting(
        "How many refused logins are accepted while waiting for SSH; 0: as many as ssh_timeout allows.",
        default=0,
        default_doc="10, or unlimited when ssh_timeout is set",
    )
    ssh_bastion_host: str = setting("A host to connect through.", default="")
    ssh_bastion_port: int = setting("The port of the bastion's SSH server.", default=22)
    ssh_bastion_agent_auth: bool = setting("Whether to log in to the bastion with the agent's keys.", default=False)
    ssh_bastion_username: str = setting("The user to log in to the bastion as.", default="")
    ssh_bastion_password: Secret = setting("The password of the bastion's user.", default=Secret(""))
    ssh_bastion_interactive: bool = setting(
        "Whether the bastion asks questions when logging in; the person at the terminal answers them.", default=False
    )
    ssh_bastion_private_key_file: Path | None = setting(
        "A private key of the bastion's user.", default=None, default_doc="ssh_private_key_file"
    )
    ssh_bastion_certificate_file: Path | None = setting(
        "A signed certificate of the bastion's private key.", default=None, default_doc="ssh_certificate_file"
    )
    ssh_file_transfer_method: str = setting(
        'How to copy files: "scp" streams them through a command, "sftp" uses the SFTP server.',
        default="scp",
        choices=("scp", "sftp"),
    )
    ssh_proxy_host: str = setting("A SOCKS5 proxy to connect through.", default="")
    ssh_proxy_port: int = setting("The port of the SOCKS5 proxy.", default=1080)
    ssh_proxy_username: str = setting("The user to log in to the proxy as.", default="")
    ssh_proxy_password: Secret = setting("The password of the proxy's user.", default=Secret(""))
    ssh_keep_alive_interval: timedelta = setting(
        "How often to send a keep-alive message; negative: never.", default=timedelta(seconds=5)
    )
    ssh_read_write_timeout: timedelta = setting(
        "How long the machine may be silent before the connection counts as lost; 0: as long as TCP allows.",
        default=timedelta(),
    )
    ssh_remote_tunnels: tuple[str, ...] = setting(
        'Ports of the machine that lead to this host: "PORT:HOST:PORT".', default=()
    )
    ssh_local_tunnels: tuple[str, ...] = setting(
        'Ports of this host that lead to the machine\'s network: "PORT:HOST:PORT".', default=()
    )
    ssh_public_key: tuple[int, ...] = setting("The bytes of the public key.", default=(), ignored="builders set it.")
    ssh_private_key: tuple[int, ...] = setting(
        "The bytes of the private key.", default=(), sensitive=True, ignored="builders set it."
    )

    winrm_username: str = setting("The user to log in as. Required with WinRM.", default="")
    winrm_password: Secret = setting("The user's password.", default=Secret(""))
    winrm_host: str = setting("The address to connect to; most builders find it by themselves.", default="")
    winrm_no_proxy: bool = setting("Whether to reach the machine without the proxy of the environment.", default=False)
    winrm_port: int = setting("The port of WinRM.", default=0, default_doc="5985, or 5986 with winrm_use_ssl")
    winrm_timeout: timedelta = setting("How long to wait for WinRM.", default=timedelta(minutes=30))
    winrm_use_ssl: bool = setting("Whether to use HTTPS.", default=False)
    winrm_insecure: bool = setting("Whether to accept any certificate.", default=False)
    winrm_use_ntlm: bool = setting("Whether to log in by NTLM.", default=False)
    winrm_certificate_file: Path | None = setting(
        "A certificate (PEM) to log in by instead of a password; the machine knows whose it is. Not in Packer.",
        default=None,
    )
    winrm_certificate_key_file: Path | None = setting(
        "The private key (PEM) of the certificate. Not in Packer.", default=None, default_doc="winrm_certificate_file"
    )

    @property
    def host(self) -> str:
        """Where the user says that the machine is; empty: the builder finds out."""
        return self.winrm_host if self.communicator == "winrm" else self.ssh_host

    @property
    def user(self) -> str:
        """Who logs in there; empty: nobody does."""
        users = {"ssh": self.ssh_username, "winrm": self.winrm_username}
        return users.get(self.communicator, "")

    @property
    def port(self) -> int:
        """Where the machine listens; 0: there is no communicator."""
        if self.communicator == "winrm":
            return self.winrm_port or (5986 if self.winrm_use_ssl else 5985)
        return self.ssh_port if self.communicator == "ssh" else 0

    @property
    def timeout(self) -> timedelta:
        """How long to wait for SSH."""
        return self.ssh_timeout or self.ssh_wait_timeout or DEFAULT_TIMEOUT

    @property
    def attempts(self) -> int | None:
        """How many refused logins are accepted; None: any number until the timeout."""
        if self.ssh_handshake_attempts > 0:
            return self.ssh_handshake_attempts
        return None if self.ssh_timeout or self.ssh_wait_timeout else DEFAULT_ATTEMPTS

    @property
    def bastion_key_file(self) -> Path | None:
        return self.ssh_bastion_private_key_file or self.ssh_private_key_file

    @property
    def bastion_certificate_file(self) -> Path | None:
        return self.ssh_bastion_certificate_file or self.ssh_certificate_file

    def allow(self, problems: Checker, *kinds: str) -> None:
        """For the ``check`` of a builder: which communicators its machines can have."""
        if self.communicator in KINDS and self.communicator not in kinds:
            allowed = _listing(kinds)
            detail = f'This builder cannot use the communicator "{self.communicator}"; it can use {allowed}.'
            problems.error("Unsupported communicator", detail, "communicator")

    def require_winrm_password(self, problems: Checker) -> None:
        """For the ``check`` of a builder whose machines tell nobody their password."""
        if self.communicator != "winrm" or self.winrm_certificate_file or self.winrm_password.reveal():
            return
        if problems.is_known("winrm_password", "winrm_certificate_file"):
            detail = 'The argument "winrm_password" is required: this builder cannot find out the password.'
            problems.error("Missing required argument", detail, "winrm_password")

    def check(self, problems: Checker) -> None:
        if not problems.is_known("communicator"):
            return
        if self.communicator not in KINDS:
            hint = did_you_mean(self.communicator, KINDS)
            detail = f'There is no communicator "{self.communicator}"; write {_listing(KINDS[:3])}.{hint}'
            problems.error("Unknown communicator", detail, "communicator")
        elif self.communicator == "ssh":
            self._check_ssh(problems)
        elif self.communicator == "winrm":
            self._check_winrm(problems)

    def _check_ssh(self, problems: Checker) -> None:
        problems.at_most_one("ssh_timeout", "ssh_wait_timeout")
        if not self.ssh_username:
            detail = 'The argument "ssh_username" is required with the SSH communicator; no user is assumed.'
            problems.error("Missing required argument", detail, "ssh_username")
        for name in ("ssh_port", "ssh_bastion_port", "ssh_proxy_port"):
            if not 0 < getattr(self, name) < 65536:
                problems.error("Invalid port", f'"{name}" must be a number from 1 to 65535.', name)
        if self.temporary_key_pair_type == "dsa":
            detail = "OpenSSH no longer accepts DSA keys; use rsa, ecdsa or ed25519."
            problems.error("Unsupported key type", detail, "temporary_key_pair_type")
        _check_key_file(problems, "ssh_private_key_file", self.ssh_private_key_file)
        _check_readable(problems, "ssh_certificate_file", self.ssh_certificate_file)
        for name in ("ssh_local_tunnels", "ssh_remote_tunnels"):
            for tunnel in getattr(self, name):
                try:
                    parse_tunnel(tunnel)
                except ValueError as error:
                    problems.error("Invalid tunnel", f'"{name}": {error}.', name)
        self._check_way(problems)

    def _check_way(self, problems: Checker) -> None:
        """The rules about bastion and proxy."""
        if self.ssh_bastion_host and self.ssh_proxy_host:
            detail = 'Only one of "ssh_bastion_host" and "ssh_proxy_host" can be set.'
            problems.error("Conflicting arguments", detail, "ssh_proxy_host", "ssh_bastion_host")
        if not self.ssh_bastion_host:
            return
        if self.ssh_bastion_interactive and self.ssh_bastion_password:
            detail = 'Only one of "ssh_bastion_interactive" and "ssh_bastion_password" can be set.'
            problems.error("Conflicting arguments", detail, "ssh_bastion_password", "ssh_bastion_interactive")
        if not (
            self.ssh_bastion_agent_auth
            or self.ssh_bastion_interactive
            or self.ssh_bastion_password
            or self.bastion_key_file
        ):
            detail = (
                'To log in to the bastion, set "ssh_bastion_private_key_file", "ssh_bastion_password", '
                '"ssh_bastion_agent_auth" or "ssh_bastion_interactive".'
            )
            names = ("ssh_bastion_host", "ssh_bastion_password", "ssh_bastion_private_key_file")
            problems.error("Missing required argument", detail, *names)
        _check_key_file(problems, "ssh_bastion_private_key_file", self.ssh_bastion_private_key_file)
        _check_readable(problems, "ssh_bastion_certificate_file", self.ssh_bastion_certificate_file)

    def _check_winrm(self, problems: Checker) -> None:
        by_certificate = self.winrm_certificate_file or not problems.is_known("winrm_certificate_file")
        if not self.winrm_username and not by_certificate:
            detail = 'The argument "winrm_username" is required with the WinRM communicator.'
            problems.error("Missing required argument", detail, "winrm_username")
        if not 0 <= self.winrm_port < 65536:
            problems.error("Invalid port", '"winrm_port" must be a number from 1 to 65535.', "winrm_port")
        problems.at_most_one("winrm_use_ntlm", "winrm_certificate_file")
        problems.at_most_one("winrm_password", "winrm_certificate_file")
        self._check_winrm_certificate(problems)

    def _check_winrm_certificate(self, problems: Checker) -> None:
        _check_readable(problems, "winrm_certificate_file", self.winrm_certificate_file)
        _check_readable(problems, "winrm_certificate_key_file", self.winrm_certificate_key_file)
        if not problems.is_known("winrm_certificate_file", "winrm_certificate_key_file", "winrm_use_ssl"):
            return
        if self.winrm_certificate_key_file and not self.winrm_certificate_file:
            detail = '"winrm_certificate_key_file" is the key of a certificate: set "winrm_certificate_file" too.'
            problems.error("Missing required argument", detail, "winrm_certificate_file", "winrm_certificate_key_file")
        if self.winrm_certificate_file and not self.winrm_use_ssl:
            detail = "A certificate logs in over TLS only: set winrm_use_ssl = true."
            problems.error("Missing required argument", detail, "winrm_use_ssl", "winrm_certificate_file")


def _check_key_file(problems: Checker, name: str, path: Path | None) -> None:
    if path is None or not problems.is_known(name):
        return
    problem = key_file_problem(path.expanduser())
    if problem:
        problems.error("Invalid private key file", f'"{name}" names "{path}": {problem}', name)


def _check_readable(problems: Checker, name: str, path: Path | None) -> None:
    if path is None or not problems.is_known(name):
        return
    try:
        path.expanduser().open("rb").close()
    except OSError as error:
        problems.error("Invalid file", f'"{name}" names "{path}": {error.strerror}.', name)


def _listing(names: tuple[str, ...]) -> str:
    quoted = [f'"{name}"' for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
