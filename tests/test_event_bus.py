"""Many producers, one thread that hands out events, and outputs that may break."""

from __future__ import annotations

from pathlib import Path

from hclimg.events import Event, EventBus, RunFinished


class Tape:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed = False

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed = True


class OnFullDisk:
    """What is left in the buffer of a file is written, and fails, when the file is closed."""

    def __init__(self) -> None:
        self._file = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - a sink is closed by its bus

    def handle(self, event: Event) -> None:
        self._file.write(repr(event))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def test_an_output_on_a_full_disk_stops_nothing_and_counts_once() -> None:
    tape, event = Tape(), RunFinished(status="succeeded")
    with EventBus([OnFullDisk(), tape]) as bus:
        bus.emit(event)
        bus.emit(event)
    assert tape.events == [event, event]
    assert tape.closed
    assert [str(error) for error in bus.failures] == ["[Errno 28] No space left on device"]


def test_after_the_end_there_is_nothing_to_wait_for() -> None:
    with EventBus([Tape()]) as bus:
        bus.flush()
    bus.flush()
