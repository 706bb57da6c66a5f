"""Tags, by the old actions (one thing, ``ResourceId``) and by the new ones (several, ``ResourceId.1`` …)."""

from __future__ import annotations

from collections.abc import Iterator

from servers.alicloud_ecs.scene import Scene, action
from servers.alicloud_ecs.wire import Json, Refusal, invalid, missing
from servers.alicloud_ecs.world import Thing

ECS = ("instance", "disk", "snapshot", "image", "securitygroup", "keypair")
VPC = ("vpc", "vswitch", "eip")
LARGEST = 20


def _kind(scene: Scene) -> str:
    kind = scene.given.need("ResourceType").lower()
    kinds = VPC if scene.version.startswith("2016") else ECS
    if kind not in kinds:
        raise Refusal(404, "InvalidResourceType.NotFound", "The ResourceType provided does not exist in our records.")
    return kind


def _things(scene: Scene) -> Iterator[Thing]:
    kind = _kind(scene)
    ids = scene.given.texts("ResourceId") or [scene.given.need("ResourceId")]
    for identity in ids:
        found = [each for each in scene.world.all(kind, scene.region, scene.account) if each.id == identity]
        if not found or not scene.world.visible(found[0]):
            raise Refusal(404, "InvalidResourceId.NotFound", f"The specified ResourceId {identity} does not exist.")
        yield found[0]


@action("AddTags", "TagResources")
def tag(scene: Scene) -> Json:
    tags = scene.given.tags()
    if not tags:
        raise missing("Tag.1.Key")
    for key, value in tags.items():
        if len(key) > 128 or key.startswith(("aliyun", "acs:")) or "http://" in key or "https://" in key:
            raise invalid("Tag.n.Key", "InvalidTagKey.Malformed")
        if len(value) > 128 or "http://" in value or "https://" in value:
            raise invalid("Tag.n.Value", "InvalidTagValue.Malformed")
    for thing in list(_things(scene)):
        if len({**thing.tags, **tags}) > LARGEST:
            raise Refusal(400, "NumberExceed.Tags", "The number of tags exceeds the limit.")
        thing.tags.update(tags)
    return {}


@action("RemoveTags", "UntagResources")
def untag(scene: Scene) -> Json:
    everything = scene.given.flag("All")
    keys = set(scene.given.texts("TagKey")) | set(scene.given.tags())
    if not keys and not everything:
        raise missing("TagKey.1")
    for thing in list(_things(scene)):
        thing.tags = {} if everything else {key: value for key, value in thing.tags.items() if key not in keys}
    return {}


@action("ListTagResources")
def list_tag_resources(scene: Scene) -> Json:
    kind, ids, wanted = _kind(scene), scene.given.texts("ResourceId"), scene.given.tags()
    rows = [
        {"ResourceType": kind, "ResourceId": thing.id, "TagKey": key, "TagValue": value}
        for thing in scene.world.all(kind, scene.region, scene.account)
        if (not ids or thing.id in ids)
        and all(thing.tags.get(name) == said or (not said and name in thing.tags) for name, said in wanted.items())
        for key, value in thing.tags.items()
    ]
    rows, about = scene.page(rows)
    return {"TagResources": {"TagResource": rows}, "NextToken": about.get("NextToken", "")}


@action("DescribeTags")
def describe_tags(scene: Scene) -> Json:
    kinds = [_kind(scene)] if "ResourceType" in scene.given else list(ECS)
    wanted, one = scene.given.tags(), scene.given.text("ResourceId")
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for kind in kinds:
        for thing in scene.world.all(kind, scene.region, scene.account):
            for key, value in thing.tags.items():
                if one in ("", thing.id) and (not wanted or wanted.get(key) in ("", value)):
                    counts = counted.setdefault((key, value), {})
                    counts[kind] = counts.get(kind, 0) + 1
    rows = [{"TagKey": key, "TagValue": value, "ResourceTypeCount": counts} for (key, value), counts in counted.items()]
    page, about = scene.page(rows)
    return {"Tags": {"Tag": page}, **about}


@action("DescribeResourceByTags")
def describe_resource_by_tags(scene: Scene) -> Json:
    kinds = [_kind(scene)] if "ResourceType" in scene.given else list(ECS)
    wanted = scene.given.tags()
    rows = [
        {"ResourceId": thing.id, "ResourceType": kind, "RegionId": thing.region}
        for kind in kinds
        for thing in scene.world.all(kind, scene.region, scene.account)
        if all(key in thing.tags and value in ("", thing.tags[key]) for key, value in wanted.items())
    ]
    page, about = scene.page(rows)
    return {"Resources": {"Resource": page}, **about}
