"""Writes a machine into files of this host: its disks through a lease, an OVF descriptor, a manifest, an OVA."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

from hclimg.builders.vsphere.config import ExportConfig
from hclimg.builders.vsphere.download import Fetched, Part, fetch, writing
from hclimg.clouds.vsphere.client import Vcenter, new
from hclimg.clouds.vsphere.lease import Lease
from hclimg.clouds.vsphere.site import OwnedMachine, Site
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.steps import step


def export(ctx: Context, site: Site, owned: OwnedMachine, config: ExportConfig) -> Files:
    """The files, which the caller keeps or removes."""
    name = config.name or owned.name
    folder = Path(config.output_directory or f"output-{ctx.build_name}").expanduser().absolute()
    made = Files(ctx, folder, force=config.force or ctx.run.force)
    try:
        made.prepare(name)
        found = _download(ctx, site, owned, config, made, name)
        _describe(site, owned, config, made, name, found)
        if config.output_format == "ova":
            made.pack(ctx, name)
    except BaseException:
        made.remove()
        raise
    return made


@define
class Files:
    """The files of an export. Each is in the journal before it is there; all are kept with one entry: of a run that is
    killed stays a whole export or nothing."""

    ctx: Context
    folder: Path
    force: bool
    _paths: list[Path] = field(factory=list, init=False)
    _new: bool = field(default=False, init=False)
    _record: Record | None = field(default=None, init=False)

    def prepare(self, name: str) -> None:
        """Refuse what exists; make the directory."""
        for ending in (".ovf", ".mf", ".ova"):
            target = self.folder / f"{name}{ending}"
            if target.exists() and not self.force:
                hint = "Remove it, set force = true in export, or run with -force."
                raise BuildError(f"{target} exists already.", hint=hint)
        self._new = not self.folder.exists()
        new = "true" if self._new else ""
        self._record = self.ctx.journal.intend("files", path=str(self.folder), names="", new=new)
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str) -> Path:
        """A new file; one of an earlier build is removed first."""
        target = self.folder / name
        if target.exists():
            if not self.force:
                raise BuildError(f"{target} exists already.", hint="Remove it, or set force = true in export.")
            target.unlink()
        self._paths.append(target)
        self._note()
        return target

    def _note(self) -> None:
        if self._record is not None:
            self._record.made(names="/".join(path.name for path in self._paths))

    def write(self, name: str, text: str) -> Path:
        target = self.add(name)
        with writing(target):
            target.write_text(text, encoding="utf-8")
        return target

    def pack(self, ctx: Context, name: str) -> None:
        """One file of all, as the OVF standard wants it: a tar with the descriptor first, then the manifest."""
        import tarfile

        endings = {".ovf": 0, ".mf": 1}
        members = sorted(self._paths, key=lambda path: (endings.get(path.suffix, 2), path.name))
        target = self.add(f"{name}.ova")
        ctx.say(f"Writing {target.name}.")
        with writing(target), tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
            for member in members:
                archive.add(member, arcname=member.name, filter=_anonymous)
        for member in members:
            member.unlink()
        self._paths = [target]
        self._note()

    def remove(self) -> None:
        for path in self._paths:
            path.unlink(missing_ok=True)
        if self._new and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        if self._record is not None:
            self._record.gone()

    def keep(self) -> tuple[str, ...]:
        """The paths of the files, relative to the current directory where they are below it."""
        if self._record is not None:
            self._record.kept()
        here = Path.cwd()
        return tuple(str(p.relative_to(here) if p.is_relative_to(here) else p) for p in self._paths)


def _anonymous(member: Any) -> Any:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


# -- the lease --------------------------------------------------------------------


@step("Exporting the machine")
def _download(
    ctx: Context, site: Site, owned: OwnedMachine, config: ExportConfig, made: Files, name: str
) -> list[Fetched]:
    lease = Lease.start(ctx, site, "export", owned.name, owned.ref.ExportVm)
    with lease.to_the_end():
        return _transfer(ctx, lease, config, made, name)


def _transfer(ctx: Context, lease: Lease, config: ExportConfig, made: Files, name: str) -> list[Fetched]:
    parts = list(_parts(lease.api, lease.info, config, made, name))
    total = int(getattr(lease.info, "totalDiskCapacityInKB", 0) or 0) << 10
    found = []
    with lease.pulse() as pulse:
        for number, part in enumerate(parts):
            ctx.say(f"Downloading {part.target.name}.")
            found.append(fetch(ctx, lease.api, part, "" if config.manifest == "none" else config.manifest, total))
            pulse.percent = min(99, 100 * (number + 1) // len(parts))
    _compare(lease.api, lease.ref, found)
    return found


def _parts(api: Vcenter, info: Any, config: ExportConfig, made: Files, name: str) -> Iterator[Part]:
    number = 0
    for device in info.deviceUrl:
        if not device.disk and not config.image_files:
            continue
        ending = Path(str(device.targetId or device.key)).suffix or ".vmdk"
        number += 1
        target = made.add(f"{name}-disk-{number - 1}{ending}" if device.disk else f"{name}-file-{number - 1}{ending}")
        yield Part(device.key, str(device.url).replace("*", api.endpoint.server, 1), target, bool(device.disk))


def _compare(api: Vcenter, lease: Any, found: list[Fetched]) -> None:
    """Servers that can tell the checksums of what they sent are asked for them."""
    try:
        manifest = api.call("tell the checksums of the export", lambda: lease.HttpNfcLeaseGetManifest())
    except ApiError as error:
        if error.code in ("MethodNotFound", "NotSupported", "InvalidState", "ManagedObjectNotFound"):
            return
        raise
    told = {entry.key: entry for entry in manifest or ()}
    for one in found:
        entry = told.get(one.part.key)
        if entry is not None and entry.sha1 and entry.sha1.lower() != one.sha1:
            file, server = one.part.target.name, api.endpoint.server
            message = f"{file} is not what {server} sent: its SHA-1 is {one.sha1}, not {entry.sha1}."
            raise BuildError(message, hint="Export again.")


# -- descriptor and manifest ------------------------------------------------------


def _describe(
    site: Site, owned: OwnedMachine, config: ExportConfig, made: Files, name: str, found: list[Fetched]
) -> None:
    """The descriptor as the vCenter writes it, and the checksums of all files."""
    files = [
        new("OvfManager.OvfFile", deviceId=one.part.key, path=one.part.target.name, size=one.size) for one in found
    ]
    params = new("OvfManager.CreateDescriptorParams", ovfFiles=files, name=name, includeImageFiles=config.image_files)
    if config.options:
        params.exportOption = list(config.options)
    manager = site.api.content.ovfManager
    result = site.api.call("describe the machine", lambda: manager.CreateDescriptor(owned.ref, params))
    for problem in result.error or ():
        raise BuildError(f"The vCenter cannot describe the machine: {getattr(problem, 'msg', problem)}.")
    text = str(result.ovfDescriptor)
    made.write(f"{name}.ovf", text)
    if config.manifest == "none":
        return
    digest = hashlib.new(config.manifest, text.encode(), usedforsecurity=False).hexdigest()
    lines = [(f"{name}.ovf", digest), *[(one.part.target.name, one.digest) for one in found]]
    made.write(f"{name}.mf", "".join(f"{config.manifest.upper()}({file})= {value}\n" for file, value in lines))
