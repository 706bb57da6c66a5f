"""Who asks: from the settings, the environment and the files of the aliyun CLI to a :class:`Login`.

Knows nothing of how a login becomes keys (``keys``) or a signature (``client``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from attrs import evolve, frozen

from hclimg.diagnostics import one_of
from hclimg.units import Secret

KEY_VARIABLES = ("ALICLOUD_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID")
SECRET_VARIABLES = ("ALICLOUD_SECRET_KEY", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
TOKEN_VARIABLES = ("SECURITY_TOKEN", "ALICLOUD_SECURITY_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN")
PROFILE_VARIABLES = ("ALICLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE")
REGION_VARIABLES = ("ALICLOUD_REGION", "ALIBABA_CLOUD_REGION_ID")
FILE_VARIABLES = ("ALICLOUD_SHARED_CREDENTIALS_FILE",)
"""Packer's names, then those of Alibaba Cloud's own tools."""

DEFAULT_FILE = "~/.aliyun/config.json"
NEEDS = {
    "AK": ("access_key_id", "access_key_secret"),
    "StsToken": ("access_key_id", "access_key_secret", "sts_token"),
    "RamRoleArn": ("access_key_id", "access_key_secret", "ram_role_arn"),
    "EcsRamRole": ("ram_role_name",),
    "RamRoleArnWithEcs": ("ram_role_name", "ram_role_arn"),
}
"""The modes of profiles, and what a profile of each must have."""


NOTHING = Secret("")


class Given(Protocol):
    """The settings that say who asks."""

    @property
    def access_key(self) -> Secret: ...
    @property
    def secret_key(self) -> Secret: ...
    @property
    def security_token(self) -> Secret: ...
    @property
    def region(self) -> str: ...
    @property
    def profile(self) -> str: ...
    @property
    def shared_credentials_file(self) -> str: ...
    @property
    def ram_role_name(self) -> str: ...
    @property
    def ram_role_arn(self) -> str: ...
    @property
    def ram_session_name(self) -> str: ...


class AccessProblem(Exception):
    """Something is wrong with the credentials; ``names`` are the settings that it is about."""

    def __init__(self, summary: str, detail: str, *names: str) -> None:
        super().__init__(summary)
        self.summary = summary
        self.detail = detail
        self.names = names or ("access_key",)


@frozen(kw_only=True)
class Login:
    """``source`` says in words where it comes from. Either a key, or ``instance_role``; ``role`` is taken with it."""

    source: str
    access_key: str = ""
    secret_key: Secret = NOTHING
    token: Secret = NOTHING
    instance_role: str = ""
    role: str = ""
    session: str = "hclimg"

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(text for text in (self.secret_key.reveal(), self.token.reveal()) if text)


def find_login(given: Given, environ: Mapping[str, str]) -> Login:
    """Who asks. Raises AccessProblem."""
    login = _base(given, environ)
    role, session = given.ram_role_arn or login.role, given.ram_session_name or login.session
    return evolve(login, role=role, session=session)


def find_region(given: Given, environ: Mapping[str, str]) -> str:
    """The region, or nothing. Raises AccessProblem when the profile that may name it cannot be read."""
    region = given.region or _first(environ, REGION_VARIABLES)
    profile = _profile_name(given, environ)
    if region or not profile:
        return region
    return str(_profile(given, environ, profile).get("region_id", ""))


def _base(given: Given, environ: Mapping[str, str]) -> Login:
    key, secret = given.access_key.reveal(), given.secret_key.reveal()
    if key and secret:
        return _keys("access_key and secret_key", key, secret, given.security_token.reveal() or _token(environ))
    if given.profile:
        return _of_profile(given, environ, given.profile)
    if given.ram_role_name:
        return Login(source=f'the instance\'s role "{given.ram_role_name}"', instance_role=given.ram_role_name)
    return _of_environment(given, environ, key, secret)


def _of_environment(given: Given, environ: Mapping[str, str], key: str, secret: str) -> Login:
    """``key`` and ``secret`` are what the settings say: the environment may have the other half."""
    other = {"key": _first(environ, KEY_VARIABLES), "secret": _first(environ, SECRET_VARIABLES)}
    full_key, full_secret = key or other["key"], secret or other["secret"]
    if full_key and full_secret:
        token = given.security_token.reveal() or _token(environ)
        return _keys("the environment's access key", full_key, full_secret, token)
    if key or secret:
        missing, variable = ("secret_key", SECRET_VARIABLES[0]) if key else ("access_key", KEY_VARIABLES[0])
        have = "access_key" if key else "secret_key"
        detail = f'"{have}" is set, but neither "{missing}" nor the environment variable {variable} is.'
        raise AccessProblem("Missing credentials", detail, have)
    if profile := _first(environ, PROFILE_VARIABLES):
        return _of_profile(given, environ, profile)
    raise AccessProblem(
        "Missing credentials",
        'Set "access_key" and "secret_key", the environment variables ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, '
        '"profile", or, on an ECS instance with a RAM role, "ram_role_name".',
    )


def _keys(source: str, key: str, secret: str, token: str) -> Login:
    return Login(source=source, access_key=key, secret_key=Secret(secret), token=Secret(token))


# -- profiles -----------------------------------------------------------------------


def _of_profile(given: Given, environ: Mapping[str, str], name: str) -> Login:
    profile = _profile(given, environ, name)
    mode = str(profile.get("mode") or "AK")
    if mode not in NEEDS:
        known = ", ".join(NEEDS)
        detail = f'The profile "{name}" has the mode "{mode}", which hclimg cannot use; it can use {known}.'
        raise AccessProblem("Unsupported profile", detail, "profile")
    missing = [field for field in NEEDS[mode] if not profile.get(field)]
    if missing:
        detail = f'The profile "{name}" has the mode "{mode}" but no {", ".join(missing)}.'
        raise AccessProblem("Incomplete profile", detail, "profile")
    used = NEEDS[mode]

    def text(field: str) -> str:
        return str(profile[field]) if field in used else ""

    return Login(
        source=f'the profile "{name}"',
        access_key=text("access_key_id"),
        secret_key=Secret(text("access_key_secret")),
        token=Secret(str(profile.get("sts_token") or "") if mode in ("StsToken", "RamRoleArn") else ""),
        instance_role=text("ram_role_name"),
        role=text("ram_role_arn"),
        session=str(profile.get("ram_session_name") or "hclimg"),
    )


def _profile(given: Given, environ: Mapping[str, str], name: str) -> dict[str, Any]:
    path = Path(given.shared_credentials_file or _first(environ, FILE_VARIABLES) or DEFAULT_FILE).expanduser()
    where = "shared_credentials_file" if given.shared_credentials_file else "profile"
    profiles = _read(path, where)
    if name not in profiles:
        hint = one_of(name, profiles, "It has")
        raise AccessProblem("Unknown profile", f'{path} has no profile "{name}".{hint}', "profile")
    return profiles[name]


def _read(path: Path, where: str) -> dict[str, dict[str, Any]]:
    """The profiles of a file, by name."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {str(profile["name"]): profile for profile in data["profiles"]}
    except FileNotFoundError:
        detail = f"{path}, which has the profiles, does not exist. `aliyun configure` writes it."
        raise AccessProblem("File not found", detail, where) from None
    except OSError as error:
        raise AccessProblem("Invalid file", f"{path} cannot be read: {error.strerror}.", where) from error
    except (ValueError, KeyError, TypeError) as error:
        detail = f"{path} is not a file of profiles as `aliyun configure` writes it."
        raise AccessProblem("Invalid file", detail, where) from error


def _profile_name(given: Given, environ: Mapping[str, str]) -> str:
    return given.profile or _first(environ, PROFILE_VARIABLES)


def _token(environ: Mapping[str, str]) -> str:
    return _first(environ, TOKEN_VARIABLES)


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")
