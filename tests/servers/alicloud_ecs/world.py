"""What exists in the simulated cloud, and how it changes while it is looked at. Knows nothing of requests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from servers.alicloud_ecs.wire import Json, Refusal

ACCOUNT = "1234567890123456"
SYSTEM = "system"
REGIONS = {
    "cn-hangzhou": "华东 1",
    "cn-beijing": "华北 2",
    "cn-shanghai": "华东 2",
    "cn-shenzhen": "华南 1",
    "us-west-1": "美国西部 1",
    "eu-central-1": "欧洲中部 1",
}
ZONES = ("a", "b")
INSTANCE_TYPES = {"ecs.n1.tiny": (1, 1), "ecs.n1.small": (1, 2), "ecs.t6-c1m1.large": (2, 2), "ecs.g6.large": (2, 8)}
SYSTEM_IMAGES = {
    "centos_7_03_64_20G_alibase_20170818.vhd": ("acs:centos_7_03_x64", "CentOS", 20),
    "centos_7_04_64_20G_alibase_201701015.vhd": ("acs:centos_7_04_x64", "CentOS", 20),
    "ubuntu_22_04_x64_20G_alibase_20240130.vhd": ("acs:ubuntu_22_04_x64", "Ubuntu", 20),
    "ubuntu_22_04_x64_20G_alibase_20241016.vhd": ("acs:ubuntu_22_04_x64", "Ubuntu", 20),
    "win2019_1809_x64_dtc_en-us_40G_alibase_20240110.vhd": ("acs:win2019_1809_x64", "Windows Server 2019", 40),
}

# What a kind of thing's id looks like, and the error of an id that there is not.
PREFIX = {
    "vpc": "vpc-",
    "vswitch": "vsw-",
    "securitygroup": "sg-",
    "keypair": "",
    "instance": "i-",
    "disk": "d-",
    "snapshot": "s-",
    "image": "m-",
    "eip": "eip-",
    "task": "t-",
}
UNKNOWN = {
    "vpc": "InvalidVpcId.NotFound",
    "vswitch": "InvalidVSwitchId.NotFound",
    "securitygroup": "InvalidSecurityGroupId.NotFound",
    "keypair": "InvalidKeyPairName.NotFound",
    "instance": "InvalidInstanceId.NotFound",
    "disk": "InvalidDiskId.NotFound",
    "snapshot": "InvalidSnapshotId.NotFound",
    "image": "InvalidImageId.NotFound",
    "eip": "InvalidAllocationId.NotFound",
    "task": "InvalidTaskId.NotFound",
}


@define
class Thing:
    """``facts`` are named as the API names them. ``becomes``: the status after ``looks`` more looks.

    ``hidden``: for so many reads it is not found yet. ``busy``: so many attempts to delete it find something in it that
    is still being released.
    """

    kind: str
    id: str
    region: str
    owner: str
    facts: Json
    status: str = ""
    tags: dict[str, str] = field(factory=dict)
    becomes: str = ""
    looks: int = 0
    span: int = 0
    hidden: int = 0
    busy: int = 0
    created: str = field(factory=lambda: stamp())

    @property
    def progress(self) -> int:
        """Percent."""
        return 100 if not self.becomes else 100 * (self.span - self.looks) // max(self.span, 1)

    def __str__(self) -> str:
        return f"{self.kind} {self.id} in {self.region}"


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@define
class World:
    """The knobs: ``looks`` (a number of looks for which a state in between lasts, by kind, with ``""`` for the others),
    ``unseen`` (reads for which a new thing is not found yet, likewise), ``linger`` (attempts to delete a group or
    switch for which a released instance is still in it), ``quota`` (how many of a kind there can be), ``sold_out``
    (zone and instance type), ``ends`` (another status in which what is being made ends, by kind: ``CreateFailed``).
    ``roles``: those of RAM, with their policies. ``booted`` are told of each instance that starts.
    """

    looks: dict[str, int] = field(factory=lambda: {"": 1})
    unseen: dict[str, int] = field(factory=dict)
    linger: int = 0
    quota: dict[str, int] = field(factory=dict)
    sold_out: set[tuple[str, str]] = field(factory=set)
    ends: dict[str, str] = field(factory=dict)
    roles: dict[str, list[str]] = field(
        factory=lambda: {"AliyunECSImageImportDefaultRole": ["AliyunECSImageImportRolePolicy"]}
    )
    addresses: Callable[[], str] = lambda: "127.0.0.1"
    booted: list[Callable[[Thing], None]] = field(factory=list)
    things: dict[tuple[str, str], Thing] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for region in REGIONS:
            for at, (name, (family, platform, size)) in enumerate(SYSTEM_IMAGES.items()):
                facts = image_facts(name, family=family, platform=platform, size=size)
                made = f"2024-01-{at + 1:02}T00:00:00Z"
                key = (f"{region}/image", name)
                self.things[key] = Thing("image", name, region, SYSTEM, facts, "Available", created=made)

    def make(self, kind: str, region: str, owner: str, facts: Json, **more: Any) -> Thing:
        """A new thing. Its id is given as ``name`` where names are the ids."""
        self.within_quota(kind, region, owner)
        identity = more.pop("name", None) or PREFIX[kind] + secrets.token_hex(10)
        thing = Thing(kind, identity, region, owner, facts, hidden=self._of(self.unseen, kind), **more)
        self.things[(f"{region}/{kind}", identity)] = thing
        return thing

    def within_quota(self, kind: str, region: str, owner: str) -> None:
        limit = self.quota.get(kind)
        if limit is not None and len(self.all(kind, region, owner)) >= limit:
            raise Refusal(403, QUOTA[kind], f"The maximum number of {kind} has been exceeded.")

    def move(self, thing: Thing, status: str, becomes: str) -> None:
        """Into a state in between, and from there on by being looked at."""
        becomes = self.ends.get(thing.kind, becomes) if status == "Creating" else becomes
        thing.status, thing.becomes = status, becomes
        thing.looks = thing.span = self._of(self.looks, thing.kind)
        if thing.span == 0:
            self.settle(thing)

    def settle(self, thing: Thing) -> None:
        thing.status, thing.becomes = thing.becomes or thing.status, ""
        if thing.status == "Deleted":
            self.drop(thing)
        if thing.kind == "image":
            for snapshot in self.snapshots_of(thing):
                if snapshot.becomes:
                    self.settle(snapshot)

    def look(self, thing: Thing) -> str:
        """The status that whoever looks sees; time goes on after it."""
        shown = thing.status
        if thing.becomes:
            thing.looks -= 1
            if thing.looks <= 0:
                self.settle(thing)
        return shown

    def drop(self, thing: Thing) -> None:
        self.things.pop((f"{thing.region}/{thing.kind}", thing.id), None)

    def all(self, kind: str, region: str = "", owner: str = "") -> list[Thing]:
        """Without looking: what there is, the oldest first."""
        return [
            thing
            for thing in self.things.values()
            if thing.kind == kind and region in ("", thing.region) and owner in ("", thing.owner)
        ]

    def seen(self, kind: str, region: str, owner: str) -> list[Thing]:
        """What an account sees of its own."""
        return [thing for thing in self.all(kind, region, owner) if self.visible(thing)]

    def visible(self, thing: Thing) -> bool:
        if thing.hidden > 0:
            thing.hidden -= 1
            return False
        return True

    def find(self, kind: str, identity: str, region: str, owner: str) -> Thing:
        """Of that id, in that region (or in any), or the kind's error."""
        for thing in self.all(kind, region):
            if thing.id == identity and thing.owner in (owner, SYSTEM) and self.visible(thing):
                return thing
        raise Refusal(404, UNKNOWN[kind], f"The specified {kind} {identity} does not exist.")

    def snapshots_of(self, image: Thing) -> list[Thing]:
        named = {each.get("SnapshotId") for each in image.facts["DiskDeviceMappings"]["DiskDeviceMapping"]}
        return [thing for thing in self.all("snapshot", image.region) if thing.id in named]

    def within(self, fact: str, identity: str, kinds: Iterable[str]) -> list[Thing]:
        """The things that are in a network, switch or group."""
        return [thing for kind in kinds for thing in self.all(kind) if identity in _texts(thing.facts.get(fact))]

    def _of(self, numbers: dict[str, int], kind: str) -> int:
        return numbers.get(kind, numbers.get("", 0))


QUOTA = {
    "vpc": "QuotaExceeded.Vpc",
    "vswitch": "QuotaExceeded.VSwitch",
    "securitygroup": "QuotaExceed.SecurityGroup",
    "keypair": "QuotaExceed.KeyPair",
    "instance": "QuotaExceed.ElasticQuota",
    "disk": "QuotaExceed.DiskCount",
    "snapshot": "QuotaExceed.Snapshot",
    "image": "QuotaExceed.Image",
    "eip": "QuotaExceeded.Eip",
    "task": "QuotaExceed.Task",
}


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def image_facts(name: str, *, size: int, family: str = "", platform: str = "CentOS", alias: str = SYSTEM) -> Json:
    windows = platform.startswith("Windows")
    return {
        "ImageName": name,
        "ImageFamily": family,
        "ImageOwnerAlias": alias,
        "Platform": platform,
        "Size": size,
        "Architecture": "x86_64",
        "OSType": "windows" if windows else "linux",
        "OSName": f"{platform} 64",
        "OSNameEn": f"{platform} 64 bit",
        "Description": "",
        "ImageVersion": "",
        "IsSupportIoOptimized": True,
        "IsSupportCloudinit": not windows,
        "IsSelfShared": "",
        "Usage": "none",
        "IsSubscribed": False,
        "IsCopied": False,
        "ProductCode": "",
        "BootMode": "BIOS",
        "ResourceGroupId": "",
        "DiskDeviceMappings": {"DiskDeviceMapping": []},
        "Shares": [],
    }
