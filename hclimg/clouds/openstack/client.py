"""Calls of OpenStack's APIs: errors in words, waits that can be cancelled. The only importer of the SDK.

    cloud = connect(ctx, config.access)
    server = cloud.make("the server", lambda sdk: sdk.compute.create_server(…))
    cloud.wait("the server", lambda: …, timedelta(minutes=20))

A token that ends is renewed by the SDK, for every way to log in but a token. What a service refuses because it is
overloaded (429, 503) is tried again; questions, and changes that may be made twice, are also asked for again when the
connection breaks or the service has trouble of its own (5xx); other changes never: they may have been made. The user
is told of each.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import openstack
from attrs import evolve, frozen
from keystoneauth1 import exceptions as auth_errors
from openstack import exceptions as sdk_errors
from openstack.config import OpenStackConfig
from openstack.warnings import OpenStackWarning

from hclimg.clouds.openstack.access import OpenstackAccess, clouds_files
from hclimg.clouds.openstack.refusals import Overloaded, is_missing, login_failure, refusal
from hclimg.diagnostics import one_of
from hclimg.errors import ApiError, BuildError, ConnectionLost, ServiceTrouble, TimedOut
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from hclimg.sdk.retry import RetryPolicy, retry
from hclimg.units import Secret, show_duration

COMPUTE_VERSION = "2.1"
"""The microversion whose behaviour Packer's templates were written for: no network need be named, for example."""
READ_SECONDS = 120
ONCE_DONE = RetryPolicy(attempts=6, delay=0.5, retry_on=(Overloaded,))
REPEATING = evolve(ONCE_DONE, retry_on=(ConnectionLost, ServiceTrouble))
FIRST_DELAY, LAST_DELAY, DELAY_GROWTH = 0.3, 5.0, 1.3
"""Seconds between looks at something that is not ready yet."""

T = TypeVar("T")


def id_of(thing: Any) -> str:
    """The id of an object of the SDK."""
    return str(thing.id)


class Caller(Protocol):
    """Who calls: its token is looked up anew each time, since a scope that closes brings another one."""

    @property
    def cancel(self) -> CancelToken: ...
    @property
    def say(self) -> Callable[[str], None]: ...


def connect(caller: Caller, access: OpenstackAccess, clouds: str = "") -> OpenStack:
    """OpenStack with these settings, logged in. Raises BuildError when the settings do not lead there.

    ``clouds`` is the ``clouds.yaml`` that an earlier run has used, if any.
    """
    caller.cancel.check()
    key = (clouds, _key(access))
    with _making:
        if key not in _connections:
            _connections[key] = retry(
                ONCE_DONE, lambda: _log_in(access, clouds), caller.cancel, partial(_tell, caller)
            )  # fmt: skip
        return OpenStack(caller, access, _connections[key], clouds)


def _tell(caller: Caller, error: BaseException, delay: float) -> None:
    """That something is tried again."""
    if isinstance(caller, Context):
        from hclimg.events import ApiRetrying

        caller.emit(ApiRetrying(error=str(error), delay=delay))
    else:
        caller.say(f"{error} Trying again.")


def reconnect(caller: Caller, identity: Mapping[str, str]) -> OpenStack:
    """OpenStack as :attr:`OpenStack.identity` says; credentials come from the environment and ``clouds.yaml``, unless
    this process is logged in there already.
    """
    access = OpenstackAccess(
        cloud=identity.get("cloud", ""),
        identity_endpoint=identity.get("endpoint", ""),
        region=identity.get("region", ""),
        endpoint_type=identity.get("interface", ""),
        tenant_id=identity.get("project", ""),
        cacert=identity.get("cacert", ""),
        cert=identity.get("cert", ""),
        key=identity.get("key", ""),
        insecure=identity.get("insecure", "") == "true",
    )
    known = _by_identity.get(frozenset(identity.items()))
    return OpenStack(caller, access, known) if known else connect(caller, access, identity.get("clouds", ""))


@frozen(eq=False)
class OpenStack:
    """OpenStack for one component. Cheap: the connection is shared by all that have equal settings."""

    _caller: Caller
    access: OpenstackAccess
    _sdk: Any
    _clouds: str = ""

    def within(self, caller: Caller) -> OpenStack:
        """The same on behalf of another caller."""
        return evolve(self, caller=caller)

    @property
    def project(self) -> str:
        """The id of the project."""
        return self.ask("the project", lambda sdk: str(sdk.current_project_id))

    @property
    def identity(self) -> dict[str, str]:
        """For the journal and artifacts: what leads to the same API again, from any directory, without secrets."""
        access, config = self.access, self._sdk.config
        cloud = access.cloud or os.environ.get("OS_CLOUD", "")
        files = (path.absolute() for path in clouds_files(os.environ, self._clouds) if cloud and path.is_file())
        found = {
            "cloud": cloud,
            "clouds": str(next(files, "")),
            "endpoint": access.identity_endpoint or str(config.config.get("auth", {}).get("auth_url", "")),
            "region": str(config.get_region_name() or ""),
            "interface": access.endpoint_type,
            # An application credential has its project in it, and must not be asked for one.
            "project": "" if config.config.get("auth_type") == CREDENTIAL else self.project,
            **{name: _path(config.config.get(name) or "") for name in ("cacert", "cert", "key")},
            "insecure": "true" if access.insecure else "",
        }
        known = {name: value for name, value in found.items() if value}
        _by_identity[frozenset(known.items())] = self._sdk
        return known

    def ask(self, what: str, question: Callable[[Any], T]) -> T:
        """An answer of the SDK, asked for again when the connection breaks or the service has trouble of its own.
        ``what`` is named in errors.

        Raises ApiError when a service refuses, ConnectionLost when it cannot be reached.
        """
        return self.repeat(what, question)

    def repeat(self, what: str, call: Callable[[Any], T]) -> T:
        """Like :meth:`ask`, for a change that does no harm when it is made twice: to stop, to delete."""
        return self._called(REPEATING, what, call)

    def find(self, what: str, question: Callable[[Any], T]) -> T | None:
        """Like :meth:`ask`; None when there is no such thing."""
        try:
            return self.ask(what, question)
        except ApiError as error:
            if is_missing(error):
                return None
            raise

    def make(self, what: str, change: Callable[[Any], T]) -> T:
        """Change something, once. Raises ApiError when it was refused, ConnectionLost when it may have been done."""
        return self._called(ONCE_DONE, what, change)

    def remove(self, what: str, change: Callable[[Any], object]) -> None:
        """Delete something; that it is gone already is fine."""
        try:
            self.repeat(what, change)
        except ApiError as error:
            if not is_missing(error):
                raise

    def request(self, what: str, service: str, method: str, path: str, **parameters: Any) -> dict[str, Any]:
        """The JSON of an API's answer, for what the SDK has no call. Raises as :meth:`make` does."""

        def asked(sdk: Any) -> dict[str, Any]:
            response = getattr(getattr(sdk, service), method)(path, **parameters)
            sdk_errors.raise_from_response(response)
            answer: dict[str, Any] = response.json() if response.content else {}
            return answer

        return self.make(what, asked)

    def wait(self, what: str, look: Callable[[], T | None], timeout: timedelta, *, hint: str = "") -> T:
        """Look until there is something. Raises TimedOut that names ``what``."""
        began, delay = time.monotonic(), FIRST_DELAY
        while (found := look()) is None:
            if time.monotonic() - began > timeout.total_seconds():
                raise TimedOut(f"Timed out after {show_duration(timeout)} waiting for {what}.", hint=hint)
            self._caller.cancel.sleep(delay)
            delay = min(delay * DELAY_GROWTH, LAST_DELAY)
        return found

    def _called(self, policy: RetryPolicy, what: str, call: Callable[[Any], T]) -> T:
        caller = self._caller
        return retry(policy, lambda: self._told(what, call), caller.cancel, partial(_tell, caller))

    def _told(self, what: str, call: Callable[[Any], T]) -> T:
        try:
            return call(self._sdk)
        except Exception as error:
            known = _translated(what, error)
            if known is None:
                raise
            raise known from error


# -- logging in -------------------------------------------------------------------

_connections: dict[object, Any] = {}
_by_identity: dict[frozenset[tuple[str, str]], Any] = {}
_making = threading.Lock()


def _key(access: OpenstackAccess) -> object:
    """Equal settings and environment, one connection. Never leaves this module, as secrets are in it."""
    given = (getattr(access, name) for name in OpenstackAccess.__annotations__)
    plain = tuple(value.reveal() if isinstance(value, Secret) else value for value in given)
    return plain, tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("OS_")))


def _log_in(access: OpenstackAccess, clouds: str) -> Any:
    warnings.simplefilter("ignore", OpenStackWarning)
    for name in ("keystoneauth", "openstack"):  # what they log is said by the errors
        logging.getLogger(name).addHandler(logging.NullHandler())
    if access.insecure:
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    try:
        config = _configured(access, clouds)
        sdk = openstack.connection.Connection(config=config, app_name="hclimg")
        sdk.session.get_token()
    except Exception as error:
        known = _login_error(access, error)
        if known is None:
            raise
        raise known from error
    return sdk


def _configured(access: OpenstackAccess, clouds: str) -> Any:
    """The SDK's configuration: settings, then ``clouds.yaml`` or the environment."""
    cloud, way = access.cloud or os.environ.get("OS_CLOUD", ""), _way(access)
    # The SDK would add the environment's user to whatever else logs in, which then fails.
    files = clouds_files(os.environ, clouds)
    loader = OpenStackConfig(
        config_files=[str(file) for file in files],
        secure_files=[str(file.with_name(file.name.replace("clouds", "secure"))) for file in files],
        load_yaml_config=bool(cloud),
        load_envvars=not access.cloud and way is None,
    )
    if cloud and cloud not in loader.get_cloud_names():
        hint = one_of(cloud, [name for name in loader.get_cloud_names() if name != "envvars"], "There are")
        raise BuildError(f'clouds.yaml has no entry "{cloud}".', hint=hint.strip() or "There is no clouds.yaml.")
    given: dict[str, Any] = {
        "cloud": cloud or None,
        "region_name": access.region or os.environ.get("OS_REGION_NAME" if not cloud else "", "") or None,
        "interface": access.endpoint_type.removesuffix("URL") or None,
        "cacert": _file(access.cacert, "" if cloud else "OS_CACERT"),
        "cert": _file(access.cert, "" if cloud else "OS_CERT"),
        "key": _file(access.key, "" if cloud else "OS_KEY"),
        "auth": _login(access, way, {} if cloud else os.environ),
        "auth_type": way,
        "verify": False if access.insecure else None,
    }
    config = loader.get_one(
        **{name: value for name, value in given.items() if value is not None},
        compute_default_microversion=COMPUTE_VERSION,
        api_timeout=READ_SECONDS,
        image_status_code_retries=0,  # the SDK would try again without a word
    )
    if config.config.get("auth_type") == "password" and not config.config["auth"].get("password"):
        raise BuildError("There is no password, nor another way to log in to OpenStack.", hint=LOGIN_HINT)
    return config


TOKEN, CREDENTIAL = "token", "v3applicationcredential"  # the SDK's names


def _way(access: OpenstackAccess) -> str | None:
    """How to log in, unless the SDK finds out: by user and password, or as the entry of clouds.yaml says."""
    if access.application_credential_secret:
        return CREDENTIAL
    if access.token:
        return TOKEN
    environ = os.environ
    if access.password or access.cloud or "OS_CLOUD" in environ or "OS_AUTH_TYPE" in environ:
        return None
    if environ.get("OS_APPLICATION_CREDENTIAL_SECRET"):
        return CREDENTIAL
    return TOKEN if environ.get("OS_TOKEN") else None


def _login(access: OpenstackAccess, way: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """What proves who asks, as far as the SDK does not know it. An application credential has its project in it."""
    project = {
        "project_id": access.tenant_id,
        "project_name": "" if access.tenant_id else access.tenant_name,
        "project_domain_id": access.domain_id,
        "project_domain_name": access.domain_name,
    }
    user = {
        "username": access.username,
        "user_id": access.user_id,
        "user_domain_id": access.domain_id,
        "user_domain_name": access.domain_name,
    }
    if way == TOKEN:
        given = {"auth_url": access.identity_endpoint, "token": access.token.reveal(), **project}
    elif way == CREDENTIAL:
        secret = access.application_credential_secret.reveal()
        key, name = access.application_credential_id, access.application_credential_name
        given = {
            "auth_url": access.identity_endpoint,
            "application_credential_id": key,
            "application_credential_name": name,
            "application_credential_secret": secret,
            **(user if name or "OS_APPLICATION_CREDENTIAL_NAME" in environ else {}),
        }
    else:
        domains = any(name.endswith(("DOMAIN_ID", "DOMAIN_NAME")) for name in environ) or access.domain_id
        default = "" if domains or access.domain_name or access.cloud or "OS_CLOUD" in environ else "default"
        password = access.password.reveal()
        given = {"auth_url": access.identity_endpoint, "password": password, **user, **project,
                 "default_domain_id": default}  # fmt: skip
        environ = {}  # the SDK reads it
    filled = {name: value or environ.get(f"OS_{name.upper()}", "") for name, value in given.items()}
    return {name: value for name, value in filled.items() if value}


def _file(setting: str, variable: str) -> str | None:
    return _path(setting or os.environ.get(variable, "")) or None


def _path(text: str) -> str:
    return str(Path(text).expanduser().absolute()) if text else ""


# -- errors -----------------------------------------------------------------------


UNUSABLE = (auth_errors.MissingRequiredOptions, auth_errors.NoMatchingPlugin, sdk_errors.ConfigException)
LOGIN_HINT = (
    "Set identity_endpoint with username and password or an application credential, or cloud, or the environment "
    "variables OS_AUTH_URL, OS_USERNAME, …."
)


def _login_error(access: OpenstackAccess, error: Exception) -> BuildError | None:
    named = f'cloud "{access.cloud}"' if access.cloud else os.environ.get("OS_AUTH_URL", "")
    where = access.identity_endpoint or named
    if isinstance(error, BuildError):
        return error
    if isinstance(error, auth_errors.HttpError):
        return login_failure(where, error.http_status, str(error.message or ""), str(error.request_id or ""))
    if isinstance(error, sdk_errors.HttpException):
        return login_failure(where, error.status_code or 0, str(error.details or error.message), _request(error))
    if isinstance(error, UNUSABLE):
        return BuildError(f"The settings do not lead to an OpenStack: {_text(error)}", hint=LOGIN_HINT)
    if isinstance(error, auth_errors.DiscoveryFailure):
        hint = "Look at identity_endpoint or OS_AUTH_URL: it ends in /v3 for most clouds."
        return ConnectionLost(f"There is no Identity service at {where}: {_text(error)}", hint=hint)
    return _translated(f"the login at {where}", error)


def _translated(what: str, error: Exception) -> BuildError | None:
    """An exception of the SDK in words; None for what is none of its."""
    if isinstance(error, sdk_errors.HttpException) and error.status_code:
        body = error.response.text if error.response is not None else ""
        return refusal(what, error.status_code, body, str(error.details or error.message), _request(error))
    if isinstance(error, auth_errors.HttpError):  # the services' are the SDK's; this is about a token to be renewed
        return login_failure("OpenStack", error.http_status, str(error.message), str(error.request_id or ""))
    if isinstance(error, auth_errors.SSLError):
        hint = "cacert names a file with the certificates to trust; insecure = true trusts any."
        return ConnectionLost(f"OpenStack has no certificate that is trusted: {_text(error)}", hint=hint)
    if isinstance(error, (auth_errors.EndpointNotFound, auth_errors.CatalogException)):
        hint = "Look at region and endpoint_type; openstack catalog list shows what this cloud has."
        return BuildError(f"This OpenStack has no service for {what}: {_text(error)}", hint=hint)
    if isinstance(error, auth_errors.ConnectionError):
        hint = "Look at the network and the proxy of this host, and at region and endpoint_type."
        return ConnectionLost(f"OpenStack cannot be reached for {what}: {_text(error)}", hint=hint)
    if isinstance(error, (sdk_errors.SDKException, auth_errors.ClientException)):
        return BuildError(f"OpenStack cannot be used for {what}: {_text(error)}")
    return None


def _request(error: Any) -> str:
    headers = error.response.headers if error.response is not None else {}
    names = ("x-openstack-request-id", "x-compute-request-id")
    return str(error.request_id or next((headers[name] for name in names if name in headers), ""))


def _text(error: Exception) -> str:
    """One line; of what Python's network modules say, the reason of the operating system."""
    reasons = re.findall(r"\[Errno -?\d+\] ([^'\")\]]+)", str(error))
    text = reasons[-1] if reasons else " ".join(str(error).split())
    return text if text.endswith(".") else f"{text}."
