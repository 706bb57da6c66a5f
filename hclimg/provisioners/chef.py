"""What the two provisioners of Chef have in common: settings, and what differs between kinds of machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from hclimg.config.fields import Checker, config, setting

LICENSES = ("accept", "accept-silent", "accept-no-persist")
_SUDO = "{{if .Sudo}}sudo {{end}}"


@frozen
class System:
    """``install``, and ``program`` with the name of a program of Chef for ``%s``, are Go templates of command lines."""

    install: str
    program: str
    staging: str


SYSTEMS: Mapping[str, System] = {
    "unix": System(
        install=f"curl -L https://omnitruck.chef.io/install.sh | {_SUDO}bash -s --{{{{if .Version}}}} -v "
        "{{.Version}}{{end}}",
        program=f"{_SUDO}%s",
        staging="/tmp",
    ),
    "windows": System(
        install='powershell.exe -Command ". { iwr -useb https://omnitruck.chef.io/install.ps1 } | iex; '
        'Install-Project{{if .Version}} -version {{.Version}}{{end}}"',
        program="C:\\opscode\\chef\\bin\\%s.bat",
        staging="C:/Windows/Temp",
    ),
}


@config
class ChefConfig:
    """How Chef comes to the machine and runs there."""

    run_list: tuple[str, ...] = setting(
        "What to apply, in this order.", default=(), example='["recipe[nginx]", "role[web]"]'
    )
    json_string: str = setting("Attributes of the node, as JSON.", default="", example="jsonencode({ port = 80 })")
    json: Any = setting("Attributes of the node, as an object.", default=None)
    chef_environment: str = setting("The environment.", default="")
    chef_license: str = setting(
        "The answer to Chef's licence: `accept`, `accept-silent` or `accept-no-persist`.",
        default="",
        default_doc="`accept-silent` if Chef is installed by its own installer, else none",
    )
    config_template: Path | None = setting(
        "A Go template of this host for Chef's configuration, instead of the built-in one.", default=None
    )
    encrypted_data_bag_secret_path: Path | None = setting(
        "The secret of encrypted data bags, a file of this host; it is removed from the machine afterwards.",
        default=None,
    )
    guest_os_type: str = setting("The kind of the machine's system.", default="unix", choices=("unix", "windows"))
    skip_install: bool = setting("Whether Chef is on the machine already.", default=False)
    version: str = setting("The version of Chef to install.", default="", default_doc="the newest")
    install_command: str = setting(
        "What installs Chef; `{{.Sudo}}`, `{{.Version}}`.",
        default="",
        default_doc="Chef's own installer, from omnitruck.chef.io",
        template=True,
    )
    prevent_sudo: bool = setting("Whether to run without sudo.", default=False)

    @property
    def system(self) -> System:
        return SYSTEMS[self.guest_os_type]

    @property
    def licence(self) -> str:
        installs = not self.skip_install and not self.install_command
        return self.chef_license or ("accept-silent" if installs else "")

    @property
    def attributes(self) -> dict[str, Any]:
        """Of the node, with its run list."""
        given = self.json if self.json is not None else json.loads(self.json_string or "{}")
        return {**given, "run_list": list(self.run_list)} if self.run_list else dict(given)

    def check(self, problems: Checker) -> None:
        for name in ("config_template", "encrypted_data_bag_secret_path"):
            path = getattr(self, name)
            if path is not None:
                problems.file_exists(name, str(path))
        if self.chef_license and self.chef_license not in LICENSES:
            detail = f'"{self.chef_license}" is no answer to the licence; write one of {", ".join(LICENSES)}.'
            problems.error("Invalid value", detail, "chef_license")
        for name in ("version", "install_command"):
            if self.skip_install and getattr(self, name):
                detail = f'Chef is not installed, so "{name}" means nothing: skip_install is true.'
                problems.error("Conflicting arguments", detail, name, "skip_install")
        self._check_attributes(problems)

    def _check_attributes(self, problems: Checker) -> None:
        if self.json is not None and self.json_string:
            problems.at_most_one("json", "json_string")
        if self.json is not None and not isinstance(self.json, dict):
            problems.error("Invalid attributes", "The attributes of a node are an object.", "json")
        try:
            given = json.loads(self.json_string or "{}")
        except ValueError as error:
            problems.error("Invalid attributes", f'"json_string" is no JSON: {error}.', "json_string")
            return
        if not isinstance(given, dict):
            problems.error("Invalid attributes", "The attributes of a node are an object.", "json_string")


@frozen
class Word:
    """A symbol or a name of Ruby."""

    text: str


def ruby(value: object) -> str:
    """A value as Ruby writes it. In double quotes ``#`` begins an expression, so texts have single ones."""
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, list):
        return f"[{', '.join(map(ruby, value))}]"
    return value.text if isinstance(value, Word) else str(value)


def configuration(settings: Mapping[str, object]) -> str:
    """A configuration of Chef, a setting a line; empty texts are left out."""
    return "".join(f"{name} {ruby(value)}\n" for name, value in settings.items() if value != "")
