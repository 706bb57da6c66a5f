"""``source_ami_filter`` of Amazon's builders as data sources: what is looked up is then seen, and looked up once.

The way back too: a template with the filters in their old places has the plan that the legacy template has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from hclimg.lang.shape import object_body
from hclimg.lang.syntax import (
    Attribute,
    Block,
    Body,
    Expr,
    GetAttr,
    Literal,
    Name,
    ObjectBlock,
    ObjectCons,
    Property,
    Variable,
)
from hclimg.lang.unparse import expression_text
from hclimg.registry import Kind
from hclimg.template.convert.names import identifiers
from hclimg.template.model import Address, ComponentBlock, Template

DATA_TYPE: Final = "amazon-ami"
FILTER: Final = "source_ami_filter"
SOURCE: Final = "source_ami"
_BUILDERS: Final = ("amazon-chroot", "amazon-ebs", "amazon-ebssurrogate", "amazon-ebsvolume", "amazon-instance")
_ACCESS_NAMES: Final = (
    "access_key assume_role aws_polling custom_endpoint_ec2 decode_authorization_messages insecure_skip_tls_verify "
    "max_retries mfa_code profile region secret_key shared_credentials_file skip_credential_validation "
    "skip_metadata_api_check token vault_aws_engine"
)
_ACCESS: Final = frozenset(_ACCESS_NAMES.split())
"""How to reach Amazon: what a builder says of it holds for its data source too."""


# -- to data sources ----------------------------------------------------------------


def with_data_sources(template: Template) -> Template:
    """The template with a data source for each filter; equal ones are one, called like the first of their builders."""
    data: dict[Address, ComponentBlock] = {}
    names: dict[str, str] = {}
    labels = identifiers(block.name for block in template.sources.values())
    sources = {}
    for address, block in template.sources.items():
        body = _data_body(block) if block.type in _BUILDERS else None
        if body is None:
            sources[address] = block
            continue
        name = names.setdefault(_said(body), labels[block.name])
        data.setdefault(
            (DATA_TYPE, name),
            ComponentBlock(
                kind=Kind.DATA_SOURCE, keyword="data", type=DATA_TYPE, name=name, body=body, header=block.header
            ),
        )
        sources[address] = attrs.evolve(block, body=_looking_up(block.body, name))
    return attrs.evolve(template, data=data, sources=sources) if data else template


def _data_body(block: ComponentBlock) -> Body | None:
    """What the data source says: access first, then the filter; None when the builder has no filter to speak of."""
    items = block.body.attributes
    found = object_body(items[FILTER].expr) if FILTER in items else None
    if found is None or SOURCE in items:
        return None
    access = [item for item in block.body.items if _name(item) in _ACCESS]
    return found.holding((*access, *found.items))


def _looking_up(body: Body, name: str) -> Body:
    return body.holding(tuple(_reference(item, name) if _name(item) == FILTER else item for item in body.items))


def _reference(at: Attribute | Block, name: str) -> Attribute:
    source, start, end = at.source, at.start, at.end
    expr: Expr = Variable(source, start, end, "data")
    for step in (DATA_TYPE, name, "id"):
        expr = GetAttr(source, start, end, expr, step)
    return Property(source, start, end, Name(source, start, end, SOURCE), expr)


# -- and back -------------------------------------------------------------------------


def with_filters(template: Template) -> Template:
    """The template with the filters of data sources where a legacy template has them, if access is the same."""
    used: set[Address] = set()
    sources = dict(_with_filter(template, used))
    kept = {address: block for address, block in template.data.items() if address not in used}
    return attrs.evolve(template, data=kept, sources=sources) if used else template


def _with_filter(template: Template, used: set[Address]) -> Iterator[tuple[Address, ComponentBlock]]:
    for address, block in template.sources.items():
        item = block.body.attributes.get(SOURCE)
        found = _referred(item.expr, template.data) if item is not None else None
        if item is None or found is None or _access(block.body) != _access(found.body):
            yield address, block
            continue
        used.add(found.address)
        inner = found.body.holding(tuple(i for i in found.body.items if _name(i) not in _ACCESS))
        name = Name(item.source, item.start, item.end, FILTER)
        nested = ObjectBlock(item.source, item.start, item.end, name, (), inner, (item.start, item.end))
        items = tuple(nested if one is item else one for one in block.body.items)
        yield address, attrs.evolve(block, body=block.body.holding(items))


def _referred(expr: Expr, data: Mapping[Address, ComponentBlock]) -> ComponentBlock | None:
    text = expression_text(expr).removeprefix('"${').removesuffix('}"')
    known = (block for block in data.values() if block.type == DATA_TYPE)
    return next((block for block in known if text == f"data.{DATA_TYPE}.{block.name}.id"), None)


def _access(body: Body) -> dict[str, str]:
    return {name: _said(item) for item in body.items if (name := _name(item)) in _ACCESS}


def _name(item: Attribute | Block) -> str:
    return item.name.text if isinstance(item, Attribute) else item.type.text


def _said(item: Body | Attribute | Block) -> str:
    """What stands there, in one spelling."""
    if isinstance(item, Attribute):
        return f"{item.name.text}={_value(item.expr)}"
    body = item.body if isinstance(item, Block) else item
    inner = ",".join(sorted(map(_said, body.items)))
    return f"{item.type.text}={{{inner}}}" if isinstance(item, Block) else inner


def _value(expr: Expr) -> str:
    body = object_body(expr) if isinstance(expr, ObjectCons) else None
    if body is not None:
        return f"{{{_said(body)}}}"
    text = expression_text(expr)
    inner = text.removeprefix('"${').removesuffix('}"')
    return inner if text == f'"${{{inner}}}"' and not isinstance(expr, Literal) else text
