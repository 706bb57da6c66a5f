"""Provisioner ``file``: copies files and directories to the machine and from it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hclimg.provisioners.file_config import FileConfig
from hclimg.sdk.components import Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine


class FileProvisioner(Provisioner[FileConfig]):
    Config: ClassVar[type] = FileConfig

    def inputs(self) -> tuple[Path, ...]:
        if not self.config.uploads or self.config.generated:
            return ()
        return tuple(Path(source).expanduser() for source in self.config.all)

    def summary(self) -> str:
        config = self.config
        what = ", ".join(config.all) or "content"
        return f"{what} → {config.destination}" if config.uploads else f"{config.destination} ← {what}"

    def provision(self, ctx: Context, machine: Machine) -> None:
        from hclimg.provisioners.file_copy import download, upload

        (upload if self.config.uploads else download)(ctx, machine.communicator, self.config)
