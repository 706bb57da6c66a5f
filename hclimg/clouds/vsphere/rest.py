"""vCenter's REST interface, for what the SDK does not cover: content libraries and tags."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any, Self

from hclimg.clouds.vsphere.client import Vcenter, trust
from hclimg.errors import ApiError

SESSION = "/rest/com/vmware/cis/session"
TIMEOUT = 3600.0  # seconds: a request that makes an item answers when the item is whole


class Rest:
    """A session of its own for as long as the block lasts."""

    def __init__(self, api: Vcenter) -> None:
        self._api = api
        self._token = ""

    def __enter__(self) -> Self:
        endpoint = self._api.endpoint
        account = base64.b64encode(f"{endpoint.username}:{endpoint.password.reveal()}".encode()).decode()
        self._token = str(self.ask("log in", "POST", SESSION, headers={"Authorization": f"Basic {account}"}))
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        try:
            self.ask("log out", "DELETE", SESSION)
        except ApiError:
            return  # it ends by itself

    def ask(self, what: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
        """The ``value`` of the answer. ``what`` finishes "the vCenter refused to …"."""
        endpoint = self._api.endpoint
        connection = http.client.HTTPSConnection(endpoint.host, endpoint.port, context=trust(endpoint), timeout=TIMEOUT)
        sent = {"Content-Type": "application/json", "vmware-api-session-id": self._token, **(headers or {})}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, sent)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"{endpoint.server} does not answer, when asked to {what}: {error}.") from error
        finally:
            connection.close()
        if answer.status >= 400:
            message = f"{endpoint.server} refused to {what}: {answer.status} {answer.reason} {text[:300]}"
            raise ApiError(f"{message.strip()}.", code=str(answer.status))
        return json.loads(text).get("value") if text.strip() else None
