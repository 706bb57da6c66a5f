"""What OpenStack's client asks for again when a service has trouble of its own, without a cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from openstack import exceptions as sdk_errors

from hclimg.clouds.openstack.access import OpenstackAccess
from hclimg.clouds.openstack.client import OpenStack
from hclimg.errors import ApiError, ServiceTrouble
from hclimg.events import ApiRetrying
from hclimg.sdk.remover import Cleaning
from servers.recording import Recording


class Service:
    """Answers with these statuses, one after the other; then it does what it is asked for."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.calls = list(statuses), 0

    def __call__(self, _sdk: Any) -> str:
        self.calls += 1
        if self.statuses:
            raise sdk_errors.HttpException("trouble", http_status=self.statuses.pop(0))
        return "done"


@pytest.fixture
def cloud(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> OpenStack:
    monkeypatch.setattr("hclimg.sdk.cancel.CancelToken.sleep", lambda *_: None)
    return OpenStack(recording.ctx, OpenstackAccess(), None)


@pytest.mark.parametrize("call", [OpenStack.ask, OpenStack.repeat])
def test_trouble_that_passes(cloud: OpenStack, recording: Recording, call: Callable[..., str]) -> None:
    service = Service(500, 502)
    assert call(cloud, "the thing", service) == "done"
    assert service.calls == 3
    told = [event.error for event in recording.of(ApiRetrying)]
    assert told == [f"OpenStack refuses the thing: {status}: trouble." for status in (500, 502)]


def test_an_overloaded_service_did_nothing(cloud: OpenStack, recording: Recording) -> None:
    service = Service(429, 503)
    assert cloud.make("the thing", service) == "done"
    assert service.calls == 3
    assert [event.error.split()[-2] for event in recording.of(ApiRetrying)] == ["429:", "503:"]


def test_who_cleans_up_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hclimg.sdk.cancel.CancelToken.sleep", lambda *_: None)
    said: list[str] = []
    cloud = OpenStack(Cleaning(run="x", say=said.append), OpenstackAccess(), None)
    assert cloud.ask("the thing", Service(503)) == "done"
    assert said == ["OpenStack refuses the thing: 503: trouble. Trying again."]


def test_trouble_that_stays(cloud: OpenStack) -> None:
    service = Service(*[500] * 9)
    with pytest.raises(ServiceTrouble):
        cloud.repeat("the thing", service)
    assert service.calls == 6


def test_what_may_have_been_made_is_not_asked_for_again(cloud: OpenStack) -> None:
    service = Service(500)
    with pytest.raises(ServiceTrouble):
        cloud.make("the thing", service)
    assert service.calls == 1


def test_a_refusal_is_not_asked_for_again(cloud: OpenStack) -> None:
    service = Service(409)
    with pytest.raises(ApiError):
        cloud.repeat("the thing", service)
    assert service.calls == 1
