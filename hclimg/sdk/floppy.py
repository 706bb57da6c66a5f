"""A floppy disk with files for the guest: answer files for installers, drivers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


@config
class FloppyConfig:
    """Files that the guest finds on a floppy disk of 1.44 MB."""

    floppy_files: tuple[str, ...] = setting(
        "Files for the root of the disk; of directories, all files below them are put into the root too. "
        "Patterns (`*`, `?`, `[]`) are allowed.",
        default=(),
    )
    floppy_dirs: tuple[str, ...] = setting(
        "Directories that are put onto the disk with everything below them. Patterns are allowed.", default=()
    )
    floppy_content: dict[str, str] = setting("Files to write onto the disk: path to content.", factory=dict)
    floppy_label: str = setting("The label of the disk, at most 11 characters.", default="packer")

    def check(self, problems: Checker) -> None:
        from hclimg.sdk.media import check_paths

        check_paths(problems, "floppy_files", self.floppy_files)
        check_paths(problems, "floppy_dirs", self.floppy_dirs)
        if len(self.floppy_label) > 11 or not self.floppy_label.isascii():
            detail = "The label of a floppy disk has at most 11 characters, all of them ASCII."
            problems.error("Invalid floppy label", detail, "floppy_label")

    @property
    def wanted(self) -> bool:
        return bool(self.floppy_files or self.floppy_dirs or self.floppy_content)


@step("Creating floppy disk")
def floppy_disk(_ctx: Context, config: FloppyConfig, target: Path) -> Path:
    """Write the image into ``target``, which belongs to the caller."""
    from hclimg.errors import BuildError
    from hclimg.sdk.disk import disk_space
    from hclimg.sdk.fat12 import FloppyFullError, fat12_image

    try:
        image = fat12_image(floppy_content(config), config.floppy_label)
    except FloppyFullError as error:
        raise BuildError(str(error), hint="Use cd_files or cd_content for larger files.") from error
    except OSError as error:
        raise BuildError(f"{error.filename} cannot be read for the floppy disk: {error.strerror}.") from error
    with disk_space(target):
        target.write_bytes(image)
    return target


def floppy_content(config: FloppyConfig) -> dict[str, bytes]:
    """What goes onto the disk, by path; directories end in ``/``."""
    from hclimg.sdk.media import expanded, flat, nested

    found: dict[str, bytes] = {}
    for path in expanded(config.floppy_files):
        found.update((name, file.read_bytes()) for name, file in flat(path))
    for path in expanded(config.floppy_dirs):
        for name, item in nested(path.rstrip("/")):
            found[name] = b"" if item.is_dir() else item.read_bytes()
    found.update((name.lstrip("/"), text.encode()) for name, text in config.floppy_content.items())
    return found
