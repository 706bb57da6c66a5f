"""What Chef prints of a run that failed: the resource with its action, and the error.

    ================================================================================
    Error executing action `create` on resource 'file[/etc/motd]'
    ================================================================================

    Errno::EACCES
    -------------
    Permission denied @ rb_sysopen - /etc/motd

Indented as deep as the resource. The same form tells of recipes that do not compile and of cookbooks that are missing.
"""

from __future__ import annotations

from attrs import define, field

_LONG = 400  # characters
_KEPT = 100  # lines: whatever is printed, memory is bounded


@define
class ChefReport:
    """Call :meth:`line` with every line of output; afterwards :attr:`failure` is a sentence, or empty."""

    _rules: int = 0
    _title: str = ""
    _parts: list[str] = field(factory=list)
    _over: bool = False

    def line(self, text: str, _stream: str) -> None:
        text = text.strip()
        if self._over:
            return
        if len(text) > 20 and not text.strip("="):
            self._rules += 1
        elif self._rules == 1:
            self._title = self._title or text[:_LONG]
        elif self._rules == 2:
            self._explain(text)

    def _explain(self, text: str) -> None:
        """A paragraph: the error's class, a rule, and what it says."""
        if not text:
            self._over = bool(self._parts)
        elif text.strip("-") and len(self._parts) < _KEPT:
            self._parts.append(text[:_LONG])

    @property
    def failure(self) -> str:
        if not self._title:
            return ""
        why = ": ".join(filter(None, (self._parts[0], " ".join(self._parts[1:])))) if self._parts else ""
        told = f"{self._title}: {why}" if why else self._title
        return (told if len(told) <= _LONG else told[:_LONG] + "…").rstrip(".:") + "."
