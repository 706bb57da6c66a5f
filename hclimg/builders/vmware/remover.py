"""Switches off the machines that dead runs left running in VMware; their files are a directory of the run."""

from __future__ import annotations

from hclimg.builders.vmware.vmrun import stop_left
from hclimg.errors import CleanupError
from hclimg.sdk.remover import Left, Remover


class VmwareRemover(Remover):
    def remove(self, left: Left) -> None:
        identity = left.identity
        reason = stop_left(identity["vmrun"], identity["product"], identity["vmx"])
        if reason:
            raise CleanupError(reason)
