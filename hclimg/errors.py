"""Every exception that hclimg raises on purpose.

HclimgError
├── TemplateError          what the user wrote is wrong; carries diagnostics            exit 1
├── PluginError            a component is missing or broken                             exit 1
├── BuildError             the world said no; ``hint`` says what to do                  exit 1
│   ├── CommandFailed      a command ended with an exit code that was not asked for
│   ├── TimedOut           something did not happen in time
│   ├── ConnectionLost     the machine went away; the work may be tried again
│   ├── MissingProgram     a program of the host is not installed
│   └── ApiError           a service refused a request
│       └── ServiceTrouble     it could not do it, for reasons of its own (HTTP 5xx)
├── CleanupError           something was left behind                                    exit 1
└── Cancelled              Ctrl-C, or a decision of the engine                          exit 130

Anything else that escapes is a bug: it gets a traceback and "please report".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hclimg.diagnostics import Diagnostic


class HclimgError(Exception):
    """Base class of all the errors that are not bugs."""

    exit_code: ClassVar[int] = 1


class TemplateError(HclimgError):
    """The text that the user wrote is wrong."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(d.summary for d in self.diagnostics))


class PluginError(HclimgError):
    """A component cannot be found or does not keep the contract of its kind."""


class BuildError(HclimgError):
    """The world said no.

    ``message`` says what happened in one sentence; ``hint`` says what to do about it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class CommandFailed(BuildError):
    """A command ended with an exit code that was not asked for.

    ``output`` holds the last lines that it printed.
    """

    def __init__(self, message: str, *, exit_code: int, output: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = exit_code
        self.output = output


class TimedOut(BuildError):
    """Something did not happen in time."""


class ConnectionLost(BuildError):
    """The connection to a machine broke, or could not be made.

    ``started`` says whether the command may have begun to run: when it did not, it is safe to run it again.
    """

    def __init__(self, message: str, *, started: bool = True, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.started = started


class MissingProgram(BuildError):
    """A program of the host is not installed; the hint says how to get it."""


class ApiError(BuildError):
    """A service refused a request.

    ``code`` is the service's own name of the reason, ``request`` its id of the request; either may be empty.
    ``retried``: an earlier try of the same call got no answer, or one that does not say what became of it.
    """

    def __init__(
        self, message: str, *, code: str = "", request: str = "", hint: str = "", retried: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.request = request
        self.retried = retried


class ServiceTrouble(ApiError):
    """A service could not do what it was asked for, for reasons of its own: to ask again may help."""


class CleanupError(HclimgError):
    """Something was left behind."""


class Cancelled(HclimgError):
    """The work was cancelled."""

    exit_code: ClassVar[int] = 130
