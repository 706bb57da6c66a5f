"""Where Ansible looks for roles and collections, without asking it: environment, ansible.cfg, or its own defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

DEFAULTS = {
    "roles_path": "~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles",
    "collections_path": "~/.ansible/collections:/usr/share/ansible/collections",
}


def search_path(key: str, env: Mapping[str, str]) -> str:
    """``key`` is ``roles_path`` or ``collections_path``; a list of directories with colons between them."""
    return env.get(f"ANSIBLE_{key.upper()}") or _of_the_file(key, env) or DEFAULTS[key]


def _of_the_file(key: str, env: Mapping[str, str]) -> str:
    from configparser import ConfigParser, Error

    path = next(filter(Path.is_file, _files(env)), None)
    if path is None:
        return ""
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path)
    except (Error, UnicodeDecodeError):
        return ""  # Ansible will complain about it
    found = parser.get("defaults", key, fallback="")
    return ":".join(_absolute(part, path.parent) for part in found.split(":") if part)


def _files(env: Mapping[str, str]) -> list[Path]:
    named = env.get("ANSIBLE_CONFIG")
    places = [Path(named) / "ansible.cfg" if Path(named).is_dir() else Path(named)] if named else []
    return [*places, Path("ansible.cfg"), Path.home() / ".ansible.cfg", Path("/etc/ansible/ansible.cfg")]


def _absolute(part: str, folder: Path) -> str:
    return part if part.startswith(("~", "/", "$", "{")) else os.path.normpath(folder.absolute() / part)
