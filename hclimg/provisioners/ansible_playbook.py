"""A look at a playbook for ``validate``: is it YAML, and are the roles there that it names?

Ansible itself knows more, and is not asked: it need not be installed where templates are checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hclimg.provisioners.ansible_places import search_path

if TYPE_CHECKING:
    from hclimg.config.fields import Checker
    from hclimg.provisioners.ansible import AnsibleConfig


def look_at(config: AnsibleConfig, problems: Checker) -> None:
    """Reports what is wrong at the setting ``playbook_file``."""
    import yaml

    path = config.playbook_file.expanduser()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open("rb") as file:
            root = yaml.compose(file, loader)
    except OSError as error:
        problems.error("Invalid file", f'"playbook_file" names "{path}": {error.strerror}.', "playbook_file")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        what = getattr(error, "problem", None) or "it cannot be read as YAML"
        problems.error("Invalid playbook", f"{where}: {what}.", "playbook_file")
    else:
        if not isinstance(root, yaml.SequenceNode):
            detail = f'"{path}" is no playbook: a playbook is a list of plays ("- hosts: all").'
            problems.error("Invalid playbook", detail, "playbook_file")
            return
        _check_roles(config, problems, root, path)


def _check_roles(config: AnsibleConfig, problems: Checker, root: Any, path: Path) -> None:
    """A warning only: where roles are is Ansible's own decision, in the end."""
    elsewhere = ("ANSIBLE_ROLES_PATH=", "ANSIBLE_CONFIG=")
    if config.galaxy_file or any(text.startswith(elsewhere) for text in config.ansible_env_vars):
        return
    places = [path.parent / "roles", path.parent, *([config.roles_path] if config.roles_path else [])]
    places += [Path(os.path.expandvars(place)) for place in search_path("roles_path", os.environ).split(":") if place]
    for name, line in _roles(root):
        if not any((place.expanduser() / name).is_dir() for place in places):
            detail = f'{path}:{line} names the role "{name}", which is in none of {", ".join(map(str, places))}.'
            problems.warn("Role not found", detail, "playbook_file")


def _roles(root: Any) -> Iterator[tuple[str, int]]:
    """The roles that plays list by a plain name, with their lines; those of collections have dots."""
    for play in root.value:
        for key, value in play.value if play.tag.endswith(":map") else ():
            if key.value == "roles" and value.tag.endswith(":seq"):
                for role in value.value:
                    yield from _named(role)


def _named(role: Any) -> Iterator[tuple[str, int]]:
    node = role
    if role.tag.endswith(":map"):
        node = next((value for key, value in role.value if key.value in ("role", "name")), None)
    if node is not None and isinstance(node.value, str) and not set("./{") & set(node.value):
        yield node.value, node.start_mark.line + 1
