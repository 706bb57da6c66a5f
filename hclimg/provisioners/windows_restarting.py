"""A restart of Windows: asked for, seen to begin, waited for.

Between the command and the moment when the machine goes down, it answers as if nothing was; so it is asked for another
restart, which it refuses while one is under way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Self

from attrs import define

from hclimg.errors import CommandFailed, ConnectionLost, TimedOut
from hclimg.provisioners.powershell_text import encoded
from hclimg.provisioners.windows_codes import describe_code, same_code
from hclimg.provisioners.windows_restart_config import WindowsRestartConfig, for_reg
from hclimg.provisioners.windows_scripts import WindowsMachine
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from hclimg.units import show_duration

BEGUN = (1115, 1190, 1717)
"""A shutdown is in progress; one is scheduled already; the service that would do it is gone."""
ACCEPTED = (0, 1115, 1190)
ASK_AGAIN = 'shutdown /r /f /t 60 /c "packer restart test"'
ABORT = "shutdown /a"
READY = "restarted."
"""PowerShell that has just been started may print errors about its modules instead."""
CHECK = encoded("Write-Output ('{0} restarted.' -f [System.Net.Dns]::GetHostName())")
PAUSE = 2.0
ANSWER = timedelta(minutes=2)
"""A machine that goes down may take a command and never answer."""


@define(eq=False)
class Restart:
    """``pause``: seconds between two questions."""

    ctx: Context
    machine: WindowsMachine
    config: WindowsRestartConfig
    pause: float = PAUSE
    _deadline: float = 0.0
    _waits_for: str = ""
    _found: str = ""

    @classmethod
    def of(cls, ctx: Context, communicator: Communicator, config: WindowsRestartConfig) -> Self:
        return cls(ctx, WindowsMachine(ctx, communicator, "windows-restart"), config)

    def run(self) -> None:
        """Raises CommandFailed, TimedOut, BuildError, Cancelled."""
        self.ctx.say("Restarting machine")
        self._deadline = time.monotonic() + self.config.restart_timeout.total_seconds()
        self._begin()
        self._until("it to go down", self._is_down)
        self.ctx.say("Waiting for machine to restart")
        self._waits_for = "it to answer again"
        self._reconnect()
        if self.config.restart_check_command:
            self._until("restart_check_command to succeed", self._passes)
        self._until("its PowerShell to work", self._is_ready)
        for key in self.config.registry_keys if self.config.check_registry else ():
            self._until(f"its registry key {key} to go away", partial(self._lacks, key))
        self.ctx.say("Machine successfully restarted, moving on")

    def _begin(self) -> None:
        try:
            status, tail = self.machine.run(self.config.restart_command, timeout=ANSWER)
        except (ConnectionLost, TimedOut):
            self.ctx.cancel.check()
            return  # it was quick
        if not same_code(status, ACCEPTED):
            raise CommandFailed(
                f"The restart command ended with {describe_code(status)}.",
                exit_code=status,
                output=tuple(tail),
                hint="The user of the connection needs the right to shut the machine down."
                if same_code(status, (5, 1314))
                else "",
            )

    def _is_down(self) -> bool:
        """Or it is back already, which it shows by agreeing to another restart."""
        self._reconnect()
        try:
            status, _ = self._run(ASK_AGAIN)
            if status == 0:
                self._run(ABORT)
        except ConnectionLost:
            self.ctx.cancel.check()
            return True
        self._found = f"it said that a shutdown is under way ({describe_code(status)})"
        return not same_code(status, BEGUN)

    def _passes(self) -> bool:
        status, tail = self._run(self.config.restart_check_command)
        self._found = f"its last end was {describe_code(status)}: {' '.join(tail[-1:])}"
        return status == 0

    def _is_ready(self) -> bool:
        _, tail = self._run(CHECK)
        self._found = f"it printed: {' '.join(tail[-1:])}"
        ready = [line for line in tail if READY in line]
        for line in ready:
            self.ctx.output(line)
        return bool(ready)

    def _lacks(self, key: str) -> bool:
        status, _ = self._run(f'reg query "{for_reg(key)}"')
        self._found = "Windows has not finished what it does after an update"
        return status != 0

    # -- waiting --------------------------------------------------------------

    def _until(self, what: str, done: Callable[[], bool]) -> None:
        self._waits_for, self._found = what, ""
        while not self._answers(done):
            if self._left <= timedelta(seconds=self.pause):
                raise self._never()
            self.ctx.sleep(self.pause)

    def _answers(self, question: Callable[[], bool]) -> bool:
        try:
            return question()
        except ConnectionLost as error:
            self._found = error.message
        self._reconnect()
        return False

    def _run(self, command: str) -> tuple[int, list[str]]:
        try:
            return self.machine.run(command, show=False, timeout=min(ANSWER, self._left))
        except TimedOut as error:
            raise ConnectionLost(error.message) from error

    def _reconnect(self) -> None:
        if self._left <= timedelta():
            raise self._never()
        try:
            self.machine.communicator.reconnect(self._left)
        except (TimedOut, ConnectionLost) as error:
            self.ctx.cancel.check()
            self._found = error.message
            raise self._never() from error

    @property
    def _left(self) -> timedelta:
        return timedelta(seconds=max(0.0, self._deadline - time.monotonic()))

    def _never(self) -> TimedOut:
        seen = f" ({self._found.rstrip('.')})" if self._found else ""
        return TimedOut(
            f"The machine was not back {show_duration(self.config.restart_timeout)} after its restart began: hclimg "
            f"waited for {self._waits_for}{seen}.",
            hint="Look at the machine's console. Updates that are finished while Windows starts need a longer "
            "restart_timeout.",
        )
