"""Key pairs, with private keys that really open what their public halves are put into."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from servers.alicloud_ecs.scene import Scene, action, tags_of, unknown
from servers.alicloud_ecs.wire import Json, Refusal, invalid
from servers.alicloud_ecs.world import Thing


@action("CreateKeyPair")
def create_key_pair(scene: Scene) -> Json:
    _new(scene)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    pair = _make(scene, public.decode())
    return {**_named(pair), "PrivateKeyBody": private.decode()}


@action("ImportKeyPair")
def import_key_pair(scene: Scene) -> Json:
    _new(scene)
    body = scene.given.need("PublicKeyBody").strip()
    try:
        serialization.load_ssh_public_key(body.encode())
    except (ValueError, binascii.Error):
        raise invalid("PublicKeyBody", "InvalidPublicKeyBody.InvalidFormat") from None
    return _named(_make(scene, body))


def _new(scene: Scene) -> None:
    name = scene.given.need("KeyPairName")
    if not 2 <= len(name) <= 128 or not name[0].isalpha() or "://" in name:
        raise invalid("KeyPairName", "InvalidKeyPairName.Malformed")
    if any(pair.id == name for pair in scene.world.all("keypair", scene.region, scene.account)):
        raise Refusal(400, "KeyPair.AlreadyExist", f"The key pair {name} already exists.")


def _make(scene: Scene, public: str) -> Thing:
    print_ = hashlib.md5(base64.b64decode(public.split()[1])).hexdigest()
    return scene.make(
        "keypair", {"KeyPairFingerPrint": print_, "PublicKey": public}, name=scene.given.need("KeyPairName")
    )


def _named(pair: Thing) -> Json:
    return {
        "KeyPairId": f"ssh-{pair.id}",
        "KeyPairName": pair.id,
        "KeyPairFingerPrint": pair.facts["KeyPairFingerPrint"],
    }


@action("DescribeKeyPairs")
def describe_key_pairs(scene: Scene) -> Json:
    """A name may begin or end with an asterisk."""
    wanted = scene.given.text("KeyPairName", "*")
    found = [pair for pair in scene.seen("keypair") if _like(pair.id, wanted)]
    rows, about = scene.page(
        [{**_named(pair), "CreationTime": pair.created, "ResourceGroupId": "", "Tags": tags_of(pair)} for pair in found]
    )
    return {"KeyPairs": {"KeyPair": rows}, **about}


def _like(name: str, wanted: str) -> bool:
    core = wanted.strip("*")
    if wanted.startswith("*"):
        return core in name if wanted.endswith("*") else name.endswith(core)
    return name.startswith(core) if wanted.endswith("*") else name == wanted


@action("DeleteKeyPairs")
def delete_key_pairs(scene: Scene) -> Json:
    """Names that there are not are passed over."""
    for name in scene.given.listed("KeyPairNames"):
        for pair in scene.world.all("keypair", scene.region, scene.account):
            if pair.id == name:
                scene.world.drop(pair)
    return {}


@action("AttachKeyPair")
def attach_key_pair(scene: Scene) -> Json:
    """The key is in the instance from its next start on."""
    pair = scene.find("keypair", "KeyPairName")
    return _each_instance(scene, pair, pair.id)


@action("DetachKeyPair")
def detach_key_pair(scene: Scene) -> Json:
    return _each_instance(scene, scene.find("keypair", "KeyPairName"), "")


def _each_instance(scene: Scene, pair: Thing, name: str) -> Json:
    ids = scene.given.listed("InstanceIds")
    found = {each.id: each for each in scene.seen("instance", ids=ids)}
    if not found:
        raise unknown("instance")
    results = []
    for identity in ids:
        there = identity in found
        if there:
            found[identity].facts["KeyPairName"] = name
        code, message = ("200", "successful") if there else ("InvalidInstanceId.NotFound", "does not exist")
        results.append(
            {"InstanceId": identity, "Success": "true" if there else "false", "Code": code, "Message": message}
        )
    failed = sum(identity not in found for identity in ids)
    return {"KeyPairName": pair.id, "TotalCount": len(ids), "FailCount": failed, "Results": {"Result": results}}
