"""One run of ansible-playbook on this host: what it is given, and what its end means."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from shlex import join
from typing import Any

from attrs import define, field

from hclimg.errors import CommandFailed, ConnectionLost, HclimgError
from hclimg.provisioners.ansible import AnsibleConfig
from hclimg.provisioners.ansible_galaxy import installations
from hclimg.provisioners.ansible_inventory import inventory
from hclimg.provisioners.ansible_output import AnsibleOutput
from hclimg.provisioners.ansible_places import search_path
from hclimg.provisioners.ansible_program import check_version, find_ansible
from hclimg.provisioners.ansible_way import Way, direct, through_adapter
from hclimg.sdk.context import Context
from hclimg.sdk.disk import private_directory
from hclimg.sdk.machine import Machine
from hclimg.sdk.process import TAIL, end_processes, run_program
from hclimg.sdk.scripts import token
from hclimg.sdk.ssh_keys import write_private_file
from hclimg.sdk.steps import step

_MARK = "HCLIMG_ANSIBLE"
_ANY_STATUS = range(-128, 256)
SOCKETS = "cp"
_PROMPT = timedelta(seconds=10)
_SHORT_ENOUGH = 70  # characters of a directory in which ssh can still make a socket
_HINTS = {
    2: "A task failed; its output says more.",
    4: "Ansible could not reach the machine, or cannot read the playbook; its output says more.",
}


def run_playbook(ctx: Context, machine: Machine, config: AnsibleConfig) -> None:
    """Raises MissingProgram, CommandFailed that names the task, and what the connection to the machine raised."""
    program = find_ansible(config.command)
    if not config.skip_version_check:
        check_version(ctx, program)
    files = private_directory(ctx)
    facts = {**machine.facts, **ctx.facts}
    way = direct(facts, config, files) or through_adapter(ctx, machine, config, files)
    run = PlaybookRun(ctx, config, way, files, facts, own_processes(ctx, files / SOCKETS))
    run.install_requirements()
    run.play(program)


@step("Preparing to run Ansible", undo="Ending what Ansible left running")
def own_processes(ctx: Context, sockets: Path) -> Iterator[str]:
    """The mark of all that Ansible starts: it has workers in sessions of their own, which may outlive it. Connections
    that ssh keeps open, with a socket each, are told to close: they show no environment."""
    mark = f"{_MARK}={ctx.run.id}-{token()}"
    yield mark
    end_processes(mark)
    for socket in sockets.glob("*"):
        close = ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "machine"]
        run_program(ctx, close, valid=_ANY_STATUS, timeout=_PROMPT)
    end_processes(mark)


@define(eq=False)
class PlaybookRun:
    """``mark`` is the environment variable that marks what is started, as ``NAME=value``."""

    ctx: Context
    config: AnsibleConfig
    way: Way
    files: Path
    facts: Mapping[str, Any]
    mark: str
    _said: AnsibleOutput = field(factory=AnsibleOutput)
    _tail: deque[str] = field(factory=lambda: deque(maxlen=TAIL))

    def install_requirements(self) -> None:
        calls = installations(self.config)
        program = find_ansible(self.config.galaxy_command) if calls else ""
        for arguments in calls:
            what = "collections" if arguments[0] == "collection" else "roles"
            self.ctx.say(f"Installing the {what} that {self.config.galaxy_file} requires")
            run_program(
                self.ctx, [program, *arguments], env=self.environment, on_output=self.ctx.output,
                hint="It needs the Internet, or requirements that name files of this host.",
            )  # fmt: skip

    def play(self, program: str) -> None:
        """Raises CommandFailed, or what broke the connection to the machine."""
        with inventory(self.ctx, self.config, self.way, self.files) as hosts:
            arguments = self.arguments(hosts)
            self.ctx.say(f"Running Ansible: {join([self.config.command, *arguments])}")
            done = run_program(
                self.ctx, [program, *arguments], env=self.environment, on_output=self._output, valid=_ANY_STATUS
            )
        if done.status:
            raise self._failure(done.status)
        for pattern in self._said.unmatched:
            known = ", ".join((self.config.host_alias, *self.config.groups))
            self.ctx.warn(f'The play "{pattern}" was skipped: no host matches it. The inventory has {known}.')

    def arguments(self, hosts: str) -> list[str]:
        """As Packer's, in its order; a password goes by a file that only this user can read."""
        ctx, config, way = self.ctx, self.config, self.way
        extra = [ctx.render(text, **self.facts) for text in config.extra_arguments]
        found = ["-e", f'packer_build_name="{ctx.build_name}"', "-e", f"packer_builder_type={ctx.build_type}"]
        address = str(ctx.facts.get("PackerHTTPAddr") or "")
        if address and not address.startswith("ERR_"):
            found += ["-e", f"packer_http_addr={address}"]
        if way.connection == "ssh":
            found += ["--ssh-extra-args", self._ssh_arguments()]
        found += ["--limit", config.limit] if config.limit else []
        found += extra
        if way.password and not any("ansible_password" in text or "ansible_ssh_pass" in text for text in extra):
            secrets = self.files / "secrets.json"
            write_private_file(secrets, json.dumps({"ansible_password": way.password.reveal()}))
            found += ["-e", f"@{secrets}"]
        if way.key_file:
            found += ["-e", f"ansible_ssh_private_key_file={way.key_file}"]
        return [*found, "-i", hosts, str(config.playbook_file.expanduser().absolute())]

    def _ssh_arguments(self) -> str:
        given = [self.ctx.render(text, **self.facts) for text in self.config.ansible_ssh_extra_args]
        known = self.files / "known_hosts"
        known.write_text(self.way.known_host + "\n" if self.way.known_host else "")
        # Ansible does not check host keys here, but ssh would write each that it sees into the user's own file.
        return " ".join([*(given or ["-o IdentitiesOnly=yes"]), f"-o UserKnownHostsFile={known}"])

    @property
    def environment(self) -> dict[str, str]:
        """What the template sets comes last."""
        config, env = self.config, {"ANSIBLE_HOST_KEY_CHECKING": "False", "PYTHONUNBUFFERED": "1"}
        for key in ("roles_path", "collections_path"):
            path = getattr(config, key)
            if path:
                env[f"ANSIBLE_{key.upper()}"] = f"{path.expanduser().absolute()}:{search_path(key, os.environ)}"
        if self.way.connection == "ssh":
            env |= self._transfer()
            if len(str(self.files)) < _SHORT_ENOUGH and "ANSIBLE_SSH_CONTROL_PATH_DIR" not in os.environ:
                env["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(self.files / SOCKETS)
        for text in config.ansible_env_vars:
            name, _, value = self.ctx.render(text, **self.facts).partition("=")
            env[name] = value
        name, _, value = self.mark.partition("=")
        return {**env, name: value}

    def _transfer(self) -> dict[str, str]:
        """How files are copied. Each file by sftp or scp would be a connection and some commands more."""
        if self.config.use_sftp:
            return {"ANSIBLE_SSH_TRANSFER_METHOD": "sftp"}
        found = {"ANSIBLE_SCP_IF_SSH": "True"}
        adapter = self.way.adapter
        chosen = self.config.sftp_command or "ANSIBLE_SSH_TRANSFER_METHOD" in os.environ
        if adapter and adapter.communicator.streams_stdin and not chosen:
            found["ANSIBLE_SSH_TRANSFER_METHOD"] = "piped"
        return found

    def _output(self, line: str, stream: str) -> None:
        self._tail.append(line)
        self._said.line(line)
        self.ctx.output(line, stream)

    def _failure(self, status: int) -> HclimgError:
        """What broke the connection to the machine tells more than that Ansible could not reach it."""
        trouble = self._said.trouble
        for error in self.way.adapter.failures if self.way.adapter else ():
            if isinstance(error, ConnectionLost) or trouble is None or trouble.unreachable:
                return error
        message = f"{self.config.command} ended with exit code {status}."
        failed = CommandFailed(
            message, exit_code=status, output=tuple(self._tail), hint=_HINTS.get(status, "")
        )
        found = self._said.explain(failed)
        if trouble and trouble.unreachable and self.way.adapter is None:
            found.hint += ' Without "use_proxy = false" Ansible goes through hclimg, which is connected.'
        return found
