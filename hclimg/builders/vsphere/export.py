"""Writes a machine into files of this host: its disks through a lease, an OVF descriptor, a manifest, an OVA.

A download that breaks goes on where it was when the server can begin in the middle, and begins again when it cannot.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from attrs import define, field, frozen

from hclimg.builders.vsphere.config import ExportConfig
from hclimg.builders.vsphere.site import OwnedMachine, Site
from hclimg.clouds.vsphere.client import Vcenter, identifier, new, trust
from hclimg.clouds.vsphere.files import shut
from hclimg.errors import ApiError, BuildError, ConnectionLost, TimedOut
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space
from hclimg.sdk.steps import step

CHUNK = 1 << 18
TIMEOUT = 120.0  # seconds without a byte
ATTEMPTS = 10  # downloads that brought nothing new, in a row
PAUSE = 0.5  # seconds before another attempt, doubled each time
READY = 600.0  # seconds that a lease may take to be ready
TELL = 20.0  # seconds between two messages to the server that the transfer goes on


@frozen
class Part:
    """A file of the lease, and where it goes."""

    key: str
    url: str
    target: Path
    disk: bool


@frozen
class Fetched:
    part: Part
    size: int
    sha1: str
    digest: str


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
    """The files of an export. Each is in the journal before it is there."""

    ctx: Context
    folder: Path
    force: bool
    _records: dict[Path, Any] = field(factory=dict)
    _folder_record: Any = None

    def prepare(self, name: str) -> None:
        """Refuse what exists; make the directory."""
        for ending in (".ovf", ".mf", ".ova"):
            target = self.folder / f"{name}{ending}"
            if target.exists() and not self.force:
                hint = "Remove it, set force = true in export, or run with -force."
                raise BuildError(f"{target} exists already.", hint=hint)
        if not self.folder.exists():
            self._folder_record = self.ctx.journal.intend("directory", path=str(self.folder))
            with writing(self.folder):
                self.folder.mkdir(parents=True)
            self._folder_record.made()

    def add(self, name: str) -> Path:
        """A new file; one of an earlier build is removed first."""
        target = self.folder / name
        if target.exists():
            if not self.force:
                raise BuildError(f"{target} exists already.", hint="Remove it, or set force = true in export.")
            target.unlink()
        self._records[target] = self.ctx.journal.intend("file", path=str(target))
        return target

    def write(self, name: str, text: str) -> Path:
        target = self.add(name)
        with writing(target):
            target.write_text(text, encoding="utf-8")
        return target

    def pack(self, ctx: Context, name: str) -> None:
        """One file of all, as the OVF standard wants it: a tar with the descriptor first, then the manifest."""
        import tarfile

        endings = {".ovf": 0, ".mf": 1}
        members = sorted(self._records, key=lambda path: (endings.get(path.suffix, 2), path.name))
        target = self.add(f"{name}.ova")
        ctx.say(f"Writing {target.name}.")
        with writing(target), tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
            for member in members:
                archive.add(member, arcname=member.name, filter=_anonymous)
        for member in members:
            self._drop(member)

    def _drop(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._records.pop(path).gone()

    def remove(self) -> None:
        for path in list(self._records):
            self._drop(path)
        if self._folder_record is not None:
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                self.folder.rmdir()
            self._folder_record.gone()

    def keep(self) -> tuple[str, ...]:
        """The paths of the files, relative to the current directory where they are below it."""
        for record in self._records.values():
            record.kept()
        if self._folder_record is not None:
            self._folder_record.kept()
        here = Path.cwd()
        return tuple(str(p.relative_to(here) if p.is_relative_to(here) else p) for p in self._records)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Inside, what the system says about the file is an error for the user."""
    try:
        with disk_space(path):
            yield
    except OSError as error:
        hint = "Set another output_directory in export."
        raise BuildError(f"{path} cannot be written: {error.strerror or error}.", hint=hint) from error


def _anonymous(member: Any) -> Any:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


# -- the lease --------------------------------------------------------------------


@step("Exporting the machine")
def _download(
    ctx: Context, site: Site, owned: OwnedMachine, config: ExportConfig, made: Files, name: str
) -> list[Fetched]:
    api = site.api
    record = ctx.journal.intend("vsphere/lease", **site.identity, name=owned.name)
    try:
        lease = api.call(f"export {owned.name}", owned.ref.ExportVm)
    except BaseException:
        record.gone()
        raise
    record.made(id=identifier(lease))
    try:
        found = _transfer(ctx, api, lease, config, made, name)
        api.call("finish the export", lambda: lease.HttpNfcLeaseComplete())
    except BaseException:
        _abort(api, lease)
        raise
    finally:
        record.gone()  # one that could not be ended ends by itself
    return found


def _abort(api: Vcenter, lease: Any) -> None:
    try:
        api.call("end the export", lambda: lease.HttpNfcLeaseAbort())
    except ApiError:
        return


def _transfer(ctx: Context, api: Vcenter, lease: Any, config: ExportConfig, made: Files, name: str) -> list[Fetched]:
    _wait_ready(ctx, api, lease)
    info = api.get(lease, "info")["info"]
    parts = list(_parts(api, info, config, made, name))
    total = int(getattr(info, "totalDiskCapacityInKB", 0) or 0) << 10
    found = []
    with _Pulse(api, lease) as pulse:
        for number, part in enumerate(parts):
            ctx.say(f"Downloading {part.target.name}.")
            done = fetch(ctx, api, part, "" if config.manifest == "none" else config.manifest, total)
            pulse.percent = min(99, 100 * (number + 1) // len(parts))
            found.append(done)
    _compare(api, lease, found)
    return found


def _wait_ready(ctx: Context, api: Vcenter, lease: Any) -> None:
    deadline = time.monotonic() + READY
    while True:
        found = api.get(lease, "state", "error")
        state = str(found.get("state", ""))
        if state == "ready":
            return
        if state == "error":
            raise api.refusal("export the machine", found["error"])
        if time.monotonic() > deadline:
            raise TimedOut("The export did not become ready within 10 minutes.")
        ctx.sleep(0.5)


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


class _Pulse:
    """Tells the server from time to time that the transfer goes on; a lease without news ends."""

    def __init__(self, api: Vcenter, lease: Any) -> None:
        self.percent = 0
        self._api, self._lease = api, lease
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(TELL):
            try:
                self._api.call("note the progress", lambda: self._lease.HttpNfcLeaseProgress(self.percent))
            except ApiError:
                continue  # the download tells when the lease is over


# -- a download -------------------------------------------------------------------


def fetch(ctx: Context, api: Vcenter, part: Part, algorithm: str, total: int) -> Fetched:
    """Download a file whole. Memory stays flat. Raises ConnectionLost when no attempt brings anything new."""
    state = _Download(part, algorithm)
    pause, failures = PAUSE, 0
    with writing(part.target), part.target.open("wb") as target:
        while True:
            before = state.done
            try:
                _attempt(ctx, api, state, target, total)
                break
            except ConnectionLost as error:
                failures = 0 if state.done > before else failures + 1
                if failures >= ATTEMPTS:
                    raise
                ctx.warn(f"{error.message} Trying again.")
                pause = PAUSE if state.done > before else pause * 2
                ctx.sleep(pause)
        os.fsync(target.fileno())
    digest = state.chosen.hexdigest() if state.chosen else ""
    return Fetched(part, state.done, state.sha1.hexdigest(), digest)


class _Download:
    def __init__(self, part: Part, algorithm: str) -> None:
        self.part = part
        self._algorithm = algorithm
        self.restart()

    def restart(self) -> None:
        self.done = 0
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.chosen = hashlib.new(self._algorithm, usedforsecurity=False) if self._algorithm else None

    def take(self, data: bytes) -> None:
        self.done += len(data)
        self.sha1.update(data)
        if self.chosen:
            self.chosen.update(data)


def _attempt(ctx: Context, api: Vcenter, state: _Download, target: Any, total: int) -> None:
    url = urlsplit(state.part.url)
    name = state.part.target.name
    connection = http.client.HTTPSConnection(url.netloc, timeout=TIMEOUT, context=trust(api.endpoint))
    headers = {"Cookie": api.cookie, **({"Range": f"bytes={state.done}-"} if state.done else {})}
    try:
        with ctx.cancel.closing(lambda: shut(connection)):
            ctx.cancel.check()
            connection.request("GET", url.path + (f"?{url.query}" if url.query else ""), headers=headers)
            answer = connection.getresponse()
            if answer.status not in (200, 206):
                raise ApiError(f"{url.netloc} refused the download of {name}: {answer.status} {answer.reason}.")
            if answer.status == 200 and state.done:
                ctx.say(f"{url.netloc} cannot go on in the middle; {name} is downloaded again.")
                target.seek(0)
                target.truncate()
                state.restart()
            while data := answer.read(CHUNK):
                target.write(data)
                state.take(data)
                ctx.progress(f"downloading {name}", state.done, total)
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
    except http.client.HTTPException as error:
        raise _lost(ctx, name, error) from error
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError) or error.errno is None or _is_tls(error):
            raise _lost(ctx, name, error) from error
        raise
    finally:
        connection.close()


def _is_tls(error: OSError) -> bool:
    import ssl

    return isinstance(error, ssl.SSLError)


def _lost(ctx: Context, name: str, error: BaseException) -> ConnectionLost:
    ctx.cancel.check()
    reason = getattr(error, "strerror", None) or type(error).__name__
    return ConnectionLost(f"The download of {name} broke ({reason}).")


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
