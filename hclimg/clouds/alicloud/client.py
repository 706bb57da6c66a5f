"""One request to the APIs of Alibaba Cloud: signed, sent, its refusal translated. Only this imports the vendor's SDK.

The SDK signs and sends. Trying again is not left to it: it would sleep where nothing can wake it, only does so for some
actions, and only knows one of the codes of throttling. ``ecs`` does that for every call, as :class:`Session` says.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import define, field

from hclimg.clouds.alicloud.access import AlicloudAccess
from hclimg.clouds.alicloud.keys import Keys, instance_keys, role_keys
from hclimg.clouds.alicloud.login import Login
from hclimg.clouds.alicloud.refusals import SIGNATURES, hint_of, is_temporary
from hclimg.errors import ApiError
from hclimg.sdk.retry import RetryPolicy

Answer = Mapping[str, Any]

CONNECT_TIMEOUT, READ_TIMEOUT = 10, 30  # seconds
RETRIES_VARIABLE = "ALICLOUD_MAX_RETRIES"
RETRIES = 6
UNKNOWN = "SDK.UnknownServerError"
"""The SDK's code for an answer in which it finds none."""
VERSIONS = {"Ecs": "2014-05-26", "Sts": "2015-04-01", "Ram": "2015-05-01"}
HOSTS = {"Sts": "sts.aliyuncs.com", "Ram": "ram.aliyuncs.com"}


class Unanswered(ApiError):
    """No answer, or none that says for good that the request was not carried out. Worth trying again."""


@define(eq=False)
class Session:
    """The SDK's client, and the keys that it signs with. Can be used by several threads.

    ``something_stays``: a thing could not be removed, so what it uses will not become free.
    """

    access: AlicloudAccess
    login: Login
    policy: RetryPolicy = field(factory=lambda: _policy())
    account: str | None = None
    something_stays: bool = False
    _keys: Keys | None = None
    _client: Any = None
    _lock: threading.Lock = field(factory=threading.Lock)

    def send(self, product: str, action: str, region: str, parameters: Mapping[str, str]) -> Answer:
        """One attempt."""
        keys, client = self._ready(region)
        return _send(client, keys, product, action, region, parameters, self.host(product, region))

    def host(self, product: str, region: str) -> str:
        """The URL or the name of the host to ask."""
        if self.access.endpoint:
            return with_scheme(self.access.endpoint)
        return with_scheme(HOSTS.get(product) or ecs_host(region))

    @property
    def keys(self) -> Keys:
        """What requests are signed with, for other SDKs of Alibaba Cloud."""
        return self._ready(self.access.where())[0]

    def _ready(self, region: str) -> tuple[Keys, Any]:
        with self._lock:
            if self._keys is None or self._keys.ends_soon:
                self._keys = self._new_keys(region)
                self._client = new_client(self._keys, region)
            return self._keys, self._client

    def _new_keys(self, region: str) -> Keys:
        login = self.login
        if login.instance_role:
            keys = instance_keys(login.instance_role)
        else:
            keys = Keys(access_key=login.access_key, secret=login.secret_key, token=login.token)
        if not login.role:
            return keys
        client = new_client(keys, region)
        host = self.host("Sts", region)
        return role_keys(login, lambda action, given: _send(client, keys, "Sts", action, region, given, host))


def new_client(keys: Keys, region: str) -> Any:
    _quieten()
    from aliyunsdkcore.client import AcsClient

    return AcsClient(
        keys.access_key, keys.secret.reveal(), region, auto_retry=False, connect_timeout=CONNECT_TIMEOUT,
        timeout=READ_TIMEOUT,
    )  # fmt: skip


def ecs_host(region: str) -> str:
    """Where the ECS API of a region is. The SDK has a table of the regions whose name does not say it."""
    from aliyunsdkecs.endpoint import endpoint_data

    return str(endpoint_data.getEndpointMap().get(region) or f"ecs.{region}.aliyuncs.com")


def with_scheme(endpoint: str) -> str:
    """HTTPS, unless it says otherwise or is this host."""
    if "://" in endpoint:
        return endpoint.rstrip("/")
    host = urlsplit(f"//{endpoint}").hostname or ""
    local = host in ("localhost", "::1") or host.startswith("127.")
    return f"{'http' if local else 'https'}://{endpoint.rstrip('/')}"


def _send(
    client: Any, keys: Keys, product: str, action: str, region: str, parameters: Mapping[str, str], host: str
) -> Answer:
    from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
    from aliyunsdkcore.request import RpcRequest

    request = RpcRequest(product, VERSIONS[product], action)
    request.set_method("POST")
    request.set_endpoint(host)
    for name, value in {"RegionId": region, **parameters}.items():
        request.add_query_param(name, value)
    if keys.token.reveal():
        request.add_query_param("SecurityToken", keys.token.reveal())
    client.proxy = proxies_of(host)
    try:
        answer = json.loads(client.do_action_with_exception(request))
    except ServerException as error:
        if error.get_error_code() == UNKNOWN:
            raise _no_api(action, host, error.http_status) from None
        raise _refused(action, error.get_error_code(), error.message, error.http_status, error.request_id) from None
    except ClientException as error:
        raise _unanswered(action, host, str(error.message)) from None
    except IndexError:  # what the SDK makes of some answers about signatures
        raise _refused(action, SIGNATURES[0], "", 400, "") from None
    except ValueError:
        raise _no_api(action, host, 200) from None
    return answer if isinstance(answer, dict) else {}


def proxies_of(host: str) -> dict[str, str]:
    """The environment's proxies, if they are for this host. The SDK by itself does not know exceptions."""
    name = urlsplit(host).hostname or ""
    return {"none": ""} if proxy_bypass(name) else getproxies() or {"none": ""}


def _policy() -> RetryPolicy:
    text = os.environ.get(RETRIES_VARIABLE, "")
    retries = int(text) if text.isdigit() else RETRIES
    return RetryPolicy(attempts=retries + 1, delay=0.5, factor=2.0, max_delay=15.0, retry_on=(Unanswered,))


def _quieten() -> None:
    """The SDK would print whole requests, signed and with passwords, to the terminal."""
    for name in ("aliyunsdkcore", "aliyunsdkcore.http.http_response"):
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.disabled = True


# -- errors -----------------------------------------------------------------------------


def _refused(action: str, code: str, message: str, status: int | None, request: str | None) -> ApiError:
    text = "" if code.startswith(SIGNATURES) else f": {message.rstrip('.')}"
    where = f"code {code}, request {request}" if request else f"code {code}"
    told = f"Alibaba Cloud refuses {action}{text} ({where})."
    kind = Unanswered if is_temporary(code, status or 0) else ApiError
    return kind(told, code=code, request=request or "", hint=hint_of(code))


def _no_api(action: str, host: str, status: int) -> ApiError:
    message = f"{host} does not answer {action} as the API does, but with HTTP status {status}."
    kind = Unanswered if status >= 500 or status == 200 else ApiError
    return kind(message, hint="Look at custom_endpoint_ecs.")


_NETWORK = (
    ("timed out", "it does not answer in time"),
    ("Connection refused", "it refuses connections"),
    ("Name or service not known", "there is no such host"),
    ("Temporary failure in name resolution", "its name cannot be looked up now"),
    ("Failed to resolve", "there is no such host"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate cannot be verified"),
    ("WRONG_VERSION_NUMBER", "it does not speak HTTPS"),
    ("Proxy", "the proxy does not let it through"),
)


def _unanswered(action: str, host: str, message: str) -> ApiError:
    """``message`` may quote the whole request, so it is not shown."""
    why = next((words for sign, words in _NETWORK if sign in message), "the connection broke")
    hint = f"Look at region and custom_endpoint_ecs; {RETRIES_VARIABLE} says how often it is tried again."
    return Unanswered(f"{host} cannot be asked for {action}: {why}.", hint=hint)
