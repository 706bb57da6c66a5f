"""How Ansible reaches the machine: by itself, or through an SSH server of ours that leads to it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from hclimg.provisioners.ansible import AnsibleConfig
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine
from hclimg.sdk.ssh_keys import generate_key_pair, write_private_file
from hclimg.units import Secret

if TYPE_CHECKING:
    from hclimg.communicators.adapter import Adapter


@frozen(kw_only=True)
class Way:
    """How Ansible reaches the machine. ``key_file`` and ``password`` are what it logs in with, if it is given any."""

    connection: str
    host: str
    port: int
    user: str
    key_file: Path | None = None
    password: Secret = field(default=Secret(""))
    known_host: str = ""
    adapter: Adapter | None = None


def direct(facts: Mapping[str, Any], config: AnsibleConfig, files: Path) -> Way | None:
    """None when Ansible is to go through hclimg, or has to."""
    kind, host = str(facts.get("ConnType") or ""), str(facts.get("Host") or "")
    if config.use_proxy is not False or kind not in ("ssh", "winrm") or not host:
        return None
    key = "" if kind == "winrm" else str(facts.get("SSHPrivateKey") or "")
    if key:
        write_private_file(files / "key", key.rstrip("\n") + "\n")
    return Way(
        connection=kind, host=host, port=int(facts.get("Port") or 0),
        user=config.user or str(facts.get("User") or "") or getpass.getuser(),
        key_file=files / "key" if key else None, password=Secret("" if key else str(facts.get("Password") or "")),
    )  # fmt: skip


def through_adapter(ctx: Context, machine: Machine, config: AnsibleConfig, files: Path) -> Way:
    from hclimg.communicators.loading import load_paramiko

    load_paramiko()
    from hclimg.communicators.adapter import Admission, ssh_adapter
    from hclimg.communicators.login import LoginKey

    if config.use_proxy is False:
        ctx.say("Ansible cannot reach this machine by itself; it goes through hclimg")
    kind = config.ansible_proxy_key_type.lower()
    host = config.ssh_host_key_file
    host_key = (
        LoginKey(label=f'the host key "{host}"', path=host)
        if host
        else LoginKey(label="the host key", text=generate_key_pair("hclimg", key_type=kind).private)
    )
    authorized, key_file = _client_key(config, files, kind)
    adapter = ssh_adapter(
        ctx, machine.communicator, Admission(host_key=host_key, authorized=authorized),
        port=config.local_port, sftp_command=config.sftp_command,
    )  # fmt: skip
    return Way(
        connection="ssh", host="127.0.0.1", port=adapter.port, user=config.user or getpass.getuser(),
        key_file=key_file, known_host=adapter.known_host, adapter=adapter,
    )  # fmt: skip


def _client_key(config: AnsibleConfig, files: Path, kind: str) -> tuple[str, Path | None]:
    if config.ssh_authorized_key_file:
        return config.ssh_authorized_key_file.expanduser().read_text(), None
    pair = generate_key_pair("ansible", key_type=kind)
    write_private_file(files / "key", pair.private.reveal())
    return pair.public, files / "key"
