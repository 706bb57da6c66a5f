"""The API of Alibaba Cloud, one call at a time. The only module that imports the vendor's SDK.

The SDK signs and sends. Trying again is not left to it: it would sleep where nothing can wake it, only does so for some
actions, and only knows one of the codes of throttling. So this is done here, once, for every call.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import define, evolve, field, frozen

from hclimg.clouds.alicloud.access import AlicloudAccess
from hclimg.clouds.alicloud.keys import Keys, instance_keys, role_keys
from hclimg.clouds.alicloud.login import Login
from hclimg.clouds.alicloud.refusals import SIGNATURES, hint_of, is_missing, is_temporary, may_be_fresh
from hclimg.errors import ApiError, TimedOut
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.retry import RetryPolicy, retry, wait_until

T = TypeVar("T")
Answer = Mapping[str, Any]

CONNECT_TIMEOUT, READ_TIMEOUT = 10, 30  # seconds
RETRIES_VARIABLE = "ALICLOUD_MAX_RETRIES"
RETRIES = 6
ASK_TWICE = 2
PAGE = 50
FIRST_LOOK, LONGEST_LOOK = 0.3, 5.0  # seconds between two looks at what is not ready yet
SETTLE = 60.0  # seconds until a thing that was just made can be used everywhere
IN_USE = 300.0  # seconds that a thing may still be in use after what used it is gone
STAYING = 3.0  # seconds, when what uses it may be something that could not be removed
VERSIONS = {"Ecs": "2014-05-26", "Sts": "2015-04-01", "Ram": "2015-05-01"}
HOSTS = {"Sts": "sts.aliyuncs.com", "Ram": "ram.aliyuncs.com"}


class Waiting(Protocol):
    """Of a context, what a call needs: its token, which changes when the context begins to clean up."""

    @property
    def cancel(self) -> CancelToken: ...


class Unanswered(ApiError):
    """No answer, or none that says whether the request was carried out. ``after``: it may have been."""


def _nothing(_error: BaseException, _delay: float) -> None: ...


@frozen(kw_only=True)
class Ecs:
    """The API in one region, asked on behalf of a context."""

    session: Session
    region: str
    ctx: Waiting
    told: Callable[[BaseException, float], None] = _nothing

    def at(self, region: str) -> Ecs:
        return evolve(self, region=region)

    def within(self, ctx: Waiting, told: Callable[[BaseException, float], None] | None = None) -> Ecs:
        """The same, for another context."""
        return evolve(self, ctx=ctx, told=told or self.told)

    @property
    def identity(self) -> dict[str, str]:
        """For the journal: what leads back here."""
        known = {"region": self.region, "account": self.session.account or "", **self.session.access.identity}
        return {name: value for name, value in known.items() if value}

    def account(self) -> str:
        """The account that asks; empty when nobody tells. Found out once."""
        if self.session.account is None:
            patience = evolve(self.session.policy, attempts=min(ASK_TWICE, self.session.policy.attempts))
            try:
                answer = self._call("Sts", "GetCallerIdentity", {}, patience)
            except ApiError:
                self.session.account = ""  # clouds that have the same API may have no STS
            else:
                self.session.account = str(answer.get("AccountId") or "")
        return self.session.account

    def call(self, action: str, *, product: str = "Ecs", **parameters: Any) -> Answer:
        """One action; empty and None parameters are left out, lists are numbered from 1.

        What the API throttles or fails at is tried again. Raises ApiError.
        """
        return self._call(product, action, flatten(parameters), self.session.policy)

    def _call(self, product: str, action: str, parameters: Mapping[str, str], policy: RetryPolicy) -> Answer:
        def attempt() -> Answer:
            return self.session.send(product, action, self.region, parameters)

        return retry(policy, attempt, self.ctx.cancel, self.told)

    def make(self, action: str, *, token: str = "", **parameters: Any) -> Answer:
        """Like :meth:`call`, for what makes something: however often it is sent, it is made once."""
        return self.call(action, ClientToken=token or str(uuid.uuid4()), **parameters)

    def maker(self, action: str, *busy: str, **parameters: Any) -> Callable[[], Answer]:
        """:meth:`make` to be called, with one token for all attempts: as soon as the API knows everything that the
        parameters name, and nothing of that is in one of the states that the codes ``busy`` tell of."""
        token = str(uuid.uuid4())

        def ask() -> Answer:
            return self.make(action, token=token, **parameters)

        return lambda: self.once_free(lambda: self.once_known(ask), *busy)

    def list(self, action: str, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """All of what an action lists at ``path`` of its answer (``Images.Image``), page by page."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self.call(action, RegionId=self.region, PageSize=PAGE, PageNumber=page, **parameters)
            items = dig(answer, path) or []
            found += items
            if len(items) < PAGE or len(found) >= int(answer.get("TotalCount") or 0):
                return found
            page += 1

    def until(self, what: str, ready: Callable[[], T | None], *, timeout: float, hint: str = "") -> T:
        """Look until ``ready`` gives something; raises TimedOut. ``timeout`` in seconds."""
        return wait_until(
            ready, what=what, timeout=timeout, interval=FIRST_LOOK, longest=LONGEST_LOOK, cancel=self.ctx.cancel,
            hint=hint,
        )  # fmt: skip

    def remove(self, action: str, **parameters: Any) -> None:
        """A call that removes something; fine when it is gone already."""

        def missing() -> bool:
            try:
                self.call(action, **parameters)
            except ApiError as error:
                if not is_missing(error.code):
                    raise
                return True
            return False

        self.gone_when(missing)

    def gone_when(self, missing: Callable[[], bool]) -> None:
        """Believe that something does not exist only when it is missing repeatedly: the API does not know everywhere
        at once what was just made. ``missing`` tries to remove it and says whether there was nothing."""
        for last in (False, False, True):
            if not missing() or last:
                return
            self.ctx.cancel.sleep(FIRST_LOOK)

    def once_known(self, call: Callable[[], T]) -> T:
        """A call about something that was just made, which the API may not know everywhere yet."""
        return self._patiently(call, lambda error: may_be_fresh(error.code), SETTLE)

    def once_free(self, call: Callable[[], T], *codes: str) -> T:
        """A call that these codes refuse as long as the thing is busy, or something still uses it."""
        patience = STAYING if self.session.something_stays else IN_USE
        return self._patiently(call, lambda error: error.code.startswith(codes), patience)

    def _patiently(self, call: Callable[[], T], wait: Callable[[ApiError], bool], timeout: float) -> T:
        refusals: list[ApiError] = []

        def attempt() -> tuple[T] | None:
            try:
                return (call(),)
            except ApiError as error:
                if not wait(error):
                    raise
                refusals.append(error)
                return None

        try:
            return self.until("the API to accept the request", attempt, timeout=timeout)[0]
        except TimedOut:
            raise refusals[-1] from None


def open_api(ctx: Waiting, access: AlicloudAccess) -> Ecs:
    """Raises BuildError when there are no credentials or no region."""
    return Ecs(session=Session(access=access, login=access.login()), region=access.where(), ctx=ctx)


# -- requests -------------------------------------------------------------------------


def flatten(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """As they are sent: ``Tag=[{"Key": "a"}]`` becomes ``Tag.1.Key``."""
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        full = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{full}.")
        elif isinstance(value, list | tuple):
            flat |= flatten({str(number): item for number, item in enumerate(value, 1)}, f"{full}.")
        elif isinstance(value, bool):
            flat[full] = "true" if value else "false"
        elif value not in (None, ""):
            flat[full] = str(value)
    return flat


def dig(answer: Any, path: str) -> Any:
    """What is at a path of an answer, or None."""
    for name in path.split("."):
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer


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
        raise _refused(action, error.get_error_code(), error.message, error.http_status, error.request_id) from None
    except ClientException as error:
        raise _unanswered(action, host, str(error.message)) from None
    except IndexError:  # what the SDK makes of some answers about signatures
        raise _refused(action, SIGNATURES[0], "", 400, "") from None
    except ValueError:
        message = f"{host} does not answer {action} as the API does."
        raise Unanswered(message, hint="Look at custom_endpoint_ecs.") from None
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
