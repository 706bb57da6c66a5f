"""Environment variables as text for cmd.exe.

The shell reads a line once: it replaces ``%NAME%``, then takes ``& | < > ^ ( )`` for its own wherever no quotes are
open.
"""

from __future__ import annotations

from collections.abc import Mapping

from hclimg.sdk.scripts import fill

FORM = 'set "%s=%s" && '
_SPECIAL = frozenset("&|<>^()")


def set_variables(variables: Mapping[str, str], form: str) -> str:
    """The variables as the beginning of a command line; in a ``form`` of the user's own, values go as they are.

    ``%NAME%`` in a value is replaced by the machine, as Packer's users count on: ``PATH=%PATH%;C:\\tools``.
    """
    if form != FORM:
        return "".join(fill(form, name, value) for name, value in variables.items())
    return "".join(f"set {_quoted(f'{name}={value}')} && " for name, value in variables.items())


def _quoted(text: str) -> str:
    """The text in quotes that begin and end it, for ``set``: it takes what is between the first and the last.

    A quote in the text ends the quoting for the shell, so that what follows it needs carets; and after an odd number of
    them the last quote must not begin a new quoting.
    """
    inside, out = True, ['"']
    for char in text:
        if char == '"':
            inside = not inside
        out.append(f"^{char}" if char in _SPECIAL and not inside else char)
    out.append('"' if inside else '^"')
    return "".join(out)
