"""What a plugin imports: the stable public surface. Nothing is loaded before it is asked for.

from hclimg.sdk import Builder, Context, Machine, Artifact, config, setting, step
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hclimg.config.fields import Checker as Checker
    from hclimg.config.fields import block as block
    from hclimg.config.fields import config as config
    from hclimg.config.fields import embed as embed
    from hclimg.config.fields import setting as setting
    from hclimg.errors import ApiError as ApiError
    from hclimg.errors import BuildError as BuildError
    from hclimg.errors import Cancelled as Cancelled
    from hclimg.errors import CleanupError as CleanupError
    from hclimg.errors import CommandFailed as CommandFailed
    from hclimg.errors import ConnectionLost as ConnectionLost
    from hclimg.errors import MissingProgram as MissingProgram
    from hclimg.errors import TimedOut as TimedOut
    from hclimg.sdk.components import Builder as Builder
    from hclimg.sdk.components import DataSource as DataSource
    from hclimg.sdk.components import PostProcessor as PostProcessor
    from hclimg.sdk.components import Provisioner as Provisioner
    from hclimg.sdk.context import Context as Context
    from hclimg.sdk.machine import Artifact as Artifact
    from hclimg.sdk.machine import Communicator as Communicator
    from hclimg.sdk.machine import Machine as Machine
    from hclimg.sdk.mark import RUN_TAG as RUN_TAG
    from hclimg.sdk.mark import run_name as run_name
    from hclimg.sdk.process import run_program as run_program
    from hclimg.sdk.process import running_program as running_program
    from hclimg.sdk.remover import Cleaning as Cleaning
    from hclimg.sdk.remover import Left as Left
    from hclimg.sdk.remover import Remover as Remover
    from hclimg.sdk.steps import step as step

_WHERE = {
    "hclimg.config.fields": "Checker block config embed setting",
    "hclimg.errors": "ApiError BuildError Cancelled CleanupError CommandFailed ConnectionLost MissingProgram TimedOut",
    "hclimg.sdk.components": "Builder DataSource PostProcessor Provisioner",
    "hclimg.sdk.context": "Context",
    "hclimg.sdk.machine": "Artifact Communicator Machine",
    "hclimg.sdk.mark": "RUN_TAG run_name",
    "hclimg.sdk.process": "run_program running_program",
    "hclimg.sdk.remover": "Cleaning Left Remover",
    "hclimg.sdk.steps": "step",
}
_MODULE = {name: module for module, names in _WHERE.items() for name in names.split()}
__all__ = sorted(_MODULE)


def __getattr__(name: str) -> object:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULE[name]), name)
