"""The programs of Ansible on this host: where they are, and whether they are new enough."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from shutil import which

from hclimg.errors import CommandFailed, MissingProgram
from hclimg.sdk.context import Context
from hclimg.sdk.process import find_program, run_program

OLDEST = (2, 0)
INSTALL = "Install it: apt-get install ansible-core, or pip install ansible-core."
_VERSION = re.compile(r"(?:ansible(?:-playbook|-core)?|core) +\[?(?:core )?(\d+)\.(\d+)")


def find_ansible(name: str) -> str:
    """A program of Ansible: on the PATH, or beside the Python that runs hclimg. Raises MissingProgram."""
    try:
        return find_program(name)
    except MissingProgram as error:
        beside = which(name, path=str(Path(sys.executable).parent)) if "/" not in name else None
        if beside:
            return beside
        error.hint = INSTALL if name.startswith("ansible") else error.hint
        raise


def check_version(ctx: Context, program: str) -> None:
    """Raises CommandFailed when it cannot say its version, or is too old."""
    said = _version_of(ctx, program)
    found = _VERSION.search(said)
    if found is None:
        ctx.warn(f"{program} --version says no version of Ansible. Set skip_version_check if that is meant.")
    elif (int(found[1]), int(found[2])) < OLDEST:
        raise CommandFailed(
            f"{program} is Ansible {found[1]}.{found[2]}; hclimg needs {OLDEST[0]}.{OLDEST[1]} or newer.",
            exit_code=0, output=(said,), hint=INSTALL,
        )  # fmt: skip


_versions: dict[str, str] = {}


def _version_of(ctx: Context, program: str) -> str:
    """The first line, asked for once."""
    if program not in _versions:
        hint = "Set skip_version_check if it is not Ansible itself."
        lines = run_program(ctx, [program, "--version"], hint=hint).stdout.splitlines()
        _versions[program] = lines[0] if lines else ""
    return _versions[program]
