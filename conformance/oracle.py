"""Real HCL as a second opinion: pygohcl, which is the Go implementation, in this process. For development only."""

from __future__ import annotations

from conformance.model import Skipped


def go_complaint(text: str) -> str:
    """What HCL's own parser says is wrong with a file's text; "" when nothing is."""
    try:
        import pygohcl
    except ImportError:
        raise Skipped("pygohcl is not installed") from None
    if "\0" in text:
        raise Skipped("pygohcl reads C strings")
    try:
        pygohcl.loads(text)
    except pygohcl.HCLParseError as error:
        return str(error)
    except Exception:  # noqa: BLE001 - it also evaluates what it read, which is of no interest here
        return ""
    return ""
