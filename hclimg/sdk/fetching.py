"""Getting a file from the first place that has it, with its checksum verified. Imported only when it runs.

A download goes into ``NAME.part`` next to its target and is renamed when it is whole and verified, so a target is
never half a file. A broken download is resumed, by this run or the next one, as long as the server says that the file
is still the same one. A lock lets runs that want the same file wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from attrs import frozen

from hclimg.errors import BuildError, ConnectionLost
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space
from hclimg.sdk.download import HEX, LENGTHS, Checksum, local_path
from hclimg.sdk.web import connections, reason, request

if TYPE_CHECKING:
    import urllib3
    from urllib3.response import BaseHTTPResponse

CHUNK = 1 << 20
ATTEMPTS = 3  # per place, each resuming where the one before broke off
REPORT_EVERY = 0.25  # seconds between two progress events
MAX_CHECKSUM_FILE = 8 << 20
BSD_LINE = re.compile(r"(?P<kind>[A-Za-z0-9-]+) ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9a-fA-F]+)")
GNU_LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{32,128})(?:[ \t]+\*?(?P<name>\S.*))?")


@frozen(kw_only=True)
class Wanted:
    """``urls`` are places of the same file; ``target`` where to keep it, None for the cache."""

    urls: tuple[str, ...]
    checksum: Checksum
    target: Path | None = None
    extension: str = "iso"


def fetch(ctx: Context, wanted: Wanted) -> Path:
    """The file from the first place that has it. The errors of all the places are said when none has."""
    failures: list[str] = []
    hint = ""
    for url in wanted.urls:
        ctx.cancel.check()
        try:
            return _fetch_one(ctx, wanted, url)
        except BuildError as error:
            failures.append(f"{url}: {error.message}")
            if len(wanted.urls) > 1:
                ctx.warn(f"{url}: {error.message}")
            hint = error.hint
    raise BuildError("The image cannot be fetched. " + " ".join(failures), hint=hint)


def _fetch_one(ctx: Context, wanted: Wanted, url: str) -> Path:
    checksum = _looked_up(ctx, wanted.checksum, url)
    source = local_path(url)
    if source is None:
        return _download(ctx, url, checksum, wanted)
    if not source.is_file():
        raise BuildError("The file does not exist.")
    verify(ctx, source, checksum)
    if wanted.target is None or wanted.target == source:
        return source
    return _copied(ctx, source, wanted.target)


def _copied(ctx: Context, source: Path, target: Path) -> Path:
    """The user wants it at another path: linked where the file system can, else copied."""
    from shutil import copyfile

    if target.exists() and target.samefile(source):
        return target
    ctx.say(f"Copying {source} to {target}.")
    part = _beside(target, ".part")
    with disk_space(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        try:
            os.link(source, part)
        except OSError:
            copyfile(source, part)
        part.replace(target)
    return target


# -- downloads ----------------------------------------------------------------


def _download(ctx: Context, url: str, checksum: Checksum, wanted: Wanted) -> Path:
    target = wanted.target or cache_path(ctx.run.cache, url, checksum, wanted.extension)
    with disk_space(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(ctx, _beside(target, ".lock")):
        if checksum.digest and target.is_file():
            if digest_of(ctx, target, checksum.algorithm) == checksum.digest:
                ctx.say(f"Using {target}, which was downloaded before.")
                return target
            ctx.say(f"{target} does not have the wanted checksum; it is downloaded again.")
        _Transfer(ctx, url, target, checksum).run()
    return target


def cache_path(cache: Path, url: str, checksum: Checksum, extension: str) -> Path:
    """The same checksum is the same file, wherever it comes from."""
    name = hashlib.sha1((checksum.text or url).encode(), usedforsecurity=False).hexdigest()
    return cache / "downloads" / (f"{name}.{extension}" if extension else name)


@contextmanager
def _locked(ctx: Context, path: Path) -> Iterator[None]:
    """Hold the lock of a target; it is gone when this process is."""
    with path.open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not told:
                    ctx.say("Another run is downloading the same file; waiting for it.")
                    told = True
                ctx.sleep(0.2)
        yield


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(f"{target.name}{ending}")


class _Transfer:
    """One file from one URL. ``notes`` (a JSON file beside the part) say which version of the file the part is of."""

    def __init__(self, ctx: Context, url: str, target: Path, checksum: Checksum) -> None:
        self._ctx = ctx
        self._url = url
        self._target = target
        self._checksum = checksum
        self._part = _beside(target, ".part")
        self._part_notes = _beside(target, ".part.json")
        self._notes = _beside(target, ".json")

    def run(self) -> None:
        pool = connections(self._url)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._attempt(pool)
                return
            except ConnectionLost as error:
                if attempt == ATTEMPTS:
                    raise
                self._ctx.warn(f"{error.message} Trying again.")
                self._ctx.sleep(float(attempt))

    def _attempt(self, pool: urllib3.PoolManager | urllib3.ProxyManager) -> None:
        have = self._part.stat().st_size if self._part.exists() else 0
        response = request(self._ctx, pool, self._url, self._conditions(have))
        with self._ctx.cancel.closing(response.shutdown):
            try:
                if response.status == 304 and self._target.is_file():
                    self._ctx.say(f"Using {self._target}, which has not changed since it was downloaded.")
                    return
                if response.status == 416:  # the part is as long as the file, or longer
                    self._part.unlink(missing_ok=True)
                    raise ConnectionLost(f"{self._url} changed while it was being downloaded.")
                self._receive(response, have if response.status == 206 else 0)
            finally:
                response.release_conn()
        self._finish()

    def _conditions(self, have: int) -> dict[str, str]:
        """Resume the part only if it is of the same version; do not send what the cache has."""
        if have and (version := _version(_read_notes(self._part_notes))):
            return {"Range": f"bytes={have}-", "If-Range": version}
        if self._checksum.digest or not self._target.is_file():
            return {}
        notes = _read_notes(self._notes)
        if notes.get("url") != self._url:
            return {}
        headers = {"If-None-Match": notes.get("etag", ""), "If-Modified-Since": notes.get("modified", "")}
        return {name: value for name, value in headers.items() if value}

    def _receive(self, response: BaseHTTPResponse, start: int) -> None:
        if response.status not in (200, 206):
            raise BuildError(f"The server answered {response.status} {response.reason or ''}.".replace(" .", "."))
        length = int(response.headers.get("Content-Length", 0))
        total = start + length if length else 0
        if start == 0:
            self._part_notes.write_text(json.dumps(_describe(self._url, response.headers)))
        else:
            self._ctx.say(f"Resuming the download at {start / (1 << 20):.0f} MiB.")
        with disk_space(self._part), self._part.open("r+b" if start else "wb") as file:
            file.truncate(start)
            file.seek(start)
            got = start + self._copy(response, file, start, total)
        if total and got < total:
            raise ConnectionLost(f"The connection broke after {got} of {total} bytes.")

    def _copy(self, response: BaseHTTPResponse, file: IO[bytes], start: int, total: int) -> int:
        import urllib3

        done, reported = 0, 0.0
        try:
            for chunk in response.stream(CHUNK, decode_content=False):
                file.write(chunk)
                done += len(chunk)
                if (now := time.monotonic()) - reported >= REPORT_EVERY:
                    self._ctx.progress(self._target.name, start + done, total)
                    reported = now
        except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
            self._ctx.cancel.check()
            raise ConnectionLost(f"The connection broke after {start + done} bytes ({reason(error)}).") from error
        self._ctx.cancel.check()
        self._ctx.progress(self._target.name, start + done, total or start + done)
        return done

    def _finish(self) -> None:
        if not self._part.exists():
            return  # the cache already had it
        try:
            verify(self._ctx, self._part, self._checksum)
        except BuildError:
            self._part.unlink()
            raise
        self._part.replace(self._target)
        self._part_notes.replace(self._notes)


def _describe(url: str, headers: Mapping[str, str]) -> dict[str, str]:
    return {"url": url, "etag": headers.get("ETag", ""), "modified": headers.get("Last-Modified", "")}


def _version(notes: Mapping[str, str]) -> str:
    """What If-Range takes: a strong ETag, or the date."""
    etag = notes.get("etag", "")
    return etag if etag and not etag.startswith("W/") else notes.get("modified", "")


def _read_notes(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text())
        return found if isinstance(found, dict) else {}
    return {}


# -- checksums ----------------------------------------------------------------


def verify(ctx: Context, path: Path, checksum: Checksum) -> None:
    """Raise BuildError when the file is not the one that the checksum is of."""
    if not checksum.digest:
        return
    actual = digest_of(ctx, path, checksum.algorithm)
    if actual != checksum.digest:
        raise BuildError(
            f"The {checksum.algorithm} checksum is {actual}, but {checksum.digest} was expected.",
            hint="The file is damaged or was replaced; correct iso_checksum if the new file is the one you want.",
        )


def digest_of(ctx: Context, path: Path, algorithm: str) -> str:
    """The checksum of a file in hexadecimal."""
    total = path.stat().st_size
    digest = hashlib.new(algorithm, usedforsecurity=False)
    reported = time.monotonic()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            digest.update(data)
            if time.monotonic() - reported >= REPORT_EVERY:
                ctx.cancel.check()
                ctx.progress(f"checking {path.name}", file.tell(), total)
                reported = time.monotonic()
    return digest.hexdigest()


def _looked_up(ctx: Context, checksum: Checksum, url: str) -> Checksum:
    """The checksum itself, from the file that it is in if need be."""
    if not checksum.file:
        return checksum
    name = urlsplit(url).path.rsplit("/", 1)[-1]
    text = _checksum_file(ctx, checksum.file)
    found = find_checksum(text, name)
    if found is None:
        raise BuildError(f'{checksum.file} has no checksum for "{name}".')
    return found


def _checksum_file(ctx: Context, where: str) -> str:
    path = local_path(where)
    try:
        if path is not None:
            return path.read_text("utf-8", "replace")
    except OSError as error:
        raise BuildError(f"The checksum file {path} cannot be read: {error.strerror}.") from error
    response = request(ctx, connections(where), where, {})
    with ctx.cancel.closing(response.shutdown):
        data = response.read(MAX_CHECKSUM_FILE)
    if response.status != 200:
        raise BuildError(f"{where}: the server answered {response.status}.")
    return data.decode("utf-8", "replace")


def find_checksum(text: str, name: str) -> Checksum | None:
    """The checksum of file ``name`` in the text of a checksum file: GNU or BSD lines, or one bare checksum."""
    bare: list[Checksum] = []
    for line in text.splitlines():
        found = BSD_LINE.fullmatch(line.strip()) or GNU_LINE.fullmatch(line.strip())
        if found is None:
            continue
        checksum = _from_line(found)
        if checksum is None:
            continue
        listed = found["name"]
        if listed is None:
            bare.append(checksum)
        elif listed.strip().rsplit("/", 1)[-1] == name:
            return checksum
    return bare[0] if len(bare) == 1 else None


def _from_line(found: re.Match[str]) -> Checksum | None:
    digest = found["digest"].lower()
    kind = found.groupdict().get("kind", "").lower().replace("-", "") or LENGTHS.get(len(digest), "")
    if kind not in hashlib.algorithms_available or not HEX.fullmatch(digest):
        return None
    return Checksum(kind, digest)
