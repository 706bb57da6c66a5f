"""What both provisioners of Chef do on the machine: install it, lay out its files, run it, take secrets away again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from attrs import define, field

from hclimg.errors import BuildError, CommandFailed
from hclimg.provisioners.chef import ChefConfig, configuration
from hclimg.provisioners.chef_report import ChefReport
from hclimg.provisioners.elevated_settings import Elevated
from hclimg.provisioners.guest_tool import NOT_FOUND, GuestTool
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator

SECRET = "encrypted_data_bag_secret"
PRIVATE = 0o600
HINTS = {
    NOT_FOUND: "The machine has no Chef in its PATH: leave out skip_install, install it in a step before, or name the "
    "program in execute_command.",
    172: 'Chef asks for its licence to be accepted: set chef_license = "accept".',
    35: "A recipe wants the machine to restart; that is a step of its own.",
    37: "A recipe wants the machine to restart; that is a step of its own.",
}
"""By the exit codes that Chef documents."""
NO_INSTALLER = (
    "The machine needs a way to omnitruck.chef.io for this. Where it has none, install Chef in a step before and set "
    "skip_install = true, or set install_command."
)


@define(eq=False)
class Chef:
    """Chef on one machine. ``private`` are the files there that must not stay."""

    tool: GuestTool
    config: ChefConfig
    private: list[str] = field(factory=list)

    def install(self) -> None:
        if self.config.skip_install:
            return
        template = self.config.install_command or self.config.system.install
        line = self.tool.ctx.render(template, Sudo=self.tool.sudo, Version=self.config.version)
        try:
            self.tool.run(line, valid=(0,), hints={}, title="Chef's installer")
        except CommandFailed as error:
            hint = "" if self.config.install_command else NO_INSTALLER
            raise CommandFailed(error.message, exit_code=error.status, output=error.output, hint=hint) from error

    @contextmanager
    def secrets_removed(self) -> Iterator[None]:
        """Whatever happens, secrets do not stay in the image, though the staging directory may."""
        try:
            yield
        finally:
            for path in self.private:
                self.tool.remove(path)

    def put_directory(self, local: Path, remote: str) -> str:
        """What is in it goes into ``remote``, which is made."""
        self.tool.ctx.say(f"Uploading {local} => {remote}")
        self.tool.make_directory(remote)
        return self.tool.put(local.expanduser(), remote)

    def put_secret(self, local: Path, remote: str) -> str:
        """A file that only its owner may read; ``remote``."""
        self.tool.ctx.say(f"Uploading the secret {local}")
        self.private.append(remote)
        return self.tool.put(local.expanduser(), remote, mode=PRIVATE)

    def put_data_bag_secret(self, staging: str) -> str:
        """Where it is; empty when there is none."""
        path = self.config.encrypted_data_bag_secret_path
        return self.put_secret(path, f"{staging}/{SECRET}") if path else ""

    def put_configuration(self, remote: str, settings: Mapping[str, object], data: Mapping[str, Any]) -> str:
        """``settings`` are those of the built-in configuration, ``data`` what a template of the user's may name."""
        self.tool.ctx.say(f"Creating Chef's configuration {remote}")
        own = self.config.config_template
        text = self.tool.ctx.render(_read(own), **data) if own else configuration(settings)
        self.tool.communicator.upload(text.encode(), remote, mode=0o644)
        return remote

    def put_attributes(self, remote: str) -> str:
        """Attributes are often passwords."""
        text = json.dumps(self.config.attributes, indent=2, sort_keys=True, ensure_ascii=False)
        self.tool.communicator.upload(text.encode(), remote, mode=PRIVATE)
        return remote

    def run(self, command: str, program: str, files: Mapping[str, str], elevated: Elevated | None = None) -> None:
        """``command`` is the user's own line, or empty. Raises CommandFailed with what Chef says went wrong."""
        usual = f"{self.config.system.program % program} --no-color -c {{{{.ConfigPath}}}} -j {{{{.JsonPath}}}}"
        paths = {name: self.word(path) for name, path in files.items()}
        line = self.tool.ctx.render(command or usual, Sudo=self.tool.sudo, **paths)
        report = ChefReport()
        try:
            self.tool.run(line, valid=(0,), hints=HINTS, watch=report.line, elevated=elevated)
        except CommandFailed as error:
            message = report.failure or error.message
            raise CommandFailed(message, exit_code=error.status, output=error.output, hint=error.hint) from error

    def word(self, text: str) -> str:
        """As one word of a command line."""
        if self.tool.windows:
            return f'"{text}"' if " " in text else text
        return quote(text)


@contextmanager
def chef_on(
    ctx: Context, communicator: Communicator, config: ChefConfig, directory: str, *, clean: bool
) -> Iterator[tuple[Chef, str]]:
    """Chef, installed, and its staging directory; ``clean`` says whether that goes afterwards."""
    windows = config.guest_os_type == "windows"
    tool = GuestTool(ctx, communicator, "Chef", sudo=not config.prevent_sudo, windows=windows)
    chef = Chef(tool, config)
    chef.install()
    with tool.staging(directory, clean=clean) as staging, chef.secrets_removed():
        yield chef, staging


def _read(path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f'Cannot read the template "{path}": {error}.') from error
