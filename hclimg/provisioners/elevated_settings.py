"""The settings of a command that runs as another user of Windows, with all of that user's rights."""

from __future__ import annotations

from hclimg.config.fields import Checker, config, setting

_SERVICE_ACCOUNTS = frozenset(
    ("system", "localsystem", "localservice", "local service", "networkservice", "network service", "s-1-5-18")
)


@config
class Elevated:
    """Which user of Windows to run as."""

    elevated_user: str = setting(
        "The user of Windows to run as, with all rights, in a scheduled task.",
        default="",
        template=True,
        example='"SYSTEM"',
    )
    elevated_password: str = setting(
        "The password of that user; service accounts such as SYSTEM have none.",
        default="",
        sensitive=True,
        template=True,
        example="build.Password",
    )

    def check(self, problems: Checker) -> None:
        if self.elevated_password and not problems.is_set("elevated_user"):
            detail = '"elevated_password" is the password of "elevated_user", which is missing.'
            problems.error("Missing required argument", detail, "elevated_password")
        name = self.elevated_user.rpartition("\\")[2].lower()
        known = name in _SERVICE_ACCOUNTS or name.endswith("$") or "{{" in name
        if name and not known and not self.elevated_password and problems.is_known("elevated_password"):
            detail = (
                f'"{self.elevated_user}" has no "elevated_password". Windows runs tasks without one for service '
                "accounts only, such as SYSTEM."
            )
            problems.warn("Missing password", detail, "elevated_user")
