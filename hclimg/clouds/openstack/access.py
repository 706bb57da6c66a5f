"""The settings that say who asks OpenStack, and which one: the same in every component that does.

Knows nothing of how they are used (``client``), so `validate` imports no SDK. It reads ``clouds.yaml`` when a template
names an entry of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from hclimg.config.fields import Checker, config, setting
from hclimg.diagnostics import one_of
from hclimg.units import Secret

ENDPOINT_TYPES = ("public", "publicURL", "internal", "internalURL", "admin", "adminURL")
_CREDENTIAL = ("application_credential_id", "application_credential_name")


@config
class OpenstackAccess:
    """Who asks OpenStack, and which one.

    Settings come first, then the entry `cloud` of `clouds.yaml` (with `secure.yaml`), or without one the environment
    (`OS_AUTH_URL`, `OS_USERNAME`, …, as `openrc` files set them).
    """

    identity_endpoint: str = setting(
        "The URL of the Identity service.",
        default="",
        default_doc="`OS_AUTH_URL`",
        example='"https://os.example.org:5000/v3"',
    )
    username: str = setting("The user's name.", default="", default_doc="`OS_USERNAME`")
    user_id: str = setting("The user's id, instead of the name.", default="", default_doc="`OS_USER_ID`")
    password: Secret = setting("The user's password.", default=Secret(""), default_doc="`OS_PASSWORD`")
    tenant_id: str = setting("The project's id.", default="", default_doc="`OS_PROJECT_ID`, `OS_TENANT_ID`")
    tenant_name: str = setting("The project's name.", default="", default_doc="`OS_PROJECT_NAME`, `OS_TENANT_NAME`")
    domain_id: str = setting("The id of the domain of the user and of the project.", default="")
    domain_name: str = setting("The name of that domain.", default="", default_doc="`OS_USER_DOMAIN_NAME`, …")
    token: Secret = setting(
        "A token instead of user and password. It cannot be renewed: a build that outlives it fails.",
        default=Secret(""),
        default_doc="`OS_TOKEN`",
    )
    application_credential_id: str = setting(
        "The id of an application credential.", default="", default_doc="`OS_APPLICATION_CREDENTIAL_ID`"
    )
    application_credential_name: str = setting(
        "The name of an application credential of the user, instead of its id.",
        default="",
        default_doc="`OS_APPLICATION_CREDENTIAL_NAME`",
    )
    application_credential_secret: Secret = setting(
        "The secret of the application credential.",
        default=Secret(""),
        default_doc="`OS_APPLICATION_CREDENTIAL_SECRET`",
    )
    cloud: str = setting("An entry of `clouds.yaml`.", default="", default_doc="`OS_CLOUD`")
    region: str = setting("The region to work in.", default="", default_doc="`OS_REGION_NAME`, or the entry's")
    endpoint_type: str = setting(
        "Which of the services' URLs to use.", default="", choices=("", *ENDPOINT_TYPES), default_doc="public"
    )
    insecure: bool = setting("Whether to accept any certificate of the services.", default=False)
    cacert: str = setting("A file with the certificates to trust.", default="", default_doc="`OS_CACERT`")
    cert: str = setting("A file with a certificate of this client.", default="", default_doc="`OS_CERT`")
    key: str = setting("The private key of that certificate.", default="", default_doc="`OS_KEY`")

    def check(self, problems: Checker) -> None:
        problems.at_most_one("username", "user_id")
        problems.at_most_one("domain_id", "domain_name")
        self._check_credentials(problems)
        if self.identity_endpoint and not self.identity_endpoint.startswith(("http://", "https://")):
            detail = f'"{self.identity_endpoint}" is no URL; write one such as "https://os.example.org:5000/v3".'
            problems.error("Invalid URL", detail, "identity_endpoint")
        for name in ("cacert", "cert", "key"):
            if getattr(self, name):
                problems.file_exists(name, str(Path(getattr(self, name)).expanduser()))
        for have, lack in (("cert", "key"), ("key", "cert")):
            if getattr(self, have) and not getattr(self, lack) and problems.is_known(lack):
                problems.error("Incomplete certificate", f'"{have}" is of no use without "{lack}".', have, lack)
        if self.insecure and self.cacert:
            detail = '"cacert" has no effect: with insecure = true any certificate is accepted.'
            problems.warn("Argument without effect", detail, "cacert", "insecure")
        if self.cloud and problems.is_known("cloud"):
            _check_cloud(problems, self.cloud)

    def _check_credentials(self, problems: Checker) -> None:
        names = ("password", "token", "application_credential_secret", *_CREDENTIAL)
        if not problems.is_known(*names):
            return
        problems.at_most_one(*_CREDENTIAL)
        ways = [name for name in ("password", "token", "application_credential_secret") if getattr(self, name)]
        if len(ways) > 1:
            detail = f'Only one way to log in can be used; "{ways[0]}" is one, and "{ways[1]}" another.'
            problems.error("Conflicting arguments", detail, ways[1], ways[0])
        named = [name for name in _CREDENTIAL if getattr(self, name)]
        if self.application_credential_secret and not named and not _in_environment("OS_APPLICATION_CREDENTIAL_"):
            detail = '"application_credential_secret" belongs to an application_credential_id or _name.'
            problems.error("Incomplete credentials", detail, "application_credential_secret")


def clouds_files(environ: Mapping[str, str], recorded: str = "") -> list[Path]:
    """Where the entries are looked for, as OpenStack's own tools do; the first file that exists counts. ``recorded`` is
    the one that a run used which may have worked in another directory.
    """
    given = environ.get("OS_CLIENT_CONFIG_FILE", "")
    folders = (Path.cwd(), Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "openstack",
               Path("/etc/openstack"))  # fmt: skip
    found = [folder / f"clouds{suffix}" for folder in folders for suffix in (".yaml", ".yml", ".json")]
    return [*(Path(path) for path in (given, recorded) if path), *found]


def _check_cloud(problems: Checker, name: str) -> None:
    """Report an entry that no file has."""
    file = next((path for path in clouds_files(os.environ) if path.is_file()), None)
    if file is None:
        detail = (
            f'There is no clouds.yaml with an entry "{name}": neither in this directory, nor in ~/.config/openstack, '
            "nor in /etc/openstack, and OS_CLIENT_CONFIG_FILE names none."
        )
        problems.error("Unknown cloud", detail, "cloud")
        return
    try:
        known = sorted(_entries(file))
    except ValueError as error:
        problems.error("Invalid clouds.yaml", f"{file} cannot be read: {error}", "cloud")
        return
    if name not in known:
        hint = one_of(name, known, "It has")
        problems.error("Unknown cloud", f'{file} has no entry "{name}".{hint}', "cloud")


def _entries(file: Path) -> Iterator[str]:
    """Raises ValueError with the reason when it is not what it should be."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    clouds = content.get("clouds") if isinstance(content, dict) else None
    if not isinstance(clouds, dict):
        raise ValueError('it has no "clouds".')
    yield from map(str, clouds)


def _in_environment(prefix: str) -> bool:
    return any(name.startswith(prefix) for name in os.environ)
