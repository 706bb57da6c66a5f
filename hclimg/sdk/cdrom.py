"""A CD with files for the guest: cloud-init's data, answer files, drivers.

Written by pycdlib, so that no program of the host is needed; with Rock Ridge and Joliet names, which Linux, the BSDs
and Windows read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from pycdlib.pycdlib import PyCdlib

    from hclimg.sdk.context import Context


@config
class CdConfig:
    """Files that the guest finds on a CD."""

    cd_files: tuple[str, ...] = setting(
        "Files and directories for the root of the CD. Directories keep what is below them; one with a trailing "
        "slash gives only that. Patterns (`*`, `?`, `[]`) are allowed.",
        default=(),
    )
    cd_content: dict[str, str] = setting("Files to write onto the CD: path to content.", factory=dict)
    cd_label: str = setting("The label of the CD, at most 32 characters.", default="packer", example='"cidata"')

    def check(self, problems: Checker) -> None:
        from hclimg.sdk.media import check_paths

        check_paths(problems, "cd_files", self.cd_files)
        if len(self.cd_label) > 32 or not self.cd_label.isascii():
            detail = "The label of a CD has at most 32 characters, all of them ASCII."
            problems.error("Invalid CD label", detail, "cd_label")

    @property
    def wanted(self) -> bool:
        return bool(self.cd_files or self.cd_content)


@step("Creating CD")
def cd_image(_ctx: Context, config: CdConfig, target: Path) -> Path:
    """Write the image into ``target``, which belongs to the caller."""
    from hclimg.errors import BuildError
    from hclimg.sdk.disk import disk_space

    try:
        with disk_space(target):
            write_iso(cd_files(config), config.cd_label, target)
    except OSError as error:
        raise BuildError(f"{error.filename} cannot be read for the CD: {error.strerror}.") from error
    return target


def cd_files(config: CdConfig) -> dict[str, Path | bytes]:
    """What goes onto the CD, by path: a file of the host or the content itself; directories end in ``/``."""
    from hclimg.sdk.media import expanded, nested

    found: dict[str, Path | bytes] = {}
    for path in expanded(config.cd_files):
        found.update(nested(path))
    found.update((name.lstrip("/"), text.encode()) for name, text in config.cd_content.items())
    return found


def write_iso(files: Mapping[str, Path | bytes], label: str, target: Path) -> None:
    """Write an ISO 9660 image with Rock Ridge and Joliet names."""
    import pycdlib

    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=4, joliet=3, rock_ridge="1.09", vol_ident=label)
    try:
        tree = _Tree(iso)
        for name, source in files.items():
            tree.add(name, source)
        iso.write(str(target))
    finally:
        iso.close()


class _Tree:
    """Directories are made when something is put into them. Each file also has a plain ISO name, which nobody sees,
    because every reader takes the Rock Ridge or the Joliet name; so they are numbers.
    """

    def __init__(self, iso: PyCdlib) -> None:
        self._iso = iso
        self._plain: dict[str, str] = {"": ""}
        self._files = 0

    def add(self, name: str, source: Path | bytes) -> None:
        if name.endswith("/"):
            self._directory(name.strip("/"))
            return
        parent, _, leaf = name.rpartition("/")
        self._files += 1
        names: dict[str, Any] = {
            "iso_path": f"{self._directory(parent)}/F{self._files:07}.;1", "rr_name": leaf, "joliet_path": f"/{name}",
        }  # fmt: skip
        if isinstance(source, Path):
            self._iso.add_file(str(source), file_mode=0o100444 | source.stat().st_mode & 0o111, **names)
        else:
            import io

            self._iso.add_fp(io.BytesIO(source), len(source), file_mode=0o100444, **names)

    def _directory(self, name: str) -> str:
        """The ISO path of a directory, which is made when it is new."""
        known = self._plain.get(name)
        if known is None:
            parent, _, leaf = name.rpartition("/")
            known = f"{self._directory(parent)}/D{len(self._plain):07}"
            self._iso.add_directory(known, rr_name=leaf, joliet_path=f"/{name}", file_mode=0o040555)
            self._plain[name] = known
        return known
