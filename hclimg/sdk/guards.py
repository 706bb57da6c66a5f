"""Whether a script has anything to do: guards that skip it when its work is there already."""

from __future__ import annotations

from collections.abc import Callable

from hclimg.config.fields import config, setting


@config
class Guards:
    """When to skip the scripts."""

    creates: str = setting("A file or directory that the scripts make: when it is there, they do not run.", default="")
    unless: str = setting("A command: when it succeeds, the scripts do not run.", default="")

    def satisfied(self, exists: Callable[[str], bool], succeeds: Callable[[str], bool]) -> str:
        """Why there is nothing to do; empty when there is. The callables ask where the scripts would run."""
        if self.creates and exists(self.creates):
            return f"{self.creates} is there already"
        if self.unless and succeeds(self.unless):
            return f'"{self.unless}" succeeds'
        return ""
