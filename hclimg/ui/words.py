"""The sentence for each event that people read: one wording for all the outputs that are text."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from hclimg.events import (
    ApiRetrying,
    Event,
    LaneFinished,
    LeftBehind,
    NodeRetrying,
    NodeStarted,
    Output,
    Said,
    StepStarted,
)
from hclimg.ui.summary import clock, spelled_out


class Tone(StrEnum):
    SAY = "say"
    OUTPUT = "output"
    OUTPUT_ERROR = "output-error"
    """What a program wrote to its standard error: no error as such."""
    CLEANUP = "cleanup"
    WARNING = "warning"
    ERROR = "error"


@frozen
class Words:
    tone: Tone
    text: str


def words(event: Event) -> Words | None:
    """What to say about an event of a lane; None when it is nothing that people read as a line."""
    match event:
        case Said(level="error"):
            return Words(Tone.ERROR, event.text)
        case Said(level="warning"):
            return Words(Tone.WARNING, f"Warning: {event.text}")
        case Said():
            return Words(Tone.SAY, event.text)
        case Output():
            return Words(Tone.OUTPUT if event.stream == "stdout" else Tone.OUTPUT_ERROR, event.text)
        case NodeStarted():
            return Words(Tone.SAY, event.title)
        case StepStarted(undo=True):
            return Words(Tone.CLEANUP, f"({event.title})")
        case StepStarted():
            return Words(Tone.SAY, event.title)
        case NodeRetrying():
            again = f"Trying again in {clock(event.delay)}."
            return Words(Tone.WARNING, f"Attempt {event.attempt} failed: {event.error} {again}")
        case ApiRetrying():
            return Words(Tone.WARNING, f"{event.error} Trying again in {clock(event.delay)}.")
        case LeftBehind():
            return Words(Tone.WARNING, left_behind(event))
    return None


def left_behind(event: LeftBehind) -> str:
    return f"Left behind: {event.what} ({event.reason})" if event.reason else f"Left behind: {event.what}"


def lane_over(event: LaneFinished) -> Words:
    """Packer's sentence about the end of a build."""
    after = spelled_out(event.seconds)
    if event.status == "succeeded":
        return Words(Tone.SAY, f"Build '{event.lane}' finished after {after}.")
    if event.status == "failed":
        return Words(Tone.ERROR, f"Build '{event.lane}' errored after {after}: {event.error}")
    return Words(Tone.WARNING, f"Build '{event.lane}' {event.status} after {after}.")
