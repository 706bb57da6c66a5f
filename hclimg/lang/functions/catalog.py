"""All functions by name, each module of them imported when one of its functions is looked up.

The names are written down here so that asking for a name, or suggesting one, imports nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from hclimg.lang.functions.model import Function

_MODULES = {
    "strings": (
        "chomp endswith indent join lower replace split startswith strcontains strrev substr title trim trimprefix "
        "trimspace trimsuffix upper"
    ),
    "formatting": "format formatlist",
    "patterns": "regex regex_replace regexall",
    "choices": "coalesce coalescelist matchkeys one",
    "collections": "chunklist compact concat contains distinct element flatten index length range reverse slice sort",
    "maps": "keys lookup merge transpose values zipmap",
    "sets": "alltrue anytrue setintersection setproduct setsubtract setunion sum",
    "numeric": "abs ceil floor log max min parseint pow signum",
    "conversion": "tobool tolist tomap tonumber toset tostring",
    "encoding": (
        "base64decode base64encode base64gunzip base64gzip csvdecode jsondecode jsonencode textdecodebase64 "
        "textencodebase64 urldecode urlencode"
    ),
    "yaml": "yamldecode yamlencode",
    "crypto": "base64sha256 base64sha512 bcrypt md5 rsadecrypt sha1 sha256 sha512 uuidv4 uuidv5",
    "datetime": (
        "formatdate legacy_isotime legacy_strftime plantimestamp rfc3339_parse timeadd timecmp timestamp "
        "unix_timestamp_parse"
    ),
    "filesystem": "abspath basename dirname file filebase64 fileexists fileset pathexpand",
    "filehashes": "filebase64sha256 filebase64sha512 filemd5 filesha1 filesha256 filesha512",
    "textfiles": "templatefile templatestring",
    "ipnet": "cidrhost cidrnetmask cidrsubnet cidrsubnets",
    "marks": "issensitive nonsensitive sensitive",
    "secret_stores": "aws_secretsmanager aws_secretsmanager_raw consul_key vault",
    "forms": "can convert try",
}
_BEYOND = (
    "base64gunzip base64sha256 base64sha512 filebase64sha256 filebase64sha512 filemd5 filesha1 filesha256 filesha512 "
    "issensitive matchkeys nonsensitive one plantimestamp sensitive setsubtract templatestring timecmp tobool tolist "
    "tomap tonumber toset tostring transpose urldecode"
)
BEYOND_PACKER = frozenset(_BEYOND.split())
"""The functions that Packer does not have; users know most of them from Terraform."""
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


class Surroundings:
    """What some functions need to know about where and when they run."""

    __slots__ = ("base_dir", "timestamp")

    def __init__(self, base_dir: Path, timestamp: datetime) -> None:
        self.base_dir = base_dir
        self.timestamp = timestamp


class Catalog(Mapping[str, "Function"]):
    """Functions by name, loaded on demand."""

    __slots__ = ("_loaded", "_replaced", "_surroundings")

    def __init__(self, surroundings: Surroundings, replaced: Mapping[str, Function] | None = None) -> None:
        self._surroundings = surroundings
        self._replaced = replaced or {}
        self._loaded: dict[str, Function] = {}

    def __getitem__(self, name: str) -> Function:
        if name in self._replaced:
            return self._replaced[name]
        if name not in self._loaded:
            module = import_module(f"hclimg.lang.functions.{_MODULE_OF[name]}")
            self._loaded.update(module.functions(self._surroundings))
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in _MODULE_OF

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULE_OF)

    def __len__(self) -> int:
        return len(_MODULE_OF)


def standard_functions(
    base_dir: Path, timestamp: datetime, replaced: Mapping[str, Function] | None = None
) -> Mapping[str, Function]:
    """Every function of templates but ``env``; relative paths start at ``base_dir``, ``timestamp`` is frozen.

    ``replaced`` are others in the place of some.
    """
    return Catalog(Surroundings(base_dir, timestamp), replaced)
