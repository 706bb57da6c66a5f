"""PyYAML's reader with the few differences that libyaml's Go version, which Packer uses, has."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def loader() -> Any:
    """The class of the reader; ``yaml`` is imported on use."""
    import yaml

    base = yaml.SafeLoader

    def scan_to_next_token(self: Any) -> None:
        """Tabs separate tokens where they cannot be taken for indentation."""
        base.scan_to_next_token(self)
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            base.scan_to_next_token(self)

    def scan_directive(self: Any) -> Any:
        token = base.scan_directive(self)
        if token.name not in ("YAML", "TAG"):
            at = token.start_mark
            raise yaml.scanner.ScannerError("while scanning a directive", at, "found unknown directive name", at)
        return token

    members = {
        "scan_to_next_token": scan_to_next_token,
        "scan_directive": scan_directive,
        # A slash is nothing to escape.
        "ESCAPE_REPLACEMENTS": {c: r for c, r in base.ESCAPE_REPLACEMENTS.items() if c != "/"},
    }
    return type("Loader", (base,), members)
