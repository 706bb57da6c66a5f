"""The data sources of AWS, against moto's server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hclimg.datasources.amazon_ami import AmazonAmiConfig, AmazonAmiDataSource
from hclimg.datasources.amazon_parameterstore import AmazonParameterStoreConfig, AmazonParameterStoreDataSource
from hclimg.datasources.amazon_secretsmanager import AmazonSecretsManagerConfig, AmazonSecretsManagerDataSource
from hclimg.errors import ApiError, BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.testing import component, decoded
from hclimg.units import Secret
from servers.moto import DEBIAN, OLD_DEBIAN, OWNER, Aws

# -- amazon-ami -----------------------------------------------------------------

DEBIANS = f'owners = ["{OWNER}"]\nfilters = {{ name = "debian-12-amd64-*", virtualization-type = "hvm" }}\n'


def ami(ctx: Context, text: str) -> dict[str, Any]:
    return component(AmazonAmiDataSource, text).read(ctx)


def test_the_newest_image(aws: Aws, ctx: Context) -> None:
    aws.client("ec2").create_tags(Resources=[DEBIAN], Tags=[{"Key": "suite", "Value": "bookworm"}])
    assert ami(ctx, DEBIANS + "most_recent = true") == {
        "id": DEBIAN,
        "name": "debian-12-amd64-20260101-1",
        "creation_date": "2026-01-01T00:00:00.000Z",
        "owner": OWNER,
        "owner_name": "amazon",
        "tags": {"suite": "bookworm"},
    }


def test_one_image(aws: Aws, ctx: Context) -> None:
    found = ami(ctx, f'owners = ["{OWNER}"]\nfilters = {{ name = "debian-12-amd64-20250101-1" }}')
    assert found["id"] == OLD_DEBIAN


def test_no_image(aws: Aws, ctx: Context) -> None:
    with pytest.raises(BuildError) as caught:
        ami(ctx, 'owners = ["self", "amazon"]\nfilters = { name = "debian-13-*", architecture = "arm64" }')
    assert caught.value.message == (
        'No image matches name = "debian-13-*", architecture = "arm64", owned by self, amazon, in eu-central-1.'
    )
    assert "include_deprecated" in caught.value.hint


def test_too_many_images(aws: Aws, ctx: Context) -> None:
    with pytest.raises(BuildError) as caught:
        ami(ctx, DEBIANS)
    assert caught.value.message.startswith('2 images match name = "debian-12-amd64-*", virtualization-type = "hvm", ')
    assert caught.value.message.endswith(
        f": {DEBIAN} (debian-12-amd64-20260101-1), {OLD_DEBIAN} (debian-12-amd64-20250101-1)."
    )
    assert "most_recent = true" in caught.value.hint


def test_what_an_image_must_be_like() -> None:
    assert decoded(AmazonAmiConfig, "most_recent = true")[1] == [
        '1: Missing filters; "filters" must say what the image is like.',
        '1: Missing owners; "owners" must say who may have made the image: anybody can publish one of any name. '
        'Ids of accounts, "self", "amazon" and "aws-marketplace" are possible.',
    ]
    assert decoded(AmazonAmiConfig, "filters = later\nowners = later\nregion = later")[1] == []


def test_a_region_that_cannot_be() -> None:
    problem = '4: Unknown region; "Frankfurt" does not look like a region of AWS, such as eu-central-1.'
    assert decoded(AmazonAmiConfig, DEBIANS + '\nregion = "Frankfurt"')[1] == [problem]
    elsewhere = DEBIANS + 'region = "RegionOne"\ncustom_endpoint_ec2 = "https://cloud.example.org"'
    assert decoded(AmazonAmiConfig, elsewhere)[1] == []


# -- amazon-secretsmanager --------------------------------------------------------


@pytest.fixture
def secrets(aws: Aws) -> Any:
    client = aws.client("secretsmanager")
    for name, text in {
        "plain": "just a text",
        "single": json.dumps({"pw": "s3cr3t"}),
        "many": json.dumps({"port": 5432, "pw": "x", "list": [1]}),
    }.items():
        client.create_secret(Name=name, SecretString=text)
    client.create_secret(Name="words", SecretBinary="bin\u00e4r".encode())
    client.create_secret(Name="bytes", SecretBinary=b"\xff\x00")
    return client


def secret(ctx: Context, text: str) -> dict[str, Any]:
    found = component(AmazonSecretsManagerDataSource, text).read(ctx)
    assert all(isinstance(found[name], Secret) or found[name] is None for name in found if name != "version_id")
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in found.items()}


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('name = "plain"', "just a text"),
        ('name = "single"', "s3cr3t"),
        ('name = "many"', None),
        ('name = "many"\nkey = "pw"', "x"),
        ('name = "many"\nkey = "port"', "5432"),
        ('name = "many"\nkey = "list"', "[1]"),
        ('name = "words"', None),
    ],
)
def test_values_of_secrets(ctx: Context, text: str, value: str | None) -> None:
    assert secret(ctx, text)["value"] == value


@pytest.mark.usefixtures("secrets")
def test_a_secret_as_it_is_stored(ctx: Context) -> None:
    many = secret(ctx, 'name = "many"')
    assert json.loads(many["secret_string"])["pw"] == "x"
    assert many["secret_binary"] is None
    assert secret(ctx, 'name = "words"')["secret_binary"] == "binär"
    assert secret(ctx, 'name = "bytes"')["secret_binary"] == "/wA="


def test_versions_of_secrets(ctx: Context, secrets: Any) -> None:
    old = secrets.describe_secret(SecretId="plain")["VersionIdsToStages"]
    secrets.put_secret_value(SecretId="plain", SecretString="newer")
    assert secret(ctx, 'name = "plain"')["value"] == "newer"
    assert secret(ctx, 'name = "plain"\nversion_stage = "AWSPREVIOUS"')["value"] == "just a text"
    (version,) = old
    found = secret(ctx, f'name = "plain"\nversion_id = "{version}"')
    assert (found["value"], found["version_id"]) == ("just a text", version)


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('name = "many"\nkey = "user"', 'The secret many has no key "user".', "It has list, port, pw."),
        (
            'name = "plain"\nkey = "a"',
            'The secret plain has no key "a".',
            "The secret is no JSON object: leave out key.",
        ),
        ('name = "bytes"\nkey = "a"', 'The secret bytes is binary, so it has no key "a".', ""),
    ],
)
def test_what_secrets_do_not_have(ctx: Context, text: str, message: str, hint: str) -> None:
    with pytest.raises(BuildError) as caught:
        secret(ctx, text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_secret_that_is_not_there(aws: Aws, ctx: Context) -> None:
    with pytest.raises(ApiError, match="AWS refuses GetSecretValue in eu-central-1: ResourceNotFoundException: "):
        secret(ctx, 'name = "nope"')


# -- amazon-parameterstore --------------------------------------------------------


def test_parameters(aws: Aws, ctx: Context) -> None:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/images/base", Value="ami-1", Type="String")
    ssm.put_parameter(Name="/images/base", Value="ami-2", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/db/password", Value="s3cr3t", Type="SecureString")

    def read(text: str) -> dict[str, Any]:
        return component(AmazonParameterStoreDataSource, text).read(ctx)

    assert read('name = "/images/base"') == {
        "value": "ami-2",
        "version": "2",
        "arn": "arn:aws:ssm:eu-central-1:123456789012:parameter/images/base",
    }
    assert read('name = "/images/base:1"')["value"] == "ami-1"
    password = read('name = "/db/password"\nwith_decryption = true')["value"]
    assert isinstance(password, Secret)
    assert password.reveal() == "s3cr3t"
    assert isinstance(read('name = "/db/password"')["value"], Secret)
    with pytest.raises(ApiError, match="ParameterNotFound"):
        read('name = "/nope"')


@pytest.mark.parametrize("cls", [AmazonParameterStoreConfig, AmazonSecretsManagerConfig])
def test_a_name_is_needed(cls: type) -> None:
    assert decoded(cls, 'name = ""')[1] == ['1: Missing name; "name" must not be empty.']
    (problem,) = decoded(cls, "")[1]
    assert problem.startswith('1: Missing required argument; The argument "name" is required')
