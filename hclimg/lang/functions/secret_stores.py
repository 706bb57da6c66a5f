"""Functions that ask a service for a value: Vault, Consul, and the secrets manager of AWS.

The environment says where the services are and who asks, with the variables that their own command lines read. Each
value is asked for once in a run. What comes back is sensitive. The libraries are imported when a template needs them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hclimg.lang.functions.arguments import text_parameter
from hclimg.lang.functions.model import Function, FunctionError, Parameter
from hclimg.lang.functions.services import (
    CONNECT_SECONDS,
    READ_SECONDS,
    RETRIES,
    TlsFiles,
    needs_package,
    new_pool,
    switched_on,
    unreachable,
)
from hclimg.lang.show import quoted
from hclimg.lang.types import STRING
from hclimg.lang.values import SENSITIVE, Value, string

if TYPE_CHECKING:
    from collections.abc import Callable

    from hclimg.lang.functions.catalog import Surroundings

_SENSITIVE = frozenset((SENSITIVE,))


class _Stores:
    """The functions, and what they learnt: a template is evaluated more than once, but a secret is read once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, ...], Value] = {}

    def _once(self, ask: Callable[..., str], *arguments: str | None) -> Value:
        key = (ask.__name__, *arguments)
        if key not in self._known:
            self._known[key] = string(ask(*arguments)).with_marks(_SENSITIVE)
        return self._known[key]

    def vault(self, path: Value, key: Value) -> Value:
        """A secret from Vault's key/value store, by its path and the key in it."""
        return self._once(_vault, path.raw, key.raw)

    def consul_key(self, key: Value) -> Value:
        """A value from Consul's key/value store."""
        return self._once(_consul_key, key.raw)

    def aws_secretsmanager(self, name: Value, *key: Value) -> Value:
        """One value of a secret in AWS Secrets Manager; without a key (or null), the only one that it has."""
        if len(key) > 1:
            raise FunctionError("it takes the name of a secret and at most one key")
        return self._once(_aws_value, name.raw, key[0].raw if key else None)

    def aws_secretsmanager_raw(self, name: Value) -> Value:
        """A secret in AWS Secrets Manager as it is stored."""
        return self._once(_aws_secret, name.raw)


# -- Vault ----------------------------------------------------------------------


def _vault(path: str, key: str) -> str:
    data = read_vault(path)
    inner = data.get("data", data)  # version 2 of the store wraps what version 1 gives
    if not isinstance(inner, dict) or key not in inner:
        known = ", ".join(sorted(inner)) if isinstance(inner, dict) else ""
        has = f"; it has {known}" if known else "; its newest version may have been deleted"
        raise FunctionError(f"the secret at {path} has no key {quoted(key)}{has}")
    if not isinstance(inner[key], str):
        raise FunctionError(f"the value of {quoted(key)} at {path} is not a string")
    return str(inner[key])


def read_vault(path: str, **parameters: str) -> dict[str, Any]:
    """What Vault has at a path, asked for with these parameters. Raises FunctionError in words for the user."""
    if not os.environ.get("VAULT_TOKEN"):
        raise FunctionError("set the environment variable VAULT_TOKEN to a token that may read the secret")
    try:
        import hvac
        import requests
    except ImportError:
        raise needs_package("hvac") from None
    address = _vault_address()
    try:
        found = _vault_read(_vault_client(address), path, parameters)
    except hvac.exceptions.Forbidden:
        raise FunctionError(f"Vault denies reading {path}: the token in VAULT_TOKEN may not, or it expired") from None
    except hvac.exceptions.VaultError as error:
        raise FunctionError(f"Vault cannot read {path}: {_first_line(error)}") from None
    except (requests.RequestException, OSError, ValueError) as error:
        raise unreachable("Vault", address, "VAULT_ADDR", error) from None
    if not isinstance(found, dict) or not isinstance(found.get("data"), dict):
        hint = "; for version 2 of the key/value store, the path has data/ after the name of the store"
        raise FunctionError(f"Vault has no secret at {path}{hint}")
    data: dict[str, Any] = found["data"]
    return data


def _vault_read(client: Any, path: str, parameters: dict[str, str]) -> Any:
    if not parameters:
        return client.read(path)
    return client.adapter.get(f"/v1/{path}", params=parameters)


def _vault_address() -> str:
    return os.environ.get("VAULT_AGENT_ADDR") or os.environ.get("VAULT_ADDR") or "https://127.0.0.1:8200"


def _vault_client(address: str) -> Any:
    import hvac
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    tls = TlsFiles.of("VAULT")
    session = requests.Session()
    retry = Retry(RETRIES, connect=0, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), raise_on_status=False)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return hvac.Client(
        url=address,
        token=os.environ["VAULT_TOKEN"],
        namespace=os.environ.get("VAULT_NAMESPACE") or None,
        verify=False if switched_on("VAULT_SKIP_VERIFY") else tls.authority or True,
        cert=(tls.certificate, tls.key) if tls.certificate and tls.key else None,
        timeout=_vault_timeout(),
        session=session,
    )


def _vault_timeout() -> float:
    text = os.environ.get("VAULT_CLIENT_TIMEOUT", "")
    return float(text) if text.isdigit() and 0 < int(text) <= 600 else READ_SECONDS


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


# -- Consul ---------------------------------------------------------------------


def _consul_key(key: str) -> str:
    import base64
    import json
    from urllib.parse import quote

    import urllib3

    address = _consul_address()
    url = f"{address}/v1/kv/{quote(key.lstrip('/'))}{_consul_query()}"
    try:
        answer = new_pool("CONSUL", verify=_consul_verifies()).request("GET", url, headers=_consul_headers())
        found = json.loads(answer.data) if answer.status == 200 else []
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise unreachable("Consul", address, "CONSUL_HTTP_ADDR", error) from None
    if answer.status in (401, 403):
        raise FunctionError(f"Consul denies reading {key}: CONSUL_HTTP_TOKEN has to be a token that may")
    if answer.status not in (200, 404):
        raise FunctionError(f"Consul answers with status {answer.status} for {key}")
    value = found[0].get("Value") if found else None
    if not found:
        raise FunctionError(f"Consul has no key {key}")
    if not value:
        raise FunctionError(f"the value of {key} in Consul is empty")
    return base64.b64decode(value).decode(errors="replace")


def _consul_address() -> str:
    given = os.environ.get("CONSUL_HTTP_ADDR") or "127.0.0.1:8500"
    if given.startswith("unix://"):
        raise FunctionError("CONSUL_HTTP_ADDR is a socket; only http:// and https:// addresses can be used")
    scheme, separator, rest = given.partition("://")
    if not separator:
        scheme, rest = "http", given
    if switched_on("CONSUL_HTTP_SSL"):
        scheme = "https"
    return f"{scheme}://{rest.rstrip('/')}"


def _consul_verifies() -> bool:
    return os.environ.get("CONSUL_HTTP_SSL_VERIFY", "").lower() not in ("false", "0", "f")


def _consul_query() -> str:
    from urllib.parse import urlencode

    names = {"ns": "CONSUL_NAMESPACE", "partition": "CONSUL_PARTITION"}
    given = {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}
    return f"?{urlencode(given)}" if given else ""


def _consul_headers() -> dict[str, str]:
    token = os.environ.get("CONSUL_HTTP_TOKEN", "")
    file = os.environ.get("CONSUL_HTTP_TOKEN_FILE", "")
    if file and not token:
        from pathlib import Path

        try:
            token = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise FunctionError(f"cannot read CONSUL_HTTP_TOKEN_FILE: {error}") from None
    headers = {"X-Consul-Token": token} if token else {}
    if os.environ.get("CONSUL_HTTP_AUTH"):
        from urllib3 import make_headers

        headers |= make_headers(basic_auth=os.environ["CONSUL_HTTP_AUTH"])
    return headers


# -- AWS ------------------------------------------------------------------------


def _aws_value(name: str, key: str | None) -> str:
    import json

    text = _aws_secret(name)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text  # a secret that is a plain text
    if not isinstance(data, dict):
        raise FunctionError(f"the secret {name} is JSON, but no object with keys; read it by aws_secretsmanager_raw")
    if not key and len(data) != 1:
        raise FunctionError(f"the secret {name} has {len(data)} keys; say which one: {', '.join(sorted(data))}")
    if key and key not in data:
        raise FunctionError(f"the secret {name} has no key {quoted(key)}; it has {', '.join(sorted(data))}")
    value = data[key] if key else next(iter(data.values()))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FunctionError(f"the value in the secret {name} is neither a string nor a number")
    return value if isinstance(value, str) else f"{value:.0f}"


def _aws_secret(name: str) -> str:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError
    except ImportError:
        raise needs_package("boto3") from None
    region = os.environ.get("AWS_REGION") or None
    config = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": RETRIES + 1}
    )
    try:
        client = boto3.Session().client("secretsmanager", region_name=region, config=config)
        found = client.get_secret_value(SecretId=name)
    except NoRegionError:
        raise FunctionError("set the environment variable AWS_REGION, or a region in AWS's configuration") from None
    except NoCredentialsError:
        hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        raise FunctionError(f"there are no credentials for AWS; {hint}") from None
    except ClientError as error:
        raise FunctionError(f"AWS refuses to read the secret {name}: {_first_line(error)}") from None
    except (BotoCoreError, ValueError) as error:
        raise FunctionError(f"cannot ask AWS for the secret {name}: {_first_line(error)}") from None
    if "SecretString" not in found:
        raise FunctionError(f"the secret {name} is binary, not a text")
    return str(found["SecretString"])


def functions(_surroundings: Surroundings) -> dict[str, Function]:
    stores = _Stores()
    optional_key = Parameter("key", STRING, null=True)
    found = (
        Function(
            "aws_secretsmanager",
            stores.aws_secretsmanager,
            text_parameter("name"),
            variadic=optional_key,
            result=STRING,
        ),
        Function("aws_secretsmanager_raw", stores.aws_secretsmanager_raw, text_parameter("name"), result=STRING),
        Function("consul_key", stores.consul_key, text_parameter("key"), result=STRING),
        Function("vault", stores.vault, text_parameter("path"), text_parameter("key"), result=STRING),
    )
    return {function.name: function for function in found}
