"""Calls of AWS's APIs: answers as plain data, errors in words, waits that can be cancelled.

    aws = connect(ctx, config.access)
    ec2 = aws.service("ec2")
    answer = ec2.call("RunInstances", ImageId=ami, MinCount=1, MaxCount=1)
    ec2.wait("instance_running", f"instance {id}", InstanceIds=[id])

Operations have the names of the API. What AWS throttles or fails at, and cut connections, the SDK tries again, as it
was told once (``session``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen
from botocore import exceptions, xform_name
from botocore.parsers import ResponseParserError

from hclimg.clouds.aws.access import AssumeRoleConfig, AwsAccess, VaultAwsConfig, polling
from hclimg.clouds.aws.refusals import ENCODED, is_missing, refusal
from hclimg.clouds.aws.session import Session, session_of
from hclimg.clouds.aws.watch import Caller, calling, watch
from hclimg.errors import ApiError, BuildError, ConnectionLost, TimedOut
from hclimg.sdk.context import Context
from hclimg.units import show_duration

SHORT = timedelta(minutes=10)
LONG = timedelta(hours=12)
"""How long what happens to an instance may take, and what copies disks."""
SOON = 120.0
"""Seconds after which what was just made must be known everywhere in AWS."""
FIRST_DELAY, LAST_DELAY, DELAY_GROWTH = 1.0, 15.0, 1.3


T = TypeVar("T")


def connect(ctx: Context, access: AwsAccess, *, any_region: bool = False) -> Aws:
    """AWS with these settings. Raises BuildError without a region or with credentials that AWS does not know.

    ``any_region`` is the setting skip_region_validation.
    """
    aws = Aws(ctx, _session(ctx, access, ctx.ask))
    if not any_region:
        aws.check_region(aws.region)
    aws.validate()
    return aws


def reconnect(caller: Caller, identity: Mapping[str, str]) -> Aws:
    """AWS as :attr:`Aws.identity` says; credentials come from the environment and the profile.

    Raises BuildError when they are of another account than the known one: there, everything seems to be gone.
    """

    def ask(prompt: str) -> str:
        raise EOFError(prompt)

    aws = Aws(caller, _session(caller, access_of(identity), ask))
    made_in = identity.get("account", "")
    if made_in:
        aws.validate()
    if made_in and aws.account and aws.account != made_in:
        raise BuildError(
            f"It is in the account {made_in}, but the credentials are of the account {aws.account}.",
            hint="Set AWS_PROFILE, or the other variables of AWS, to those of the account.",
        )
    return aws


def access_of(identity: Mapping[str, str]) -> AwsAccess:
    """The settings that lead to the API at which something was made."""
    engine, _, lender = identity.get("vault", "").rpartition("/")
    role = identity.get("role", "")
    return AwsAccess(
        region=identity.get("region", ""),
        profile=identity.get("profile", ""),
        shared_credentials_file=identity.get("credentials", ""),
        custom_endpoint_ec2=identity.get("endpoint", ""),
        insecure_skip_tls_verify=identity.get("insecure", "") == "true",
        assume_role=AssumeRoleConfig(role_arn=role, external_id=identity.get("external", "")) if role else None,
        vault_aws_engine=VaultAwsConfig(name=lender, engine_name=engine) if lender else None,
    )


def _session(caller: Caller, access: AwsAccess, ask: Callable[[str], str]) -> Session:
    caller.cancel.check()
    with _told("the credentials"):
        return session_of(access, ask)


@frozen(eq=False)
class Aws:
    """AWS for one component. Cheap: what it stands on is shared."""

    _caller: Caller
    _session: Session

    @property
    def region(self) -> str:
        return self._session.region

    @property
    def account(self) -> str:
        """The account's number; empty when it was not asked for."""
        return self._session.account

    @property
    def identity(self) -> dict[str, str]:
        """For the journal and artifacts: what leads to the same API again, without secrets."""
        access = self._session.access
        role, engine = access.assume_role, access.vault_aws_engine
        found = {
            "region": self.region,
            "account": self.account,
            "profile": _profile(access),
            "credentials": _absolute(access.shared_credentials_file),
            "endpoint": access.custom_endpoint_ec2,
            "insecure": "true" if access.insecure_skip_tls_verify else "",
            "role": role.role_arn if role else "",
            "external": role.external_id if role else "",
            "vault": f"{engine.engine_name}/{engine.name}" if engine else "",
        }
        return {name: value for name, value in found.items() if value}

    def service(self, name: str, region: str = "") -> Service:
        """A service's API (``ec2``, ``s3``, ``iam``, …), in a region (default: the one of the settings)."""
        region = region or self.region
        with _told(f"the API {name} of {region}"):
            client = self._session.client(name, region, watch)
        return Service(name=name, region=region, aws=self, caller=self._caller, client=client)

    def check_region(self, region: str) -> None:
        """Raises BuildError for a region that AWS does not have, unless the endpoint is another's."""
        if not self._session.other_endpoint:
            self._session.check_region(region)

    def validate(self) -> None:
        """Find out once who the credentials belong to. Raises BuildError when AWS does not know them."""
        session = self._session
        if session.account or session.access.skip_credential_validation or session.access.custom_endpoint_ec2:
            return
        try:
            session.account = str(self.service("sts").call("GetCallerIdentity")["Account"])
        except ConnectionLost as error:
            hint = f"{error.hint} Without access to STS, set skip_credential_validation = true.".strip()
            raise ConnectionLost(error.message, hint=hint) from error

    def decoded(self, answer: Mapping[str, Any]) -> str:
        """Why something is not allowed, when the settings want it decoded and AWS does it."""
        found = ENCODED.search(str(answer.get("Error", {}).get("Message", "")))
        if not found or not self._session.access.decode_authorization_messages:
            return ""
        try:
            reply = self.service("sts").call("DecodeAuthorizationMessage", EncodedMessage=found[1])
        except BuildError as error:
            return f"The message cannot be decoded: {error.message}"
        return str(reply["DecodedMessage"])

    def patience(self, usual: timedelta) -> Iterator[float]:
        """How long to wait after each look at something that is not ready yet, in seconds, until it is too long."""
        attempts, fixed = polling(self._session.access.aws_polling, os.environ)
        delay = fixed.total_seconds() or FIRST_DELAY
        last = time.monotonic() + usual.total_seconds()
        count = 1
        while count < attempts if attempts else time.monotonic() < last:
            yield delay
            count += 1
            if not fixed:
                delay = min(delay * DELAY_GROWTH, LAST_DELAY)


@frozen(eq=False, kw_only=True)
class Service:
    """The API of one service in one region."""

    name: str
    region: str
    aws: Aws
    caller: Caller
    client: Any

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return str(self.client.meta.endpoint_url)

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer. Raises ApiError when AWS refuses, ConnectionLost when it cannot be reached."""
        method = getattr(self.client, xform_name(operation))
        with self._calling(operation):
            answer: dict[str, Any] = method(**parameters)
        return answer

    def pages(self, operation: str, key: str, **parameters: Any) -> list[Any]:
        """All the items of a list that comes in pages."""
        pages = self.client.get_paginator(xform_name(operation)).paginate(**parameters)
        with self._calling(operation):
            return [item for page in pages for item in page.get(key) or ()]

    def is_allowed(self, operation: str, **parameters: Any) -> bool:
        """Whether an operation would be done, by a dry run. Raises what it would raise."""
        try:
            self.call(operation, DryRun=True, **parameters)
        except ApiError as error:
            if error.code != "DryRunOperation":
                raise
        return True

    def upload(self, path: Path, bucket: str, key: str, done: Callable[[int], None], **more: Any) -> None:
        """Write a file to S3, in parts when it is large, several at once.

        ``done`` gets how many more bytes were sent, on threads of the SDK; a cancel ends the upload and removes its
        parts. ``more`` are what PutObject has besides. Raises as :meth:`call` does.
        """

        def sent(count: int) -> None:
            self.caller.cancel.check()
            done(count)

        try:
            with path.open("rb") as file, self._calling("PutObject"):
                self.client.upload_fileobj(file, bucket, key, ExtraArgs=more or None, Callback=sent)
        except OSError as error:
            raise BuildError(f"{path} cannot be read: {error.strerror}.") from error

    def wait(self, state: str, what: str, *, usual: timedelta = SHORT, **parameters: Any) -> dict[str, Any]:
        """Wait for a state that the SDK knows (``instance_running``, ``image_available``, …); the last answer.

        ``what`` names the thing in messages. Raises TimedOut, ApiError when AWS refuses, BuildError when the state
        cannot come any more. That something new is not known yet is no error at first.
        """
        waiter = self.client.get_waiter(state)
        acceptors, began = waiter.config.acceptors, time.monotonic()

        def look() -> dict[str, Any] | None:
            answer, error = self._look(waiter.config.operation, parameters)
            verdict = next((found.state for found in acceptors if found.matcher_func(answer)), "")
            if verdict == "failure":
                raise BuildError(f"Waiting for {what} is of no use: it cannot become so any more{_why(answer)}.")
            if verdict == "" and error is not None and not (is_missing(error) and time.monotonic() - began < SOON):
                raise error
            return answer if verdict == "success" else None

        return self.wait_until(look, what, usual=usual)

    def wait_until(self, look: Callable[[], T | None], what: str, *, usual: timedelta = SHORT) -> T:
        """Look until there is something, at the pace of the settings. Raises TimedOut that names ``what``."""
        began, patience = time.monotonic(), self.aws.patience(usual)
        while (found := look()) is None:
            delay = next(patience, None)
            if delay is None:
                spent = show_duration(timedelta(seconds=round(time.monotonic() - began)))
                hint = "The block aws_polling { max_attempts, delay_seconds } says how long to wait."
                raise TimedOut(f"Timed out after {spent} waiting for {what}.", hint=hint)
            self.caller.cancel.sleep(delay)
        return found

    def _look(self, operation: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], ApiError | None]:
        """An answer, or what AWS says instead in the form of an answer."""
        try:
            return self.call(operation, **parameters), None
        except ApiError as error:
            return {"Error": {"Code": error.code, "Message": error.message}}, error

    @contextmanager
    def _calling(self, operation: str) -> Iterator[None]:
        try:
            with calling(self.caller, operation), _told(operation, self.region):
                yield
        except exceptions.ClientError as error:
            raise refusal(operation, error.response, self.region, reason=self.aws.decoded(error.response)) from error


def _profile(access: AwsAccess) -> str:
    """The profile that gives the credentials; empty when something else does."""
    if access.access_key or access.vault_aws_engine or "AWS_ACCESS_KEY_ID" in os.environ:
        return access.profile
    return access.profile or os.environ.get("AWS_PROFILE", "")


def _absolute(file: str) -> str:
    """A file is looked for from elsewhere later."""
    return str(Path(file).expanduser().absolute()) if file else ""


def _why(answer: Mapping[str, Any]) -> str:
    """What an answer says about the state of something, wherever it says it."""
    for key, value in answer.items():
        if key in ("StateReason", "StatusMessage", "StateMessage") and value:
            text = value.get("Message", "") if isinstance(value, dict) else str(value)
            return f": {text.rstrip('.')}" if text else ""
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and (found := _why(item)):
                return found
    return ""


# -- errors of the SDK ------------------------------------------------------------

NO_CREDENTIALS = (
    "Set access_key and secret_key, or profile, or the environment variables AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
)
UNREACHABLE = (
    "Look at the region, custom_endpoint_ec2 and AWS_ENDPOINT_URL, and the proxy and the network of this host."
)


@contextmanager
def _told(what: str, region: str = "") -> Iterator[None]:
    """Errors that come from this host or the way to AWS, in words; what AWS says is left to the caller."""
    try:
        yield
    except exceptions.ClientError as error:
        if region:
            raise
        raise refusal(error.operation_name, error.response, "") from error
    except exceptions.ProfileNotFound as error:
        hint = "Look at profile, AWS_PROFILE, and the files ~/.aws/config and ~/.aws/credentials."
        raise BuildError(f'There is no profile "{error.kwargs["profile"]}" of AWS.', hint=hint) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise BuildError("There are no credentials for AWS.", hint=NO_CREDENTIALS) from error
    except (exceptions.SSOError, exceptions.TokenRetrievalError) as error:
        raise BuildError(f"AWS's single sign-on: {_text(error)}", hint="Sign in again: aws sso login.") from error
    except exceptions.SSLError as error:
        hint = "AWS_CA_BUNDLE names certificates to trust; insecure_skip_tls_verify = true trusts any."
        raise ConnectionLost(f"The API of AWS has no certificate that is trusted: {_text(error)}", hint=hint) from error
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise ConnectionLost(f"AWS cannot be reached for {what}: {_text(error)}", hint=UNREACHABLE) from error
    except ResponseParserError as error:
        raise ApiError(f"AWS's answer to {what} cannot be read: {_text(error)}", code="ResponseParserError") from error
    except exceptions.ParamValidationError as error:
        raise BuildError(f"{what} cannot be asked for: {_text(error)}") from error
    except exceptions.BotoCoreError as error:
        raise BuildError(f"AWS cannot be used for {what}: {_text(error)}") from error


def _text(error: Exception) -> str:
    """One line."""
    text = " ".join(str(error).split())
    return text if text.endswith(".") else f"{text}."
