"""Data source ``null``: gives back what it is given."""

from __future__ import annotations

from typing import Any, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import DataSource
from hclimg.sdk.context import Context


@config
class NullDataConfig:
    """Gives back what it is given, to try out how data sources work."""

    input: str = setting("What `output` will be.")

    def check(self, problems: Checker) -> None:
        if not self.input:
            problems.error("Missing required argument", '"input" must not be empty.', "input")


@config
class NullDataOutput:
    """What it tells."""

    output: str = setting("The text in `input`.")


class NullDataSource(DataSource[NullDataConfig]):
    Config: ClassVar[type] = NullDataConfig
    Output: ClassVar[type | None] = NullDataOutput

    def read(self, ctx: Context) -> dict[str, Any]:  # noqa: ARG002
        return {"output": self.config.input}
