"""Who a converted template is for: hclimg itself, Packer of today, or Packer 1.6, the first that read HCL.

Old templates mean the same to all of them; what differs is what HCL can say there.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

import attrs

from hclimg.diagnostics import Diagnostics
from hclimg.lang.syntax import Attribute, Block, Call, Expr, Name
from hclimg.lang.unparse import is_identifier
from hclimg.template.convert.rewrite import components_of, expressions_of, found_in, rewritten_template
from hclimg.template.convert.times import digits_of_now, formatted_now, is_call, is_unix_time
from hclimg.template.model import BuildBlock, ComponentBlock, Template, UseBlock

_HASHICORP: Final = (
    "alicloud amazon ansible azure chef docker googlecompute hyperv openstack proxmox puppet qemu salt vagrant "
    "virtualbox vmware vsphere"
)
PLUGINS: Final = frozenset(_HASHICORP.split())
"""The plugins at github.com/hashicorp, each with the first word of the components that it has."""
PLUGIN_VERSION: Final = "~> 1"
_CHEF: Final = ("chef-client", "chef-solo")
_ATTRIBUTES: Final = "json"
NOT_TO_BE_SAID: Final = "Not to be said to Packer 1.6"


class Audience(Enum):
    HCLIMG = "hclimg"
    PACKER = "packer"
    PACKER_1_6 = "packer-1.6"

    @property
    def has_data_sources(self) -> bool:
        """Also ``local`` blocks and clean-up after errors came with Packer 1.7."""
        return self is not Audience.PACKER_1_6


def plugins_of(types: Iterable[str]) -> list[str]:
    """The plugins of Packer that have components of these types."""
    return sorted({type_.partition("-")[0] for type_ in types} & PLUGINS)


def adapted(template: Template, audience: Audience, diags: Diagnostics) -> Template:
    """The template as it can be said to its readers; what has to change is told, what cannot be said is an error."""
    _check_names(template, diags)
    if audience is Audience.PACKER:
        return _with_attributes_as_text(template)
    if audience is not Audience.PACKER_1_6:
        return template
    for build in template.builds:
        if build.error_cleanup:
            detail = "Packer 1.6 has no clean-up after errors in HCL; it came with 1.7."
            diags.error(NOT_TO_BE_SAID, detail, subject=build.error_cleanup.header)
    for expr in found_in(expressions_of(template)):
        if (is_call(expr, "legacy_isotime") or is_call(expr, "legacy_strftime")) and formatted_now(expr) is None:
            detail = "Packer 1.6 has no function that formats times by this layout in HCL."
            diags.error(NOT_TO_BE_SAID, detail, subject=expr.range)
    for step in filter(_attributes_of_chef, components_of(template)):
        detail = "Packer 1.6 cannot take attributes for Chef in HCL."
        diags.error(NOT_TO_BE_SAID, detail, subject=step.body.attributes[_ATTRIBUTES].name.range)
    for block in template.variables.values():
        if block.sensitive and block.default is not None and any(isinstance(e, Call) for e in found_in(block.default)):
            detail = f'"{block.name}" computes something, so it becomes a local, which Packer 1.6 does not keep secret.'
            diags.warn("No secret any more", detail, subject=block.header)
    return _without_unix_time(template, diags)


def _check_names(template: Template, diags: Diagnostics) -> None:
    for block in components_of(template):
        for item in block.body.items:
            name = item.name if isinstance(item, Attribute) else item.type
            if not is_identifier(name.text):
                detail = f'An argument of HCL cannot be called "{name.text}".'
                diags.error("Not to be said in HCL", detail, subject=name.range, context=block.context)


def _attributes_of_chef(block: ComponentBlock) -> bool:
    return block.type in _CHEF and _ATTRIBUTES in block.body.attributes


def _with_attributes_as_text(template: Template) -> Template:
    """Chef's ``json``, which Packer takes in legacy templates only, is ``json_string`` in HCL."""

    def of_item(item: Attribute | Block) -> Attribute | Block:
        if isinstance(item, Block) or item.name.text != _ATTRIBUTES:
            return item
        at, old = item.expr, item.name
        call = Call(at.source, at.start, at.end, Name(at.source, at.start, at.end, "jsonencode"), (at,))
        return Attribute(item.source, item.start, item.end, Name(old.source, old.start, old.end, "json_string"), call)

    def of_step(step: ComponentBlock | UseBlock) -> ComponentBlock | UseBlock:
        if isinstance(step, UseBlock) or not _attributes_of_chef(step):
            return step
        return attrs.evolve(step, body=step.body.holding(tuple(map(of_item, step.body.items))))

    def of_build(build: BuildBlock) -> BuildBlock:
        return attrs.evolve(build, provisioners=tuple(map(of_step, build.provisioners)))

    return attrs.evolve(template, builds=tuple(map(of_build, template.builds)))


def _without_unix_time(template: Template, diags: Diagnostics) -> Template:
    seen: list[Expr] = []

    def change(expr: Expr) -> Expr | None:
        if not is_unix_time(expr):
            return None
        seen.append(expr)
        return digits_of_now(expr)

    changed = rewritten_template(template, change)
    if seen:
        detail = (
            "Packer 1.6 cannot tell the seconds since 1970, which {{timestamp}} was. The new template has the digits "
            "of date and time instead, such as 20240229123456."
        )
        diags.warn("Another timestamp", detail, subject=seen[0].range)
    return changed
