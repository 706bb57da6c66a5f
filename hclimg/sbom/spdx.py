"""Bills of materials in SPDX 2.3, by spdx-tools.

Its validator takes time that grows with the square of the packages, so in a run documents are only parsed; the tests
validate.
"""

from __future__ import annotations

import io
import re
from typing import Any

from license_expression import get_spdx_licensing
from spdx_tools.spdx.model import (
    Actor,
    ActorType,
    CreationInfo,
    Document,
    ExternalPackageRef,
    ExternalPackageRefCategory,
    PackagePurpose,
    Relationship,
    RelationshipType,
    SpdxNoAssertion,
)
from spdx_tools.spdx.model import Package as SpdxPackage
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.writer.json.json_writer import write_document_to_stream

from hclimg import __version__
from hclimg.sbom.documents import About
from hclimg.sbom.packages import Package, System
from hclimg.sbom.purl import purl

_LICENSES = get_spdx_licensing()
_DOCUMENT, _IMAGE = "SPDXRef-DOCUMENT", "SPDXRef-image"


def write(about: About, system: System) -> str:
    info = CreationInfo(
        spdx_version="SPDX-2.3", spdx_id=_DOCUMENT, name=about.name,
        document_namespace=f"https://spdx.org/spdxdocs/{_id(about.name)}-{about.run}",
        creators=[Actor(ActorType.TOOL, f"hclimg-{__version__}")],
        created=about.made.replace(tzinfo=None, microsecond=0),
    )  # fmt: skip
    image = SpdxPackage(
        spdx_id=_IMAGE, name=about.name, download_location=SpdxNoAssertion(), version=about.run, files_analyzed=False,
        primary_package_purpose=PackagePurpose.OPERATING_SYSTEM, description=system.title,
    )  # fmt: skip
    packages = [_package(number, one, system) for number, one in enumerate(system.packages, 1)]
    relations = [Relationship(_DOCUMENT, RelationshipType.DESCRIBES, _IMAGE)]
    relations += [Relationship(_IMAGE, RelationshipType.CONTAINS, one.spdx_id) for one in packages]
    made = Document(creation_info=info, packages=[image, *packages], relationships=relations)
    text = io.StringIO()
    write_document_to_stream(made, text, validate=False)
    return text.getvalue() + "\n"


def _package(number: int, one: Package, system: System) -> SpdxPackage:
    known = bool(one.license) and not _LICENSES.validate(one.license).errors
    return SpdxPackage(
        spdx_id=f"SPDXRef-{number}-{_id(one.name)}", name=one.name, version=one.version, files_analyzed=False,
        download_location=SpdxNoAssertion(), supplier=_actor(one.supplier),
        homepage=one.homepage if re.fullmatch(r"https?://[\w./~:@%+-]+", one.homepage) else None,
        license_declared=_LICENSES.parse(one.license) if known else SpdxNoAssertion(),
        license_comment=f"As the package says: {one.license}" if one.license and not known else None,
        summary=one.summary or None, source_info=f"Built from {one.source}." if one.source else None,
        external_references=[
            ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", purl(one, system).to_string())
        ],
    )  # fmt: skip


def _id(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", name)


def _actor(text: str) -> Actor | SpdxNoAssertion:
    """``Name <address>``."""
    found = re.fullmatch(r"\s*(.*?)\s*<(.*)>\s*", text)
    name, address = (found[1], found[2]) if found else (text, "")
    return Actor(ActorType.ORGANIZATION, name or address, address or None) if name or address else SpdxNoAssertion()


def problem(data: dict[str, Any]) -> str:
    """What is wrong with a document; empty when nothing."""
    try:
        JsonLikeDictParser().parse(data)
    except SPDXParsingError as error:
        return "; ".join(error.get_messages())[:500]
    return ""
