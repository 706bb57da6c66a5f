"""The key pair with which to log in for the first time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.builders.aws.site import Site
from hclimg.clouds.aws import removal
from hclimg.clouds.aws.making import made_once, making, marked_with, tag_specifications
from hclimg.communicators.config import CommunicatorConfig
from hclimg.sdk.mark import run_name
from hclimg.sdk.ssh_keys import KeyPair, debug_key_file, generate_key_pair, public_line
from hclimg.sdk.steps import step
from hclimg.units import Secret

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


NOT_KNOWN_YET = "InvalidKeyPair.NotFound"


@frozen
class Login:
    """``name`` is the key pair's at EC2, empty when the instance gets none; ``pair`` is there if it was made for us."""

    name: str = ""
    pair: KeyPair | None = None

    @property
    def private(self) -> Secret | None:
        return self.pair.private if self.pair else None


def key_pair(ctx: Context, site: Site, how: CommunicatorConfig) -> Login:
    """The key pair of the settings, or one that is made for the build unless there is another way to log in."""
    if how.ssh_keypair_name:
        return Login(how.ssh_keypair_name)
    if how.communicator == "none" or not _is_needed(how):
        return Login()
    pair = temporary_key_pair(ctx, site, how)
    if ctx.run.debug:
        debug_key_file(ctx, pair)
    return Login(pair.name, pair)


def _is_needed(how: CommunicatorConfig) -> bool:
    if how.communicator == "winrm":
        return not how.winrm_password
    if how.temporary_key_pair_name:
        return True
    return not (how.ssh_private_key_file or how.ssh_password or how.ssh_agent_auth)


@step("Creating temporary key pair", undo="Deleting temporary key pair")
def temporary_key_pair(ctx: Context, site: Site, how: CommunicatorConfig) -> Iterator[KeyPair]:
    """EC2 makes the key; one of a size of its own is made here, and EC2 is told its public half."""
    name = how.temporary_key_pair_name or run_name(ctx.run.id)
    with making(ctx, site.ec2, "key-pair", name=name) as record:
        pair = made_once(lambda: _made(site, name, how), lambda: _made_again(ctx, site, name, how))
    record.made()
    ctx.redact.add(pair.private.reveal())
    yield pair
    removal.delete_key_pair(site.ec2, name)
    record.gone()


def _made(site: Site, name: str, how: CommunicatorConfig) -> KeyPair:
    return _imported(site, name, how) if how.temporary_key_pair_bits else _created(site, name, how)


def _made_again(ctx: Context, site: Site, name: str, how: CommunicatorConfig) -> KeyPair | None:
    """In place of one whose private key was lost on the way."""
    ours = marked_with(ctx.run.id, **{"key-name": name})
    if not site.ec2.call("DescribeKeyPairs", Filters=ours)["KeyPairs"]:
        return None
    removal.delete_key_pair(site.ec2, name)
    return _made(site, name, how)


def _created(site: Site, name: str, how: CommunicatorConfig) -> KeyPair:
    kind = how.temporary_key_pair_type or "rsa"
    answer = site.ec2.call(
        "CreateKeyPair", KeyName=name, KeyType=kind, TagSpecifications=tag_specifications({"key-pair": site.tags})
    )
    private = Secret(answer["KeyMaterial"])
    public = public_line(private, name)
    return KeyPair(name=name, type=kind, private=private, public=public)


def _imported(site: Site, name: str, how: CommunicatorConfig) -> KeyPair:
    pair = generate_key_pair(name, key_type=how.temporary_key_pair_type, bits=how.temporary_key_pair_bits)
    site.ec2.call(
        "ImportKeyPair", KeyName=name, PublicKeyMaterial=pair.public.encode(),
        TagSpecifications=tag_specifications({"key-pair": site.tags}),
    )  # fmt: skip
    return pair
