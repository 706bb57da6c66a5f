"""Post-processor ``shell-local``: runs scripts on this host, once for each artifact."""

from __future__ import annotations

from typing import ClassVar

from hclimg.sdk.components import PostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.local_script import LocalScriptConfig, run_local_scripts
from hclimg.sdk.machine import Artifact


class ShellLocalPostProcessor(PostProcessor[LocalScriptConfig]):
    Config: ClassVar[type] = LocalScriptConfig
    keeps_input: ClassVar[bool] = True
    forces_input: ClassVar[bool] = True

    def summary(self) -> str:
        return self.config.summary

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        run_local_scripts(ctx, self.config)
        return artifact
