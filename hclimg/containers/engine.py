"""A container engine, docker or podman, by its command line.

The command line and not the API, because it is the same for both engines, needs no service of podman's, and knows the
user's contexts, credential helpers and registries. Knows nothing of builds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from hclimg.errors import BuildError, CommandFailed
from hclimg.sdk.context import Context
from hclimg.sdk.process import run_program

DOCKER = "docker"
_EMPTY_ARCHIVE = bytes(1024)
WHERE = {"host": "DOCKER_HOST", "context": "DOCKER_CONTEXT", "remote": "CONTAINER_HOST"}
"""Which variables of the environment lead to an engine, by their names in the journal and in artifacts."""

_NOISE = re.compile(r"See '|Run '|Usage:|^\s*$|^\[\]$")
_PREFIX = re.compile(r"^(docker: )?(Error response from daemon|Error|error during connect): ", re.IGNORECASE)
_HINTS = (
    (r"cannot connect to the docker daemon|is the docker daemon running|error during connect",
     "Start the engine, or set DOCKER_HOST to where it listens. For podman, set docker_path = \"podman\"."),
    (r"permission denied.*(socket|docker\.sock)", "Run hclimg as a user of the group docker, or as root."),
    (r"unauthorized|authentication required|denied: |access to the resource is denied",
     "Set login = true with login_username and login_password, or log in beforehand."),
    (r"manifest unknown|not found: manifest|repository does not exist|name unknown", "Look at the image's name."),
    (r"connection refused|pinging container registry",
     "Is it an image of this host only? Then set pull = false."),
)  # fmt: skip


@frozen(eq=False)
class Engine:
    """``program`` is its command line; ``env`` is added to the environment of its calls. Cheap to make."""

    ctx: Context
    program: str = DOCKER
    env: Mapping[str, str] = field(factory=dict)

    @property
    def identity(self) -> dict[str, str]:
        """For the journal and artifacts: what leads to the same engine again."""
        set_ = {name: os.environ.get(variable, "") for name, variable in WHERE.items()}
        return {"engine": self.program, **{name: value for name, value in set_.items() if value}}

    def run(
        self,
        *arguments: str | Path,
        stdin: bytes | None = None,
        on_output: Callable[[str, str], None] | None = None,
        env: Mapping[str, str] | None = None,
        outlives: bool = False,
    ) -> str:
        """What the command prints. Raises BuildError with the engine's own reason."""
        command = [self.program, *arguments]
        try:
            done = run_program(
                self.ctx, command, stdin=stdin, env={**self.env, **(env or {})}, on_output=on_output,
                outlives=outlives,
            )  # fmt: skip
        except CommandFailed as error:
            raise refusal(f"{self.program} {arguments[0]}", error.status, error.output) from error
        return done.stdout.strip()

    def show(self, *arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
        """Run a command whose output is for the user."""
        self.run(*arguments, on_output=self.ctx.output, env=env)

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """What the engine knows of a ``container`` or an ``image``. Raises BuildError when there is none."""
        found: list[dict[str, Any]] = json.loads(self.run(kind, "inspect", name))
        return found[0]

    def is_podman(self) -> bool:
        """Whatever it is called: podman can stand in for docker under its name."""
        return "podman" in self.run("--version").lower()

    def with_env(self, **env: str) -> Engine:
        return evolve(self, env={**self.env, **env})


def refusal(what: str, status: int, output: tuple[str, ...]) -> BuildError:
    """The engine's reason as an error with a hint."""
    reason = reason_of(output)
    hint = next((text for pattern, text in _HINTS if re.search(pattern, reason, re.IGNORECASE)), "")
    return BuildError(f"{what} failed: {reason.rstrip('.') or f'exit code {status}'}.", hint=hint)


def reason_of(output: tuple[str, ...]) -> str:
    """The last thing that it complained about."""
    lines = [line for line in output if not _NOISE.match(line)]
    return _PREFIX.sub("", lines[-1]).strip() if lines else ""


def variables(identity: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the engine of an identity is reached."""
    return {variable: identity[name] for name, variable in WHERE.items() if name in identity}


def engine_of(ctx: Context, identity: Mapping[str, Any]) -> Engine:
    """The engine that an artifact was made with."""
    return Engine(ctx, str(identity.get("engine", DOCKER)), variables(identity))


def is_missing(reason: str) -> bool:
    """Whether an error says that there is no such image or container."""
    return bool(re.search(r"no such (container|image|object)|image not known|no container with", reason, re.IGNORECASE))


def take_name_off(engine: Engine, name: str) -> None:
    """The image stays, without this name. docker removes an image with its last name, so an empty one takes the name
    over before."""
    if engine.is_podman():
        engine.run("untag", name, name)
        return
    engine.run("import", "-", name, stdin=_EMPTY_ARCHIVE)
    engine.run("rmi", name)


def remove_container(engine: Engine, name: str) -> None:
    """Remove a container, which is ended at once; that it is gone already is fine."""
    try:
        engine.run(*removal(podman=engine.is_podman()), name)
    except BuildError as error:
        if not is_missing(error.message):
            raise


def removal(*, podman: bool) -> tuple[str, ...]:
    """The command that ends and removes a container. podman asks it to end first, and waits ten seconds for that."""
    return ("rm", "-f", "-v", *(("--time", "0") if podman else ()))


def remove_image(engine: Engine, image: str) -> None:
    """Remove an image, or one of its names; that it is gone already is fine."""
    try:
        engine.run("rmi", image)
    except BuildError as error:
        if not is_missing(error.message):
            raise
