"""The settings of the provisioner ``windows-restart``."""

from __future__ import annotations

import re
from datetime import timedelta

from hclimg.config.fields import Checker, config, setting

RESTART = 'shutdown /r /f /t 0 /c "packer restart"'
_SERVICING = r"HKLM:SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
KEYS = tuple(rf"{_SERVICING}\{name}" for name in ("RebootPending", "PackagesPending", "RebootInProgress"))
_HIVES = "HKLM|HKEY_LOCAL_MACHINE|HKCU|HKEY_CURRENT_USER|HKU|HKEY_USERS"
_KEY = re.compile(rf"(?:Registry::)?({_HIVES}):?\\?([^\"]+)", re.IGNORECASE)


@config
class WindowsRestartConfig:
    """Restarts a machine with Windows and waits until it is back."""

    restart_command: str = setting("The command that restarts the machine.", default=RESTART)
    restart_check_command: str = setting(
        "A command that succeeds once the machine is ready again.",
        default="",
        default_doc='PowerShell says "HOST restarted."',
    )
    restart_timeout: timedelta = setting("How long the machine may take to come back.", default=timedelta(minutes=5))
    check_registry: bool = setting(
        "Whether to wait also until Windows has finished what it does after an update.", default=False
    )
    registry_keys: tuple[str, ...] = setting(
        "The keys of the registry that are there until then.",
        default=KEYS,
        example='["HKLM:SOFTWARE\\\\MyApp\\\\Busy"]',
    )

    def check(self, problems: Checker) -> None:
        for key in self.registry_keys:
            if not _KEY.fullmatch(key):
                detail = f'"{key}" is no key of the registry; write it as "{KEYS[0]}".'
                problems.error("Invalid registry key", detail, "registry_keys")
        if problems.is_set("registry_keys") and not self.check_registry and problems.is_known("check_registry"):
            detail = '"registry_keys" are looked at only with check_registry = true.'
            problems.warn("Argument without effect", detail, "registry_keys")
        if self.restart_timeout <= timedelta():
            problems.error("Invalid duration", '"restart_timeout" must be positive.', "restart_timeout")


def for_reg(key: str) -> str:
    """The key, given as PowerShell names it, as ``reg.exe`` does."""
    found = _KEY.fullmatch(key)
    return f"{found[1]}\\{found[2]}" if found else key
