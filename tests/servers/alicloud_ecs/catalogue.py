"""What each request may say, must say, and of what type.

``requests.txt`` has a line for each action: its parameters' names on the wire, types, and ``!`` at those that are
required; facts read out of the vendor's alibabacloud-ecs20140526 7.11.8 (and, at its end, of the location service's and
STS's requests). The names that the installed aliyun-python-sdk-ecs can set are added: each SDK lags behind in others.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen

from servers.alicloud_ecs.wire import Parameters, Refusal, invalid, missing

VALUES = {
    "int": re.compile(r"-?\d+"),
    "float": re.compile(r"-?\d+(\.\d+)?"),
    "bool": re.compile("true|false", re.IGNORECASE),
    "str": re.compile(".*", re.DOTALL),
}
SDK_TYPES = {"Integer": "int", "Long": "int", "Float": "float", "Boolean": "bool"}
EVERYBODYS = {
    "OwnerId": "int",
    "OwnerAccount": "str",
    "ResourceOwnerId": "int",
    "ResourceOwnerAccount": "str",
    "RegionId": "str",
}


@frozen
class Request:
    """Types of the parameters by name, where ``N`` stands for a number, and the required ones."""

    types: dict[str, str]
    required: tuple[str, ...]

    def check(self, parameters: Parameters) -> tuple[str, ...]:
        """Refuses what is missing or of another type; returns the names that the API does not know, and ignores."""
        for name in self.required:
            self._present(name, parameters)
        strays = []
        for name, value in parameters.given.items():
            kind = self.types.get(re.sub(r"\.\d+(?=\.|$)", ".N", name))
            if kind is None:
                strays.append(name)
            elif value and not VALUES[kind].fullmatch(value):
                raise invalid(name)
        return tuple(strays)

    def _present(self, name: str, parameters: Parameters) -> None:
        """Of a list, the first. A structure's member is required only in structures that there are."""
        holder, _, member = name.partition(".N.")
        if member:
            for at, each in enumerate(parameters.structures(holder), 1):
                if member not in each:
                    raise missing(f"{holder}.{at}.{member}")
        elif name.endswith(".N"):
            if not parameters.texts(name[:-2]):
                raise missing(f"{name[:-2]}.1")
        elif name not in parameters.given:
            raise missing(name)


@cache
def requests() -> dict[str, Request]:
    found = {}
    for line in (Path(__file__).parent / "requests.txt").read_text().splitlines():
        action, *described = line.split()
        pairs = [each.split(":") for each in described]
        required = tuple(name for name, kind in pairs if kind.endswith("!"))
        types = {name: kind.rstrip("!") for name, kind in pairs}
        found[action] = Request({**_of_sdk(action), **EVERYBODYS, **types}, required)
    return found


def request(action: str) -> Request:
    known = requests().get(action)
    if known is None:
        raise Refusal(404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
    return known


def _of_sdk(action: str) -> dict[str, str]:
    """Read, not imported: a request class is a list of setters, each with the type in a comment."""
    spec = find_spec("aliyunsdkecs")
    assert spec
    assert spec.origin
    source = Path(spec.origin).parent / "request" / "v20140526" / f"{action}Request.py"
    if not source.exists():
        return {}
    types = {}
    for setter in source.read_text().split("\tdef set_")[1:]:
        kind = re.search(r"# *(\w+)", setter.split("\n", 1)[0])
        for written in re.findall(r"add_(?:query|body)_params?\((.+), ", setter):
            name = re.sub(r"' \+ str\(\w+ \+ 1\) \+ '|' \+ str\(\w+ \+ 1\)", "N", written).strip("'")
            types[name] = SDK_TYPES.get(kind[1], "str") if kind else "str"
    return types
