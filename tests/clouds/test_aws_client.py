"""Getting into AWS, calls, errors and waits, against moto's server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hclimg.clouds.aws.access import AwsAccess
from hclimg.clouds.aws.client import connect, reconnect
from hclimg.errors import ApiError, BuildError, Cancelled, ConnectionLost, TimedOut
from hclimg.events import ApiRetrying
from hclimg.sdk.context import Context
from hclimg.sdk.testing import decoded
from hclimg.units import Secret
from servers.moto import DEBIAN, OLD_DEBIAN, Aws
from servers.ports import HeldPort
from servers.recording import Recording
from servers.stores import Store, vault

__all__ = ["vault"]

FAST = {"AWS_POLL_DELAY_SECONDS": "1", "AWS_MAX_ATTEMPTS": "1"}


def access(text: str = "") -> AwsAccess:
    config, problems = decoded(AwsAccess, text)
    assert problems == []
    assert config
    return config


# -- settings -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('access_key = "a"', '1: Incomplete credentials; "access_key" is of no use without "secret_key".'),
        ('secret_key = "a"', '1: Incomplete credentials; "secret_key" is of no use without "access_key".'),
        ('token = "a"', '1: Incomplete credentials; "token" belongs to an "access_key" and a "secret_key", which'),
        ('custom_endpoint_ec2 = "ftp://x"', '1: Invalid URL; "ftp://x" is not a URL of the form'),
        ('shared_credentials_file = "/nope"', "1: File not found; "),
        ("max_retries = -1", '1: Invalid number; "max_retries" must not be negative.'),
        ('mfa_code = "12x"', "1: Invalid MFA code; A code has six digits."),
        (
            'access_key = "a"\nsecret_key = "b"\nmfa_code = "123456"',
            "3: MFA code without use; Only a profile whose role asks for an MFA device needs a code;",
        ),
        ('assume_role {\nrole_arn = "x"\n}', '2: Invalid ARN; "x" is not the ARN of a role, such as'),
        (
            'assume_role {\nrole_arn = "arn:aws:iam::1:role/a"\nduration_seconds = 5\n}',
            "3: Invalid duration; AWS allows 900 to 43200 seconds.",
        ),
        (
            'assume_role {\nrole_arn = "arn:aws:iam::1:role/a"\ntags = { a = "b" }\ntransitive_tag_keys = ["c"]\n}',
            "4: Unknown tag; There is no session tag c.",
        ),
        (
            'vault_aws_engine {\nname = "x"\n}\nprofile = "y"',
            '4: Contradicting credentials; The credentials come from Vault; "profile" contradicts that.',
        ),
        ("aws_polling {\ndelay_seconds = -1\n}", '2: Invalid number; "delay_seconds" must not be negative.'),
        (
            'acess_key = "x"',
            '1: Unsupported argument; An argument named "acess_key" is not expected here. Did you mean',
        ),
    ],
)
def test_wrong_settings(text: str, problem: str) -> None:
    config, problems = decoded(AwsAccess, text)
    assert config is None
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_secrets_do_not_show() -> None:
    shown = str(access('access_key = "AKIA"\nsecret_key = "s3cr3t"\ntoken = "t0ken"').secret_key)
    assert shown == "<sensitive>"


def test_settings_import_no_sdk() -> None:
    code = "import sys, hclimg.clouds.aws.access; print([m for m in sys.modules if m.startswith('boto')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- sessions -------------------------------------------------------------------


def test_the_environment_leads_in(aws: Aws, ctx: Context) -> None:
    found = connect(ctx, access())
    assert found.region == "eu-central-1"
    assert found.identity == {"region": "eu-central-1", "account": "123456789012"}
    images = found.service("ec2").pages("DescribeImages", "Images", ImageIds=[DEBIAN, OLD_DEBIAN])
    assert {image["ImageId"] for image in images} == {DEBIAN, OLD_DEBIAN}


def test_the_region_of_the_settings_wins(aws: Aws, ctx: Context) -> None:
    assert connect(ctx, access('region = "eu-west-1"')).region == "eu-west-1"


def test_the_region_of_a_profile(aws: Aws, ctx: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile work]\nregion = sa-east-1\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys").write_text("[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\n")
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    found = connect(ctx, access('profile = "work"\nshared_credentials_file = "keys"'))
    assert found.region == "sa-east-1"
    identity = found.identity
    assert (identity["profile"], identity["credentials"]) == ("work", f"{tmp_path}/keys")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = reconnect(ctx, identity)
    assert again.service("sts").call("GetCallerIdentity")["Account"] == "123456789012"


def test_equal_settings_share_a_session(aws: Aws, ctx: Context) -> None:
    first, second = connect(ctx, access()).service("ec2"), connect(ctx, access()).service("ec2")
    other = connect(ctx, access("max_retries = 2")).service("ec2")
    assert first.client is second.client
    assert other.client is not first.client


def test_a_role_is_taken(aws: Aws, ctx: Context) -> None:
    text = 'assume_role {\nrole_arn = "arn:aws:iam::123456789012:role/builder"\nsession_name = "me"\n}'
    found = connect(ctx, access(text))
    arn = found.service("sts").call("GetCallerIdentity")["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/builder/me"
    assert found.identity["role"] == "arn:aws:iam::123456789012:role/builder"
    assert reconnect(ctx, found.identity).service("sts").call("GetCallerIdentity")["Arn"].endswith("/builder/hclimg")


MFA = """\
[profile work]
role_arn = arn:aws:iam::123456789012:role/careful
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/me
region = eu-central-1
"""


@pytest.fixture
def mfa(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A profile whose role asks for a code."""
    (tmp_path / "config").write_text(MFA)
    (tmp_path / "keys").write_text("[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))


@pytest.mark.usefixtures("mfa")
def test_the_code_of_an_mfa_device(ctx: Context) -> None:
    found = connect(ctx, access('profile = "work"\nmfa_code = "123456"'))
    assert ":assumed-role/careful/" in found.service("sts").call("GetCallerIdentity")["Arn"]


@pytest.mark.usefixtures("mfa")
def test_a_code_that_nobody_gives(ctx: Context) -> None:
    with pytest.raises(BuildError, match="needs the code of an MFA device") as caught:
        connect(ctx, access('profile = "work"'))
    assert caught.value.hint == 'Set "mfa_code".'


# -- errors ---------------------------------------------------------------------


def failure(ctx: Context, text: str = "") -> BuildError:
    with pytest.raises(BuildError) as caught:
        connect(ctx, access(text)).service("ec2").call("DescribeRegions")
    return caught.value


def test_no_credentials(aws: Aws, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = failure(ctx)
    assert error.message == "There are no credentials for AWS."
    assert "access_key and secret_key" in error.hint


def test_no_region(aws: Aws, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert failure(ctx).message == "No region of AWS is set."


def test_no_such_profile(aws: Aws, ctx: Context) -> None:
    assert failure(ctx, 'profile = "nope"').message == 'There is no profile "nope" of AWS.'


def test_no_such_region(aws: Aws, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    error = failure(ctx, 'region = "eu-centrl-1"')
    assert error.message == 'AWS has no region "eu-centrl-1".'
    assert error.hint.startswith('Did you mean "eu-central-1"?')


def test_nobody_answers(aws: Aws, ctx: Context, held_port: HeldPort) -> None:
    endpoint = f'custom_endpoint_ec2 = "http://127.0.0.1:{held_port()}"\nmax_retries = 1'
    error = failure(ctx, endpoint)
    assert isinstance(error, ConnectionLost)
    assert error.message.startswith("AWS cannot be reached for DescribeRegions: Could not connect to the endpoint URL")
    assert "custom_endpoint_ec2" in error.hint


def test_a_refusal_has_code_and_request(aws: Aws, ctx: Context) -> None:
    ec2 = connect(ctx, access()).service("ec2")
    with pytest.raises(ApiError) as caught:
        ec2.call("DescribeImages", ImageIds=["ami-0123456789abcdef0"])
    error = caught.value
    assert error.code == "InvalidAMIID.NotFound"
    assert error.message.startswith("AWS refuses DescribeImages in eu-central-1: InvalidAMIID.NotFound: ")
    assert f"(request {error.request})" in error.message
    assert "AMIs belong to one region" in error.hint


def test_parameters_that_the_api_does_not_have(aws: Aws, ctx: Context) -> None:
    with pytest.raises(BuildError, match="DescribeImages cannot be asked for: Parameter validation failed"):
        connect(ctx, access()).service("ec2").call("DescribeImages", Nonsense=1)


def test_a_dry_run(aws: Aws, ctx: Context) -> None:
    assert connect(ctx, access()).service("ec2").is_allowed("CreateKeyPair", KeyName="x")


# -- waits ----------------------------------------------------------------------


def test_a_wait_ends(aws: Aws, ctx: Context) -> None:
    ec2 = connect(ctx, access()).service("ec2")
    (instance,) = ec2.call("RunInstances", ImageId=DEBIAN, MinCount=1, MaxCount=1)["Instances"]
    answer = ec2.wait("instance_running", "the instance", InstanceIds=[instance["InstanceId"]])
    assert answer["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"


def test_a_state_that_cannot_come(aws: Aws, ctx: Context) -> None:
    ec2 = connect(ctx, access()).service("ec2")
    (instance,) = ec2.call("RunInstances", ImageId=DEBIAN, MinCount=1, MaxCount=1)["Instances"]
    ec2.call("TerminateInstances", InstanceIds=[instance["InstanceId"]])
    with pytest.raises(BuildError, match=r"Waiting for the instance to run is of no use: .*User initiated"):
        ec2.wait("instance_running", "the instance to run", InstanceIds=[instance["InstanceId"]])


def test_a_wait_is_not_for_ever(aws: Aws, ctx: Context) -> None:
    ec2 = connect(ctx, access("aws_polling {\nmax_attempts = 1\ndelay_seconds = 1\n}")).service("ec2")
    with pytest.raises(TimedOut, match=r"Timed out after .* waiting for image x") as caught:
        ec2.wait("image_available", "image x", ImageIds=["ami-0123456789abcdef0"])
    assert "aws_polling" in caught.value.hint


def test_a_cancel_ends_a_wait(aws: Aws, recorded: Callable[..., Recording]) -> None:
    ctx = recorded().ctx
    ec2 = connect(ctx, access("aws_polling {\ndelay_seconds = 600\n}")).service("ec2")

    def look() -> Any:
        ctx.cancel.cancel()

    with pytest.raises(Cancelled):
        ec2.wait_until(look, "nothing")
    with pytest.raises(Cancelled):
        ec2.call("DescribeRegions")


def test_static_keys_win(aws: Aws, ctx: Context) -> None:
    found = AwsAccess(access_key=Secret("AKIAOTHER"), secret_key=Secret("x"), token=Secret("t"))
    assert connect(ctx, found).service("ec2").call("DescribeRegions")["Regions"]


def test_what_is_tried_again_is_told(aws: Aws, recording: Recording, held_port: HeldPort) -> None:
    failure(recording.ctx, f'custom_endpoint_ec2 = "http://127.0.0.1:{held_port()}"\nmax_retries = 2')
    told = [event.error for event in recording.of(ApiRetrying)]
    assert len(told) == 2
    assert told[0].startswith("DescribeRegions: Could not connect to the endpoint URL")


# -- Vault ----------------------------------------------------------------------

LENT = {"access_key": "AKIALENT", "secret_key": "lent-s3cr3t", "security_token": "t0ken"}


@pytest.fixture
def lender(vault: Store) -> Store:
    vault.answers["/v1/aws/creds/builder"] = {"lease_duration": 3600, "data": LENT}
    vault.answers["/v1/team/creds/builder"] = {"data": {"access_key": "AKIALENT"}}
    return vault


def test_vault_lends_credentials(aws: Aws, ctx: Context, lender: Store) -> None:
    found = connect(ctx, access('vault_aws_engine {\nname = "builder"\nttl = "30m"\n}'))
    assert found.service("sts").call("GetCallerIdentity")["Account"] == "123456789012"
    assert [path for path, _ in lender.asked] == ["/v1/aws/creds/builder?ttl=30m"]
    assert found.identity["vault"] == "aws/builder"
    assert "lent" not in str(found.identity)
    lender.asked.clear()
    reconnect(ctx, found.identity)
    assert [path for path, _ in lender.asked] == ["/v1/aws/creds/builder"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('name = "nobody"', "Vault lends no credentials for AWS: Vault has no secret at aws/creds/nobody"),
        ('name = "builder"\nengine_name = "team"', "Vault has no credentials for AWS at team/creds/builder."),
    ],
)
def test_vault_that_lends_nothing(aws: Aws, ctx: Context, lender: Store, settings: str, message: str) -> None:
    with pytest.raises(BuildError) as caught:
        connect(ctx, access(f"vault_aws_engine {{\n{settings}\n}}"))
    assert caught.value.message.startswith(message)
