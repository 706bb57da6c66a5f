"""Asking at a terminal: a real pseudo-terminal."""

from __future__ import annotations

import io
import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from hclimg.errors import Cancelled
from hclimg.sdk.cancel import CancelToken
from hclimg.ui.prompt import TerminalPrompter


class Pty:
    def __init__(self) -> None:
        self.master, slave = os.openpty()
        self.keyboard: TextIO = os.fdopen(slave)
        self.screen: TextIO = os.fdopen(os.dup(slave), "w")

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def shows(self, text: str) -> bool:
        """Whether the text comes; waits for it."""
        seen = ""
        while text not in seen and select.select([self.master], [], [], 120)[0]:
            seen += os.read(self.master, 4096).decode()
        return text in seen


@pytest.fixture
def pty() -> Iterator[Pty]:
    terminal = Pty()
    yield terminal
    terminal.keyboard.close()
    terminal.screen.close()
    os.close(terminal.master)


def test_an_answer(pty: Pty) -> None:
    prompter = TerminalPrompter(pty.keyboard, pty.screen)
    assert prompter.interactive
    pty.type("r\n")
    assert prompter.ask("Clean up or retry?", CancelToken()) == "r"
    assert pty.shows("==> Clean up or retry? ")


def test_the_display_is_quiet_while_asking(pty: Pty) -> None:
    seen: list[str] = []

    @contextmanager
    def quiet() -> Iterator[None]:
        seen.append("quiet")
        yield
        seen.append("loud")

    pty.type("\n")
    assert TerminalPrompter(pty.keyboard, pty.screen, quiet).ask("Go on?", CancelToken()) == ""
    assert seen == ["quiet", "loud"]


def test_a_cancel_wakes_the_question(pty: Pty) -> None:
    cancel = CancelToken()
    timer = threading.Timer(0.05, cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        TerminalPrompter(pty.keyboard, pty.screen).ask("Go on?", cancel)
    timer.join()


def test_several_ask_in_turn(pty: Pty) -> None:
    prompter = TerminalPrompter(pty.keyboard, pty.screen)
    answers: list[str] = []

    def ask() -> None:
        answers.append(prompter.ask("First?", CancelToken()))

    first = threading.Thread(target=ask)
    first.start()
    assert pty.shows("First?")
    cancelled = CancelToken()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        prompter.ask("Second?", cancelled)
    pty.type("yes\n")
    first.join()
    assert answers == ["yes"]


def test_the_end_of_the_input_is_no_answer(pty: Pty) -> None:
    pty.type("\x04")
    with pytest.raises(EOFError):
        TerminalPrompter(pty.keyboard, pty.screen).ask("Go on?", CancelToken())


def test_without_a_terminal_nobody_is_asked() -> None:
    prompter = TerminalPrompter(io.StringIO("yes\n"), io.StringIO())
    assert not prompter.interactive
    with pytest.raises(EOFError):
        prompter.ask("Go on?", CancelToken())
