"""How things outside this process are marked with the run that made them: they are found by it should their id be lost.

What can carry a tag or metadata carries :data:`RUN_TAG` with the id of the run; everything else has the id in its name.
"""

from __future__ import annotations

import secrets

RUN_TAG = "hclimg:run"
"""The key of the tag; its value is ``ctx.run.id``. It comes off a finished image before its record is ``kept``."""

_PREFIX = "hclimg-"


def run_name(run: str) -> str:
    """A new name with the run in it, unique among all that the run makes: ``hclimg-20260728t101530-4f3a9c-d01f22``.

    Lower-case letters, digits and hyphens, 36 characters, a letter first: good for key pairs, groups and host names.
    """
    return f"{_PREFIX}{run}-{secrets.token_hex(3)}"


def is_named_after(name: str, run: str) -> bool:
    """Whether :func:`run_name` made the name for this run."""
    return name.startswith(f"{_PREFIX}{run}-")
