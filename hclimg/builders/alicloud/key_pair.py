"""The key pair of the build: made here, so that the private key never leaves this process, and known to the cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.making import make
from hclimg.clouds.alicloud.removal import marked
from hclimg.errors import ApiError
from hclimg.sdk.context import Context
from hclimg.sdk.mark import run_name
from hclimg.sdk.ssh_keys import KeyPair, temporary_key_pair
from hclimg.sdk.steps import step

RSA_BITS = 2048
"""The size of the keys that the API makes; it takes 1024, 2048 or 4096."""


def build_key(ctx: Context, ecs: Ecs, config: AlicloudEcsConfig) -> KeyPair | None:
    """The key pair that is made for this build, if the user has no other way to log in."""
    how = config.communicator
    if not config.makes_key_pair:
        return None
    rsa = how.temporary_key_pair_type in ("", "rsa")
    bits = how.temporary_key_pair_bits or (RSA_BITS if rsa else 0)
    name = how.temporary_key_pair_name or run_name(ctx.run.id)
    key = temporary_key_pair(ctx, name=name, key_type=how.temporary_key_pair_type, bits=bits)
    import_key(ctx, ecs, key)
    return key


@step("Importing the temporary key pair", undo="Deleting the temporary key pair")
def import_key(ctx: Context, ecs: Ecs, key: KeyPair) -> Iterator[str]:
    tags = marked(ctx.run.id, ctx.lane)

    def create() -> object:
        try:
            return ecs.call("ImportKeyPair", KeyPairName=key.name, PublicKeyBody=key.public, Tag=tags)
        except ApiError as error:
            # An answer may have been lost; what is there already is ours when it carries our mark.
            taken = error.code.startswith(("KeyPair.AlreadyExist", "InvalidKeyPairName.Duplicate"))
            if not taken or not ecs.list("DescribeKeyPairs", "KeyPairs.KeyPair", KeyPairName=key.name, Tag=tags):
                raise
            return {"KeyPairName": key.name}

    made = make(ctx, ecs, "key-pair", "KeyPairName", create, name=key.name)
    yield made.id
    made.remove()


@step("Attaching the key pair")
def attach_key(ctx: Context, ecs: Ecs, instance: str, name: str) -> None:  # noqa: ARG001
    ecs.once_known(lambda: ecs.call("AttachKeyPair", KeyPairName=name, InstanceIds=json.dumps([instance])))
