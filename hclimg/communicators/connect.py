"""From a builder's settings to a connected communicator.

The machine is up or coming up, and its address is known; finding that out is the builder's part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from hclimg.communicators.config import CommunicatorConfig
from hclimg.communicators.loading import load_paramiko
from hclimg.communicators.none import NoCommunicator
from hclimg.errors import BuildError, ConnectionLost
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.sdk.steps import step
from hclimg.sdk.windows import is_windows
from hclimg.units import Secret, show_duration

if TYPE_CHECKING:
    from hclimg.communicators.login import Account, Answer, LoginKey
    from hclimg.communicators.session import Endpoint, Way
    from hclimg.communicators.ssh import SshCommunicator
    from hclimg.communicators.winrm import WinrmCommunicator

_CLEAN_UP = timedelta(seconds=30)


@step("Connecting to the machine", undo="Disconnecting")
def connect(
    ctx: Context,
    config: CommunicatorConfig,
    *,
    host: str,
    port: int,
    private_key: Secret | None = None,
    password: Secret | None = None,
    known_host_key: str | None = None,
) -> Iterator[Communicator]:
    """Wait for the machine and log in; the connection lasts until the scope closes.

    ``private_key`` (the text of one, made for this build) and ``password`` (found out by the builder) are used besides
    what the settings say; ``known_host_key`` is the server's public key, or its fingerprint, when the builder knows it.
    """
    if config.communicator == "none":
        yield NoCommunicator()
        return
    communicator: SshCommunicator | WinrmCommunicator
    if config.communicator == "winrm":
        communicator = _winrm(ctx, config, host, port, password)
    else:
        load_paramiko()
        communicator = _ssh(ctx, config, host, port, private_key, password, known_host_key)
    try:
        _open(ctx, config, communicator)
    except BaseException:
        communicator.close()
        raise
    yield communicator
    communicator.close()


def clear_authorized_keys(
    ctx: Context, config: CommunicatorConfig, communicator: Communicator, public_key: str
) -> None:
    """Take the build's temporary key off the machine, when the settings ask for it. A failure is a warning."""
    if not config.ssh_clear_authorized_keys or communicator.kind != "ssh":
        return
    key = public_key.split()[1]
    ctx.say("Removing the temporary key from the machine")
    try:
        done = (_forget_on_windows if is_windows(communicator) else _forget)(communicator, key)
    except ConnectionLost as error:
        ctx.warn(f"The temporary key may still be in authorized_keys: {error.message}")
    else:
        if not done:
            ctx.warn("The temporary key could not be removed from authorized_keys.")


def _forget(communicator: Communicator, key: str) -> bool:
    forget = f"[ ! -f $f ] || sed -i.hclimg '\\#{key}#d' $f && rm -f $f.hclimg"
    script = f"f=~/.ssh/authorized_keys; {forget}"
    sudo = f"f=/root/.ssh/authorized_keys; {forget}".replace("'", "'\\''")
    script += f"; if [ $(id -u) != 0 ]; then sudo -n sh -c '{sudo}' 2>/dev/null || :; fi"
    return communicator.run(script, timeout=_CLEAN_UP) == 0


def _forget_on_windows(communicator: Communicator, key: str) -> bool:
    """By copying the files to and fro: a file that is written over keeps who may read it, on which sshd insists."""
    found = False
    for path in (".ssh/authorized_keys", "C:/ProgramData/ssh/administrators_authorized_keys"):
        content = BytesIO()
        try:
            communicator.download(path, content)
        except BuildError:
            continue  # it is not there, or not for this user to read
        lines = content.getvalue().splitlines(keepends=True)
        kept = [line for line in lines if key.encode() not in line]
        if kept != lines:
            communicator.upload(b"".join(kept), path)
            found = True
    return found


def _open(ctx: Context, config: CommunicatorConfig, communicator: SshCommunicator | WinrmCommunicator) -> None:
    session, pause = communicator.session, config.pause_before_connecting
    name, timeout = ("WinRM", config.winrm_timeout) if communicator.kind == "winrm" else ("SSH", config.timeout)
    ctx.say(f"Waiting for {name} on {session.where}")
    session.connect(timeout)
    if pause > timedelta():
        ctx.say(f"Connected; waiting {show_duration(pause)}, then connecting again")
        session.drop()
        ctx.sleep(pause.total_seconds())
        session.connect(timeout)
    ctx.say(f"Connected to {session.where} as {communicator.login}")
    communicator.opened()


def _winrm(
    ctx: Context, config: CommunicatorConfig, host: str, port: int, password: Secret | None
) -> WinrmCommunicator:
    from hclimg.communicators.winrm import WinrmCommunicator
    from hclimg.communicators.winrm_http import WinrmEndpoint
    from hclimg.communicators.winrm_session import WinrmSession

    end = WinrmEndpoint(
        host=host, port=port, user=config.winrm_username, password=config.winrm_password or password or Secret(""),
        tls=config.winrm_use_ssl, insecure=config.winrm_insecure, ntlm=config.winrm_use_ntlm,
        no_proxy=config.winrm_no_proxy, certificate=_certificate(config),
    )  # fmt: skip
    return WinrmCommunicator(WinrmSession(end, ctx.cancel, ctx.say), ctx.progress)


def _certificate(config: CommunicatorConfig) -> tuple[Path, Path] | None:
    certificate = config.winrm_certificate_file
    if certificate is None:
        return None
    from hclimg.communicators.winrm_http import certificate_pair

    key = config.winrm_certificate_key_file or certificate
    return certificate_pair(certificate.expanduser(), key.expanduser())


def _ssh(
    ctx: Context,
    config: CommunicatorConfig,
    host: str,
    port: int,
    private_key: Secret | None,
    password: Secret | None,
    known_host_key: str | None,
) -> SshCommunicator:
    from hclimg.communicators.session import SshSession
    from hclimg.communicators.ssh import SshCommunicator
    from hclimg.communicators.tunnel_spec import parse_tunnel
    from hclimg.communicators.tunnels import Tunnels

    account = _account(config, private_key, password)
    session = SshSession(_way(ctx, config, _endpoint(host, port, account, known_host_key or "")), ctx.cancel)
    tunnels = None
    if config.ssh_local_tunnels or config.ssh_remote_tunnels:
        local, remote = map(parse_tunnel, config.ssh_local_tunnels), map(parse_tunnel, config.ssh_remote_tunnels)
        tunnels = Tunnels(lambda: session.transport if session.alive else None, tuple(local), tuple(remote))
        session.on_connect = tunnels.ask
    return SshCommunicator(
        session, ctx.progress, pty=config.ssh_pty, sftp=config.ssh_file_transfer_method == "sftp", tunnels=tunnels
    )


def _way(ctx: Context, config: CommunicatorConfig, target: Endpoint) -> Way:
    from hclimg.communicators.session import Way
    from hclimg.communicators.socks import Proxy

    proxy = None
    if config.ssh_proxy_host:
        proxy = Proxy(
            host=config.ssh_proxy_host, port=config.ssh_proxy_port,
            username=config.ssh_proxy_username, password=config.ssh_proxy_password,
        )  # fmt: skip
    return Way(
        target=target,
        bastion=_bastion(ctx, config) if config.ssh_bastion_host else None,
        proxy=proxy,
        timeout=config.timeout,
        attempts=config.attempts,
        ciphers=config.ssh_ciphers,
        key_exchanges=config.ssh_key_exchange_algorithms,
        keep_alive=config.ssh_keep_alive_interval,
        silence=config.ssh_read_write_timeout,
        forward_agent=not config.ssh_disable_agent_forwarding and bool(os.environ.get("SSH_AUTH_SOCK")),
    )


def _endpoint(host: str, port: int, account: Account, known_host_key: str = "") -> Endpoint:
    from hclimg.communicators.login import HostKeyPin
    from hclimg.communicators.session import Endpoint

    return Endpoint(host=host, port=port, account=account, pin=HostKeyPin(f"{host}:{port}", known_host_key))


def _account(config: CommunicatorConfig, private_key: Secret | None, password: Secret | None) -> Account:
    from hclimg.communicators.login import Account, LoginKey

    keys: list[LoginKey] = []
    certificate = config.ssh_certificate_file
    if config.ssh_private_key_file:
        path = config.ssh_private_key_file
        keys.append(LoginKey(label=f'the key "{path}"', path=path, certificate=certificate))
    if private_key:
        keys.append(LoginKey(label="the key made for this build", text=private_key, certificate=certificate))
    secret = config.ssh_password or password or Secret("")
    return Account(user=config.ssh_username, agent=config.ssh_agent_auth, keys=tuple(keys), password=secret)


def _bastion(ctx: Context, config: CommunicatorConfig) -> Endpoint:
    from hclimg.communicators.login import Account, LoginKey

    keys: tuple[LoginKey, ...] = ()
    path = config.bastion_key_file
    if path and not (config.ssh_bastion_agent_auth or config.ssh_bastion_password):
        key = LoginKey(label=f'the key "{path}"', path=path, certificate=config.bastion_certificate_file)
        keys = (key,)
    account = Account(
        user=config.ssh_bastion_username or config.ssh_username, agent=config.ssh_bastion_agent_auth, keys=keys,
        password=config.ssh_bastion_password, answer=_asker(ctx) if config.ssh_bastion_interactive else None,
    )  # fmt: skip
    return _endpoint(config.ssh_bastion_host, config.ssh_bastion_port, account)


def _asker(ctx: Context) -> Answer:
    def answer(question: str) -> str:
        try:
            return ctx.ask(question.strip())
        except EOFError:
            raise BuildError(
                "The bastion asks a question, and there is no terminal to answer it on.",
                hint="Use ssh_bastion_private_key_file, ssh_bastion_agent_auth or ssh_bastion_password.",
            ) from None

    return answer
