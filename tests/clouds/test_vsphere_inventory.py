"""Names that nothing or several things have, and servers that are none, against govmomi's simulator with two
datacenters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import Vcenter, log_in, logged_in, new
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.cancel import CancelToken
from hclimg.units import Secret
from servers.ports import held_ports
from servers.tls import tls_front
from servers.vcsim import Vcsim, vcsim_running
from servers.web import serving


def endpoint(server: str, *, insecure: bool = True) -> Endpoint:
    return Endpoint(server=server, username="user", password=Secret("pass"), insecure=insecure)


@pytest.fixture(scope="module")
def vcsim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vcsim]:
    with vcsim_running(tmp_path_factory.mktemp("vcsim"), "-dc", "2", "-standalone-host", "2") as running:
        yield running


@pytest.fixture(scope="module")
def api(vcsim: Vcsim) -> Iterator[Vcenter]:
    with logged_in(endpoint(vcsim.address), "test") as session:
        yield session


@pytest.fixture(scope="module")
def place(api: Vcenter) -> inventory.Place:
    """DC1 with two folders that have a machine "base" each, and a third one in the inventory's second pool."""
    found = inventory.datacenter(api, "DC1")
    source = inventory.find(api, found, "VirtualMachine", "DC1_H0_VM0")
    pool = api.get(source, "resourcePool")["resourcePool"]
    spec = new("vm.CloneSpec", location=new("vm.RelocateSpec", pool=pool), powerOn=False, template=False)
    for name in ("linux", "windows"):
        folder = api.call("make a folder", partial(found.vms.CreateFolder, name))
        api.run("clone", partial(source.CloneVM_Task, folder, "base", spec), CancelToken())
    return found


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(BuildError) as caught:
        call()
    return f"{caught.value.message} {caught.value.hint}"


def test_datacenters(api: Vcenter) -> None:
    assert inventory.datacenter(api, "/DC1").name == "/DC1"
    said = refused(lambda: inventory.datacenter(api, ""))
    assert said == 'The vCenter has several datacenters. Set datacenter to one of "/DC0", "/DC1".'
    said = refused(lambda: inventory.datacenter(api, "DC2"))
    assert said == 'There is no datacenter "DC2". There are "DC0", "DC1". Did you mean "DC1"?'


def test_a_name_that_several_have(api: Vcenter, place: inventory.Place) -> None:
    said = refused(lambda: inventory.find(api, place, "VirtualMachine", "base"))
    assert said == (
        'There are 2 machines or templates with the name "base" in /DC1. '
        'Write its path: "/DC1/vm/linux/base", "/DC1/vm/windows/base".'
    )
    for path in ("linux/base", "/DC1/vm/linux/base", "/DC1/vm/linux/base/"):
        ref = inventory.find(api, place, "VirtualMachine", path)
        assert inventory.path_of(api, ref) == "/DC1/vm/linux/base"


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("VirtualMachine", "DC1_H0_VM9", 'no machine or template "DC1_H0_VM9" in /DC1. Did you mean "DC1_H0_VM'),
        ("VirtualMachine", "linux", 'no machine or template "linux" in /DC1.'),
        ("VirtualMachine", "DC0_H0_VM0", 'no machine or template "DC0_H0_VM0" in /DC1. Did you mean "DC1_H0_VM0"?'),
        ("Folder", "linuxx", 'no folder "linuxx" in /DC1. Did you mean "linux"?'),
        ("Datastore", "LocalDS", 'no datastore "LocalDS" in /DC1. Did you mean "LocalDS_'),
        ("StoragePod", "pod", 'no datastore cluster "pod" in /DC1. There is no datastore cluster.'),
        ("Network", "VM Netwrok", 'no network "VM Netwrok" in /DC1. Did you mean "VM Network"?'),
        ("HostSystem", "DC1_H7", 'no host "DC1_H7" in /DC1. Did you mean "DC1_H'),
        ("ComputeResource", "DC1_C9", 'no cluster "DC1_C9" in /DC1. Did you mean "DC1_C0"?'),
    ],
)
def test_a_name_that_nothing_has(api: Vcenter, place: inventory.Place, kind: str, name: str, said: str) -> None:
    assert said in refused(lambda: inventory.find(api, place, kind, name))


def test_where_a_machine_runs(api: Vcenter, place: inventory.Place) -> None:
    def where(cluster: str = "", host: str = "", pool: str = "") -> inventory.Compute:
        return inventory.compute(api, place, cluster=cluster, host=host, pool=pool)

    assert where(host="DC1_H1").name == "DC1_H1"
    said = refused(where)
    assert (
        said
        == 'It is not said where the machine shall run. Set cluster or host to one of "DC1_C0", "DC1_H0", "DC1_H1".'
    )
    assert 'The host "DC1_H0" is not in the cluster "DC1_C0". It is in "DC1_H0".' in refused(
        lambda: where(cluster="DC1_C0", host="DC1_H0")
    )
    host = inventory.find(api, place, "HostSystem", "DC1_H1")
    api.run("rest", lambda: host.EnterMaintenanceMode_Task(0), CancelToken())
    assert 'The host "DC1_H1" is in maintenance mode. Choose another host' in refused(lambda: where(host="DC1_H1"))
    assert 'no resource pool "none" in DC1_C0' in refused(lambda: where(cluster="DC1_C0", pool="none"))


def test_servers_that_are_no_vcenter(vcsim: Vcsim, tmp_path: Path) -> None:
    with held_ports() as hold, pytest.raises(ApiError, match="cannot be reached: Connection refused") as caught:
        log_in(endpoint(f"127.0.0.1:{hold()}"), "test")
    assert caught.value.hint == "Check vcenter_server and the network."
    with pytest.raises(ApiError, match=re.escape(f"The certificate of {vcsim.address} is not trusted")) as caught:
        log_in(endpoint(vcsim.address, insecure=False), "test")
    assert "insecure_connection = true" in caught.value.hint
    none = pytest.raises(ApiError, match="is not a vCenter or an ESXi host")
    with serving(SimpleHTTPRequestHandler) as port, tls_front(port, tmp_path) as (front, _), none:
        log_in(endpoint(f"127.0.0.1:{front}"), "test")
