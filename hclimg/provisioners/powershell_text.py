"""Values as text of PowerShell.

PowerShell takes typographic quotes for quotes: “ ” „ for the double one, ‘ ’ ‚ ‛ for the single one.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping

from hclimg.sdk.scripts import fill

FORM = '$env:%s="%s"; '
BOM = b"\xef\xbb\xbf"
_SINGLE = re.compile("['\u2018\u2019\u201a\u201b]")
_IN_DOUBLE = re.compile("[`$\"'\u201c\u201d\u201e]")
_IN_BRACES = re.compile("[`{}]")
_PLAIN_NAME = re.compile(r"\w+", re.ASCII)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SIGNATURE = b"# SIG # Begin signature block"


def literal(text: str) -> str:
    """The text as a string in which nothing is replaced."""
    return "'" + _SINGLE.sub(lambda found: found[0] * 2, text) + "'"


def set_variables(variables: Mapping[str, str], form: str) -> str:
    """The variables as assignments. Values are literal: a ``$`` in one is a dollar sign.

    Where the ``form`` has the value in single quotes, that is the quoting which they get.
    """
    single = "'%s'" in form or "'%[2]s'" in form
    escape = _doubled if single else _backticked
    return "".join(fill(_form(name, form), _name(name), escape(value)) for name, value in variables.items())


def _form(name: str, form: str) -> str:
    """Braces around a name of more than letters, digits and _, such as ``ProgramFiles(x86)``."""
    return form if _PLAIN_NAME.fullmatch(name) else form.replace("$env:%s", "${env:%s}")


def _name(name: str) -> str:
    return _IN_BRACES.sub(lambda found: "`" + found[0], name)


def _doubled(value: str) -> str:
    return _SINGLE.sub(lambda found: found[0] * 2, value)


def _backticked(value: str) -> str:
    return _IN_DOUBLE.sub(lambda found: "`" + found[0], value)


def encoded(code: str) -> str:
    """A command line that runs the code, whatever shell reads it: it holds nothing that one could replace."""
    quiet = "$ProgressPreference='SilentlyContinue';"
    text = b64encode((quiet + code).encode("utf-16-le")).decode()
    return f"powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand {text}"


def as_utf8(content: bytes) -> bytes:
    """The script so that Windows PowerShell reads it as UTF-8: without a mark it takes it for the system's code page.

    ASCII needs none; what is not UTF-8, or is signed, is left alone.
    """
    if content.isascii() or content.startswith((BOM, *_UTF_16)) or _SIGNATURE in content:
        return content
    try:
        content.decode()
    except UnicodeDecodeError:
        return content
    return BOM + content
