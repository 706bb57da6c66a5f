"""What goes on the wire: a request as a ``Call``, its parameters read as lists and numbers, answers in JSON or XML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from attrs import define, field, frozen

Json = dict[str, Any]
NEEDED = (
    "Action", "Version", "AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce",
    "Timestamp",
)  # fmt: skip
COMMON = frozenset((*NEEDED, "Format", "SignatureType", "SecurityToken"))


class Refusal(Exception):
    """The API's error: HTTP status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message


def missing(name: str) -> Refusal:
    text = f'The input parameter "{name}" that is mandatory for processing this request is not supplied.'
    return Refusal(400, "MissingParameter", text)


def invalid(name: str, code: str = "InvalidParameter") -> Refusal:
    return Refusal(400, code, f"The specified parameter {name} is not valid.")


@frozen
class Parameters:
    """Those of an action, without the common ones. ``Name.1``, ``Name.2``: a list; ``Name.1.Key``: of structures."""

    given: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return bool(self.given.get(name))

    def text(self, name: str, default: str = "") -> str:
        return self.given.get(name) or default

    def need(self, name: str) -> str:
        if name not in self:
            raise missing(name)
        return self.given[name]

    def flag(self, name: str, *, default: bool = False) -> bool:
        return self.given[name].lower() == "true" if name in self else default

    def number(self, name: str, default: int = 0) -> int:
        return int(self.given[name]) if name in self else default

    def texts(self, name: str) -> list[str]:
        return [value for _, value in self._numbered(re.compile(rf"{re.escape(name)}\.(\d+)"))]

    def structures(self, name: str) -> list[dict[str, str]]:
        found: dict[int, dict[str, str]] = {}
        pattern = re.compile(rf"{re.escape(name)}\.(\d+)\.(.+)")
        for match, value in self._numbered(pattern):
            found.setdefault(int(match[1]), {})[match[2]] = value
        return [found[at] for at in sorted(found)]

    def listed(self, name: str) -> list[str]:
        """A JSON array in one parameter, or names with commas between."""
        text = self.text(name)
        if not text.startswith("["):
            return [part.strip() for part in text.split(",") if part.strip()]
        try:
            return [str(each) for each in json.loads(text)]
        except ValueError:
            raise invalid(name, f"Invalid{name}.Malformed") from None

    def tags(self) -> dict[str, str]:
        """Old clients say ``Tag.1.Key``, older ones ``Tag.1.key`` or ``Tag1Key``."""
        pairs = [{name.lower(): value for name, value in each.items()} for each in self.structures("Tag")]
        old = [(self.text(f"Tag.{at}.key"), self.text(f"Tag.{at}.value")) for at in range(1, 6)]
        return {each["key"]: each.get("value", "") for each in pairs if each.get("key")} | {
            key: value for key, value in old if key
        }

    def _numbered(self, pattern: re.Pattern[str]) -> list[tuple[re.Match[str], str]]:
        matches = [(match, value) for name, value in self.given.items() if (match := pattern.fullmatch(name))]
        return sorted(matches, key=lambda each: int(each[0][1]))


@define
class Call:
    """One request as it came, and what became of it: ``outcome`` is ``OK``, an error code, or a fault's name."""

    action: str
    version: str
    parameters: Parameters
    account: str = ""
    access_key: str = ""
    host: str = ""
    outcome: str = ""
    strays: tuple[str, ...] = field(default=())

    @property
    def given(self) -> dict[str, str]:
        return dict(self.parameters.given)


@frozen
class Reply:
    """Of a ``half`` one the connection breaks in the middle."""

    status: int
    body: bytes
    kind: str
    half: bool = False


def reply(status: int, content: Json, form: str, root: str) -> Reply:
    if form.upper() == "JSON":
        return Reply(status, json.dumps(content).encode(), "application/json;charset=utf-8")
    text = f"<?xml version='1.0' encoding='UTF-8'?><{root}>{_xml(content)}</{root}>"
    return Reply(status, text.encode(), "text/xml;charset=utf-8")


def _xml(value: object) -> str:
    if isinstance(value, dict):
        return "".join(_element(name, each) for name, each in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return escape(str(value))


def _element(name: str, value: object) -> str:
    if isinstance(value, list):
        return "".join(_element(name, each) for each in value)
    return f"<{name}>{_xml(value)}</{name}>"
