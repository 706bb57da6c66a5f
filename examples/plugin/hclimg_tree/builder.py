"""Builder ``tree``: copies a directory of this host, lets provisioners work in it as root, and makes a tar archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hclimg.sdk import Artifact, Builder, Context, Machine, config, setting, step


@config
class TreeConfig:
    """Makes a tar archive of a directory, after provisioners have worked in it."""

    directory: Path = setting("The directory to start from: a root file system, for commands to work in it.")
    output: Path = setting("The archive to make.")


@step("Copying the directory", undo="Deleting the copy")
def copied(ctx: Context, source: Path) -> Iterator[Path]:
    from shutil import copytree, rmtree

    copy = ctx.run.directory / f"tree-{ctx.node}"
    record = ctx.journal.intend("directory", path=str(copy))  # `hclimg cleanup` finds it if this run is killed
    copytree(source, copy, symlinks=True)
    record.made()
    yield copy
    rmtree(copy)
    record.gone()


class TreeBuilder(Builder[TreeConfig]):
    Config = TreeConfig
    builder_id = "example.tree"

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.communicators.chroot import chroot_communicator

        root = copied(ctx, self.config.directory)
        return Machine(id=str(root), communicator=chroot_communicator(ctx, root), facts={"ConnType": "chroot"})

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        import tarfile

        target = self.config.output.absolute()
        part = target.with_name(f"{target.name}.part")
        record = ctx.journal.intend("file", path=str(part))
        try:
            with tarfile.open(part, "w") as archive:
                archive.add(machine.id, arcname=".")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
            record.gone()
        return Artifact(builder=self.builder_id, component="builder/tree", id=target.name,
                        description=f"Archive {target}", files=(str(target),))  # fmt: skip
