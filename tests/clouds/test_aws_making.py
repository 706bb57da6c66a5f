"""What stays in the journal when something could not be made."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hclimg.clouds.aws.access import AwsAccess
from hclimg.clouds.aws.client import connect
from hclimg.clouds.aws.making import making
from hclimg.clouds.aws.watch import GivenUp
from hclimg.errors import ApiError, BuildError, Cancelled, ConnectionLost, HclimgError, TimedOut
from hclimg.sdk.testing import MemoryJournal
from servers.moto import Aws
from servers.recording import Recording


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (ApiError("refused", code="InvalidParameterValue"), False),
        (ApiError("who knows", code="InternalError"), True),
        (ConnectionLost("no answer"), True),
        (BuildError("user_data_file cannot be read"), False),
        (TimedOut("no capacity"), False),
        (Cancelled("between calls"), False),
        (GivenUp("after a call"), True),
    ],
)
def test_what_may_be_there(recorded: Callable[..., Recording], aws: Aws, error: HclimgError, stays: bool) -> None:
    journal = MemoryJournal()
    ctx = recorded(journal=journal).ctx
    ec2 = connect(ctx, AwsAccess()).service("ec2")
    with pytest.raises(type(error)), making(ctx, ec2, "instance"):
        raise error
    assert [record.kind for record in journal.left] == (["aws/instance"] if stays else [])


def test_a_call_that_was_never_sent(recorded: Callable[..., Recording], aws: Aws) -> None:
    journal = MemoryJournal()
    ctx = recorded(journal=journal).ctx
    ec2 = connect(ctx, AwsAccess()).service("ec2")
    with pytest.raises(BuildError, match="RunInstances cannot be asked for"), making(ctx, ec2, "instance"):
        ec2.call("RunInstances", MinCount="one", MaxCount=1)
    assert journal.left == []
