"""What a file of requirements for Ansible Galaxy asks for, and the command lines that install it."""

from __future__ import annotations

from pathlib import Path

from hclimg.errors import BuildError
from hclimg.provisioners.ansible import AnsibleConfig


def required(requirements: Path) -> tuple[str, ...]:
    """``role``, ``collection`` or both. A file of the old form, a list, has roles only. Raises BuildError."""
    import yaml

    try:
        root = yaml.compose(requirements.expanduser().read_bytes(), yaml.SafeLoader)
    except OSError as error:
        raise BuildError(f'Cannot read the requirements "{requirements}": {error.strerror}.') from error
    except yaml.YAMLError as error:
        raise BuildError(f'The requirements "{requirements}" are no YAML: {" ".join(str(error).split())}.') from error
    named = {key.value for key, _ in root.value} if isinstance(root, yaml.MappingNode) else {"roles"}
    return tuple(kind for kind in ("role", "collection") if f"{kind}s" in named)


def installations(config: AnsibleConfig) -> list[list[str]]:
    """The arguments of each call of ``galaxy_command``."""
    if config.galaxy_file is None:
        return []
    force = ["-f"] if config.galaxy_force_install else []
    force += ["--force-with-deps"] if config.galaxy_force_with_deps else []
    calls = []
    for kind in required(config.galaxy_file):
        where = config.roles_path if kind == "role" else config.collections_path
        path = ["-p", str(where.expanduser())] if where else []
        head = ["install"] if kind == "role" else ["collection", "install"]
        calls.append([*head, "-r", str(config.galaxy_file.expanduser()), *force, *path])
    return calls
