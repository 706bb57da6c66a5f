"""Stands in for PowerShell, of which there is none here, in the three scripts that Packer 1.6.6 sends by itself.

What they do is done in Python: say hello, put a file together of the base64 that ``echo`` wrote, remove that.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator

from servers.winrm_shells import Shell

_ENCODED = re.compile(r"powershell(?:\.exe)? .*?-EncodedCommand (\S+)$", re.IGNORECASE)
_PATH = re.compile(r'\$(tmp|dest)_file_path = \[System\.IO\.Path\]::GetFullPath\("(.*?)"')


def script_of(line: str) -> str:
    """The PowerShell in a command line; empty when there is none."""
    found = _ENCODED.match(line)
    return b64decode(found[1]).decode("utf-16-le") if found else ""


def is_packers(line: str) -> bool:
    script = script_of(line)
    return "WinRM connected." in script or "$tmp_file_path" in script


def packers(shell: Shell, line: str, _stdin: Iterator[bytes], write: Callable[[str, bytes], None]) -> int:
    """A :data:`servers.winrm_shells.StandIn`."""
    script = script_of(line)
    paths = {kind: shell.path(re.sub(r"\$env:(\w+)", r"%\1%", path)) for kind, path in _PATH.findall(script)}
    if "dest" in paths:
        paths["dest"].parent.mkdir(parents=True, exist_ok=True)
        paths["dest"].write_bytes(b"".join(b64decode(each) for each in paths["tmp"].read_bytes().split()))
    elif "tmp" in paths:
        paths["tmp"].unlink()
    else:
        write("stdout", b"WinRM connected.\r\n")
    return 0
