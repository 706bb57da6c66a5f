"""Packer's ``-machine-readable`` output: ``timestamp,target,type,data…``, one event a line.

Two things that Packer gets wrong are right here: ``ui`` lines name their build as the target, and what a program
printed is ``ui,message`` (its standard error ``ui,error``).
"""

from __future__ import annotations

from json import dumps
from typing import TextIO

from attrs import define, field

from hclimg.events import ArtifactMade, Event, LaneFinished, RunFinished, RunStarted, TemplateOutput
from hclimg.ui.summary import RunSummary
from hclimg.ui.words import NO_ARTIFACT, Tone, Words, closing, lane_over, target, words

UI_TYPES = {Tone.ERROR: "error", Tone.OUTPUT: "message", Tone.OUTPUT_ERROR: "error"}


def line(at: float, target: str, kind: str, *data: object) -> str:
    """One line, its end included. Commas and line ends of the data are escaped as Packer does it."""
    return ",".join([str(int(at)), escape(target), kind, *(escape(str(item)) for item in data)]) + "\n"


def escape(text: str) -> str:
    return text.replace(",", "%!(PACKER_COMMA)").replace("\r", "\\r").replace("\n", "\\n")


def _output(output: TemplateOutput) -> tuple[str, str]:
    """``value``, ``sensitive`` or ``missing``, and the value as JSON or the reason."""
    if output.missing:
        return "missing", output.missing
    return ("sensitive", "") if output.sensitive else ("value", dumps(output.value, ensure_ascii=False))


@define
class MachineReadable:
    out: TextIO
    _run: RunSummary = field(factory=RunSummary, init=False)

    def handle(self, event: Event) -> None:
        self._run.add(event)
        match event:
            case RunStarted():
                self._write(event, "version", event.version)
            case LaneFinished():
                self._ui(event, lane_over(event))
            case RunFinished():
                self._finish(event)
            case _:
                said = words(event)
                if said:
                    prefix = f"==> {target(event)}: " if event.lane else "==> "
                    self._ui(event, Words(said.tone, "\n".join(prefix + text for text in said.text.split("\n"))))
        self.out.flush()

    def close(self) -> None:
        """Nothing to do: every line is written when it is said."""

    def _ui(self, event: Event, said: Words) -> None:
        self._write(event, "ui", UI_TYPES.get(said.tone, "say"), said.text)

    def _finish(self, event: RunFinished) -> None:
        failed = [lane for lane in self._run.lanes.values() if lane.status == "failed"]
        if failed:
            self._write(event, "error-count", len(failed))
        for lane in failed:
            self.out.write(line(event.at, lane.name, "error", lane.error))
        for lane in self._run.lanes.values():
            if lane.artifacts or lane.status == "succeeded":
                self.out.write(line(event.at, lane.name, "artifact-count", len(lane.artifacts)))
            for index, artifact in enumerate(lane.artifacts):
                self._artifact(event.at, index, artifact)
        for output in self._run.outputs:
            self.out.write(line(event.at, "", "output", output.name, *_output(output)))
        for said in closing(self._run):
            self._ui(event, said)

    def _artifact(self, at: float, index: int, artifact: ArtifactMade) -> None:
        rows: list[tuple[object, ...]] = [
            ("builder-id", artifact.builder),
            ("id", artifact.id),
            ("string", artifact.description or NO_ARTIFACT),
            ("files-count", len(artifact.files)),
            *(("file", number, name) for number, name in enumerate(artifact.files)),
            ("end",),
        ]
        for row in rows:
            self.out.write(line(at, artifact.lane, "artifact", index, *row))

    def _write(self, event: Event, kind: str, *data: object) -> None:
        self.out.write(line(event.at, event.lane, kind, *data))
