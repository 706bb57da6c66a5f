"""Credentials and region: the order in which they are looked for, and one session for equal settings.

Making a session and its clients takes a tenth of a second and some megabytes, so fifty lanes with the same settings
share them. Knows nothing of calls (``client``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import botocore.session
from attrs import define, field, fields, frozen, has
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleProvider,
    CanonicalNameCredentialSourcer,
    CredentialResolver,
    DeferredRefreshableCredentials,
    ProfileProviderBuilder,
)
from botocore.utils import IMDSRegionProvider

from hclimg.clouds.aws.access import AssumeRoleConfig, AwsAccess
from hclimg.diagnostics import did_you_mean
from hclimg.errors import BuildError
from hclimg.units import Secret

RETRIES = 7
"""With growing pauses, a minute on average."""
RETRY_MODE = "legacy"
"""The SDK's newer modes stop trying again after about a hundred times for a client. On a bad day a build of hours, or
fifty builds at once that share a client, need more."""
CONNECT_SECONDS = 10
READ_SECONDS = 60
POOL = 50
"""Connections that are kept open to one endpoint: what many lanes use at once."""
STEERING = ("AWS_", "HOME", "USERPROFILE", "VAULT_")

Ask = Callable[[str], str]
"""Asks the person at the terminal. Raises EOFError when there is none."""


@define(eq=False)
class Session:
    """Equal settings and environment, one session. Thread-safe."""

    maker: Any
    access: AwsAccess
    region: str
    account: str = ""
    _clients: dict[tuple[str, str], Any] = field(factory=dict)
    _lock: threading.RLock = field(factory=threading.RLock)

    def client(self, service: str, region: str, prepare: Callable[[Any], None]) -> Any:
        """The client of a service in a region; ``prepare`` is called with a new one."""
        with self._lock:
            known = self._clients.get((service, region))
            if known is None:
                known = self._clients[service, region] = self._new_client(service, region)
                prepare(known)
            return known

    def _new_client(self, service: str, region: str) -> Any:
        access = self.access
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": RETRY_MODE, "total_max_attempts": 1 + (access.max_retries or RETRIES)},
            max_pool_connections=POOL,
            tcp_keepalive=True,
            user_agent_extra="hclimg",
        )
        if access.insecure_skip_tls_verify:
            _accept_any_certificate()
        return self.maker.client(
            service,
            region_name=region,
            config=config,
            endpoint_url=(access.custom_endpoint_ec2 or None) if service == "ec2" else None,
            verify=False if access.insecure_skip_tls_verify else None,
        )

    @property
    def other_endpoint(self) -> bool:
        """Whether EC2 is not Amazon's own, so that nothing is known of its regions."""
        names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2")
        return bool(self.access.custom_endpoint_ec2 or any(os.environ.get(name) for name in names))

    def check_region(self, region: str) -> None:
        """Raises BuildError for a region that AWS does not have."""
        known = [
            name
            for partition in self.maker.get_available_partitions()
            for name in self.maker.get_available_regions("ec2", partition)
        ]
        if region not in known:
            newer = "A newer boto3 may know it; skip_region_validation, where it is a setting, allows any name."
            hint = f"{did_you_mean(region, known)} {newer}".strip()
            raise BuildError(f'AWS has no region "{region}".', hint=hint)


_sessions: dict[object, Session] = {}
_making = threading.Lock()


def session_of(access: AwsAccess, ask: Ask) -> Session:
    """The session for these settings in this environment. Raises BuildError and botocore's errors."""
    key = _key(access)
    with _making:
        if key not in _sessions:
            _sessions[key] = _new_session(access, ask)
        return _sessions[key]


def _key(access: AwsAccess) -> object:
    environment = {name: value for name, value in os.environ.items() if name.startswith(STEERING)}
    return repr((_plain(access), sorted(environment.items())))


def _plain(value: Any) -> Any:
    """Plain values of settings, which tell different secrets apart and so never leave this module."""
    if has(type(value)):
        return [(each.name, _plain(getattr(value, each.name))) for each in fields(type(value))]
    return value.reveal() if isinstance(value, Secret) else value


def _new_session(access: AwsAccess, ask: Ask) -> Session:
    core = botocore.session.Session(profile=access.profile or None)
    if access.shared_credentials_file:
        core.set_config_variable("credentials_file", access.shared_credentials_file)
    region = _region(core, access)
    _set_credentials(core, access, region, ask)
    if access.assume_role is not None:
        core = _with_role(core, access.profile, access.assume_role, region)
    return Session(maker=boto3.session.Session(botocore_session=core), access=access, region=region)


def _region(core: Any, access: AwsAccess) -> str:
    found = access.region or os.environ.get("AWS_REGION") or core.get_config_variable("region")
    if not found and not access.skip_metadata_api_check:
        found = IMDSRegionProvider(core).provide()
    if not found:
        hint = 'Set "region", or the environment variable AWS_REGION, or a region in the profile.'
        raise BuildError("No region of AWS is set.", hint=hint)
    return str(found)


def _set_credentials(core: Any, access: AwsAccess, region: str, ask: Ask) -> None:
    if access.vault_aws_engine is not None:
        from hclimg.clouds.aws.vault import lend

        core.set_credentials(*lend(access.vault_aws_engine))
        return
    if access.access_key.reveal():
        token = access.token.reveal() or None
        core.set_credentials(access.access_key.reveal(), access.secret_key.reveal(), token)
        return
    resolver = core.get_component("credential_provider")
    if access.skip_metadata_api_check:
        resolver.remove("iam-role")
    _ask_for_codes(core, resolver, region, lambda prompt: access.mfa_code.reveal() or _asked(ask, prompt))


def _ask_for_codes(core: Any, resolver: Any, region: str, ask: Ask) -> None:
    """Have the SDK ask for MFA codes where this program asks, not at whatever the standard input is."""
    name = core.get_config_variable("profile") or "default"
    cache: dict[str, Any] = {}
    sources = [provider for provider in resolver.providers if provider.METHOD in ("env", "container-role", "iam-role")]
    resolver.insert_before(
        "assume-role",
        AssumeRoleProvider(
            load_config=lambda: core.full_config,
            client_creator=lambda service, **more: core.create_client(service, **{"region_name": region, **more}),
            cache=cache,
            profile_name=name,
            prompter=ask,
            credential_sourcer=CanonicalNameCredentialSourcer(sources),
            profile_provider_builder=ProfileProviderBuilder(core, cache=cache, region_name=region),
        ),
    )


def _asked(ask: Ask, prompt: str) -> str:
    try:
        return ask(prompt).strip()
    except EOFError:
        raise BuildError("The profile's role needs the code of an MFA device.", hint='Set "mfa_code".') from None


@frozen
class _RoleTaken:
    """A provider of botocore's chain that has the credentials of a role."""

    credentials: Any
    METHOD: str = "assume-role-setting"
    CANONICAL_NAME: str | None = None

    def load(self) -> Any:
        return self.credentials


def _with_role(core: Any, profile: str, role: AssumeRoleConfig, region: str) -> Any:
    """A session that has the role's credentials, which the given one pays for. They are renewed when they end."""
    source = core.get_credentials()
    if source is None:
        return core  # the first call says that there are none
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=lambda service, **more: core.create_client(service, region_name=region, **more),
        source_credentials=source,
        role_arn=role.role_arn,
        extra_args=_of_role(role),
        cache={},
    )
    taken = DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)
    found = botocore.session.Session(profile=profile or None)
    found.register_component("credential_provider", CredentialResolver([_RoleTaken(taken)]))
    return found


def _of_role(role: AssumeRoleConfig) -> Mapping[str, Any]:
    """The parameters of AssumeRole."""
    given = {
        "RoleSessionName": role.session_name or "hclimg",
        "DurationSeconds": role.duration_seconds,
        "ExternalId": role.external_id,
        "Policy": role.policy,
        "PolicyArns": [{"arn": arn} for arn in role.policy_arns],
        "Tags": [{"Key": key, "Value": value} for key, value in role.tags.items()],
        "TransitiveTagKeys": list(role.transitive_tag_keys),
    }
    return {name: value for name, value in given.items() if value}


def _accept_any_certificate() -> None:
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
