"""Bills of materials in CycloneDX 1.6, by cyclonedx-python-lib."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import fixup_id, is_expression

from hclimg import __version__
from hclimg.sbom.documents import About
from hclimg.sbom.packages import Package, System
from hclimg.sbom.purl import purl

_SPACE = uuid.UUID("1f8f8a35-1b3e-4b9e-9a0c-0f3c8e0f0a11")


def write(about: About, system: System) -> str:
    image = Component(name=about.name, version=about.run, type=ComponentType.FILE, bom_ref="image")
    release = Component(
        name=system.id, version=system.version or None, description=system.title,
        type=ComponentType.OPERATING_SYSTEM, bom_ref="operating-system",
    )  # fmt: skip
    tool = Component(name="hclimg", version=__version__, type=ComponentType.APPLICATION)
    metadata = BomMetaData(component=image, timestamp=about.made, tools=ToolRepository(components=[tool]))
    bom = Bom(
        serial_number=uuid.uuid5(_SPACE, f"{about.run} {about.name}"), metadata=metadata,
        components=[release, *(_component(one, system) for one in system.packages)],
    )  # fmt: skip
    parts = [Dependency(ref=one.bom_ref) for one in bom.components]
    bom.dependencies = [Dependency(ref=image.bom_ref, dependencies=parts), *parts]
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(one: Package, system: System) -> Component:
    location = purl(one, system)
    return Component(
        name=one.name, version=one.version, type=ComponentType.LIBRARY, bom_ref=location.to_string(), purl=location,
        description=one.summary or None, supplier=OrganizationalEntity(name=one.supplier) if one.supplier else None,
        licenses=[_license(one.license)] if one.license else None,
        external_references=_references(one),
    )  # fmt: skip


def _license(text: str) -> DisjunctiveLicense | LicenseExpression:
    if known := fixup_id(text):
        return DisjunctiveLicense(id=known)
    return LicenseExpression(text) if is_expression(text) else DisjunctiveLicense(name=text)


def _references(one: Package) -> Iterator[ExternalReference]:
    if one.homepage:
        yield ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(one.homepage))
