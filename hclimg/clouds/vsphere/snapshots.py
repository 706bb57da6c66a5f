"""The snapshots of a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hclimg.clouds.vsphere.client import Vcenter, identifier
from hclimg.clouds.vsphere.machines import is_gone
from hclimg.errors import ApiError
from hclimg.sdk.cancel import CancelToken


def snapshots(api: Vcenter, machine: Any) -> dict[str, str]:
    """The names of all snapshots by id."""

    def walk(trees: list[Any]) -> Iterator[tuple[str, str]]:
        for tree in trees:
            yield identifier(tree.snapshot), str(tree.name)
            yield from walk(list(tree.childSnapshotList or ()))

    found = api.get(machine, "snapshot.rootSnapshotList").get("snapshot.rootSnapshotList", ())
    return dict(walk(list(found)))


def remove_snapshot(api: Vcenter, moid: str, cancel: CancelToken) -> None:
    """One that is gone is fine; those that were made on top of it stay."""
    snapshot = api.object("vm.Snapshot", moid)
    try:
        api.run("delete a snapshot", lambda: snapshot.RemoveSnapshot_Task(False), cancel)
    except ApiError as error:
        if not is_gone(error):
            raise
