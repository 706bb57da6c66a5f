"""What dead runs left in Alibaba Cloud: found by id or mark, and nothing else is touched."""

from __future__ import annotations

import pytest

from hclimg.clouds.alicloud.remover import AlicloudRemover
from hclimg.errors import CleanupError
from hclimg.sdk.remover import Cleaning, Left
from servers.alicloud_ecs.simulator import Simulator
from servers.alicloud_ecs.world import Thing, image_facts

RUN, REGION, ACCOUNT = "20260101t000000-abcdef", "cn-beijing", "1234567890123456"


def tags(run: str = RUN, build: str = "alicloud-ecs.web") -> dict[str, str]:
    return {"hclimg:run": run, "hclimg:build": build}


@pytest.fixture
def remover(alicloud: Simulator, monkeypatch: pytest.MonkeyPatch) -> AlicloudRemover:
    for name, value in alicloud.environment.items():
        monkeypatch.setenv(name, value)
    alicloud.world.looks = {"": 0}
    return AlicloudRemover(Cleaning(run=RUN))


def left(alicloud: Simulator, thing: str, **identity: str) -> Left:
    known = {"region": REGION, "endpoint": alicloud.url, "account": ACCOUNT, "build": "alicloud-ecs.web", **identity}
    return Left(run=RUN, kind=f"alicloud/{thing}", identity=known, made="id" in identity)


def image(alicloud: Simulator, name: str, marks: dict[str, str]) -> Thing:
    facts = image_facts(name, size=20, alias="self")
    return alicloud.world.make("image", REGION, ACCOUNT, facts, status="Available", tags=dict(marks))


def test_what_has_no_id_is_found_by_run_and_build(alicloud: Simulator, remover: AlicloudRemover) -> None:
    def key(name: str, marks: dict[str, str]) -> None:
        facts = {"PublicKey": "", "KeyPairFingerPrint": ""}
        alicloud.world.make("keypair", REGION, ACCOUNT, facts, name=name, tags=marks)

    key("ours", tags())
    key("of-another-build", tags(build="alicloud-ecs.db"))
    key("of-another-run", tags(run="20260202t000000-123456"))
    key("nobodys", {})
    remover.remove(left(alicloud, "key-pair"))
    assert [thing.id for thing in alicloud.things()] == ["of-another-build", "of-another-run", "nobodys"]
    remover.remove(left(alicloud, "key-pair"))


def test_a_network_is_found_by_its_description(alicloud: Simulator, remover: AlicloudRemover) -> None:
    for text in (f"hclimg:run={RUN} hclimg:build=alicloud-ecs.web", "hclimg:run=x", ""):
        facts = {"VpcName": "", "CidrBlock": "10.0.0.0/8", "Description": text}
        alicloud.world.make("vpc", REGION, ACCOUNT, facts, status="Available")
    remover.remove(left(alicloud, "vpc"))
    assert [thing.facts["Description"] for thing in alicloud.things()] == ["hclimg:run=x", ""]


def test_an_address_is_found_by_asking_for_it_again(alicloud: Simulator, remover: AlicloudRemover) -> None:
    api = remover._api(left(alicloud, "address"))
    api.make("AllocateEipAddress", token="t-1", InternetChargeType="PayByTraffic", Bandwidth="5")
    other = api.make("AllocateEipAddress", token="t-2")
    remover.remove(left(alicloud, "address", token="t-1", charge="PayByTraffic", bandwidth="5"))
    assert [thing.id for thing in alicloud.things()] == [other["AllocationId"]]


def test_a_finished_image_stays(alicloud: Simulator, remover: AlicloudRemover) -> None:
    """Its mark is off, but the run died before it could write that down."""
    done, half = image(alicloud, "done", {}), image(alicloud, "half", tags())
    for thing in (done, half):
        remover.remove(left(alicloud, "image", id=thing.id, name="web"))
    assert [thing.id for thing in alicloud.things()] == [done.id]


def test_the_credentials_must_be_those_of_the_account(alicloud: Simulator, remover: AlicloudRemover) -> None:
    half = image(alicloud, "half", tags())
    with pytest.raises(CleanupError, match=f"it is in the account 42, but the credentials are those of {ACCOUNT}"):
        remover.remove(left(alicloud, "image", id=half.id, account="42"))
    assert [thing.id for thing in alicloud.things()] == [half.id]


def test_without_credentials(alicloud: Simulator, remover: AlicloudRemover, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALICLOUD_ACCESS_KEY")
    with pytest.raises(CleanupError, match="Missing credentials"):
        remover.remove(left(alicloud, "vpc", id="vpc-1"))
    with pytest.raises(CleanupError, match="does not know how to remove a moon"):
        remover.remove(left(alicloud, "moon", id="m-1"))
