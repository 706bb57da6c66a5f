"""What every provisioner that runs scripts has in common: which scripts, and the environment that they get."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from hclimg.config.fields import Checker, config, setting
from hclimg.errors import BuildError
from hclimg.sdk.context import Context

_ASSIGNMENT = re.compile(r"[^=\s]+=", re.ASCII)


@config
class ScriptConfig:
    """Scripts and their environment."""

    inline: tuple[str, ...] = setting("Commands to run, one a line, as one script.", default=())
    script: Path | None = setting("A script of this host to run.", default=None)
    scripts: tuple[Path, ...] = setting("Scripts of this host to run, one after the other.", default=())
    environment_vars: tuple[str, ...] = setting('Environment variables, each as "NAME=value".', default=())
    env: dict[str, str] = setting("Environment variables.", factory=dict)
    valid_exit_codes: tuple[int, ...] = setting("The exit codes that mean success.", default=(0,))

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.scripts, *((self.script,) if self.script else ()))

    @property
    def summary(self) -> str:
        """What is run, on one line."""
        if self.inline:
            return self.inline[0] if len(self.inline) == 1 else f"{len(self.inline)} commands"
        return ", ".join(map(str, self.files))

    def check(self, problems: Checker) -> None:
        if problems.is_set("inline") and not self.inline:
            problems.error("Empty script", '"inline" must hold at least one command.', "inline")
        if self.script:
            problems.file_exists("script", str(self.script))
        for path in self.scripts:
            problems.file_exists("scripts", str(path))
        for text in self.environment_vars:
            if not _ASSIGNMENT.match(text):
                detail = f'"{text.partition("=")[0]}" is no environment variable; write "NAME=value".'
                problems.error("Invalid environment variable", detail, "environment_vars")


@frozen
class Script:
    """``name`` is for people, ``path`` the file that it comes from, if any."""

    name: str
    content: bytes
    path: Path | None = None


def inline_script(lines: tuple[str, ...], shebang: str) -> bytes:
    """The lines as one script. ``shebang`` is what the user asked for; empty: ``/bin/sh -e``, unless there is one."""
    if shebang:
        head = f"#!{shebang}\n"
    elif lines[0].startswith("#!"):
        head = ""
    else:
        head = "#!/bin/sh -e\n"
    return (head + "".join(line + "\n" for line in lines)).encode()


def read_script(path: Path) -> Script:
    """Raises BuildError when it cannot be read."""
    try:
        return Script(str(path), path.expanduser().read_bytes(), path)
    except OSError as error:
        raise BuildError(f'Cannot read the script "{path}": {error.strerror}.') from error


def environment(ctx: Context, scripts: ScriptConfig) -> dict[str, str]:
    """What scripts get besides what they have anyway, sorted by name; what the user says wins."""
    found = {"PACKER_BUILD_NAME": ctx.build_name, "PACKER_BUILDER_TYPE": ctx.build_type}
    address = str(ctx.facts.get("PackerHTTPAddr") or "")
    if address and not address.startswith("ERR_"):
        host, _, port = address.rpartition(":")
        found |= {"PACKER_HTTP_ADDR": address, "PACKER_HTTP_IP": host, "PACKER_HTTP_PORT": port}
    for text in scripts.environment_vars:
        name, _, value = text.partition("=")
        found[name] = value
    found |= scripts.env
    return dict(sorted(found.items()))


def flatten(variables: Mapping[str, str], form: str) -> str:
    """The variables as text for a shell; ``form`` has a ``%s`` for the name and one for the value in single quotes."""
    return "".join(fill(form, name, value.replace("'", "'\"'\"'")) for name, value in variables.items())


def fill(form: str, name: str, value: str) -> str:
    """As Go's Sprintf with ``%s``, ``%[1]s``, ``%[2]s`` and ``%%``."""
    given = iter((name, value))

    def one(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return (name, value)[int(found[1]) - 1] if found[1] else next(given, "")

    return re.sub(r"%(?:\[([12])\])?s|%%", one, form)


def check_format(problems: Checker, name: str, form: str) -> None:
    """Report an ``env_var_format`` that does not take a name and a value."""
    filled = fill(form, "\0", "\1")
    if filled.count("\0") != 1 or filled.count("\1") != 1:
        detail = f'"{name}" is "{form}". It needs one "%s" for the name and one for the value.'
        problems.error("Invalid format", detail, name)


def token() -> str:
    """A few random characters for the name of a file."""
    return os.urandom(4).hex()
