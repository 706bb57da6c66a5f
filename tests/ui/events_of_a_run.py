"""The events of one run, for the tests of all outputs: one build fails, one succeeds, one never started."""

from __future__ import annotations

from typing import Any

from hclimg.events import (
    ApiRetrying,
    ArtifactMade,
    Event,
    LaneFinished,
    LaneStarted,
    LeftBehind,
    NodeFinished,
    NodeRetrying,
    NodeStarted,
    Output,
    Progress,
    RunFinished,
    RunStarted,
    Said,
    StepFinished,
    StepStarted,
)

START = 1_800_000_000.0


def _run() -> list[tuple[float, Event]]:
    """Pairs of (seconds since the start, event)."""

    def web(kind: type[Event], node: str = "", **rest: Any) -> Event:
        return kind(lane="null.web", node=f"null.web/{node}" if node else "", **rest)

    def disk(kind: type[Event], node: str = "", **rest: Any) -> Event:
        return kind(lane="base.qemu.disk", node=f"base.qemu.disk/{node}" if node else "", **rest)

    made = ArtifactMade(
        lane="null.web", builder="packer.file", id="File", description="Stored file: out, or not", files=("out/a,b",)
    )
    script = "Running provisioner shell"
    return [
        (0.0, RunStarted(run="r1", version="0.1.0", command="apply", lanes=("null.web", "base.qemu.disk", "late"))),
        (0.1, web(LaneStarted)),
        (0.1, web(NodeStarted, "build", title="Starting null machine")),
        (0.2, web(NodeFinished, "build", status="succeeded", seconds=0.1)),
        (0.2, disk(LaneStarted)),
        (0.2, disk(NodeStarted, "build", title="Starting qemu machine")),
        (0.3, disk(StepStarted, "build", title="Creating disk")),
        (0.4, disk(Progress, "build", what="Copying", done=1 << 20, total=4 << 20, unit="B")),
        (0.5, disk(StepFinished, "build", title="Creating disk", ok=True, seconds=0.2)),
        (0.5, disk(ApiRetrying, "build", error="The API is busy.", delay=1.5)),
        (2.0, disk(NodeFinished, "build", status="succeeded", seconds=1.8)),
        (2.0, web(NodeStarted, "provision[0]:shell", title=script)),
        (2.1, web(Output, "provision[0]:shell", text="hello, world")),
        (2.1, web(Output, "provision[0]:shell", text="10%\r50%\r100% \x1b[32mdone\x1b[0m\x1b[2K")),
        (2.2, web(Output, "provision[0]:shell", text="careful", stream="stderr")),
        (2.3, web(Said, "provision[0]:shell", text="two lines\nof text")),
        (2.3, web(Said, "provision[0]:shell", text="something is odd", level="warning")),
        (2.4, web(NodeFinished, "provision[0]:shell", status="succeeded", seconds=0.4)),
        (2.5, disk(NodeStarted, "provision[0]:shell", title=script)),
        (2.6, disk(Output, "provision[0]:shell", text="first attempt")),
        (2.6, disk(NodeRetrying, "provision[0]:shell", attempt=1, delay=2.0, error="exit code 3.")),
        (4.6, disk(NodeStarted, "provision[0]:shell", title=script, attempt=2)),
        (4.7, disk(Output, "provision[0]:shell", text="make: *** [all] Error 3")),
        (4.8, disk(NodeFinished, "provision[0]:shell", status="failed", seconds=0.2, error="Script ended with 3.")),
        (4.9, disk(NodeStarted, "teardown", title="Removing machine")),
        (5.0, disk(StepStarted, "teardown", title="Stopping process", undo=True)),
        (5.5, disk(StepFinished, "teardown", title="Stopping process", ok=False, seconds=0.5, undo=True)),
        (5.5, disk(LeftBehind, "teardown", what="process 42 (qemu)", reason="it does not end")),
        (5.6, disk(NodeFinished, "teardown", status="succeeded", seconds=0.7)),
        (5.6, disk(LaneFinished, status="failed", seconds=5.4, error="Script ended with 3.")),
        (5.6, web(NodeStarted, "post-process[0.0]:checksum", title="Running post-processor checksum")),
        (5.6, web(Said, "post-process[0.0]:checksum", text="Wrote the md5 checksum.")),
        (5.6, web(NodeFinished, "post-process[0.0]:checksum", status="succeeded", seconds=0.01)),
        (5.7, made),
        (5.7, web(LaneFinished, status="succeeded", seconds=65.003)),
        (5.8, LaneFinished(lane="late", status="skipped", seconds=0.0)),
        (6.0, RunFinished(status="failed")),
    ]


def run_events() -> list[Event]:
    from attrs import evolve

    return [evolve(event, at=START + after) for after, event in _run()]
