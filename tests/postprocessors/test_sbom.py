"""Post-processor sbom: documents of images of every kind, checked by the schemas and the libraries of both formats."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from hclimg.errors import BuildError
from hclimg.postprocessors.sbom import SbomConfig, SbomPostProcessor
from hclimg.sbom.documents import recognized
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.steps import close_scope
from hclimg.sdk.testing import MemoryJournal, check_component, component, decoded
from package_databases import DEB_PURLS, alpine, debian, fedora, write


def artifact(*files: Path) -> Artifact:
    return Artifact(builder="x", component="builder/null", id="x", description="x", files=tuple(map(str, files)))


def made(ctx: Context, given: Artifact, settings: str = "") -> Any:
    before = {*Path().rglob("*.json")}
    try:
        assert component(SbomPostProcessor, settings).process(ctx, given) is given
    finally:
        assert close_scope(ctx) == []
    (path,) = {*Path().rglob("*.json")} - before
    return json.loads(path.read_text())


def archive(root: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as packed:
        packed.add(root, ".")
    return path


def purls(bom: Any) -> set[str]:
    return {one["purl"] for one in bom["components"] if "purl" in one}


def filesystem(root: Path, path: Path, offset: int = 0) -> None:
    with path.open("wb") as file:
        file.truncate(16 << 20)
    command = ["mke2fs", "-q", "-t", "ext4", "-d", root, "-E", f"offset={offset}", path, "14m"]
    subprocess.run(command, check=True, capture_output=True)


def partitioned(root: Path, path: Path) -> Path:
    """The second partition of a table, the first of which has no file system."""
    filesystem(root, path, offset=2 << 20)
    table = "label: gpt\nstart=1MiB, size=512KiB\nstart=2MiB, size=13MiB\n"
    subprocess.run(["sfdisk", "-q", path], input=table, text=True, check=True)
    return path


def test_settings(ctx: Context) -> None:
    check_component(SbomPostProcessor, 'format = "spdx"\noutput = "a.{{.Ending}}"')
    assert '"sdpx" is not one of' in "\n".join(decoded(SbomConfig, 'format = "sdpx"')[1])


def test_cyclonedx_of_an_archive(ctx: Context, tmp_path: Path, journal: MemoryJournal) -> None:
    bom = made(ctx, artifact(archive(debian(tmp_path / "root"), tmp_path / "root.tar.gz")))
    text = Path("packer_web_null.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert recognized(text) == "cyclonedx"
    assert purls(bom) == DEB_PURLS
    base = next(one for one in bom["components"] if one["name"] == "base-files")
    assert base["supplier"] == {"name": "Santiago Vila <sanvila@debian.org>"}
    assert base["description"] == "Debian base system miscellaneous files"
    system = next(one for one in bom["components"] if one["type"] == "operating-system")
    assert (system["name"], system["version"]) == ("debian", "12")
    assert bom["metadata"]["component"]["name"] == "web"
    assert len(next(one for one in bom["dependencies"] if one["ref"] == "image")["dependsOn"]) == 3
    assert journal.left == []


def test_spdx_of_an_archive(ctx: Context, tmp_path: Path) -> None:
    bom = made(ctx, artifact(archive(alpine(tmp_path / "root"), tmp_path / "root.tar")), 'format = "spdx"')
    path = Path("packer_web_null.spdx.json")
    assert validate_full_spdx_document(parse_file(str(path)), "SPDX-2.3") == []
    assert recognized(path.read_text()) == "spdx"
    packages = {one["name"]: one for one in bom["packages"]}
    assert packages.keys() == {"web", "musl", "odd"}
    assert packages["musl"]["licenseDeclared"] == "MIT"
    assert packages["musl"]["externalRefs"][0]["referenceLocator"] == (
        "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.1&upstream=musl"
    )
    assert packages["odd"]["licenseDeclared"] == "NOASSERTION"
    assert packages["odd"]["licenseComments"] == "As the package says: whatever they like"


@pytest.mark.parametrize("kind", ["raw", "qcow2", "vmdk"])
def test_of_a_disk(ctx: Context, tmp_path: Path, kind: str, journal: MemoryJournal) -> None:
    disk = partitioned(debian(tmp_path / "root"), tmp_path / "disk.raw")
    if kind != "raw":
        image = tmp_path / f"disk.{kind}"
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, disk, image], check=True)
        disk = image
    before = disk.read_bytes()
    assert purls(made(ctx, artifact(disk))) == DEB_PURLS
    assert disk.read_bytes() == before
    assert journal.left == []
    assert not list(tmp_path.glob(".*.work"))


def test_of_a_disk_without_partitions(ctx: Context, tmp_path: Path) -> None:
    filesystem(alpine(tmp_path / "root"), tmp_path / "a b?.raw")
    bom = made(ctx, artifact(tmp_path / "a b?.raw"), 'output = "out/{{.BuildName}}.json"')
    assert Path("out/web.json").exists()
    licences = {one["name"]: one.get("licenses") for one in bom["components"] if "purl" in one}
    assert licences["musl"] == [{"license": {"id": "MIT"}}]
    assert licences["odd"] == [{"license": {"name": "whatever they like"}}]


def test_a_database_that_rpm_made(ctx: Context, tmp_path: Path) -> None:
    root = fedora(tmp_path / "root", tmp_path / "scratch")
    bom = made(ctx, artifact(archive(root, tmp_path / "root.tar")))
    assert purls(bom) == {"pkg:rpm/fedora/hello@1.5-3?arch=noarch&distro=fedora-40&epoch=2&upstream=hello"}
    hello = next(one for one in bom["components"] if one["name"] == "hello")
    assert hello["licenses"] == [{"expression": "GPL-2.0-or-later AND MIT"}]
    assert hello["supplier"] == {"name": "Example Project"}
    database = root / "usr/lib/sysimage/rpm/rpmdb.sqlite"
    database.write_bytes(database.read_bytes()[:5000])
    with pytest.raises(BuildError, match="rpm database of the system is damaged"):
        made(ctx, artifact(archive(root, tmp_path / "broken.tar")))


def test_what_has_no_packages(ctx: Context, tmp_path: Path) -> None:
    write(tmp_path / "empty/etc/hostname", "x")
    with pytest.raises(BuildError, match="no packages"):
        made(ctx, artifact(archive(tmp_path / "empty", tmp_path / "empty.tar")))
    write(tmp_path / "old/var/lib/rpm/Packages", "Berkeley")
    with pytest.raises(BuildError, match="only the system's own rpm") as caught:
        made(ctx, artifact(archive(tmp_path / "old", tmp_path / "old.tar")))
    assert "hcp-sbom" in caught.value.hint
    (tmp_path / "no.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(BuildError, match=r"no\.tar cannot be read"):
        made(ctx, artifact(tmp_path / "no.tar"))
    with pytest.raises(BuildError, match="no disk image"):
        made(ctx, artifact())


def test_a_file_system_that_cannot_be_read(ctx: Context, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    with disk.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mformat", "-i", disk, "::"], check=True)
    with pytest.raises(BuildError, match="No package database") as caught:
        made(ctx, artifact(disk))
    assert "there is: vfat" in caught.value.hint
    assert "auto_generate" in caught.value.hint


def test_documents_of_others() -> None:
    wrong = {
        "{": "not JSON",
        "[]": "neither CycloneDX",
        '{"bomFormat": "CycloneDX", "specVersion": "9.9"}': 'no version of CycloneDX',
        '{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"type": "library"}]}': "components[0]",
        '{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"type": "file", "name": "a"}, '
        '{"name": "a", "type": "file"}]}': "twice",
        '{"spdxVersion": "SPDX-2.3"}': "not right spdx",
    }  # fmt: skip
    for text, expected in wrong.items():
        with pytest.raises(BuildError) as caught:
            recognized(text)
        assert expected in str(caught.value), text
    assert recognized('{"bomFormat": "CycloneDX", "specVersion": "1.4", "version": 1, "components": []}') == "cyclonedx"
