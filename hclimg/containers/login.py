"""Logging in to a registry, for one component only: the user's own logins are neither changed nor forgotten."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from hclimg.config.fields import Checker, config, setting
from hclimg.containers.engine import Engine
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.disk import private_directory
from hclimg.sdk.steps import step
from hclimg.units import Secret

_ECR = re.compile(r"(?:https?://)?\d+\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?:/.*)?")
_PUBLIC_ECR = re.compile(r"(?:https?://)?public\.ecr\.aws(?:/.*)?")
_PUBLIC_REGION = "us-east-1"  # the only one with an API for tokens


@config
class LoginConfig:
    """How to log in to the registry."""

    login: bool = setting("Whether to log in to the registry first.", default=False)
    login_server: str = setting("The registry.", default="", default_doc="the engine's own, Docker Hub")
    login_username: str = setting("The user.", default="")
    login_password: Secret = setting("The user's password, or a token.", default=Secret(""))
    ecr_login: bool = setting("Whether to log in to Amazon's ECR with credentials of AWS.", default=False)
    aws_access_key: Secret = setting("The access key's id.", default=Secret(""), default_doc="as AWS's own tools")
    aws_secret_key: Secret = setting("The access key's secret.", default=Secret(""), default_doc="as AWS's own tools")
    aws_token: Secret = setting("The session token of temporary credentials.", default=Secret(""))
    aws_profile: str = setting("A profile of AWS's shared files.", default="")
    aws_force_use_public_ecr: bool = setting("Whether the registry is ECR Public, whatever its name.", default=False)

    def check(self, problems: Checker) -> None:
        known = problems.is_known("login", "ecr_login", "login_username", "login_password", "login_server")
        if self.ecr_login and known:
            self._check_ecr(problems)
        elif self.login and known:
            for name in ("login_username", "login_password"):
                if not getattr(self, name):
                    detail = f'The argument "{name}" is required with login = true: nobody is there to ask.'
                    problems.error("Missing required argument", detail, "login", name)
        elif known:
            for name in ("login_username", "login_password", "login_server"):
                if getattr(self, name):
                    problems.warn("Argument without effect", f'"{name}" needs login = true.', name)

    def _check_ecr(self, problems: Checker) -> None:
        if not self.login_server:
            detail = "ECR needs to know the registry, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com."
            problems.error("Missing required argument", detail, "ecr_login", "login_server")
        elif not self.aws_force_use_public_ecr and not region_of(self.login_server):
            detail = f'"{self.login_server}" is no registry of ECR: NUMBER.dkr.ecr.REGION.amazonaws.com.'
            problems.error("Invalid registry", detail, "login_server")
        for name in ("login_username", "login_password"):
            if getattr(self, name):
                problems.error("Conflicting arguments", f'With "ecr_login", AWS gives "{name}".', name, "ecr_login")


def region_of(server: str) -> str:
    """The region of a registry of ECR; empty when it is none."""
    if _PUBLIC_ECR.fullmatch(server):
        return _PUBLIC_REGION
    found = _ECR.fullmatch(server)
    return found[1] if found else ""


def logged_in(ctx: Context, engine: Engine, settings: LoginConfig) -> Engine:
    """The engine with the login, which is forgotten when the scope closes; the same engine when none is asked for."""
    return _log_in(ctx, engine, settings) if settings.login or settings.ecr_login else engine


@step("Logging in to the registry")
def _log_in(ctx: Context, engine: Engine, settings: LoginConfig) -> Engine:
    user, password = settings.login_username, settings.login_password
    if settings.ecr_login:
        user, password = _ecr_token(ctx, settings)
    folder = private_directory(ctx)
    _copy_logins(folder, settings.login_server)
    own = engine.with_env(DOCKER_CONFIG=str(folder), REGISTRY_AUTH_FILE=str(folder / "config.json"))
    server = [settings.login_server] if settings.login_server else []
    ctx.redact.add(password.reveal())
    own.run("login", "--username", user, "--password-stdin", *server, stdin=password.reveal().encode())
    ctx.say(f"Logged in to {settings.login_server or 'the registry'} as {user}.")
    return own


def _ecr_token(ctx: Context, settings: LoginConfig) -> tuple[str, Secret]:
    from base64 import b64decode

    from hclimg.clouds.aws.access import AwsAccess
    from hclimg.clouds.aws.client import connect

    public = settings.aws_force_use_public_ecr or bool(_PUBLIC_ECR.fullmatch(settings.login_server))
    access = AwsAccess(
        access_key=settings.aws_access_key, secret_key=settings.aws_secret_key, token=settings.aws_token,
        profile=settings.aws_profile, region=_PUBLIC_REGION if public else region_of(settings.login_server),
    )  # fmt: skip
    service = connect(ctx, access).service("ecr-public" if public else "ecr")
    data: Any = service.call("GetAuthorizationToken")["authorizationData"]
    token = data["authorizationToken"] if public else data[0]["authorizationToken"]
    user, _, password = b64decode(token).decode().partition(":")
    return user, Secret(password)


def _copy_logins(folder: Path, server: str) -> None:
    """The user's configuration, so that all other registries are reached as ever; only the new login stays here."""
    home = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    settings = _read(home / "config.json")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    podman = os.environ.get("REGISTRY_AUTH_FILE") or (f"{runtime}/containers/auth.json" if runtime else "")
    logins = {**settings.get("auths", {}), **(_read(Path(podman)).get("auths", {}) if podman else {})}
    store = settings.pop("credsStore", "")
    helpers = {**(dict.fromkeys(logins, store) if store else {}), **settings.get("credHelpers", {})}
    helpers.pop(server, None)
    settings |= {"auths": logins} | ({"credHelpers": helpers} if helpers else {})
    (folder / "config.json").write_text(json.dumps(settings))
    for other in home.glob("*") if home.is_dir() else ():
        if other.name != "config.json":
            (folder / other.name).symlink_to(other.absolute())


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BuildError(f"The logins in {path} cannot be read: {error}.") from error
    return found if isinstance(found, dict) else {}
