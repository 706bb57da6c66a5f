"""The packages in an image that is not running: their databases are read out of its file systems without mounting."""

from __future__ import annotations

import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from hclimg.containers.things import IMPORTED, TAGGED
from hclimg.errors import BuildError, CommandFailed
from hclimg.postprocessors.disk_images import disk_images, qemu_img
from hclimg.postprocessors.files import working_directory
from hclimg.sbom.documents import About, document, require
from hclimg.sbom.packages import FILES, OLD_RPM, system_of
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space
from hclimg.sdk.machine import Artifact
from hclimg.sdk.process import run_program

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
HINT = 'The provisioner "hcp-sbom" with auto_generate = true lists the packages of the running machine.'
SECTOR = 512


def packages_of(ctx: Context, artifact: Artifact, kind: str, target: Path) -> str:
    """A bill of materials of an artifact; working files are made beside ``target``. Raises BuildError."""
    require()
    archive = next((Path(name) for name in artifact.files if name.endswith(ARCHIVES)), None)
    if archive:
        found = _in_archive(ctx, archive)
    elif artifact.builder in (IMPORTED, TAGGED):
        found = _in_container_image(ctx, artifact, target)
    else:
        found = _in_disks(ctx, artifact, target)
    return _document(ctx, found, kind)


def packages_in(ctx: Context, root: Path, kind: str) -> str:
    """A bill of materials of the system in a directory of this host. Raises BuildError."""
    require()
    there = [path for path in (*FILES, *OLD_RPM) if (root / path[1:]).is_file()]
    return _document(ctx, {path: (root / path[1:]).read_bytes() if path in FILES else b"" for path in there}, kind)


def _document(ctx: Context, files: dict[str, bytes], kind: str) -> str:
    system = system_of(files)
    ctx.say(f"{system.title} has {len(system.packages)} packages.")
    made = datetime.fromtimestamp(int(ctx.run.started), UTC)
    return document(kind, About(name=ctx.build_name, run=ctx.run.id, made=made), system)


def _in_archive(ctx: Context, archive: Path) -> dict[str, bytes]:
    ctx.say(f"Reading {archive}.")
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r|*") as packed:
            for member in packed:
                ctx.cancel.check()
                path = "/" + member.name.lstrip("./")
                if path in OLD_RPM:
                    found[path] = b""
                elif path in FILES and member.isfile() and (file := packed.extractfile(member)):
                    found[path] = file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BuildError(f"{archive} cannot be read: {error}") from error
    return found


def _in_container_image(ctx: Context, artifact: Artifact, target: Path) -> dict[str, bytes]:
    from hclimg.containers.exported import export_image
    from hclimg.containers.naming import holder, names_of

    archive = working_directory(ctx, target) / "image.tar"
    export_image(ctx, holder(ctx, artifact, ""), names_of(artifact)[0], archive)
    found = _in_archive(ctx, archive)
    archive.unlink()
    return found


# -- disks ------------------------------------------------------------------------


def _in_disks(ctx: Context, artifact: Artifact, target: Path) -> dict[str, bytes]:
    work = working_directory(ctx, target)
    found: dict[str, bytes] = {}
    unread = []
    for path, kind in disk_images(ctx, artifact):
        with disk_space(work):
            raw = _raw(ctx, path, kind, work)
        for offset in _offsets(ctx, raw):
            inside = _read(ctx, raw, offset, work)
            found = {**inside, **found}
            if not inside:
                unread.append(_filesystem(ctx, raw, offset))
        raw.unlink()
    if not found:
        kinds = ", ".join(sorted({kind for kind in unread if kind})) or "none"
        hint = f"Only ext2, ext3 and ext4 are read here; there is: {kinds}. {HINT}"
        raise BuildError("No package database was found in the image.", hint=hint)
    return found


def _raw(ctx: Context, path: Path, kind: str, work: Path) -> Path:
    """The disk as it is, under a name that debugfs takes."""
    raw = work / "disk.raw"
    if kind == "raw":
        raw.symlink_to(path.absolute())
    else:
        ctx.say(f"Unpacking {path} to look into it.")
        qemu_img(ctx, ["convert", "-f", kind, "-O", "raw", str(path), str(raw)], raw)
    return raw


def _offsets(ctx: Context, raw: Path) -> list[int]:
    """Where the file systems may begin, in bytes: the partitions, or the beginning of a disk without any."""
    try:
        table = json.loads(run_program(ctx, ["sfdisk", "--json", raw]).stdout)["partitiontable"]
    except CommandFailed:
        return [0]
    return [part["start"] * table.get("sectorsize", SECTOR) for part in table.get("partitions", [])] or [0]


def _read(ctx: Context, raw: Path, offset: int, work: Path) -> dict[str, bytes]:
    """What a file system has of the files that are wanted; nothing when it is none that debugfs reads."""
    names = {path: f"out{number}" for number, path in enumerate((*FILES, *OLD_RPM))}
    commands = work / "commands"
    commands.write_text("".join(f"dump {path} {name}\n" for path, name in names.items()))
    run_program(ctx, ["debugfs", "-f", commands.name, f"{raw.name}?offset={offset}"], cwd=work, valid=(0, 1))
    found = {}
    for path, name in names.items():
        if (work / name).exists():
            found[path] = (work / name).read_bytes() if path in FILES else b""
            (work / name).unlink()
    return found


def _filesystem(ctx: Context, raw: Path, offset: int) -> str:
    done = run_program(ctx, ["blkid", "-p", "-O", str(offset), "-o", "value", "-s", "TYPE", raw], valid=(0, 2))
    return done.stdout.strip()
