"""Content libraries, against those of govmomi's simulator."""

from __future__ import annotations

from pathlib import Path

import pytest
from vsphere_kit import ADDRESS, CLONE, MACHINES, Build, api, build, machines, template

from hclimg.clouds.vsphere.client import Vcenter, identifier
from hclimg.clouds.vsphere.library import ITEM, Library
from kill_kit import Project, interrupt, kill
from servers.sshd import Sshd
from servers.vcsim import Vcsim

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
def test_an_end_between_the_item_and_the_machine(
    vcsim: Vcsim, sshd: Sshd, api: Vcenter, library: str, tmp_path: Path
) -> None:
    """An interrupted run takes its item back; of a killed one the item, which is whole, stays without the machine."""
    text = """
      template = "DC0_H0_VM0"
      vm_name  = "web-${uuidv4()}"
      convert_to_template = true
      content_library_destination {
        library = "images"
        name    = "item-${uuidv4()}"
        ovf     = true
      }
    """
    (tmp_path / "t.pkr.hcl").write_text(template(vcsim, sshd, f"{text}{ADDRESS}", "vsphere-clone", ""))
    project = Project(folder=tmp_path, template="t.pkr.hcl", env={"VSPHERE_PASSWORD": "pass"})
    whole = kill(project, "never")
    assert whole.status == 0, whole
    (item,) = (one for one in whole.journal if one.get("kind") == "vsphere/item")
    kept = 1 + next(n for n, one in enumerate(whole.journal) if one["op"] == "kept" and one["n"] == item["n"])
    interrupted = interrupt(project, f"after:{kept}")
    late = interrupted.status == 0  # the run was over before the signal reached it
    assert (late or interrupted.status == 130, interrupted.left) == (True, ()), interrupted
    assert (count(api, library), len(machines(api))) == (1 + late, len(MACHINES) + 1 + late)
    killed = kill(project, f"after:{kept}")
    assert not killed.failed, killed
    assert (count(api, library), len(machines(api))) == (2 + late, len(MACHINES) + 1 + late)


def count(api: Vcenter, library: str) -> int:
    with Library(api) as items:
        return len(items._rest.ask("list it", "GET", f"{ITEM}?library_id={library}") or ())


@pytest.mark.slow
def test_a_library_that_is_not_there(build: Build, api: Vcenter, library: str) -> None:
    done = build(CLONE + 'content_library_destination {\nlibrary = "imagse"\novf = true\n}')
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert 'There is no content library "imagse"' in said
    assert 'Did you mean "images"?' in said
    assert set(machines(api)) == MACHINES
