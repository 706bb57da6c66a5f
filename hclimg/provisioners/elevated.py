"""Runs a command on Windows as another user, with all of that user's rights: in a scheduled task.

Somebody who came over the network has no such rights by himself. A script that goes to the machine registers the task,
shows what it prints while it runs, and ends with its exit code. The password is in that script and nowhere else; the
script removes itself when it starts.
"""

from __future__ import annotations

from importlib.resources import files

from attrs import frozen

from hclimg.provisioners.elevated_settings import Elevated
from hclimg.provisioners.powershell_text import as_utf8, literal
from hclimg.sdk.context import Context
from hclimg.sdk.scripts import token


@frozen
class ElevatedScript:
    """``path`` is where the ``content`` goes, ``command`` the command line that runs it."""

    path: str
    content: bytes
    command: str


def elevated_script(ctx: Context, settings: Elevated, command: str) -> ElevatedScript:
    """What runs the command line as the user of the settings."""
    password = str(ctx.facts.get("WinRMPassword") or "")
    given = {
        "name": f"hclimg-{token()}",
        "user": ctx.render(settings.elevated_user, WinRMPassword=password),
        "password": ctx.render(settings.elevated_password, WinRMPassword=password),
        "command": command,
    }
    head = "".join(f"${key} = {literal(value)}\n" for key, value in given.items())
    path = f"c:/Windows/Temp/packer-elevated-shell-{token()}.ps1"
    body = (files("hclimg.provisioners") / "elevated.ps1").read_text()
    run = f'powershell -noprofile -executionpolicy bypass -file "{path}"'
    return ElevatedScript(path, as_utf8((head + body).encode()), run)
