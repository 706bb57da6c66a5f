"""One JSON object a line for each event: for programs, and for a run's own record."""

from __future__ import annotations

import json
from typing import TextIO

from attrs import define

from hclimg.events import Event


@define
class JsonLines:
    out: TextIO

    def handle(self, event: Event) -> None:
        self.out.write(json.dumps(event.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n")
        self.out.flush()

    def close(self) -> None:
        """Nothing to do: every line is written when it happens."""
