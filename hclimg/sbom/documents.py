"""Bills of materials: which formats there are, and what makes and checks them.

The libraries come with ``pip install 'hclimg[sbom]'``; nothing here loads them before they are needed.
"""

from __future__ import annotations

import json
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from attrs import frozen

from hclimg.errors import BuildError

if TYPE_CHECKING:
    from hclimg.sbom.packages import System

FORMATS = ("cyclonedx", "spdx")
ENDINGS = {"cyclonedx": "cdx.json", "spdx": "spdx.json"}
INSTALL = "pip install 'hclimg[sbom]'"
_PACKAGES = ("cyclonedx", "spdx_tools", "jsonschema")


@frozen(kw_only=True)
class About:
    """What a document is about: the ``name`` of the image, and the ``run`` and time that made it."""

    name: str
    run: str
    made: datetime


def is_installed() -> bool:
    return all(find_spec(name) is not None for name in _PACKAGES)


def document(kind: str, about: About, system: System) -> str:
    """The JSON text. ``kind`` is one of :data:`FORMATS`. Raises BuildError."""
    require()
    if kind == "spdx":
        from hclimg.sbom.spdx import write
    else:
        from hclimg.sbom.cyclonedx import write
    return write(about, system)


def require() -> None:
    """Raise BuildError when the libraries are not installed."""
    if not is_installed():
        raise BuildError("The libraries for bills of materials are not installed.", hint=INSTALL)


def recognized(text: str) -> str:
    """Which of :data:`FORMATS` a JSON text is. Raises BuildError with what is wrong in it."""
    require()
    try:
        data: Any = json.loads(text)
    except ValueError as error:
        raise BuildError(f"The bill of materials is not JSON: {error}.") from error
    kind = "spdx" if isinstance(data, dict) and "spdxVersion" in data else "cyclonedx"
    if not isinstance(data, dict) or (kind == "cyclonedx" and data.get("bomFormat") != "CycloneDX"):
        raise BuildError('It is neither CycloneDX ("bomFormat") nor SPDX ("spdxVersion").')
    if kind == "spdx":
        from hclimg.sbom.spdx import problem
    else:
        from hclimg.sbom.cyclonedx_schema import problem
    wrong = problem(data)
    if wrong:
        raise BuildError(f"The bill of materials is not right {kind}: {wrong}")
    return kind
