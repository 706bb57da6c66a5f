"""The file builder: makes a file of a text or of another file.

There is no machine, so it is handy for trying out what surrounds one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from hclimg.builders.file.config import FileConfig
from hclimg.sdk.components import Builder

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine


@frozen
class FileBuilder(Builder[FileConfig]):
    """Writes the file at the start, so that provisioners which run on this host can change it."""

    Config: ClassVar[type] = FileConfig
    builder_id: ClassVar[str] = "packer.file"

    def inputs(self) -> tuple[Path, ...]:
        return (Path(self.config.source).expanduser(),) if self.config.source else ()

    def summary(self) -> str:
        return f"write {self.config.target}"

    def launch(self, ctx: Context, source: Any) -> Machine:  # noqa: ARG002
        from hclimg.builders.file.written import written
        from hclimg.communicators.none import NoCommunicator
        from hclimg.sdk.machine import Machine

        made = written(ctx, self.config)
        return Machine(id=str(made.path), communicator=NoCommunicator(), facts={"ConnType": "none"}, handle=made)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:  # noqa: ARG002
        from hclimg.sdk.machine import Artifact

        machine.handle.keep()
        return Artifact(
            builder=self.builder_id,
            component="builder/file",
            id="File",
            description=f"Stored file: {self.config.target}",
            files=(self.config.target,),
        )
