"""``hclimg version``."""

from __future__ import annotations

import sys

import click

from hclimg import __version__
from hclimg.cli.options import Command, switch


@click.command(cls=Command)
@switch("-json", "Print a JSON object.")
@switch("-machine-readable", "Print Packer's machine-readable lines.")
def command(*, json: bool, machine_readable: bool) -> None:
    """Show the version of hclimg."""
    python = ".".join(map(str, sys.version_info[:3]))
    if json:
        from json import dumps

        print(dumps({"version": __version__, "python": python, "platform": sys.platform}))
    elif machine_readable:
        import time

        from hclimg.ui.machine import line

        for kind, text in (("version", __version__), ("version-prelease", ""), ("version-commit", "")):
            print(line(time.time(), "", kind, text), end="")
        print(line(time.time(), "", "ui", "say", f"hclimg v{__version__}"), end="")
    else:
        print(f"hclimg v{__version__}")
