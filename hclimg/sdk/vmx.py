"""VMX files: the configuration of a machine of VMware's desktop products, ``key = "value"`` on a line.

Keys are the same in upper and lower case. In values, characters that the format needs itself stand as ``|`` and their
code in two hexadecimal digits. Comments and blank lines are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_LINE = re.compile(r'\s*([^\s=#]+)\s*=\s*"?(.*?)"?\s*$')
_CODE = re.compile(r"\|([0-9A-Fa-f]{2})")
_SPECIAL = re.compile(r'["#|\x00-\x1f\x7f]')


class Vmx:
    """The entries of a file in their order; a key keeps the spelling in which it was written first."""

    def __init__(self, entries: Mapping[str, str] | None = None) -> None:
        self._entries: dict[str, tuple[str, str]] = {}
        self.update(entries or {})

    @classmethod
    def parse(cls, text: str) -> Vmx:
        """What is no entry is passed over, as VMware does."""
        found = cls()
        for line in text.splitlines():
            match = _LINE.match(line)
            if match and not line.lstrip().startswith("#"):
                found[match[1]] = _CODE.sub(lambda code: chr(int(code[1], 16)), match[2])
        return found

    def text(self) -> str:
        return "".join(f'{key} = "{_escaped(value)}"\n' for key, value in self._entries.values())

    def get(self, key: str, default: str = "") -> str:
        return self._entries.get(key.lower(), ("", default))[1]

    def is_on(self, key: str) -> bool:
        return self.get(key).upper() == "TRUE"

    def update(self, entries: Mapping[str, str]) -> None:
        for key, value in entries.items():
            self[key] = value

    def remove(self, pattern: str) -> None:
        """Forget all entries whose whole key matches a regular expression, in any case."""
        matches = re.compile(pattern, re.IGNORECASE).fullmatch
        self._entries = {lower: entry for lower, entry in self._entries.items() if not matches(lower)}

    def matching(self, pattern: str) -> list[re.Match[str]]:
        """The keys that match as a whole, in lower case."""
        matches = re.compile(pattern, re.IGNORECASE).fullmatch
        return [found for lower in self._entries if (found := matches(lower))]

    def __setitem__(self, key: str, value: str) -> None:
        spelling = self._entries.get(key.lower(), (key, ""))[0]
        self._entries[key.lower()] = (spelling, value)

    def __getitem__(self, key: str) -> str:
        return self._entries[key.lower()][1]

    def __contains__(self, key: str) -> bool:
        return key.lower() in self._entries

    def __iter__(self) -> Iterator[str]:
        return (spelling for spelling, _ in self._entries.values())


def _escaped(value: str) -> str:
    return _SPECIAL.sub(lambda found: f"|{ord(found[0]):02X}", value)
