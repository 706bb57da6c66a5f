"""Content libraries, against those of govmomi's simulator."""

from __future__ import annotations

import pytest
from vsphere_kit import CLONE, MACHINES, Build, api, build, machines

from hclimg.clouds.vsphere.client import Vcenter, identifier
from hclimg.clouds.vsphere.library import Library

__all__ = ["api", "build"]


@pytest.fixture
def library(api: Vcenter) -> str:
    """The id of a new library."""
    store = identifier(api.listing("Datastore")[0].ref)
    body = {
        "create_spec": {
            "name": "images", "type": "LOCAL", "storage_backings": [{"type": "DATASTORE", "datastore_id": store}],
        }
    }  # fmt: skip
    with Library(api) as items:
        made: str = items._rest.ask("make a library", "POST", "/rest/com/vmware/content/local-library", body)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("settings", ["ovf = true\ndestroy = true", ""], ids=["ovf", "template"])
def test_an_item_of_a_library(settings: str, build: Build, api: Vcenter, library: str) -> None:
    wanted = f'content_library_destination {{\nlibrary = "images"\nname = "web-1"\n{settings}\n}}'
    done = build(CLONE + wanted)
    assert done.returncode == 0, done.stdout + done.stderr
    with Library(api) as items:
        assert items.item(library, "web-1")
    if "destroy" in settings:
        assert set(machines(api)) == MACHINES


@pytest.mark.slow
def test_a_library_that_is_not_there(build: Build, api: Vcenter, library: str) -> None:
    done = build(CLONE + 'content_library_destination {\nlibrary = "imagse"\novf = true\n}')
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert 'There is no content library "imagse"' in said
    assert 'Did you mean "images"?' in said
    assert set(machines(api)) == MACHINES
