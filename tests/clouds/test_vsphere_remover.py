"""What the remover of vSphere takes for finished, and what it deletes: states of machines around their last change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from hclimg.clouds.vsphere import inventory
from hclimg.clouds.vsphere.access import Endpoint
from hclimg.clouds.vsphere.client import Vcenter, identifier, logged_in, new
from hclimg.clouds.vsphere.machines import (
    FINISHED,
    MARK,
    NEVER,
    OFF,
    TEMPLATE,
    UNMARKED,
    options,
    power_state,
    reconfigure,
    switch_off,
)
from hclimg.clouds.vsphere.remover import VsphereRemover
from hclimg.clouds.vsphere.site import Site, owned
from hclimg.errors import CleanupError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.remover import Cleaning, Left
from hclimg.sdk.testing import MemoryJournal, recording
from hclimg.units import Secret
from servers.vcsim import Vcsim

RUN = "run-1"
NAME = "DC0_H0_VM0"


@define
class Place:
    """A vCenter with one machine ``ref`` that a dead run may have made."""

    api: Vcenter
    ref: Any
    finished: list[Left] = field(factory=list)

    def marked(self, run: str) -> None:
        spec = new("vm.ConfigSpec", extraConfig=options({MARK: run}))
        reconfigure(self.api, self.ref, "mark it", spec, CancelToken())

    def template(self) -> None:
        if power_state(self.api, self.ref) != OFF:
            switch_off(self.api, self.ref, CancelToken(), NAME)
        self.api.call("make a template", self.ref.MarkAsTemplate)

    @property
    def there(self) -> bool:
        return NAME in {one.name for one in self.api.listing("VirtualMachine")}

    def left(self, thing: str = "vm", **identity: str) -> Left:
        where = {**self.api.endpoint.identity, "datacenter": "/DC0", "name": NAME}
        return Left(run=RUN, kind=f"vsphere/{thing}", identity={**where, **identity}, made="id" in identity)

    def remove(self, left: Left) -> bool:
        """Whether it is told as finished."""
        remover = VsphereRemover(Cleaning(run=RUN, finished=self.finished.append))
        try:
            remover.remove(left)
        finally:
            remover.close()
        return self.finished == [left]


@pytest.fixture
def place(vcsim: Vcsim, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("VSPHERE_PASSWORD", "pass")
    endpoint = Endpoint(server=vcsim.address, username="user", password=Secret("pass"), insecure=True)
    with logged_in(endpoint, "test") as api:
        yield Place(api, next(one.ref for one in api.listing("VirtualMachine") if one.name == NAME))


STATES = [
    ("", RUN, False, False),  # in the making
    ("", "", False, True),  # somebody took the mark off: it is meant to stay
    ("", "run-2", False, True),  # an id that was given away again
    (UNMARKED, RUN, False, False),  # its last change did not come through
    (UNMARKED, "", False, True),
    (NEVER, "", False, False),  # without the mark for the export's sake
    (NEVER, "", True, False),
    (TEMPLATE, RUN, False, False),
    (TEMPLATE, "", False, False),  # between the two last changes
    (TEMPLATE, "", True, True),
]


@pytest.mark.parametrize(("when", "mark", "template", "stays"), STATES)
def test_what_is_finished_stays(place: Place, when: str, mark: str, template: bool, stays: bool) -> None:
    place.marked(mark)
    if template:
        place.template()
    left = place.left(id=identifier(place.ref), **({FINISHED: when} if when else {}))
    assert place.remove(left) is stays
    assert place.there is stays


def test_a_machine_without_an_id_is_found_by_its_mark(place: Place) -> None:
    assert place.remove(place.left()) is False
    assert place.there, "a machine of that name that is not of the run"
    place.marked(RUN)
    assert place.remove(place.left()) is False
    assert not place.there
    assert place.remove(place.left(id=identifier(place.ref))) is False, "gone already"


def test_a_folder_stays_with_what_is_in_it(place: Place) -> None:
    """A machine of the same run in it goes first: another build, which is cleared at the same time, made it."""
    vms = place.api.listing("Datacenter", "vmFolder")[0].props["vmFolder"]
    folder = place.api.call("make a folder", lambda: vms.CreateFolder("images"))
    place.api.run("move it", lambda: folder.MoveIntoFolder_Task([place.ref]), CancelToken())
    left = place.left("folder", name="images", id=identifier(folder))
    place.marked(RUN)
    with pytest.raises(CleanupError, match="a machine of this run is still in it"):
        place.remove(left)
    place.marked("")
    assert place.remove(left) is True
    place.finished.clear()
    place.marked(RUN)
    place.remove(place.left(id=identifier(place.ref)))
    assert place.remove(left) is False
    assert "images" not in {one.name for one in place.api.listing("Folder")}


@pytest.mark.parametrize("keeps", [True, False])
def test_a_vcenter_that_drops_the_mark(place: Place, tmp_path: Path, keeps: bool) -> None:
    """Then its absence says nothing: the journal has it."""
    journal = MemoryJournal()
    api, pool = place.api, place.api.get(place.ref, "resourcePool")["resourcePool"]
    where = inventory.datacenter(api, "")
    site = Site(
        api=api, place=where, where=inventory.Compute(pool, pool), datastore="", datastore_ref=None, folder=where.vms,
        folder_path="",
    )  # fmt: skip

    def make(marks: list[Any]) -> Any:
        spec = new("vm.CloneSpec", location=new("vm.RelocateSpec", pool=pool), powerOn=False, template=False)
        spec.config = new("vm.ConfigSpec", extraConfig=marks if keeps else [])
        return api.run("clone", lambda: place.ref.CloneVM_Task(where.vms, "web", spec), CancelToken())

    with recording(tmp_path, journal=journal) as made_by:
        made = next(owned(made_by.ctx, site, "web", make))
    (entry,) = journal.entries
    assert entry.identity["id"] == made.id
    assert entry.identity.get(FINISHED, "") == ("" if keeps else NEVER)


def test_the_remover_logs_out(place: Place) -> None:
    before = len(place.api.get(place.api.content.sessionManager, "sessionList")["sessionList"])
    place.remove(place.left())
    assert len(place.api.get(place.api.content.sessionManager, "sessionList")["sessionList"]) == before
