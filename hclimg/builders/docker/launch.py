"""From the settings to a running container."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from hclimg.builders.docker.config import BuildConfig, DockerConfig
from hclimg.communicators.connect import connect
from hclimg.communicators.container import ContainerCommunicator
from hclimg.communicators.facts import machine_facts
from hclimg.containers.engine import Engine, remove_container, remove_image
from hclimg.containers.login import logged_in
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.disk import private_directory
from hclimg.sdk.machine import Communicator, Machine
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step


@frozen(kw_only=True)
class Running:
    """What the capture needs to know. ``settings`` are those of the source image."""

    engine: Engine
    name: str
    settings: dict[str, Any]


def launch(ctx: Context, config: DockerConfig) -> Machine:
    engine = Engine(ctx, config.docker_path)
    with_login = logged_in(ctx, engine, config.login)
    image = _image(ctx, with_login, config)
    source = with_login.inspect("image", image)
    files = private_directory(ctx)
    settings = source.get("Config") or {}
    rendered = [ctx.render(part, Image=image) for part in config.running.run_command]
    command = plain_entrypoint(rendered, image, settings)
    name, container = _container(ctx, with_login, [*_options(config, files), *command], image)
    communicator, host, port = _communicator(ctx, engine, config, container)
    facts = machine_facts(ctx, config.communicator, machine_id=container, host=host, port=port)
    return Machine(
        id=container,
        communicator=communicator,
        facts={**facts, "SourceImageDigest": _digest(source)},
        handle=Running(engine=engine, name=name, settings=settings),
    )


def _image(ctx: Context, engine: Engine, config: DockerConfig) -> str:
    source = config.source
    if source.build:
        return _built(ctx, engine, source.build, source.platform)
    if source.pull:
        _pull(ctx, engine, source.image, source.platform)
    return source.image


@step("Pulling the image")
def _pull(ctx: Context, engine: Engine, image: str, platform: str) -> None:
    ctx.say(f"Pulling {image}")
    engine.show("pull", *_option("--platform", platform), image)


@step("Building the image to start from", undo="Removing the image that was built to start from")
def _built(ctx: Context, engine: Engine, build: BuildConfig, platform: str) -> Iterator[str]:
    """Its name goes at the end; its layers stay as long as the result stands on them."""
    name = f"localhost/{run_name(ctx.run.id)}"
    record = ctx.journal.intend("docker/image", name=name, **engine.identity)
    # A build argument may hold a secret: its value goes by the environment.
    arguments = [part for key in build.arguments for part in ("--build-arg", key)]
    flags = ["--pull"] * build.pull + ["--compress"] * build.compress
    if build.compress and engine.is_podman():
        flags.remove("--compress")
    try:
        engine.show(
            "build", "-f", Path(build.path).expanduser(), "-t", name, *flags, *_option("--platform", platform),
            *arguments, build.context, env=build.arguments,
        )  # fmt: skip
    except BaseException:
        with suppress(BuildError):
            remove_image(engine, name)
            record.gone()
        raise
    record.made()
    yield name
    remove_image(engine, name)
    record.gone()


@step("Starting the container", undo="Removing the container")
def _container(ctx: Context, engine: Engine, command: list[str], image: str) -> Iterator[tuple[str, str]]:
    """Its name and its id."""
    name = run_name(ctx.run.id)
    record = ctx.journal.intend("docker/container", name=name, **engine.identity)
    try:
        engine.run("run", "--name", name, *command)
        found = engine.inspect("container", name)
        _require_running(engine, name, found["State"])
    except BaseException:
        remove_container(_uncancelled(engine), name)
        record.gone()
        raise
    container = str(found["Id"])
    record.made(id=container)
    ctx.say(f"Container {container[:12]} runs {image}.")
    yield name, container
    remove_container(_uncancelled(engine), name)
    record.gone()


def _require_running(engine: Engine, name: str, state: dict[str, Any]) -> None:
    """A container that has nothing to do ends at once, and nobody can work in it."""
    if state.get("Running"):
        return
    words: list[str] = []
    engine.run("logs", "--tail", "1", name, on_output=lambda line, _: words.append(line))
    said = " ".join(words).strip()
    raise BuildError(
        f"The container is not running: it ended at once with exit code {state.get('ExitCode')}.",
        hint=f'Its last words: "{said}".' if said else 'Its command must wait, as "-d", "-i" and a shell do.',
    )


def _uncancelled(engine: Engine) -> Engine:
    from attrs import evolve

    from hclimg.sdk.cancel import CancelToken

    return evolve(engine, ctx=evolve(engine.ctx, cancel=CancelToken()))


def _options(config: DockerConfig, files: Path) -> list[str]:
    running = config.running
    options = ["--privileged"] if running.privileged else []
    for flag, values in (
        ("--cap-add", running.cap_add), ("--cap-drop", running.cap_drop), ("--device", running.device),
        ("--tmpfs", running.tmpfs),
    ):  # fmt: skip
        options += [part for value in values for part in (flag, value)]
    options += _option("--runtime", running.runtime) + _option("--platform", config.source.platform)
    for host, inside in running.volumes.items():
        options += ["-v", f"{Path(host).expanduser()}:{inside}"]
    return [*options, "-v", f"{files}:{running.container_dir}"]


def _option(flag: str, value: str) -> list[str]:
    return [flag, value] if value else []


def _communicator(
    ctx: Context, engine: Engine, config: DockerConfig, container: str
) -> tuple[Communicator, str, int]:
    """With the host and the port that others may connect to."""
    running, how = config.running, config.communicator
    if how.communicator == "docker":
        found = ContainerCommunicator(
            ctx, engine.program, container, user=running.exec_user, pty=running.pty,
            fix_owner=running.fix_upload_owner,
        )  # fmt: skip
        return found, container, 0
    host = how.ssh_host or (_address(engine, container) if how.communicator == "ssh" else "")
    return connect(ctx, how, host=host, port=how.ssh_port), host, how.ssh_port


def _address(engine: Engine, container: str) -> str:
    network = engine.inspect("container", container).get("NetworkSettings") or {}
    inner = [net.get("IPAddress") for net in (network.get("Networks") or {}).values()]
    found = [address for address in (network.get("IPAddress"), *inner) if address]
    if not found:
        raise BuildError("The container has no address to connect to.", hint="Set ssh_host.")
    return str(found[0])


def _digest(source: dict[str, Any]) -> str:
    """Of the source image, as its registry knows it; empty for an image of this host."""
    digests = source.get("RepoDigests") or []
    return str(digests[0]) if digests else ""


def plain_entrypoint(command: list[str], image: str, settings: dict[str, Any]) -> list[str]:
    """The same command without ``--entrypoint=X``, where X can be the command that follows the image.

    docker cannot take an entrypoint off a container when it commits it, so it is better not to set one in place of
    none.
    """
    given = [part for part in command if part.startswith("--entrypoint=/")]
    if len(given) != 1 or command[-1] != image or settings.get("Entrypoint") or not settings.get("Cmd"):
        return command
    return [*(part for part in command if part not in given), given[0].partition("=")[2]]


def defaults(settings: dict[str, Any], changes: tuple[str, ...]) -> list[str]:
    """The instructions that give the image its source's entrypoint and command again, unless ``changes`` say them:
    the container ran with others. The entrypoint of one empty word is docker's way to say that there is none."""
    said = {change.split(None, 1)[0].upper() for change in changes if change.strip()}
    entrypoint, command = settings.get("Entrypoint"), settings.get("Cmd")
    found = []
    if "ENTRYPOINT" not in said and (entrypoint or not command):
        found.append(f"ENTRYPOINT {json.dumps(entrypoint or [''])}")
    if "CMD" not in said:
        found.append(f"CMD {json.dumps(command or [])}")
    return found
