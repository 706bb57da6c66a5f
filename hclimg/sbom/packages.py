"""What is installed in a system, from the files in which its package manager keeps it: dpkg, rpm and apk.

How the files come out of an image or a running machine is not known here.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from hclimg.errors import BuildError

RELEASES = ("/etc/os-release", "/usr/lib/os-release")
DPKG = ("/var/lib/dpkg/status",)
APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
RPM = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite")
OLD_RPM = (
    "/var/lib/rpm/Packages", "/var/lib/rpm/Packages.db", "/usr/lib/sysimage/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/Packages",
)  # fmt: skip
"""Databases in formats that only rpm itself reads."""

FILES = (*RELEASES, *DPKG, *APK, *RPM)
"""All that is worth to be read; of ``OLD_RPM`` it is enough to know that they are there."""

QUERY = (
    r"%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{LICENSE}\t%{VENDOR}\t%{URL}"
    r"\t%{SUMMARY}\n"
)
"""What ``rpm -qa --queryformat`` is asked for; :func:`queried` reads the answer."""


@frozen(kw_only=True)
class Package:
    """``kind`` is the type in a package URL: ``deb``, ``rpm``, ``apk``. What is not known is empty."""

    kind: str
    name: str
    version: str
    architecture: str = ""
    source: str = ""
    license: str = ""
    supplier: str = ""
    homepage: str = ""
    summary: str = ""


@frozen(kw_only=True)
class System:
    """``id`` and ``version`` as in os-release (``debian``, ``12``), ``title`` for people; sorted packages."""

    id: str
    version: str
    title: str
    packages: tuple[Package, ...]


def system_of(files: Mapping[str, bytes], more: Iterable[Package] = ()) -> System:
    """``files`` are those of :data:`FILES` that there are. Raises BuildError when they have no packages."""
    release = _release(files)
    found = {*more}
    for paths, read in ((DPKG, _dpkg), (APK, _apk), (RPM, _rpm)):
        for path in paths:
            if path in files:
                found.update(read(files[path]))
    if not found and any(path in files for path in OLD_RPM):
        hint = 'The provisioner "hcp-sbom" with auto_generate = true asks rpm in the running machine.'
        raise BuildError("The rpm database is in a format that only the system's own rpm can read.", hint=hint)
    if not found:
        hint = "There is neither a database of dpkg, nor of rpm, nor of apk."
        raise BuildError("The system has no packages that could be listed.", hint=hint)
    return System(
        id=release.get("ID", "linux"), version=release.get("VERSION_ID", ""),
        title=release.get("PRETTY_NAME", release.get("ID", "Linux")),
        packages=tuple(sorted(found, key=lambda one: (one.kind, one.name, one.version, one.architecture))),
    )  # fmt: skip


def _release(files: Mapping[str, bytes]) -> dict[str, str]:
    """A file of shell assignments."""
    text = next((files[path] for path in RELEASES if files.get(path)), b"").decode("utf-8", "replace")
    pairs = (line.partition("=") for line in text.splitlines() if re.match(r"[A-Z_]+=", line))
    return {name: value.strip().strip("\"'") for name, _, value in pairs}


def _dpkg(data: bytes) -> Iterator[Package]:
    for one in _paragraphs(data, ": "):
        if one.get("Status", "").endswith(" installed"):
            yield Package(
                kind="deb", name=one["Package"], version=one.get("Version", ""),
                architecture=one.get("Architecture", ""), source=one.get("Source", "").split(" ")[0],
                supplier=one.get("Maintainer", ""), homepage=one.get("Homepage", ""),
                summary=one.get("Description", ""),
            )  # fmt: skip


def _apk(data: bytes) -> Iterator[Package]:
    for one in _paragraphs(data, ":"):
        yield Package(
            kind="apk", name=one["P"], version=one.get("V", ""), architecture=one.get("A", ""),
            source=one.get("o", ""), license=one.get("L", ""), supplier=one.get("m", ""), homepage=one.get("U", ""),
            summary=one.get("T", ""),
        )  # fmt: skip


def _paragraphs(data: bytes, separator: str) -> Iterator[dict[str, str]]:
    """Of each paragraph its fields, with their first lines."""
    for text in data.decode("utf-8", "replace").split("\n\n"):
        pairs = (line.partition(separator) for line in text.splitlines() if not line.startswith((" ", "\t")))
        fields = {name: value.strip() for name, found, value in pairs if found}
        if "Package" in fields or "P" in fields:
            yield fields


# -- rpm --------------------------------------------------------------------------

_TAGS = {1000: "name", 1001: "version", 1002: "release", 1003: "epoch", 1004: "summary", 1011: "supplier",
         1014: "license", 1020: "homepage", 1022: "architecture", 1044: "source"}  # fmt: skip
_INT32, _TEXTS = 4, (6, 8, 9)


def queried(lines: Iterable[str]) -> Iterator[Package]:
    """The answer to :data:`QUERY`."""
    for line in lines:
        fields = [value if value != "(none)" else "" for value in line.split("\t")]
        if len(fields) == 8 and fields[0] != "gpg-pubkey":
            name, version, architecture, source, licence, supplier, homepage, summary = fields
            yield Package(
                kind="rpm", name=name, version=version, architecture=architecture, source=_source(source),
                license=licence, supplier=supplier, homepage=homepage, summary=summary,
            )  # fmt: skip


def _rpm(data: bytes) -> Iterator[Package]:
    """A database in SQLite, each package's header in a row."""
    plain = bytearray(data)
    plain[18:20] = b"\x01\x01"  # "no write-ahead log", which there is none of in memory
    with sqlite3.connect(":memory:") as database:
        try:
            database.deserialize(bytes(plain))
            for (blob,) in database.execute("SELECT blob FROM Packages"):
                fields = _header(blob)
                if fields.get("name") not in (None, "gpg-pubkey"):
                    yield _from_header(fields)
        except (sqlite3.Error, struct.error, ValueError) as error:
            raise BuildError(f"The rpm database of the system is damaged: {error}.") from error


def _from_header(fields: dict[str, str]) -> Package:
    epoch = f"{fields['epoch']}:" if "epoch" in fields else ""
    return Package(
        kind="rpm", name=fields["name"], version=f"{epoch}{fields['version']}-{fields['release']}",
        architecture=fields.get("architecture", ""), source=_source(fields.get("source", "")),
        license=fields.get("license", ""), supplier=fields.get("supplier", ""), homepage=fields.get("homepage", ""),
        summary=fields.get("summary", ""),
    )  # fmt: skip


def _header(blob: bytes) -> dict[str, str]:
    """The number of entries, the size of their data, the entries (tag, type, offset, count), the data."""
    count, _ = struct.unpack_from(">II", blob)
    start, fields = 8 + 16 * count, {}
    for number in range(count):
        tag, kind, offset, _ = struct.unpack_from(">IIII", blob, 8 + 16 * number)
        if tag in _TAGS and kind == _INT32:
            fields[_TAGS[tag]] = str(struct.unpack_from(">I", blob, start + offset)[0])
        elif tag in _TAGS and kind in _TEXTS:
            end = blob.index(b"\0", start + offset)
            fields[_TAGS[tag]] = blob[start + offset : end].decode("utf-8", "replace")
    return fields


def _source(name: str) -> str:
    """``bash`` of ``bash-5.2.26-3.fc40.src.rpm``."""
    return re.sub(r"-[^-]+-[^-]+\.(no)?src\.rpm$", "", name)
