"""The same template by Packer 1.6.6 and by hclimg: same hardware, same snapshot, both templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import logged_in
from hclimg.units import Secret
from vsphere_peer import HCLIMG, PACKER, peers


def shape(machine: dict[str, Any]) -> dict[str, Any]:
    """What of a machine must be the same. The notes are not compared: Packer gives them to the clone, and the
    simulator looks at a clone's configuration only in part."""
    hardware = machine["config.hardware"]
    return {
        "template": machine["config.template"],
        "snapshots": [one.name.lower() for one in machine["snapshot"].rootSnapshotList],  # 1.6.6 wrote "by"
        "processors": (hardware.numCPU, hardware.memoryMB),
        "devices": sorted(type(device).__name__ for device in hardware.device),
        "disks": [one.capacityInKB for one in hardware.device if hasattr(one, "capacityInKB")],
    }


@pytest.mark.slow
def test_both_make_the_same_template(tmp_path: Path) -> None:
    with peers(tmp_path) as both:
        both.build(PACKER, "theirs")
        both.build(HCLIMG, "ours")
        endpoint = Endpoint(server=both.vcsim.address, username="user", password=Secret("pass"), insecure=True)
        paths = ("config.template", "config.hardware", "snapshot")
        with logged_in(endpoint, "test") as api:
            found = {one.name: dict(one.props) for one in api.listing("VirtualMachine", *paths)}
    assert shape(found["ours"]) == shape(found["theirs"])
    assert shape(found["ours"])["template"] is True
    assert len(found) == 6
