"""The file system of an image as a tar archive, by way of a container that is never started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import evolve

from hclimg.containers.engine import Engine, remove_container
from hclimg.errors import BuildError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step


@step("Opening the image", undo="Closing the image")
def opened(ctx: Context, engine: Engine, image: str) -> Iterator[str]:
    """The name of the container. Its command is never run, but an engine wants one."""
    name = run_name(ctx.run.id)
    record = ctx.journal.intend("docker/container", name=name, **engine.identity)
    try:
        engine.run("create", "--name", name, image, "none")
    except BuildError:
        record.gone()
        raise
    record.made()
    yield name
    remove_container(evolve(engine, ctx=evolve(ctx, cancel=CancelToken())), name)
    record.gone()


def export_image(ctx: Context, engine: Engine, image: str, target: Path) -> None:
    """Write ``target``. Raises BuildError."""
    engine.run("export", "--output", target, opened(ctx, engine, image))
