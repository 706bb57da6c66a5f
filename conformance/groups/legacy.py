"""What hclimg does with legacy JSON templates: ``fix``."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from conformance.model import Case, Group, Skipped, expect
from hclimg.template.fixes.model import Fix
from hclimg.template.fixes.table import FIXES

_HALF = "the other half of the case is in Go code"
_SINGLE = ("builders", "provisioners", "post-processors")
_NAMES = {
    "amazon_private_ip": "amazon-private-ip",
    "amazon_temporary_security_group_cidrs": "amazon-temp-sec-cidrs",
    "amazon_shutdown_behavior": "amazon-shutdown_behavior",
    "azure_exclude_from_latest": "azure-exclude_from_latest",
    "hyperv_vmxc_typo": "hyperv-vmxc-typo",
    "iso_checksum_type_and_url": "iso-checksum-type-and-url",
    "pp_docker_tag_tags": "docker-tag-tags",
    "pp_manifest_filename": "manifest-filename",
    "pp_vagrant_override": "pp-vagrant-override",
    "ssh_timeout": "ssh-wait-timeout",
    "vsphere_network_storage": "vsphere-iso-net-disk",
}
"""Files that are not called like their fix."""
_Table = list[dict[str, Any]]


def _cases(corpus: Path) -> Iterator[Case]:
    for path in sorted((corpus / "packer-fix").glob("*.json")):
        name = path.stem.removeprefix("fixer_").removesuffix("_test")
        fix = next(fix for fix in FIXES if fix.name == _NAMES.get(name, name.replace("_", "-")))
        by_test: dict[str, dict[str, _Table]] = {}
        for table in json.loads(path.read_text())["tables"]:
            by_test.setdefault(table["test"], {})[table["table"]] = table["cases"]
        for test, found in by_test.items():
            yield from _of_test(test, fix, found)


def _of_test(name: str, fix: Fix, tables: dict[str, _Table]) -> Iterator[Case]:
    """A table of pairs, whose place in a template stands beside it, or one pair."""
    place = next((row["name"] for key in ("expected", "input") for row in tables.get(key, [])), "builders")
    if "cases" in tables:
        for number, row in enumerate(tables["cases"]):
            yield Case(f"{name}/{number}", partial(_pair, fix, place, row))
    else:
        yield Case(name, partial(_single, fix, tables))


def _pair(fix: Fix, place: str, row: dict[str, Any]) -> None:
    if "Input" not in row or "Expected" not in row:
        raise Skipped(_HALF)
    whole = any(key in row["Input"] for key in _SINGLE)
    _compare(fix, *(side if whole else {place: [side]} for side in (row["Input"], row["Expected"])))


def _single(fix: Fix, tables: dict[str, _Table]) -> None:
    sides = [{row["name"]: row["value"] for row in tables.get(key, [])} for key in ("input", "expected")]
    if not all(sides):
        raise Skipped(_HALF)
    _compare(fix, *sides)


def _compare(fix: Fix, given: dict[str, Any], wanted: dict[str, Any]) -> None:
    found = copy.deepcopy(given)
    fix.apply(found)
    expect(found == wanted, f"{json.dumps(given)} became {json.dumps(found)}")


GROUPS = (Group("packer-fix", "old keys of legacy templates, and what fix makes of them", _cases),)
