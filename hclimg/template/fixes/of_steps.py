"""Fixes of what stands in provisioners and post-processors."""

from __future__ import annotations

import re
from typing import Final

from hclimg.template.fixes.model import Block, builders, post_processors, provisioners, renaming, replace_texts

_PROVIDERS: Final = ("aws", "digitalocean", "virtualbox", "vmware")
_ESCAPED: Final = ("environment_vars", "elevated_user", "elevated_password")
_BACKTICK = re.compile(r"`([`$\"'])")


def vagrant_override(template: Block) -> None:
    for step in post_processors(template, "vagrant"):
        found = {name: step.pop(name) for name in _PROVIDERS if name in step}
        if found:
            override = step.get("override")
            step["override"] = {**found, **override} if isinstance(override, dict) else found


def docker_tags(template: Block) -> None:
    for step in post_processors(template, "docker-tag"):
        if "tag" in step:
            step["tags"] = list(dict.fromkeys([*_texts(step.pop("tag")), *_texts(step.get("tags"))]))


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return [item.strip() for item in value.split(",")] if isinstance(value, str) and value else []


def powershell_escapes(template: Block) -> None:
    """A dollar sign no longer needs a backtick in what is passed as data."""
    for step in provisioners(template, "powershell"):
        for key in _ESCAPED:
            if key in step:
                step[key] = replace_texts(step[key], _unescaped)


def _unescaped(text: str) -> str:
    return _BACKTICK.sub(r"\1", text)


def docker_email(template: Block) -> None:
    for block in (*builders(template, "docker"), *post_processors(template, "docker-*")):
        block.pop("login_email", None)


manifest_filename = renaming(post_processors, ("manifest",), filename="output")
galaxy_command = renaming(provisioners, ("ansible-local",), galaxycommand="galaxy_command")
