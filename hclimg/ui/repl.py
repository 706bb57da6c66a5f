"""The console at a terminal: a line editor with history and completion. What a line means is its caller's business."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

PROMPT = "> "
MORE = "  "
INDENT = "  "
HISTORY = "console_history"


class Reader:
    """Reads entries of one or more lines.

    ``is_unfinished`` says whether Enter goes on in the next line; ``complete`` gives what the end of a text can become.
    """

    def __init__(
        self,
        history: History,
        is_unfinished: Callable[[str], bool],
        complete: Callable[[str], tuple[str, list[str]]],
    ) -> None:
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            multiline=True,
            prompt_continuation=MORE,
            history=history,
            completer=_Completer(complete),
            complete_while_typing=False,
            key_bindings=_keys(is_unfinished),
        )

    def read(self) -> str | None:
        """The next entry; None at its end (Ctrl-D). Ctrl-C takes back what was typed."""
        while True:
            try:
                return self._session.prompt()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return None


def _keys(is_unfinished: Callable[[str], bool]) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.is_cursor_at_the_end and is_unfinished(buffer.text):
            buffer.newline()
        else:
            buffer.validate_and_handle()

    return keys


class _Completer(Completer):
    def __init__(self, complete: Callable[[str], tuple[str, list[str]]]) -> None:
        self._complete = complete

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002
        part, names = self._complete(document.text_before_cursor)
        return [Completion(name, -len(part)) for name in names]


def history(environment: Mapping[str, str], home: Path) -> History:
    """What was typed in earlier consoles, which only the user may read; this console's own where that can't be kept."""
    state = Path(environment.get("XDG_STATE_HOME") or home / ".local" / "state") / "hclimg"
    path = state / HISTORY
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
