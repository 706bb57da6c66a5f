"""The client of Alibaba Cloud: endpoints, keys, what errors say, and what they never say."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import field, frozen

from hclimg.clouds.alicloud.access import AlicloudAccess
from hclimg.clouds.alicloud.client import Session, Unanswered, ecs_host, proxies_of, with_scheme
from hclimg.clouds.alicloud.ecs import Ecs, flatten
from hclimg.clouds.alicloud.keys import Keys, instance_keys, role_keys
from hclimg.clouds.alicloud.login import Login
from hclimg.clouds.alicloud.regions import REGIONS, region_problem
from hclimg.errors import ApiError, BuildError, Cancelled
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.retry import RetryPolicy
from hclimg.units import Secret
from servers.alicloud_ecs.simulator import ACCESS_KEY, SECRET_KEY, Simulator
from servers.answering import Answering, Reply, answering

__all__ = ["answering"]
PASSWORD = "Very-secret-1"


@frozen
class Caller:
    cancel: CancelToken = field(factory=CancelToken)


def api(endpoint: str, *, secret: str = SECRET_KEY, attempts: int = 3, token: CancelToken | None = None) -> Ecs:
    access = AlicloudAccess(
        access_key=Secret(ACCESS_KEY), secret_key=Secret(secret), region="cn-beijing", custom_endpoint_ecs=endpoint
    )
    session = Session(access=access, login=access.login())
    session.policy = RetryPolicy(attempts=attempts, delay=0.01, retry_on=(Unanswered,))
    return Ecs(session=session, region="cn-beijing", ctx=Caller(token or CancelToken()))


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-beijing", "ecs.cn-beijing.aliyuncs.com"), ("cn-hangzhou", "ecs-cn-hangzhou.aliyuncs.com"),
        ("eu-central-1", "ecs.eu-central-1.aliyuncs.com"), ("xy-new-1", "ecs.xy-new-1.aliyuncs.com"),
    ],
)  # fmt: skip
def test_every_region_has_an_endpoint_without_asking(region: str, host: str) -> None:
    assert ecs_host(region) == host


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("ecs.example.org", "https://ecs.example.org"), ("http://ecs.example.org/", "http://ecs.example.org"),
        ("127.0.0.1:80", "http://127.0.0.1:80"), ("localhost", "http://localhost"),
        ("[::1]:8080", "http://[::1]:8080"), ("10.0.0.1:80", "https://10.0.0.1:80"),
    ],
)  # fmt: skip
def test_endpoints_speak_https_except_on_this_host(endpoint: str, url: str) -> None:
    assert with_scheme(endpoint) == url


def test_proxies_are_for_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert proxies_of("https://ecs.aliyuncs.com")["https"] == "http://proxy.example.org:3128"
    assert "https" not in proxies_of("http://127.0.0.1:1")


def test_parameters_are_numbered() -> None:
    given = {"A": True, "B": None, "C": "", "D": 0, "Tag": [{"Key": "k", "Value": "v"}], "E": ["x", "y"], "F": {"G": 1}}
    assert flatten(given) == {
        "A": "true",
        "D": "0",
        "Tag.1.Key": "k",
        "Tag.1.Value": "v",
        "E.1": "x",
        "E.2": "y",
        "F.G": "1",
    }


def test_lists_have_all_pages(alicloud: Simulator) -> None:
    ecs = api(alicloud.endpoint)
    account = ecs.account()
    for number in range(120):
        alicloud.world.make("vpc", "cn-beijing", account, {"VpcName": f"v{number}", "Description": "", "CidrBlock": ""})
    assert len(ecs.list("DescribeVpcs", "Vpcs.Vpc")) == 120
    assert alicloud.actions().count("DescribeVpcs") == 3


@pytest.mark.parametrize("fault", ["throttle", "unavailable", "internal", "cut", "half"])
def test_a_bad_moment_passes(alicloud: Simulator, fault: str) -> None:
    alicloud.faults.order(fault, "DescribeRegions", times=2)
    assert api(alicloud.endpoint).call("DescribeRegions")["Regions"]
    assert alicloud.actions() == ["DescribeRegions"] * 3


@pytest.mark.parametrize("fault", ["lost", "half"])
def test_what_is_made_is_made_once(alicloud: Simulator, fault: str) -> None:
    alicloud.faults.order(fault, "CreateVpc", times=2)
    made = api(alicloud.endpoint).make("CreateVpc")
    assert [thing.id for thing in alicloud.things("vpc")] == [made["VpcId"]]


def test_a_refusal_is_not_tried_again(alicloud: Simulator) -> None:
    alicloud.faults.order("forbidden", "DescribeRegions")
    with pytest.raises(ApiError) as refused:
        api(alicloud.endpoint).call("DescribeRegions")
    assert refused.value.code == "Forbidden.RAM"
    assert refused.value.request
    assert f"(code Forbidden.RAM, request {refused.value.request})" in refused.value.message
    assert "policy" in refused.value.hint
    assert alicloud.actions() == ["DescribeRegions"]


def test_a_cancel_ends_the_waiting(alicloud: Simulator) -> None:
    token = CancelToken()
    ecs = api(alicloud.endpoint, token=token)
    alicloud.faults.order("throttle", "DescribeRegions", times=None)
    ecs.session.policy = RetryPolicy(attempts=100, delay=30.0, retry_on=(Unanswered,))
    told: list[float] = []

    def cancel(_error: BaseException, delay: float) -> None:
        told.append(delay)
        token.cancel()

    with pytest.raises(Cancelled):
        ecs.within(Caller(token), told=cancel).call("DescribeRegions")
    assert len(told) == 1


def test_passwords_are_never_told(
    alicloud: Simulator, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API quotes the request when the signature is wrong, and so do the SDK's errors, log and debug output."""
    monkeypatch.setenv("DEBUG", "sdk")
    given = {"Password": PASSWORD, "UserData": PASSWORD, "InstanceType": "ecs.n1.tiny"}
    said = ""
    for ecs in (api(alicloud.endpoint, secret="wrong"), api("127.0.0.1:1"), api(alicloud.endpoint)):
        alicloud.faults.order("cut", "CreateInstance", times=3)
        with pytest.raises(ApiError) as refused:
            ecs.call("CreateInstance", **given)
        said += f"{refused.value.message} {refused.value.hint}\n"
        alicloud.faults.ordered.clear()
    out, err = capfd.readouterr()
    assert PASSWORD not in said + out + err
    assert "Signature=" not in said + out + err
    assert "the connection broke" in said
    assert "it refuses connections" in said


def test_what_is_no_api(answering: Answering) -> None:
    with pytest.raises(ApiError) as refused:
        api(answering.url("")).call("DescribeRegions")
    assert "does not answer DescribeRegions as the API does, but with HTTP status 404" in refused.value.message
    assert len(answering.asked) == 1


# -- keys -----------------------------------------------------------------------------

ROLE = {"AccessKeyId": "STS.k", "AccessKeySecret": "s", "SecurityToken": "t", "Expiration": "2126-01-01T00:00:00Z"}


def test_the_keys_of_a_role() -> None:
    asked: list[tuple[str, Mapping[str, str]]] = []

    def ask(action: str, given: Mapping[str, str]) -> Mapping[str, Any]:
        asked.append((action, given))
        return {"Credentials": ROLE}

    login = Login(source="test", access_key="k", role="acs:ram::1:role/x", session="me")
    keys = role_keys(login, ask)
    assert (keys.access_key, keys.secret.reveal(), keys.token.reveal()) == ("STS.k", "s", "t")
    assert asked[0][1]["RoleArn"] == "acs:ram::1:role/x"
    with pytest.raises(ApiError, match="gives no credentials"):
        role_keys(login, lambda _action, _given: {})


def test_keys_are_renewed_before_they_end() -> None:
    def ends(seconds: float) -> bool:
        return Keys(access_key="k", secret=Secret("s"), ends=time.time() + seconds).ends_soon

    assert not Keys(access_key="k", secret=Secret("s")).ends_soon
    assert (ends(60), ends(3600), ends(-1)) == (True, False, True)


def test_the_keys_of_the_instance(answering: Answering) -> None:
    path = "/latest/meta-data/ram/security-credentials/builder"
    data = json.dumps({**ROLE, "Code": "Success"}).encode()
    answering.replies |= {path: [Reply(200, data)], "/latest/api/token": [Reply(200, b"token")]}
    assert instance_keys("builder", answering.url("")).access_key == "STS.k"
    assert answering.asked[-1].headers["x-aliyun-ecs-metadata-token"] == "token"
    with pytest.raises(BuildError, match='has no RAM role "other"'):
        instance_keys("other", answering.url(""))
    with pytest.raises(BuildError, match="cannot be read"):
        instance_keys("builder", "http://127.0.0.1:1")


def test_regions() -> None:
    assert {region_problem(region) for region in REGIONS} == {""}
    assert region_problem("ap-southeast-8") == ""
    assert region_problem("xy-new-1") == ""
    assert "Did you mean" in region_problem("eu-centrall-1")
    assert "There is no region" in region_problem("Beijing")
    assert "zones go into" in region_problem("us-east-1a")
