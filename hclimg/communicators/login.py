"""Who logs in with what, and which server is trusted: what goes into paramiko's handshake."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from paramiko import ECDSAKey, Ed25519Key, PKey, RSAKey, SSHConfig, Transport
from paramiko.agent import Agent
from paramiko.auth_strategy import AuthResult, AuthStrategy
from paramiko.client import MissingHostKeyPolicy, SSHClient
from paramiko.ssh_exception import AuthenticationException, BadAuthenticationType, SSHException

from hclimg.communicators.key_file import key_text_problem
from hclimg.errors import BuildError
from hclimg.units import Secret

Answer = Callable[[str], str]
"""Asks the person at the terminal a question of the server."""

NO_SECRET = Secret("")
FAST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
SMALL_BLOCKS = ("3des-cbc",)  # used only when the template asks for it


class LoginRefused(AuthenticationException):
    """The server said no to everything that was offered: it may say yes later, when the machine has been set up."""


@frozen(kw_only=True)
class LoginKey:
    """A private key, from a file or as text; ``label`` names it in messages."""

    label: str
    path: Path | None = None
    text: Secret = NO_SECRET
    certificate: Path | None = None

    def load(self) -> PKey:
        """Raises BuildError when it cannot be used."""
        try:
            text = self.path.expanduser().read_text() if self.path else self.text.reveal()
        except (OSError, UnicodeDecodeError) as error:
            raise BuildError(f"Cannot read {self.label}: {error}.") from error
        problem = key_text_problem(text)
        if problem:
            raise BuildError(f"Cannot use {self.label}: {problem}")
        try:
            key = _parse_key(text)
            if self.certificate:
                key.load_certificate(str(self.certificate.expanduser()))
        except (ValueError, SSHException, OSError) as error:
            raise BuildError(f"Cannot use {self.label}: {error}") from error
        return key


def _parse_key(text: str) -> PKey:
    """Any format that OpenSSL or OpenSSH writes. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )

    load = load_ssh_private_key if "OPENSSH" in text.lstrip().split("\n", 1)[0] else load_pem_private_key
    key = load(text.encode(), None)
    if isinstance(key, rsa.RSAPrivateKey):
        return RSAKey(key=key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return ECDSAKey(vals=(key, key.public_key()))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        openssh = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        return Ed25519Key.from_private_key(StringIO(openssh))
    raise ValueError("it is neither an rsa, an ecdsa nor an ed25519 key")


@frozen(kw_only=True)
class Account:
    """A user of the machine and what proves it, tried in this order: agent, keys, password, questions."""

    user: str
    agent: bool = False
    keys: tuple[LoginKey, ...] = ()
    password: Secret = NO_SECRET
    answer: Answer | None = None


@define(eq=False)
class Login(AuthStrategy):
    """Logs in as an account; asks the account for nothing before the server has shown its key."""

    account: Account
    tried: list[str] = field(factory=list)

    def __attrs_pre_init__(self) -> None:
        super().__init__(ssh_config=SSHConfig())

    def get_sources(self) -> Generator[Any, None, None]:
        """Each way to prove who we are: its name, and a function of the transport."""
        account = self.account
        if account.agent:
            with closing(Agent()) as agent:
                for key in agent.get_keys():
                    yield f"the agent's key {key.fingerprint}", _by_key(account.user, key)
        for source in account.keys:
            yield source.label, _by_key(account.user, source.load())
        if account.password:
            yield "the password", self._by_password
            yield "the password as an answer", self._by_answers(lambda _: account.password.reveal())
        if account.answer:
            yield "your answers", self._by_answers(account.answer)
        if not self.tried:
            yield "no credentials at all", lambda transport: transport.auth_none(account.user)

    def authenticate(self, transport: Transport) -> AuthResult:
        """Raises LoginRefused, and SSHException when the connection breaks."""
        accepted: list[str] = []
        with closing(self.get_sources()) as sources:
            for name, prove in sources:
                self.tried.append(name)
                try:
                    accepted = prove(transport)
                except BadAuthenticationType as error:
                    accepted = error.allowed_types
                except AuthenticationException:
                    if not transport.is_active():
                        break
                else:
                    if not accepted:
                        return AuthResult(self)
        says = f"; it accepts {', '.join(accepted)}" if accepted else ""
        tried = " and ".join(self.tried)
        raise LoginRefused(f'the server refused the login of "{self.account.user}" with {tried}{says}')

    def _by_password(self, transport: Transport) -> list[str]:
        return transport.auth_password(self.account.user, self.account.password.reveal(), fallback=False)

    def _by_answers(self, answer: Answer) -> Callable[[Transport], list[str]]:
        def handler(_title: str, _instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
            return [answer(prompt) for prompt, _echo in prompts]

        return lambda transport: transport.auth_interactive(self.account.user, handler)


def _by_key(user: str, key: PKey) -> Callable[[Transport], list[str]]:
    return lambda transport: transport.auth_publickey(user, key)


@define(eq=False)
class HostKeyPin(MissingHostKeyPolicy):
    """Trust on first use, for the life of a build: the first key that a server shows is its key from then on.

    ``expected`` is a public key line or a ``SHA256:…`` fingerprint that the builder knows already; empty otherwise.
    """

    where: str
    expected: str = ""
    key_type: str = ""
    fingerprint: str = ""

    def __attrs_post_init__(self) -> None:
        words = self.expected.split()
        if self.expected.startswith("SHA256:"):
            self.fingerprint = words[0]
        elif len(words) >= 2:
            self.key_type, self.fingerprint = words[0], _fingerprint(words[1])
        elif words:
            raise BuildError(f'"{self.expected}" is neither a public host key nor a SHA256 fingerprint.')

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:  # noqa: ARG002
        """Called by paramiko with the server's key. Raises BuildError when it is not the pinned one."""
        shown = _fingerprint(key.get_base64())
        if self.fingerprint and shown != self.fingerprint:
            before = "it was expected to have" if self.expected else "it had before in this build"
            raise BuildError(
                f"The host key of {self.where} is not the one that {before}: "
                f"it is {shown} ({key.get_name()}) instead of {self.fingerprint} ({self.key_type or 'any type'}).",
                hint="Either another machine answers at this address now, or something regenerates the machine's host "
                "keys during the build. hclimg does not go on, because it could be talking to an impostor.",
            )
        self.key_type, self.fingerprint = key.get_name(), shown

    def prefer(self, offered: tuple[str, ...]) -> tuple[str, ...]:
        """The algorithms of host keys to offer: those of the pinned key first, so that the server shows that one."""
        kind = "rsa-" if self.key_type == "ssh-rsa" else self.key_type
        if not kind:
            return offered
        return tuple(sorted(offered, key=lambda name: not name.startswith(kind)))


def _fingerprint(base64: str) -> str:
    """As ssh-keygen -l prints it."""
    from binascii import Error, a2b_base64, b2a_base64
    from hashlib import sha256

    try:
        digest = sha256(a2b_base64(base64)).digest()
    except Error as error:
        raise BuildError("The expected host key is damaged: its body is not base64.") from error
    return "SHA256:" + b2a_base64(digest, newline=False).decode().rstrip("=")
