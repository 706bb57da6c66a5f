"""Components that take the settings that Packer's own test fixtures use, and do nothing.

The tables of ``hcl2template`` name components that hclimg does not have, or that Packer mocks there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hclimg.config.fields import block, config, embed, setting
from hclimg.errors import BuildError
from hclimg.registry import BUILT_IN, Kind, Registry
from hclimg.sdk.components import Builder, DataSource, PostProcessor, Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact, Machine

# Settings of these names would hide the types.
_Bool = bool
_Int = int


@config
class Tag:
    """A pair."""

    key: str = setting("The key.", default="")
    value: str = setting("The value.", default="")


@config
class Basic:
    """A setting of every type."""

    string: str = setting("Text.", default="")
    int: _Int = setting("A number.", default=0)
    int64: float = setting("A number.", default=0)
    bool: _Bool = setting("A bool.", default=False)
    trilean: _Bool | None = setting("A bool or nothing.", default=None)
    duration: timedelta = setting("A time.", default=timedelta())
    map_string_string: dict[str, str] = setting("Texts by name.", factory=dict)
    slice_string: tuple[str, ...] = setting("Texts.", default=())
    slice_slice_string: tuple[tuple[str, ...], ...] = setting("Texts of texts.", default=())
    data_source: str = setting("Something a data source tells.", default="")
    tag: tuple[Tag, ...] = block("A pair.", many=True, default=())


@config
class MockSettings:
    """What a mock takes."""

    basic: Basic = embed(Basic)
    not_squashed: str = setting("Text.", default="")
    nested: Basic | None = block("Settings in a block.", default=None)
    nested_slice: tuple[Basic, ...] = block("Settings in blocks.", many=True, default=())
    # What the fixtures with real components set.
    communicator: str = setting("How to connect.", default="")
    ssh_host: str = setting("Where to connect.", default="")
    inline: tuple[str, ...] = setting("Commands.", default=())
    input: str = setting("What a data source gives back.", default="")
    content: str = setting("What a file says.", default="")
    target: str = setting("Where a file goes.", default="")
    value: Any = setting("Anything.", default=None)
    foo: str = setting("Text.", default="")


class MockBuilder(Builder[MockSettings]):
    """Builds nothing."""

    Config = MockSettings
    builder_id = "mock"

    def launch(self, ctx: Context, source: Any) -> Machine:
        raise BuildError("a mock is compiled, never run")

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        raise BuildError("a mock is compiled, never run")


class MockProvisioner(Provisioner[MockSettings]):
    """Provisions nothing."""

    Config = MockSettings

    def provision(self, ctx: Context, machine: Machine) -> None:
        raise BuildError("a mock is compiled, never run")


class MockPostProcessor(PostProcessor[MockSettings]):
    """Processes nothing."""

    Config = MockSettings

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        raise BuildError("a mock is compiled, never run")


@config
class MockOutput:
    """What a mock tells: some of its settings, and what Packer's null data source has."""

    foo: str = setting("What it was given.")
    string: str = setting("What it was given.")
    output: str = setting("The input.")


class MockDataSource(DataSource[MockSettings]):
    """Gives back what it is given."""

    Config = MockSettings
    Output = MockOutput

    def read(self, ctx: Context) -> dict[str, Any]:
        return {"foo": self.config.foo, "string": self.config.basic.string, "output": self.config.input}


_NAMES: dict[Kind, str] = {
    Kind.BUILDER: "amazon-ebs amazon-chroot amazon-v3-ebs virtualbox-iso null file test foo something",
    Kind.PROVISIONER: "shell shell-local file test foo",
    Kind.POST_PROCESSOR: "amazon-import manifest shell-local test foo",
    Kind.DATA_SOURCE: "amazon-ami null",
}
_CLASSES: dict[Kind, str] = {
    Kind.BUILDER: "MockBuilder",
    Kind.PROVISIONER: "MockProvisioner",
    Kind.POST_PROCESSOR: "MockPostProcessor",
    Kind.DATA_SOURCE: "MockDataSource",
}


def command_registry() -> Registry:
    """hclimg's own components, and the data source that Packer's tests of commands mock."""
    own = {kind: dict(names) for kind, names in BUILT_IN.items()}
    own[Kind.DATA_SOURCE]["mock"] = f"{__name__}:MockDataSource"
    return Registry(own)


def mock_registry() -> Registry:
    """A registry in which the components of the fixtures exist."""
    return Registry(
        {kind: dict.fromkeys(names.split(), f"{__name__}:{_CLASSES[kind]}") for kind, names in _NAMES.items()}
    )
