"""Data source ``http``: asks a web server, and tells what it answered."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.diagnostics import did_you_mean
from hclimg.sdk.components import DataSource
from hclimg.sdk.context import Context

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_USER = re.compile(r"(?<=://)[^/@?#]*@")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_URL = re.compile(r"https?://[^/?#\s]+[^\s]*", re.IGNORECASE)


@config
class HttpDataConfig:
    """Asks a web server. The answer must be text, and its status 200 to 299; redirections are followed."""

    url: str = setting("Where to ask.", example='"https://example.org/release.json"')
    method: str = setting(f"How to ask: {', '.join(METHODS)}.", default="", default_doc="`GET`")
    request_headers: dict[str, str] = setting(
        "Headers to send.", factory=dict, example='{ Accept = "application/json" }'
    )
    request_body: str = setting("What to send with the request.", default="")

    def check(self, problems: Checker) -> None:
        if problems.is_known("url") and not _URL.fullmatch(self.url):
            shown = _USER.sub("", self.url)
            problems.error("Invalid URL", f'"{shown}" is not a URL of the form http://… or https://….', "url")
        if self.method and self.method not in METHODS:
            hint = did_you_mean(self.method, METHODS) or f" The methods are {', '.join(METHODS)}."
            problems.error("Invalid method", f'"{self.method}" is not a method that can be used.{hint}', "method")
        for name, value in self.request_headers.items():
            if not _TOKEN.fullmatch(name):
                problems.error("Invalid header", f'"{name}" cannot be the name of a header.', "request_headers")
            elif "\r" in value or "\n" in value or "\0" in value:
                detail = f'The header "{name}" must be one line.'
                problems.error("Invalid header", detail, "request_headers")


@config
class HttpDataOutput:
    """What the server answered."""

    url: str = setting("The URL that was asked.")
    status_code: int = setting("The status of the answer.")
    body: str = setting("The text of the answer.")
    response_headers: dict[str, str] = setting("The headers of the answer; several of one name are joined with commas.")
    request_headers: dict[str, str] = setting("Packer's name of `response_headers`.")


class HttpDataSource(DataSource[HttpDataConfig]):
    Config: ClassVar[type] = HttpDataConfig
    Output: ClassVar[type | None] = HttpDataOutput

    def summary(self) -> str:
        return f"{self.config.method or METHODS[0]} {_USER.sub('', self.config.url)}"

    def read(self, ctx: Context) -> dict[str, Any]:
        from hclimg.datasources.http_answer import Question, ask

        how = self.config
        question = Question(how.method or METHODS[0], how.url, how.request_headers, how.request_body.encode())
        answer = ask(ctx, question)
        return {
            "url": how.url,
            "status_code": answer.status,
            "body": answer.text,
            "response_headers": answer.headers,
            "request_headers": answer.headers,
        }
