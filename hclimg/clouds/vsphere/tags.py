"""Tags of vSphere, by the names of their categories and their own."""

from __future__ import annotations

from hclimg.clouds.vsphere.inventory import missing
from hclimg.clouds.vsphere.rest import Rest

CATEGORY = "/rest/com/vmware/cis/tagging/category"
TAG = "/rest/com/vmware/cis/tagging/tag"
ASSOCIATION = "/rest/com/vmware/cis/tagging/tag-association"


def tagged_machines(rest: Rest, category: str, tag: str) -> set[str]:
    """The ids of the machines with a tag. Raises BuildError when there is no such category or tag."""
    categories = _named(rest, rest.ask("list the categories of tags", "GET", CATEGORY), CATEGORY)
    if category not in categories:
        raise missing("category of tags", category, "the vCenter", list(categories))
    path = f"{TAG}/id:{categories[category]}?~action=list-tags-for-category"
    tags = _named(rest, rest.ask("list the tags of a category", "POST", path, {}), TAG)
    if tag not in tags:
        raise missing("tag", tag, f'the category "{category}"', list(tags))
    path = f"{ASSOCIATION}/id:{tags[tag]}?~action=list-attached-objects"
    found = rest.ask("tell what has a tag", "POST", path, {})
    return {str(one["id"]) for one in found or () if one["type"] == "VirtualMachine"}


def _named(rest: Rest, ids: list[str] | None, path: str) -> dict[str, str]:
    return {str(rest.ask("read a tag", "GET", f"{path}/id:{one}")["name"]): str(one) for one in ids or ()}
