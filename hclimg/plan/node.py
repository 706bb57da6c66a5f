"""One unit of scheduled work."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import Factory, field, frozen

from hclimg.diagnostics import Range
from hclimg.lang.evaluate import Scope
from hclimg.lang.syntax import Body
from hclimg.registry import Kind
from hclimg.sdk.retry import ONCE, RetryPolicy
from hclimg.template.model import DataAddress


class NodeKind(StrEnum):
    DATA = "data"
    SOURCE = "source"
    BUILD = "build"
    PROVISION = "provision"
    CAPTURE = "capture"
    ERROR_CLEANUP = "error-cleanup"
    TEARDOWN = "teardown"
    POST_PROCESS = "post-process"
    RELEASE = "release"
    """Removes the artifacts of a lane that nobody wants to keep, once nobody needs them."""


class Trigger(StrEnum):
    """When a node may run, given how the nodes before it ended."""

    ON_SUCCESS = "on-success"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"


@frozen(eq=False, repr=False)
class Spec:
    """A component as the template says it, not decoded yet: ``build.*`` exists only once the machine runs.

    ``scope`` has everything that is known at compile time. ``header`` is where the block stands,
    ``context`` how diagnostics call it: ``provisioner "shell"``.
    """

    kind: Kind
    type: str
    body: Body
    scope: Scope
    header: Range
    context: str


@frozen(kw_only=True, eq=False, repr=False)
class Node:
    """``id`` is unique in the plan and readable: ``rootfs.debian/provision[1]:shell``.

    ``title`` says what it does. ``uses`` are slots of named limits, held while it runs. ``timeout``,
    ``pause_before`` in seconds. ``data`` is the data source that it reads.
    """

    id: str
    kind: NodeKind
    title: str
    lane: str = ""
    spec: Spec | None = None
    trigger: Trigger = Trigger.ON_SUCCESS
    uses: Mapping[str, int] = field(factory=dict)
    retry: RetryPolicy = ONCE
    timeout: float | None = None
    pause_before: float = 0.0
    continue_on_error: bool = False
    keep_input: bool | None = None
    data: DataAddress | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Lane:
    """One image that is built.

    ``address`` identifies it (``[BUILD.]TYPE.NAME``, each with the keys of its instances); ``name`` is what the user
    calls it and what ``-only`` matches (for legacy JSON the builder's name); ``source_type``, ``source_name`` and
    ``build_name`` are its parts, without keys; ``keys`` are those of its source. ``label`` is the source's name as it
    is safe in the name of a file: what the build is called in scripts and in defaults. ``steps`` is what follows
    ``artifact`` in a reference to it, ``families`` are the beginnings of that which stand for all its instances.
    ``module`` is the address of the module that it stands in.
    """

    address: str
    name: str
    source_type: str
    source_name: str
    build_name: str = ""
    module: str = ""
    keys: tuple[str, ...] = ()
    label: str = field(default=Factory(lambda self: self.source_name, takes_self=True))
    steps: tuple[str, ...] = field(default=Factory(lambda self: _steps(self), takes_self=True))
    families: tuple[tuple[str, ...], ...] = ()


def _steps(lane: Lane) -> tuple[str, ...]:
    local = (lane.source_type, lane.source_name)
    return (lane.build_name, *local) if lane.build_name else local
