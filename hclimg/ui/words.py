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
    TemplateOutput,
)
from hclimg.ui.outputs import output_line
from hclimg.ui.summary import RunSummary, clock, spelled_out
from hclimg.ui.theme import one_line

UNSPOKEN = ("/source", "/teardown", "/release")
"""Nodes that hclimg adds by itself: what they do is told by their steps, and nothing when there are none."""
NO_ARTIFACT = "<nothing>"


class Tone(StrEnum):
    PLAIN = "plain"
    """About the run as a whole, in no colour."""
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
            return _node_started(event)
        case StepStarted(undo=True):
            return Words(Tone.CLEANUP, f"({event.title})")
        case StepStarted():
            return Words(Tone.SAY, event.title)
        case NodeRetrying():
            again = f"Trying again in {clock(event.delay)}."
            return Words(Tone.WARNING, f"Attempt {event.attempt} failed: {event.error} {again}")
        case ApiRetrying():
            again = f"Trying again in {clock(event.delay)}." if event.delay else "Trying again."
            return Words(Tone.WARNING, f"{event.error} {again}")
        case LeftBehind():
            return Words(Tone.WARNING, f"Left behind: {_left(event)}")
    return None


def _node_started(event: NodeStarted) -> Words | None:
    if event.node.endswith(UNSPOKEN):
        return None
    return Words(Tone.SAY, one_line(event.title) + (f" (attempt {event.attempt})" if event.attempt > 1 else ""))


def _left(event: LeftBehind) -> str:
    return f"{event.what}: {event.reason}" if event.reason else event.what


def _whose(event: LeftBehind) -> str:
    """The build that left it; nothing for what the run as a whole did."""
    return f"{event.lane or event.node}: " if event.lane or event.node else ""


def target(event: Event) -> str:
    """Who says it, as Packer writes it: the build, and in a post-processor its type too."""
    _, is_post_process, rest = event.node.rpartition("/post-process[")
    if is_post_process and not isinstance(event, NodeStarted):
        return f"{event.lane} ({rest.partition(':')[2]})"
    return event.lane


def lane_over(event: LaneFinished) -> Words:
    """Packer's sentence about the end of a build."""
    after = spelled_out(event.seconds)
    if event.status == "succeeded":
        return Words(Tone.SAY, f"Build '{event.lane}' finished after {after}.")
    if event.status == "failed":
        return Words(Tone.ERROR, f"Build '{event.lane}' errored after {after}: {event.error}")
    if event.status == "skipped":
        return Words(Tone.WARNING, f"Build '{event.lane}' was skipped.")
    return Words(Tone.WARNING, f"Build '{event.lane}' {event.status} after {after}.")


def closing(run: RunSummary) -> list[Words]:
    """Packer's closing words, a paragraph each with a line end before it: the time, what failed, what was made."""
    found = [Words(Tone.PLAIN, f"\n==> Wait completed after {spelled_out(run.seconds)}")]
    if run.status == "cancelled":
        how = "Cancelled" if run.left_behind else "Cleanly cancelled"
        found.append(Words(Tone.WARNING, f"\n{how} builds after being interrupted."))
    errors = [(lane.name, lane.error) for lane in run.lanes.values() if lane.status == "failed"]
    told = [error for _, error in errors]
    errors += [(n.id, n.error) for n in run.shared.failed_nodes if not any(n.error in error for error in told)]
    if errors:
        found.append(Words(Tone.ERROR, "\n==> Some builds didn't complete successfully and had errors:"))
        found += [Words(Tone.ERROR, f"--> {name}: {error}") for name, error in errors]
    if run.artifacts:
        found.append(Words(Tone.PLAIN, "\n==> Builds finished. The artifacts of successful builds are:"))
        found += [Words(Tone.PLAIN, f"--> {a.lane}: {a.description or NO_ARTIFACT}") for a in run.artifacts]
    else:
        found.append(Words(Tone.PLAIN, "\n==> Builds finished but no artifacts were created."))
    if run.left_behind:
        found.append(Words(Tone.WARNING, "\n==> Something was left behind:"))
        found += [Words(Tone.WARNING, f"--> {_whose(event)}{_left(event)}") for event in run.left_behind]
    if run.outputs:
        found.append(Words(Tone.PLAIN, "\n==> Outputs:"))
        found += [_output(event) for event in run.outputs]
    return found


def _output(event: TemplateOutput) -> Words:
    if event.missing:
        return Words(Tone.WARNING, f"{event.name} has no value: {event.missing}.")
    return Words(Tone.PLAIN, output_line(event.name, event.value, sensitive=event.sensitive))
