"""Reads a machine in VMware's files: a directory with an OVF descriptor, an OVA, or a VMX with its disks."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

from attrs import frozen

from hclimg.errors import BuildError
from hclimg.postprocessors.vmware import VmwareConfig
from hclimg.postprocessors.vmware_files import CARDS, convert_disk, ovf
from hclimg.sdk.context import Context
from hclimg.sdk.disk import private_directory
from hclimg.sdk.machine import Artifact

ENDINGS = (".ova", ".ovf", ".vmx")
BLOCK = 1 << 20
OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"
_SUM = re.compile(r"(SHA1|SHA256|SHA512)\s*\((.+)\)\s*=\s*([0-9a-fA-F]+)")
_ENTRY = re.compile(r'\s*([^#\s=]+)\s*=\s*"(.*)"\s*')


@frozen
class Package:
    """``path`` is an OVA, or an OVF descriptor with its files beside it."""

    path: Path
    descriptor: str

    @contextmanager
    def file(self, name: str) -> Iterator[tuple[IO[bytes], int]]:
        """A file of it and its size in bytes. Raises BuildError when it is not there."""
        if Path(name).name != name:
            raise BuildError(f'{self.path} names the file "{name}", which is not beside it.')
        try:
            if self.path.suffix.lower() != ".ova":
                with (self.path.parent / name).open("rb") as plain:
                    yield plain, (self.path.parent / name).stat().st_size
                return
            with tarfile.open(self.path, "r:") as archive:
                member = archive.extractfile(name)
                if member is None:
                    raise KeyError(name)
                yield member, archive.getmember(name).size
        except (KeyError, FileNotFoundError) as error:
            raise BuildError(f'{self.path} has no file "{name}".') from error

    def networks(self) -> list[str]:
        """The names of the networks that its cards are connected to."""
        try:
            root = ET.fromstring(self.descriptor)
        except ET.ParseError as error:
            raise BuildError(f"{self.path} is no OVF descriptor: {error}.") from error
        return [str(one.get(f"{OVF}name")) for one in root.iter(f"{OVF}Network")]

    def verify(self, ctx: Context) -> None:
        """Compare the files with the manifest, if there is one. Raises BuildError for the first that differs."""
        for algorithm, name, wanted in self._manifest():
            with self.file(name) as (stream, size):
                digest, done = hashlib.new(algorithm, usedforsecurity=False), 0
                while data := stream.read(BLOCK):
                    ctx.cancel.check()
                    digest.update(data)
                    done += len(data)
                    ctx.progress(f"checking {name}", done, size)
            if digest.hexdigest() != wanted.lower():
                raise BuildError(f"{name} of {self.path} is damaged: its {algorithm.upper()} is not the manifest's.")

    def _manifest(self) -> list[tuple[str, str, str]]:
        try:
            if self.path.suffix.lower() == ".ova":
                with tarfile.open(self.path, "r:") as archive:
                    name = next((one for one in archive.getnames() if one.endswith(".mf")), "")
                if not name:
                    return []
            else:
                name = self.path.with_suffix(".mf").name
                if not self.path.with_suffix(".mf").is_file():
                    return []
            with self.file(name) as (stream, _):
                lines = stream.read().decode(errors="replace").splitlines()
        except tarfile.TarError as error:
            raise _no_archive(self.path, error) from error
        found = (_SUM.fullmatch(line.strip()) for line in lines)
        return [(one[1].lower(), one[2], one[3]) for one in found if one]


def package_of(ctx: Context, artifact: Artifact) -> tuple[Package, str]:
    """What the artifact has, and its name. A VMX is written as OVF first, in a directory that does not stay."""
    path = next((Path(n) for ending in ENDINGS for n in artifact.files if n.lower().endswith(ending)), None)
    if path is None:
        have = ", ".join(artifact.files) or "no files"
        hint = f'It has {have}. Put the post-processor "vmware" before this one, or export of the vSphere builders.'
        raise BuildError("The artifact has no OVA, OVF or VMX file.", hint=hint)
    try:
        if path.suffix.lower() == ".vmx":
            return _from_vmx(ctx, path), path.stem
        return Package(path, _descriptor(path)), path.stem
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror or error}.") from error


def _descriptor(path: Path) -> str:
    if path.suffix.lower() == ".ovf":
        return path.read_text(encoding="utf-8", errors="replace")
    try:
        with tarfile.open(path, "r:") as archive:
            name = next((one for one in archive.getnames() if one.endswith(".ovf")), None)
            stream = archive.extractfile(name) if name else None
            if stream is None:
                raise BuildError(f"{path} has no OVF descriptor.")
            return stream.read().decode(errors="replace")
    except tarfile.TarError as error:
        raise _no_archive(path, error) from error


def _no_archive(path: Path, error: tarfile.TarError) -> BuildError:
    return BuildError(f"{path} is no OVA: {error}.")


# -- VMX --------------------------------------------------------------------------


def read_vmx(text: str) -> dict[str, str]:
    """The entries of a VMX file; their names do not care for case."""
    found = (_ENTRY.fullmatch(line) for line in text.splitlines())
    return {one[1].lower(): one[2].replace("|22", '"').replace("|7C", "|") for one in found if one}


def _from_vmx(ctx: Context, path: Path) -> Package:
    entries = read_vmx(path.read_text(encoding="utf-8", errors="replace"))
    adapter = "ide" if entries.get("ide0:0.present", "").upper() == "TRUE" and _disks(entries, "ide") else "scsi"
    names = _disks(entries, adapter)
    if not names:
        raise BuildError(f"{path} has no disk on a SCSI or IDE controller.", hint="Export the machine as OVF instead.")
    config = _config(entries, adapter)
    folder = private_directory(ctx)
    disks = []
    for number, name in enumerate(names):
        source = path.parent / name
        if not source.is_file():
            raise BuildError(f"{path} names the disk {name}, which is not there.")
        ctx.say(f"Writing {name} as a VMDK for transport.")
        target = folder / f"disk-{number}.vmdk"
        disks.append(convert_disk(ctx, config, source, "vmdk", target, "streamOptimized"))
    return Package(folder / "machine.ovf", ovf(config, entries.get("displayname", path.stem), disks))


def _disks(entries: dict[str, str], bus: str) -> list[str]:
    """The files of the disks, in the order of their places; optical drives and empty places are left out."""
    places = re.compile(rf"({bus}\d+):(\d+)\.filename")
    found = []
    for key, file in entries.items():
        place = places.fullmatch(key)
        if place is None or not file.lower().endswith(".vmdk"):
            continue
        if entries.get(f"{place[1]}:{place[2]}.present", "").upper() == "TRUE":
            found.append((place[1], int(place[2]), file))
    return [file for _, _, file in sorted(found)]


def _config(entries: dict[str, str], adapter: str) -> VmwareConfig:
    """The hardware of a VMX. Of kinds that an OVF of ours cannot say, the usual one is taken."""

    def number(name: str, default: int) -> int:
        return int(entries[name]) if entries.get(name, "").isdigit() else default

    bus, card = entries.get("scsi0.virtualdev", ""), entries.get("ethernet0.virtualdev", "")
    return VmwareConfig(
        format="ovf", guest_os_type=entries.get("guestos", "otherlinux-64"), cpus=number("numvcpus", 1),
        memory=number("memsize", 1024), firmware="efi" if entries.get("firmware") == "efi" else "bios",
        disk_adapter_type="ide" if adapter == "ide" else bus if bus in ("lsilogic", "buslogic") else "lsilogic",
        network_adapter_type=card if card in CARDS else "e1000",
        network=entries.get("ethernet0.networkname") or entries.get("ethernet0.connectiontype", "bridged"),
        hardware_version=number("virtualhw.version", 14),
    )  # fmt: skip
