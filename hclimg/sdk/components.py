"""The four things that a plugin can provide.

A component is a configured, stateless object: its state is only in what its methods take and return. A module that
defines one must be cheap to import: it holds the settings and the class, and imports what does the work inside the
methods. ``validate`` imports it; only ``apply`` calls it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from attrs import frozen

if TYPE_CHECKING:  # `validate` pays for every import here
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact, Machine

C = TypeVar("C")


@frozen
class Component(Generic[C]):
    """``Config`` is the settings class, ``config`` an instance of it."""

    Config: ClassVar[type]
    config: C

    def inputs(self) -> tuple[Path, ...]:
        """Files of the host whose content influences the result (for fingerprints)."""
        return ()

    def uses(self) -> dict[str, int]:
        """Slots of named limits that this component holds while it runs, e.g. ``{"kvm": 1}``."""
        return {}

    def summary(self) -> str:
        """What it will do, in a few words, for the plan; may be empty."""
        return ""


class Builder(Component[C], ABC):
    """Makes a machine and later turns it into an image; provisioners run in between as nodes of the graph.

    ``facts`` names what the builder adds to ``build.*``; ``communicators`` the kinds that it can make.
    """

    builder_id: ClassVar[str]
    facts: ClassVar[tuple[str, ...]] = ()

    def resolve(self, ctx: Context) -> Any:  # noqa: ARG002
        """Find or fetch what the machine starts from. Shared by lanes with equal sources."""
        return None

    @abstractmethod
    def launch(self, ctx: Context, source: Any) -> Machine:
        """Start the machine. What it makes belongs to ``ctx.scope``, which closes after the capture."""

    @abstractmethod
    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        """Turn the machine into an image. An image that is not finished must not stay behind."""

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        """Remove a finished image. What is gone already is fine; raises when something stays."""
        remove_files(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        """What :meth:`destroy` would remove, one thing each, for people: ``us-east-1: ami-0abc``. Asks nobody."""
        return artifact.files


class Provisioner(Component[C], ABC):
    @abstractmethod
    def provision(self, ctx: Context, machine: Machine) -> None:
        """Change the machine."""


class PostProcessor(Component[C], ABC):
    """``keeps_input``: whether the artifact that it was given stays when the template does not say;
    ``forces_input``: it stays even when the template says no, because the result is about it."""

    keeps_input: ClassVar[bool] = False
    forces_input: ClassVar[bool] = False

    def keeps(self, artifact: Artifact) -> bool:  # noqa: ARG002
        """``keeps_input``, for one whose answer depends on what it is given."""
        return self.keeps_input

    @abstractmethod
    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        """Map an artifact to the next one. Must leave its input alone: the engine removes it when nobody needs it."""

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        """Remove a finished artifact. What is gone already is fine; raises when something stays."""
        remove_files(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        """What :meth:`destroy` would remove, one thing each, for people: ``us-east-1: ami-0abc``. Asks nobody."""
        return artifact.files


class DataSource(Component[C], ABC):
    """``Output`` is a class of settings that says which attributes ``data.TYPE.NAME`` has, and of which types; None
    when only reading tells."""

    Output: ClassVar[type | None] = None

    @abstractmethod
    def read(self, ctx: Context) -> dict[str, Any]:
        """The attributes of ``data.TYPE.NAME``. What ``Output`` has beyond these is null."""


def remove_files(ctx: Context, artifact: Artifact) -> None:
    """Delete the artifact's files, and the directories that this empties."""
    for name in artifact.files:
        Path(name).unlink(missing_ok=True)
    for parent in sorted({Path(name).parent for name in artifact.files}, reverse=True):
        if parent.is_dir() and parent != Path.cwd() and not any(parent.iterdir()):
            parent.rmdir()
    ctx.say(f"Removed {artifact.description}.")
