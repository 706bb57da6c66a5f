"""Components whose settings say what they do, and a record of what happened, for tests of whole runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, frozen

from hclimg.config.fields import config, setting
from hclimg.errors import BuildError
from hclimg.registry import Kind, Registry
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.components import Builder, DataSource, PostProcessor, Provisioner
from hclimg.sdk.context import Context
from hclimg.sdk.disk import output_directory, private_directory
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.process import running_program
from hclimg.sdk.steps import step
from hclimg.units import Secret


@define
class Record:
    """What happened, in order; ``wait_for`` lets a test act in the middle of a run."""

    lines: list[str]
    _changed: threading.Condition

    def __call__(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def wait_for(self, line: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: line in self.lines, 120), (line, self.lines)

    def clear(self) -> None:
        with self._changed:
            self.lines.clear()


happened = Record([], threading.Condition())


def registry() -> Registry:
    here = "engine_components:"
    return Registry(
        {
            Kind.BUILDER: {"box": here + "Box"},
            Kind.PROVISIONER: {"do": here + "Do"},
            Kind.POST_PROCESSOR: {"pack": here + "Pack", "note": here + "Note"},
            Kind.DATA_SOURCE: {"look": here + "Look"},
        }
    )


@frozen
class FakeCommunicator:
    """``hang`` waits until the token that it was made with is cancelled."""

    cancel: CancelToken
    kind: str = "fake"

    def run(self, command: str, *, on_output: Any = None, timeout: timedelta | None = None, **_: Any) -> int:
        self.cancel.check()
        if command == "hang":
            woken = threading.Event()
            happened("hanging")
            with self.cancel.closing(woken.set):
                woken.wait(60)
            self.cancel.check()
        if on_output:
            on_output(f"ran {command}", "stdout")
        return 0


@config
class BoxSettings:
    """A directory with a file as its image."""

    output: str = setting("The directory of the image.", default="")
    text: str = setting("What is in the image.", default="")
    fail: tuple[str, ...] = setting("Where: resolve, launch, launch-once, capture, undo, hang-undo.", default=())
    password: Secret = setting("The password of the machine.", default=Secret(""))
    process: bool = setting("Whether a process belongs to the machine.", default=False)
    hang: bool = setting("Whether the launch never ends.", default=False)


@step("Plugging in", undo="Unplugging")
def plugged(ctx: Context, name: str, *, fail_undo: bool) -> Iterator[str]:
    happened(f"plug {name}")
    yield name
    ctx.sleep(0)
    happened(f"unplug {name}")
    if fail_undo:
        raise BuildError("the plug is stuck")


@step("Opening the lid", undo="Closing the lid")
def hanging_undo(ctx: Context) -> Iterator[None]:
    yield
    happened("hanging undo")
    ctx.sleep(600)


class Box(Builder[BoxSettings]):
    Config: ClassVar[type] = BoxSettings
    builder_id: ClassVar[str] = "test.box"
    facts: ClassVar[tuple[str, ...]] = ("Flavour", "Token")

    def resolve(self, ctx: Context) -> Any:
        happened(f"resolve {ctx.build_name}")
        if "resolve" in self.config.fail:
            raise BuildError("no source", hint="Look elsewhere.")
        return f"source of {self.config.text}"

    def launch(self, ctx: Context, source: Any) -> Machine:
        name = ctx.build_name
        plugged(ctx, name, fail_undo="undo" in self.config.fail)
        work = private_directory(ctx)
        output = output_directory(ctx, Path(self.config.output or f"output-{name}"))
        if self.config.process:
            running_program(ctx, ["sleep", "600"], name="machine")
        if "hang-undo" in self.config.fail:
            hanging_undo(ctx)
        happened(f"launch {name} from {source}")
        first = happened.lines.count(f"plug {name}") == 1
        if "launch" in self.config.fail or ("launch-once" in self.config.fail and first):
            raise BuildError("no machine")
        if self.config.hang:
            ctx.sleep(600)
        return Machine(
            id=f"box-{name}",
            communicator=FakeCommunicator(ctx.cancel),
            facts={
                "Host": "10.0.0.1", "Port": 22, "Password": self.config.password, "Flavour": "sweet",
                "Token": Secret("tok-1"),
            },
            handle=(output, work),
        )

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        output, work = machine.handle
        assert work.is_dir()
        if "capture" in self.config.fail:
            raise BuildError("no image")
        image = output.path / "image.raw"
        image.write_text(self.config.text)
        output.keep()
        happened(f"capture {ctx.build_name}")
        return Artifact(
            builder=self.builder_id, component="builder/box", id=ctx.build_name, description=f"image in {image}",
            files=(str(image),), state={"size": len(self.config.text)},
        )  # fmt: skip

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        if "stuck" in artifact.files[0]:
            raise BuildError("it is stuck")
        super().destroy(ctx, artifact)


@config
class DoSettings:
    say: tuple[str, ...] = setting("What to say.", default=())
    fail_times: int = setting("How often it fails.", default=0)
    run: tuple[str, ...] = setting("Commands for the machine.", default=())
    wait: bool = setting("Whether it never ends.", default=False)
    bug: bool = setting("Whether it has a bug.", default=False)
    own: bool = setting("Whether it owns something that cannot be undone.", default=False)
    ask: str = setting("A question to the person.", default="")


class Do(Provisioner[DoSettings]):
    Config: ClassVar[type] = DoSettings

    def provision(self, ctx: Context, machine: Machine) -> None:
        for text in self.config.say:
            happened(f"say {text}")
            ctx.say(text)
        if self.config.own:
            plugged(ctx, "in " + ctx.node, fail_undo=True)
        for command in self.config.run:
            machine.communicator.run(command, on_output=ctx.output)
            happened(f"ran {command}")
        if self.config.ask:
            happened(f"answer {ctx.ask(self.config.ask)}")
        if self.config.wait:
            happened("waiting")
            ctx.sleep(600)
        if self.config.bug:
            {}["missing"]
        attempts = happened.lines.count(f"attempt {ctx.node}")
        happened(f"attempt {ctx.node}")
        if attempts < self.config.fail_times:
            raise BuildError(f"failure {attempts + 1}", hint="Try again.")


@config
class PackSettings:
    output: str = setting("The file to write.", default="")
    fail: bool = setting("Whether it fails.", default=False)
    wait: bool = setting("Whether it never ends.", default=False)


class Pack(PostProcessor[PackSettings]):
    Config: ClassVar[type] = PackSettings
    component: ClassVar[str] = "pack"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        happened(f"{self.component} {artifact.description}")
        if self.config.fail:
            raise BuildError("cannot pack")
        if self.config.wait:
            happened("waiting")
            ctx.sleep(600)
        output = Path(self.config.output)
        output.write_text("+".join(Path(name).read_text() for name in artifact.files))
        return Artifact(
            builder=f"test.{self.component}", component=f"post-processor/{self.component}", id="",
            description=self.config.output, files=(str(output),),
        )  # fmt: skip


class Note(Pack):
    """Adds a file to the artifact that it is about."""

    component: ClassVar[str] = "note"
    keeps_input: ClassVar[bool] = True
    forces_input: ClassVar[bool] = True

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        made = super().process(ctx, artifact)
        files = (*artifact.files, *made.files)
        return Artifact(builder=made.builder, component=made.component, id="", description="note", files=files)


@config
class LookSettings:
    value: str = setting("What it finds.", default="")
    secret: str = setting("A secret that it finds.", default="")


class Look(DataSource[LookSettings]):
    Config: ClassVar[type] = LookSettings

    def read(self, ctx: Context) -> dict[str, Any]:
        happened(f"look {self.config.value}")
        return {"value": f"found {self.config.value}", "secret": Secret(self.config.secret), "list": [1, {"a": None}]}
