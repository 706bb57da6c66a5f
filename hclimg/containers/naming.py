"""Images between the post-processors: imported under a name, named, pushed, and their names removed again.

The artifact of an image has in its ``state`` how its engine is reached, and its ``names``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from attrs import evolve

from hclimg.containers.engine import Engine, engine_of, remove_image
from hclimg.containers.login import LoginConfig, logged_in
from hclimg.containers.things import BUILDER, IMPORTED, TAGGED
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.mark import run_name
from hclimg.sdk.steps import step

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2")


def holder(ctx: Context, artifact: Artifact, program: str) -> Engine:
    """The engine that has the image of an artifact. Raises BuildError when the artifact is no image."""
    if artifact.builder not in (IMPORTED, TAGGED) or "engine" not in artifact.state:
        hint = f'The docker builder makes one with commit = true, not "{artifact.builder}"; see docker-import.'
        raise BuildError("The artifact is not an image of a container engine.", hint=hint)
    engine = engine_of(ctx, artifact.state)
    return evolve(engine, program=program) if program else engine


def names_of(artifact: Artifact) -> tuple[str, ...]:
    """The names of the image, or its id when it has none."""
    return tuple(artifact.state.get("names", ())) or (artifact.id,)


def tag_image(ctx: Context, artifact: Artifact, names: Sequence[str], program: str, component: str) -> Artifact:
    """Give the image these names, which it loses again when one of them is refused."""
    engine = holder(ctx, artifact, program)
    given: list[str] = []
    for name in names:
        ctx.say(f"Naming {artifact.id} {name}")
        try:
            engine.run("tag", names_of(artifact)[0], name)
        except BaseException:
            with suppress(BuildError):
                for earlier in given:
                    remove_image(engine, earlier)
            raise
        given.append(name)
    return Artifact(
        builder=TAGGED, component=component, id=names[-1], description=f"Imported Docker image: {', '.join(names)}",
        state={**engine.identity, "names": list(names)},
    )  # fmt: skip


@step("Pushing the image")
def push_image(ctx: Context, artifact: Artifact, login: LoginConfig, program: str, platform: str) -> Artifact:
    names = artifact.state.get("names")
    if not names:
        raise BuildError("The image has no name, which says where to push it.", hint="Put docker-tag before.")
    engine = logged_in(ctx, holder(ctx, artifact, program), login)
    options = ["--platform", platform] if platform and not engine.is_podman() else []
    digests = {}
    for name in names:
        ctx.say(f"Pushing {name}")
        digests[name] = _pushed(engine, options, str(name))
    return Artifact(
        builder=IMPORTED, component="post-processor/docker-push", id=names[0],
        description=f"Pushed Docker image: {', '.join(names)}",
        state={**engine.identity, "names": list(names), "digests": digests},
    )  # fmt: skip


def _pushed(engine: Engine, options: Sequence[str], name: str) -> str:
    """Push, and tell the digest (``sha256:…``) that the registry has. podman knows it only at that moment."""
    if engine.is_podman():
        with NamedTemporaryFile() as file:
            engine.show("push", *options, "--digestfile", file.name, name)
            return Path(file.name).read_text(encoding="utf-8").strip()
    engine.show("push", *options, name)
    head, slash, last = name.rpartition("/")
    begin = f"{head}{slash}{last.partition(':')[0]}@"
    found = engine.inspect("image", name).get("RepoDigests") or ()
    return next((str(one).removeprefix(begin) for one in found if one.startswith(begin)), "")


@step("Importing the archive")
def import_archive(
    ctx: Context, artifact: Artifact, name: str, program: str, changes: Sequence[str], platform: str
) -> Artifact:
    """The image appears under its name when it is whole; until then it has one with the run in it."""
    archive = _archive(artifact)
    engine = engine_of(ctx, artifact.state)
    engine = evolve(engine, program=program) if program else engine
    making = f"localhost/{run_name(ctx.run.id)}:making"
    options = [part for change in changes for part in ("--change", change)]
    options += ["--platform", platform] if platform and not engine.is_podman() else []
    options += ["--os", platform.split("/")[0]] if platform and engine.is_podman() else []
    ctx.say(f"Importing {archive} as {name}")
    record = ctx.journal.intend("docker/image", name=making, **engine.identity)
    try:
        engine.run("import", *options, archive, making)
        record.made()
        engine.run("tag", making, name)
    except BaseException:
        with suppress(BuildError):  # what cannot be removed stays in the journal; the first failure is told
            remove_image(evolve(engine, ctx=_uncancelled(ctx)), making)
            record.gone()
        raise
    remove_image(engine, making)
    record.gone()
    return Artifact(
        builder=IMPORTED, component="post-processor/docker-import", id=name,
        description=f"Imported Docker image: {name}", state={**engine.identity, "names": [name]},
    )  # fmt: skip


def remove_names(ctx: Context, artifact: Artifact) -> None:
    """The image goes with its last name."""
    for name in artifact.state["names"]:
        remove_image(engine_of(ctx, artifact.state), str(name))
        ctx.say(f"Removed the image {name}.")


def _archive(artifact: Artifact) -> str:
    found = [name for name in artifact.files if name.endswith(ARCHIVES)]
    if len(found) != 1:
        hint = f"{BUILDER} makes one with export_path, rootfs with the format tar; artifice names one of your own."
        raise BuildError(f"The artifact has {len(found) or 'no'} tar archives to import; one is needed.", hint=hint)
    return found[0]


def _uncancelled(ctx: Context) -> Context:
    from hclimg.sdk.cancel import CancelToken

    return evolve(ctx, cancel=CancelToken())
