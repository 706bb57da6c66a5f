"""Data source vsphere-virtualmachine against govmomi's simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import Vcenter, identifier, logged_in
from hclimg.clouds.vsphere.rest import Rest
from hclimg.clouds.vsphere.tags import ASSOCIATION, CATEGORY, TAG
from hclimg.datasources.vsphere_virtualmachine import VsphereVirtualMachineConfig, VsphereVirtualMachineDataSource
from hclimg.errors import BuildError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.testing import component, decoded
from hclimg.units import Secret
from servers.recording import ctx, recorded, recording
from servers.vcsim import Vcsim

__all__ = ["ctx", "recorded", "recording"]


@pytest.fixture
def api(vcsim: Vcsim) -> Iterator[Vcenter]:
    endpoint = Endpoint(server=vcsim.address, username="user", password=Secret("pass"), insecure=True)
    with logged_in(endpoint, "test") as session:
        yield session


def found(ctx: Context, vcsim: Vcsim, text: str) -> str:
    return str(component(VsphereVirtualMachineDataSource, vcsim.settings + text).read(ctx)["vm_name"])


def test_by_name_host_and_kind(ctx: Context, vcsim: Vcsim, api: Vcenter) -> None:
    assert found(ctx, vcsim, 'name = "DC0_H0_VM1"') == "DC0_H0_VM1"
    assert found(ctx, vcsim, 'name = "DC0_*"\nname_regex = "VM1$"\nhost = "DC0_H0"') == "DC0_H0_VM1"
    with pytest.raises(BuildError, match="No template in /DC0 matches"):
        found(ctx, vcsim, 'name = "DC0_H0_VM0"\ntemplate = true')
    ref = next(one.ref for one in api.listing("VirtualMachine") if one.name == "DC0_H0_VM0")
    api.run("switch it off", ref.PowerOffVM_Task, CancelToken())
    ref.MarkAsTemplate()
    assert found(ctx, vcsim, "template = true") == "DC0_H0_VM0"


def test_several_and_the_newest(ctx: Context, vcsim: Vcsim, api: Vcenter) -> None:
    with pytest.raises(BuildError, match="2 things in /DC0 match: DC0_H0_VM0, DC0_H0_VM1"):
        found(ctx, vcsim, 'name = "DC0_H0_*"')
    dates = {one.name: one.props.get("config.createDate") for one in api.listing("VirtualMachine", "config.createDate")}
    newest = max((name for name in dates if name.startswith("DC0_H0_")), key=lambda name: dates[name])
    assert found(ctx, vcsim, 'name = "DC0_H0_*"\nlatest = true') == newest


def test_by_tags(ctx: Context, vcsim: Vcsim, api: Vcenter) -> None:
    ref = next(one.ref for one in api.listing("VirtualMachine") if one.name == "DC0_H0_VM1")
    with Rest(api) as rest:
        category = rest.ask("c", "POST", CATEGORY, {"create_spec": {"name": "stage", "cardinality": "SINGLE"}})
        tag = rest.ask("t", "POST", TAG, {"create_spec": {"name": "gold", "category_id": category}})
        body = {"object_id": {"id": identifier(ref), "type": "VirtualMachine"}}
        rest.ask("a", "POST", f"{ASSOCIATION}/id:{tag}?~action=attach", body)
    assert found(ctx, vcsim, 'tag {\nname = "gold"\ncategory = "stage"\n}') == "DC0_H0_VM1"
    with pytest.raises(BuildError, match='There is no tag "golf" in the category "stage"') as caught:
        found(ctx, vcsim, 'tag {\nname = "golf"\ncategory = "stage"\n}')
    assert '"gold"' in caught.value.hint
    with pytest.raises(BuildError, match='There is no category of tags "stages"'):
        found(ctx, vcsim, 'tag {\nname = "gold"\ncategory = "stages"\n}')


def test_rules() -> None:
    text = 'vcenter_server = "vc"\nusername = "u"\npassword = "p"\nname_regex = "("'
    _, problems = decoded(VsphereVirtualMachineConfig, text)
    assert [problem.split(";")[0] for problem in problems] == ["4: Invalid regular expression"]
