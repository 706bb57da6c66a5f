"""Choosing an image among those that AWS has. The settings import no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hclimg.config.fields import config, setting
from hclimg.errors import BuildError

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Service

SHOWN = 5


@config
class AmiFilterConfig:
    """Chooses an image."""

    filters: dict[str, str] = setting(
        "What the image must be like: filters of EC2's DescribeImages. `*` and `?` stand for anything.",
        factory=dict,
        example='{ name = "debian-12-amd64-*", root-device-type = "ebs" }',
    )
    owners: tuple[str, ...] = setting(
        "Who may have made it: ids of accounts, `self`, `amazon`, `aws-marketplace`. Required, because anybody can "
        "give an image any name.",
        default=(),
        example='["136693071363"]',
    )
    most_recent: bool = setting("Whether to take the newest when several match.", default=False)
    include_deprecated: bool = setting("Whether to look at deprecated images, too.", default=False)

    @property
    def wanted(self) -> bool:
        return bool(self.filters or self.owners)


def find_image(ec2: Service, chosen: AmiFilterConfig, image: str = "") -> dict[str, Any]:
    """The image that the settings mean, as DescribeImages tells of it; ``image`` is the id of the only candidate.

    Raises BuildError, with the filters, when there is none, or more than one to choose from.
    """
    wanted: dict[str, Any] = {"IncludeDeprecated": True} if chosen.include_deprecated else {}
    if image:
        wanted["ImageIds"] = [image]
    if chosen.owners:
        wanted["Owners"] = list(chosen.owners)
    if chosen.filters:
        wanted["Filters"] = filter_list(chosen.filters)
    found = ec2.pages("DescribeImages", "Images", **wanted)
    newest = sorted(found, key=lambda one: (str(one.get("CreationDate", "")), one["ImageId"]), reverse=True)
    looked_for = f"{shown(chosen.filters) or 'any filter'}, owned by {', '.join(chosen.owners) or 'anybody'},"
    if not newest:
        hint = "Images belong to one region; deprecated ones are found with include_deprecated = true."
        what = f"The image {image} does not match" if image else "No image matches"
        raise BuildError(f"{what} {looked_for} in {ec2.region}.", hint=hint)
    if len(newest) > 1 and not chosen.most_recent:
        raise BuildError(
            f"{len(newest)} images match {looked_for} in {ec2.region}: {_listed(newest)}.",
            hint="Narrow the filters, or take the newest with most_recent = true.",
        )
    chosen_one: dict[str, Any] = newest[0]
    return chosen_one


def _listed(images: list[dict[str, Any]]) -> str:
    some = ", ".join(f"{one['ImageId']} ({one.get('Name', 'without a name')})" for one in images[:SHOWN])
    return some + (f" and {len(images) - SHOWN} more" if len(images) > SHOWN else "")


def filter_list(filters: Mapping[str, str]) -> list[dict[str, Any]]:
    """Filters as EC2 reads them."""
    return [{"Name": name, "Values": [value]} for name, value in filters.items()]


def shown(filters: Mapping[str, str]) -> str:
    """Filters as a person would write them."""
    return ", ".join(f'{name} = "{value}"' for name, value in filters.items())
