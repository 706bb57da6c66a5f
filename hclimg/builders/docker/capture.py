"""From the container to an image, to an archive, or to nothing."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from attrs import evolve

from hclimg.builders.docker.config import DockerConfig, ResultConfig
from hclimg.builders.docker.launch import Running, defaults
from hclimg.containers.engine import Engine, remove_image, take_name_off
from hclimg.containers.things import BUILDER, IMPORTED
from hclimg.errors import BuildError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step

COMPONENT = "builder/docker"


def capture(ctx: Context, config: DockerConfig, machine: Machine) -> Artifact:
    running: Running = evolve(machine.handle, engine=evolve(machine.handle.engine, ctx=ctx))
    if config.result.commit:
        image = _commit(ctx, running, config.result)
        return Artifact(
            builder=IMPORTED, component=COMPONENT, id=image, description=f"Imported Docker image: {image}",
            state={**running.engine.identity, "image": image}, facts={"ImageSha256": image},
        )  # fmt: skip
    if config.result.export_path:
        path = Path(config.result.export_path).expanduser()
        _export(ctx, running, path)
        return Artifact(
            builder=BUILDER, component=COMPONENT, id="Container",
            description=f"Exported Docker file: {path}", files=(str(path),),
            state=running.engine.identity,
        )  # fmt: skip
    return Artifact(builder=BUILDER, component=COMPONENT, id="Container", description="The container was discarded")


@step("Committing the container")
def _commit(ctx: Context, running: Running, result: ResultConfig) -> str:
    """The image's id.

    The engine goes on with a commit when its caller is gone, so it is not cancelled: what it made is removed then. The
    image has a name with the run in it until it is written down that it is kept: that is how a clean-up finds it.
    """
    engine = evolve(running.engine, ctx=evolve(ctx, cancel=CancelToken()))
    ctx.say("Committing the container")
    options = [part for text in (*defaults(running.settings, result.changes), *result.changes)
               for part in ("--change", text)]  # fmt: skip
    options += (["--author", result.author] if result.author else [])
    options += (["--message", result.message] if result.message else [])
    if result.message and engine.is_podman():
        options += ["--format", "docker"]  # the only one that keeps it
    name = f"localhost/{run_name(ctx.run.id)}:committed"
    record = ctx.journal.intend("docker/image", name=name, container=running.name, **engine.identity)
    try:
        image = engine.run("commit", *options, running.name, name, outlives=True).splitlines()[-1].strip()
        record.made(id=image)
        ctx.cancel.check()
    except BaseException:
        with suppress(BuildError):  # what cannot be removed stays in the journal; the first failure is told
            remove_image(engine, name)
            record.gone()
        raise
    take_name_off(engine, name)
    record.kept()
    return image if image.startswith("sha256:") else f"sha256:{image}"


@step("Exporting the container")
def _export(ctx: Context, running: Running, path: Path) -> None:
    """The archive appears whole or not at all."""
    part = path.with_name(f".{path.name}.{ctx.run.id}.part").absolute()
    record = ctx.journal.intend("file", path=str(part))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(running.engine, running.name, part)
        part.replace(path)
    except OSError as error:
        raise BuildError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
        record.gone()
    ctx.say(f"Exported the container to {path}.")


def _write(engine: Engine, container: str, part: Path) -> None:
    engine.run("export", "--output", part, container)
