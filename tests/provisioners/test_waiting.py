"""The provisioners breakpoint and sleep."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from attrs import define, field

from hclimg.communicators.none import NoCommunicator
from hclimg.errors import BuildError, Cancelled
from hclimg.events import Said
from hclimg.provisioners.breakpoint import BreakpointProvisioner
from hclimg.provisioners.sleep import SleepConfig, SleepProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording

NOBODY = Machine(id="none", communicator=NoCommunicator())


@define
class Typist:
    """Presses enter."""

    asked: list[str] = field(factory=list)
    interactive: bool = True

    def ask(self, question: str, cancel: object) -> str:
        self.asked.append(question)
        return ""


def test_a_breakpoint_waits_for_the_person(recorded: Callable[..., Recording]) -> None:
    typist = Typist()
    recording = recorded(prompter=typist)
    component(BreakpointProvisioner, 'note = "look at this"').provision(recording.ctx, NOBODY)
    assert typist.asked == ["Press enter to continue."]
    assert [said.text for said in recording.of(Said)] == ['Stopped at a breakpoint: "look at this".']


def test_a_disabled_breakpoint_goes_on(recording: Recording) -> None:
    component(BreakpointProvisioner, "disable = true").provision(recording.ctx, NOBODY)
    assert [said.text for said in recording.of(Said)] == ["The breakpoint is disabled. Going on."]


def test_a_breakpoint_without_a_terminal(recording: Recording) -> None:
    with pytest.raises(BuildError, match="there is no terminal") as caught:
        component(BreakpointProvisioner, "").provision(recording.ctx, NOBODY)
    assert "disable = true" in caught.value.hint


def test_sleep_can_be_cancelled(recording: Recording) -> None:
    component(SleepProvisioner, 'duration = "10ms"').provision(recording.ctx, NOBODY)
    timer = threading.Timer(0.1, recording.ctx.cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        component(SleepProvisioner, 'duration = "1h"').provision(recording.ctx, NOBODY)
    timer.join()


def test_rules_of_sleep() -> None:
    assert decoded(SleepConfig, "")[1][0].startswith("1: Missing required argument; The argument \"duration\"")
    assert decoded(SleepConfig, 'duration = "-1s"')[1] == ['1: Invalid duration; "duration" must not be negative.']
    assert "is not a duration" in decoded(SleepConfig, 'duration = "soon"')[1][0]
    assert component(SleepProvisioner, 'duration = "90s"').summary() == "1m30s"
