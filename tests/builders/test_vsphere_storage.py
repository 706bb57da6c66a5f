"""Datastore clusters: govmomi's simulator answers for Storage DRS, and recommends the members in their order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vsphere_kit import ADDRESS, CLONE, MACHINES, Build, api, build, machines

from hclimg.clouds.vsphere.client import Vcenter, new
from hclimg.sdk.cancel import CancelToken
from servers.vcsim import Vcsim

__all__ = ["api", "build"]

NEW = f"""
  vm_name       = "web"
  guest_os_type = "otherGuest64"
  iso_url       = "install.iso"
  iso_checksum  = "none"
  remote_cache_datastore = "LocalDS_0"  # the simulator takes no files for members of a cluster
  {ADDRESS}
  storage {{ disk_size = 1 }}
  network_adapters {{ network = "VM Network" }}
"""
CLUSTER = 'datastore_cluster = "DC0_POD0"\n'


@pytest.fixture
def vcsim(vcsim_factory: Callable[..., Vcsim]) -> Vcsim:
    return vcsim_factory("-pod", "1", "-ds", "3")


@pytest.fixture
def pod(api: Vcenter) -> Any:
    """A datastore cluster with two of three datastores."""
    (found,) = api.listing("StoragePod")
    stores = [one.ref for one in api.listing("Datastore") if one.name != "LocalDS_0"]
    api.run("fill it", lambda: found.ref.MoveIntoFolder_Task(stores), CancelToken())
    return found.ref


def switch(api: Vcenter, pod: Any, *, on: bool) -> None:
    spec = new("storageDrs.ConfigSpec", podConfigSpec=new("storageDrs.PodConfigSpec", enabled=on))
    manager = api.content.storageResourceManager
    api.run("configure it", lambda: manager.ConfigureStorageDrsForPod_Task(pod, spec, True), CancelToken())


def store_of(api: Vcenter, name: str) -> str:
    (found,) = (one for one in api.listing("VirtualMachine", "config.files.vmPathName") if one.name == name)
    return str(found.props["config.files.vmPathName"]).partition("]")[0].lstrip("[")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "settings"), [("vsphere-clone", CLONE), ("vsphere-iso", NEW)])
def test_storage_drs_chooses(kind: str, settings: str, build: Build, api: Vcenter, pod: Any, tmp_path: Path) -> None:
    (tmp_path / "install.iso").write_bytes(b"installer")
    done = build(settings + CLUSTER, kind=kind)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'Storage DRS of "DC0_POD0" recommends "LocalDS_1".' in done.stdout
    assert store_of(api, "web") == "LocalDS_1"


@pytest.mark.slow
def test_without_storage_drs_the_one_with_most_room(build: Build, api: Vcenter, pod: Any) -> None:
    switch(api, pod, on=False)
    done = build(CLONE + CLUSTER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Storage DRS does not help" in done.stdout
    assert 'Of the datastore cluster "DC0_POD0", "LocalDS_' in done.stdout
    assert store_of(api, "web") in ("LocalDS_1", "LocalDS_2")


@pytest.mark.slow
def test_a_datastore_cluster_that_is_empty_or_not_there(build: Build, api: Vcenter) -> None:
    done = build(CLONE + CLUSTER)
    assert done.returncode == 1
    assert 'The datastore cluster "DC0_POD0" has no datastore that can be used.' in " ".join(done.stderr.split())
    done = build(CLONE + 'datastore_cluster = "DC0_POD1"')
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert 'There is no datastore cluster "DC0_POD1" in /DC0.' in said
    assert 'Did you mean "DC0_POD0"?' in said
    assert set(machines(api)) == MACHINES
