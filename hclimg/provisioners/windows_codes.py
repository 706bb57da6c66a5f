"""What exit codes mean on Windows. They have 32 bits there, and come signed or unsigned."""

from __future__ import annotations

from collections.abc import Iterable

_ENDINGS = {
    1641: "a restart began",
    3010: "a restart is needed",
    9009: "command not found",
    0x40010004: "ended because Windows shuts down",
    0xC0000005: "it read or wrote memory that it may not",
    0xC00000FD: "its stack overflowed",
    0xC0000135: "a DLL is missing",
    0xC000013A: "ended from outside, as by Ctrl-C",
    0xC0000142: "a DLL did not start",
    0xC000026B: "ended because Windows shuts down",
    0xC0000409: "it crashed",
    0xFFFD0000: "PowerShell could not open the script",
}
_NEEDS_RESTART = (
    "Its installer wants a restart. Add the code to valid_exit_codes ({codes}), and a provisioner windows-restart "
    "after this one."
)
_HINTS = {
    9009: "cmd.exe found no program of a name in the script: install it in a step before, or name its whole path.",
    0x40010004: "If the script restarts the machine, leave that to the provisioner windows-restart.",
    0xC000026B: "If the script restarts the machine, leave that to the provisioner windows-restart.",
    0xFFFD0000: "Something on the machine took the script away, as a virus scanner does.",
}


def same_code(status: int, codes: Iterable[int]) -> bool:
    return any((status ^ code) & 0xFFFFFFFF == 0 for code in codes)


def describe_code(status: int) -> str:
    """``exit code 3010 (a restart is needed)``, ``exit code 0xC0000005 (…)``."""
    code = status & 0xFFFFFFFF
    meaning = f" ({_ENDINGS[code]})" if code in _ENDINGS else ""
    return f"exit code {status if code < 1 << 30 else f'0x{code:08X}'}{meaning}"


def hint_for(status: int, valid: tuple[int, ...]) -> str:
    code = status & 0xFFFFFFFF
    if code in (1641, 3010):
        return _NEEDS_RESTART.format(codes=", ".join(map(str, (*valid, code))))
    expected = "" if valid == (0,) else f"Exit codes that mean success: {', '.join(map(str, valid))}."
    return _HINTS.get(code, expected)
