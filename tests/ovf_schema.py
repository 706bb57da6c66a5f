"""The rules of the XML schema of OVF descriptors, as far as a package of one machine is concerned.

DMTF's own files are not in this repository. Names, order, number and types of elements and attributes are stated here
anew, after DSP8023 1.0.0 (OVF envelope, 2009-01-15), DSP8004 (common types of CIM) and the schemas of
CIM_ResourceAllocationSettingData and CIM_VirtualSystemSettingData of CIM 2.19, all by the Distributed Management Task
Force, Inc. 1.1.0 only adds to them. Sections for collections of machines, products and deployment options are left out.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import xmlschema

XS = "http://www.w3.org/2001/XMLSchema"
OVF = "http://schemas.dmtf.org/ovf/envelope/1"
CIM = "http://schemas.dmtf.org/wbem/wscim/1/common"
CLASSES = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2"
RASD, VSSD = "CIM_ResourceAllocationSettingData", "CIM_VirtualSystemSettingData"

ATTRIBUTES = '<xs:anyAttribute namespace="##any" processContents="lax"/>'
OTHERS = '<xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/>'

SIMPLE = {
    "cimUnsignedShort": "unsignedShort", "cimUnsignedInt": "unsignedInt", "cimUnsignedLong": "unsignedLong",
    "cimString": "string", "cimBoolean": "boolean", "cimDateTime": "string",
}  # fmt: skip
RASD_ELEMENTS = """Address AddressOnParent AllocationUnits AutomaticAllocation:Boolean AutomaticDeallocation:Boolean
    Caption ChangeableType:UnsignedShort ConfigurationName Connection* ConsumerVisibility:UnsignedShort Description
    ElementName! Generation:UnsignedLong HostResource* InstanceID! Limit:UnsignedLong MappingBehavior:UnsignedShort
    OtherResourceType Parent PoolID Reservation:UnsignedLong ResourceSubType ResourceType:UnsignedShort
    VirtualQuantity:UnsignedLong Weight:UnsignedInt"""
VSSD_ELEMENTS = """AutomaticRecoveryAction:UnsignedShort AutomaticShutdownAction:UnsignedShort
    AutomaticStartupAction:UnsignedShort AutomaticStartupActionDelay:DateTime
    AutomaticStartupActionSequenceNumber:UnsignedShort Caption ChangeableType:UnsignedShort ConfigurationDataRoot
    ConfigurationFile ConfigurationID ConfigurationName CreationTime:DateTime Description ElementName!
    Generation:UnsignedLong InstanceID! LogDataRoot Notes* RecoveryFile SnapshotDataRoot SuspendDataRoot
    SwapFileDataRoot VirtualSystemIdentifier VirtualSystemType"""
"""In their order, strings if nothing is said: ``!`` one, ``*`` any number, else at most one."""


def problems(descriptor: str) -> list[str]:
    """What is wrong with an OVF descriptor, as the validator says it."""
    return [f"{error.path}: {error.reason}" for error in _schema().iter_errors(descriptor)]


@cache
def _schema() -> xmlschema.XMLSchema:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (
            ("common", _common()), (RASD, _class(RASD, RASD_ELEMENTS)), (VSSD, _class(VSSD, VSSD_ELEMENTS)),
            ("ovf", _envelope()),
        ):  # fmt: skip
            Path(folder, f"{name}.xsd").write_text(text)
        return xmlschema.XMLSchema(Path(folder, "ovf.xsd"))


def _document(namespace: str, prefixes: str, body: str, imports: dict[str, str], more: str = "") -> str:
    loaded = "".join(f'<xs:import namespace="{space}" schemaLocation="{name}.xsd"/>' for space, name in imports.items())
    return (
        f'<xs:schema xmlns:xs="{XS}" xmlns:cim="{CIM}" {prefixes} targetNamespace="{namespace}" '
        f'elementFormDefault="qualified" {more}>{loaded}{body}</xs:schema>'
    )


def _type(name: str, content: str, attributes: str = "", *, abstract: bool = False) -> str:
    how = ' abstract="true"' if abstract else ""
    return (
        f'<xs:complexType name="{name}"{how}><xs:sequence>{content}</xs:sequence>{attributes}{ATTRIBUTES}'
        "</xs:complexType>"
    )


def _text(name: str, base: str, attributes: str = "") -> str:
    return (
        f'<xs:complexType name="{name}"><xs:simpleContent><xs:extension base="xs:{base}">{attributes}{ATTRIBUTES}'
        "</xs:extension></xs:simpleContent></xs:complexType>"
    )


def _derived(name: str, base: str, content: str = "", attributes: str = "") -> str:
    body = f"<xs:sequence>{content}</xs:sequence>" if content else ""
    return (
        f'<xs:complexType name="{name}"><xs:complexContent><xs:extension base="{base}">{body}{attributes}'
        "</xs:extension></xs:complexContent></xs:complexType>"
    )


def _attribute(name: str, kind: str = "string", *, required: bool = False) -> str:
    return f'<xs:attribute name="{name}" type="xs:{kind}" use="{"required" if required else "optional"}"/>'


def _element(name: str, kind: str = "ovf:Msg_Type", occurs: str = "?") -> str:
    """``occurs`` as in a regular expression."""
    least = "" if occurs == "1" else ' minOccurs="0"'
    return f'<xs:element name="{name}" type="{kind}"{least}{_most(occurs)}/>'


def _most(occurs: str) -> str:
    return ' maxOccurs="unbounded"' if occurs == "*" else ""


def _common() -> str:
    return _document(CIM, "", "".join(_text(name, base) for name, base in SIMPLE.items()), {})


def _class(name: str, elements: str) -> str:
    """A class of CIM as a type: its properties by the alphabet."""
    declared, content = "", ""
    for word in elements.split():
        element, _, kind = word.strip("!*").partition(":")
        nil = "" if word.endswith("!") else ' nillable="true"'
        declared += f'<xs:element name="{element}" type="cim:cim{kind or "String"}"{nil}/>'
        least = "" if word.endswith("!") else ' minOccurs="0"'
        content += f'<xs:element ref="class:{element}"{least}{_most(word[-1])}/>'
    space = f"{CLASSES}/{name}"
    body = declared + _type(f"{name}_Type", content + OTHERS)
    return _document(space, f'xmlns:class="{space}"', body, {CIM: "common"})


def _section(name: str, content: str, attributes: str = "") -> str:
    return (
        f'<xs:element name="{name}" type="ovf:{name}_Type" substitutionGroup="ovf:Section"/>'
        f"{_derived(f'{name}_Type', 'ovf:Section_Type', content + OTHERS, attributes)}"
    )


def _envelope() -> str:
    required = '<xs:attribute ref="ovf:required"/>'
    body = [
        '<xs:attribute name="required" type="xs:boolean"/>',
        '<xs:element name="Envelope" type="ovf:EnvelopeType"/>',
        '<xs:element name="Section" type="ovf:Section_Type"/>',
        '<xs:element name="Content" type="ovf:Content_Type"/>',
        '<xs:element name="VirtualSystem" type="ovf:VirtualSystem_Type" substitutionGroup="ovf:Content"/>',
        _type("EnvelopeType", _element("References", "ovf:References_Type", "1")
              + '<xs:element ref="ovf:Section" minOccurs="0" maxOccurs="unbounded"/><xs:element ref="ovf:Content"/>'),
        _type("References_Type", _element("File", "ovf:File_Type", "*") + OTHERS),
        _type("File_Type", OTHERS, _attribute("id", required=True) + _attribute("href", "anyURI", required=True)
              + _attribute("size", "unsignedLong") + _attribute("compression") + _attribute("chunkSize", "long")),
        _type("Content_Type", _element("Info", occurs="1") + _element("Name")
              + '<xs:element ref="ovf:Section" minOccurs="0" maxOccurs="unbounded"/>',
              _attribute("id", required=True), abstract=True),
        _derived("VirtualSystem_Type", "ovf:Content_Type"),
        _type("Section_Type", _element("Info", occurs="1"), required, abstract=True),
        _text("Msg_Type", "string", _attribute("msgid")),
        _section("AnnotationSection", _element("Annotation", occurs="1")),
        _section("NetworkSection", _element("Network", "ovf:Network_Type", "*")),
        _type("Network_Type", _element("Description"), _attribute("name", required=True)),
        _section("DiskSection", _element("Disk", "ovf:VirtualDiskDesc_Type", "*")),
        _type("VirtualDiskDesc_Type", OTHERS, _attribute("diskId", required=True) + _attribute("fileRef")
              + _attribute("capacity", required=True) + _attribute("capacityAllocationUnits") + _attribute("format")
              + _attribute("populatedSize", "long") + _attribute("parentRef")),
        _section("OperatingSystemSection", _element("Description"),
                 _attribute("id", "unsignedShort", required=True) + _attribute("version")),
        _section("VirtualHardwareSection", _element("System", "ovf:VSSD_Type") + _element("Item", "ovf:RASD_Type", "*"),
                 _attribute("transport")),
        _derived("VSSD_Type", f"vssd:{VSSD}_Type"),
        _derived("RASD_Type", f"rasd:{RASD}_Type", "",
                 _attribute("required", "boolean") + _attribute("configuration") + _attribute("bound")),
    ]  # fmt: skip
    prefixes = f'xmlns:ovf="{OVF}" xmlns:rasd="{CLASSES}/{RASD}" xmlns:vssd="{CLASSES}/{VSSD}"'
    imports = {CIM: "common", f"{CLASSES}/{RASD}": RASD, f"{CLASSES}/{VSSD}": VSSD}
    return _document(OVF, prefixes, "".join(body), imports, 'attributeFormDefault="qualified"')
