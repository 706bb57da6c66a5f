"""VMX files are read and written without loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hclimg.sdk.vmx import Vmx

KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9_.:]{0,20}", fullmatch=True)


@given(st.dictionaries(KEYS, st.text(st.characters(codec="ascii"))))
def test_what_is_written_is_read(entries: dict[str, str]) -> None:
    once = Vmx(entries)
    again = Vmx.parse(once.text())
    assert [(key, again[key]) for key in again] == [(key, once[key]) for key in once]


def test_keys_are_the_same_in_upper_and_lower_case() -> None:
    vmx = Vmx.parse('displayName = "one"\n')
    vmx["DISPLAYNAME"] = "two"
    assert vmx.text() == 'displayName = "two"\n'
    assert vmx.get("displayname") == "two"
    assert "DisplayName" in vmx


def test_what_needs_a_code() -> None:
    text = Vmx({"annotation": 'say "yes|no"\n'}).text()
    assert text == 'annotation = "say |22yes|7Cno|22|0A"\n'


def test_other_peoples_files() -> None:
    vmx = Vmx.parse(
        '#!/usr/bin/vmware\n.encoding = "UTF-8"\n\n# guestOS = "no"\nmemsize=  512\nscsi0:0.fileName = "a=b.vmdk"\n'
    )
    assert {key: vmx[key] for key in vmx} == {".encoding": "UTF-8", "memsize": "512", "scsi0:0.fileName": "a=b.vmdk"}


def test_entries_are_removed_by_pattern() -> None:
    vmx = Vmx({"ethernet0.present": "TRUE", "Ethernet1.vnet": "x", "ethernet.no": "1"})
    vmx.remove(r"ethernet\d+\..*")
    assert list(vmx) == ["ethernet.no"]
