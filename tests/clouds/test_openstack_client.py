"""The client and the remover, against a real OpenStack: what the tests of builds do not see."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from hclimg.builders.openstack.password import fetched_password
from hclimg.clouds.openstack.access import OpenstackAccess
from hclimg.clouds.openstack.client import OpenStack, connect, reconnect
from hclimg.clouds.openstack.refusals import is_missing, login_failure, refusal
from hclimg.clouds.openstack.remover import OpenstackRemover
from hclimg.clouds.openstack.things import delete_volume, run_mark
from hclimg.errors import ApiError, BuildError, ConnectionLost
from hclimg.sdk.mark import RUN_TAG
from hclimg.sdk.remover import Cleaning, Left
from hclimg.sdk.ssh_keys import generate_key_pair
from hclimg.sdk.testing import Recording, recording
from hclimg.units import Secret
from servers.openstack import databases, seed
from servers.openstack.fixture import Cloud
from servers.tls import tls_front


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Recording]:
    with recording(tmp_path) as made:
        yield made


def access(cloud: Cloud, **more: Any) -> OpenstackAccess:
    login = cloud.login
    given = {
        "identity_endpoint": login["OS_AUTH_URL"], "username": "demo", "password": Secret(login["OS_PASSWORD"]),
        "tenant_name": "demo", "domain_name": "Default", "region": login["OS_REGION_NAME"], **more,
    }  # fmt: skip
    return OpenstackAccess(**given)


@pytest.mark.slow
def test_a_token_that_ended_is_renewed(openstack_cloud: Cloud, told: Recording) -> None:
    """It is taken back before any service has seen it: they remember a token for some minutes."""
    cloud = connect(told.ctx, access(openstack_cloud, region=""))
    before = revoked(openstack_cloud, cloud)
    assert cloud.ask("the flavors", lambda sdk: [it.name for it in sdk.compute.flavors()]) == [seed.FLAVOR]
    assert cloud.ask("a token", lambda sdk: sdk.session.get_token()) != before


@pytest.mark.slow
def test_a_bare_token_cannot_be(openstack_cloud: Cloud, told: Recording) -> None:
    with seed.connection(openstack_cloud.deployment.auth_url) as demo:
        token, project = demo.session.get_token(), demo.current_project_id
    bare = access(openstack_cloud, token=Secret(token), password=Secret(""), username="", tenant_name="",
                  tenant_id=project)  # fmt: skip
    cloud = connect(told.ctx, bare)
    revoked(openstack_cloud, cloud)
    openstack_cloud.admin.identity.delete("/auth/tokens", headers={"X-Subject-Token": token})
    with pytest.raises(BuildError) as failed:
        cloud.ask("the flavors", lambda sdk: list(sdk.compute.flavors()))
    assert "refuses the login" in failed.value.message
    assert "cannot be renewed" in failed.value.hint
    with pytest.raises(BuildError):  # nothing is gone only because nobody may ask
        cloud.find("the server", lambda sdk: sdk.compute.get_server("x"))


def revoked(openstack_cloud: Cloud, cloud: OpenStack) -> str:
    token = cloud.ask("a token", lambda sdk: str(sdk.session.get_token()))
    openstack_cloud.admin.identity.delete("/auth/tokens", headers={"X-Subject-Token": token})
    return token


@pytest.mark.slow
def test_what_leads_there_again(openstack_cloud: Cloud, told: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = connect(told.ctx, access(openstack_cloud))
    assert cloud.identity == {
        "endpoint": openstack_cloud.deployment.auth_url, "region": "RegionOne", "project": cloud.project,
    }  # fmt: skip
    where = {**cloud.identity, "interface": "internal"}
    with pytest.raises(BuildError, match="There is no password"):
        reconnect(Cleaning(run="x"), where)
    monkeypatch.setenv("OS_USERNAME", "demo")
    monkeypatch.setenv("OS_PASSWORD", openstack_cloud.login["OS_PASSWORD"])
    other = reconnect(Cleaning(run="x"), where)
    assert other.identity == where


@pytest.mark.slow
def test_certificates(openstack_cloud: Cloud, told: Recording, tmp_path: Path) -> None:
    with tls_front(openstack_cloud.deployment.layout.ports.identity, tmp_path) as (port, certificate):
        url = f"https://127.0.0.1:{port}/v3"
        with pytest.raises(ConnectionLost, match="has no certificate that is trusted") as failed:
            connect(told.ctx, access(openstack_cloud, identity_endpoint=url))
        assert "cacert names a file" in failed.value.hint
        for way in ({"cacert": str(certificate)}, {"insecure": True}):
            cloud = connect(told.ctx, access(openstack_cloud, identity_endpoint=url, **way))
            assert cloud.identity["endpoint"] == url


@pytest.mark.slow
def test_an_application_credential_of_clouds_yaml(
    openstack_cloud: Cloud, told: Recording, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has its project in it, so that what leads there again names none. Its secret is in secure.yaml, which is found
    again in the directory of the build.
    """
    demo = openstack_cloud.demo
    made = demo.identity.create_application_credential(user=demo.current_user_id, name="yaml")
    auth = {"auth_url": openstack_cloud.deployment.auth_url, "application_credential_id": made.id}
    entry = {"auth_type": "v3applicationcredential", "auth": auth, "region_name": "RegionOne"}
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": {"ci": entry}}))
    secret = {"auth": {"application_credential_secret": made.secret}}
    (tmp_path / "secure.yaml").write_text(json.dumps({"clouds": {"ci": secret}}))
    monkeypatch.chdir(tmp_path)
    cloud = connect(told.ctx, OpenstackAccess(cloud="ci"))
    where, file = cloud.identity, str(tmp_path / "clouds.yaml")
    assert where == {"cloud": "ci", "clouds": file, "endpoint": auth["auth_url"], "region": "RegionOne"}
    monkeypatch.chdir(tmp_path.parent)
    again = reconnect(Cleaning(run="x"), {**where, "interface": "public"})
    assert again.ask("the flavors", lambda sdk: [it.name for it in sdk.compute.flavors()]) == [seed.FLAVOR]
    demo.identity.delete_application_credential(demo.current_user_id, made.id)


@pytest.mark.slow
def test_a_volume_to_which_something_happens(openstack_cloud: Cloud, told: Recording) -> None:
    """It is deleted as soon as that is over."""
    storage = openstack_cloud.admin.block_storage
    volume = storage.create_volume(size=1, name="busy")
    storage.wait_for_status(volume, "available", interval=0.2)
    storage.reset_volume_status(volume, status="uploading", attach_status="detached", migration_status=None)
    cloud = connect(told.ctx, access(openstack_cloud, username="admin", tenant_name="admin"))
    remover = threading.Thread(target=delete_volume, args=(cloud, volume.id))
    remover.start()
    remover.join(1.0)
    assert remover.is_alive()
    assert storage.get_volume(volume).status == "uploading"
    storage.reset_volume_status(volume, status="error", attach_status="detached", migration_status=None)
    remover.join()
    assert cloud.find("the volume", lambda sdk: sdk.block_storage.get_volume(volume.id)) is None


@pytest.mark.slow
def test_the_remover_finds_things_by_the_mark(
    openstack_cloud: Cloud, monkeypatch: pytest.MonkeyPatch, told: Recording
) -> None:
    """Things without an id of a run that was killed; those of other runs stay."""
    demo, before = openstack_cloud.demo, openstack_cloud.content()
    for name, value in openstack_cloud.login.items():
        monkeypatch.setenv(name, value)
    outside = demo.network.find_network(seed.OUTSIDE).id
    for run in ("dead", "alive"):
        demo.block_storage.create_volume(size=1, name="disk", metadata={RUN_TAG: run})
        demo.network.create_ip(floating_network_id=outside, description=run_mark(run))
        demo.image.create_image(name="web", disk_format="raw", container_format="bare", **{RUN_TAG: run})
        demo.compute.create_server(
            name="web", image_id=openstack_cloud.image, flavor_id=demo.compute.find_flavor(seed.FLAVOR).id,
            networks=[{"uuid": demo.network.find_network(seed.NETWORK).id}], metadata={RUN_TAG: run},
        )  # fmt: skip
    where = connect(told.ctx, OpenstackAccess()).identity
    for run in ("dead", "alive"):
        remover = OpenstackRemover(Cleaning(run=run))
        for kind, name in (("image", "web"), ("floating-ip", ""), ("server", "web"), ("volume", "disk")):
            left = Left(run=run, kind=f"openstack/{kind}", identity={"name": name, **where}, made=False)
            remover.remove(left)
            remover.remove(left)  # gone already
        left_over = [kind for kind, _ in openstack_cloud.content() - before if kind != "port"]
        assert sorted(left_over) == (["floating ip", "image", "server", "volume"] if run == "dead" else [])


@pytest.mark.slow
def test_the_password_of_a_windows_machine(openstack_cloud: Cloud, told: Recording) -> None:
    """What the machine hands over is put where nova keeps it, as it does itself when the metadata service is told."""
    demo = openstack_cloud.demo
    pair = generate_key_pair("windows", key_type="rsa", bits=2048)
    server = demo.compute.create_server(
        name="windows", image_id=openstack_cloud.image, flavor_id=demo.compute.find_flavor(seed.FLAVOR).id,
        networks="none",
    )  # fmt: skip
    public = load_ssh_public_key(pair.public.encode())
    assert isinstance(public, RSAPublicKey)
    sealed = b64encode(public.encrypt(b"Secret-1", PKCS1v15())).decode()
    demo.compute.wait_for_server(server, interval=0.2)
    parts = enumerate((sealed[:200], sealed[200:]))
    rows = [f"('{server.id}', 'password_{number}', '{part}', 0)" for number, part in parts]
    statement = f"insert into instance_system_metadata (instance_uuid, `key`, value, deleted) values {', '.join(rows)}"
    databases.execute(openstack_cloud.deployment.layout, statement, "nova_cell1")
    cloud = connect(told.ctx, access(openstack_cloud))
    assert fetched_password(told.ctx, cloud, server.id, pair.private).reveal() == "Secret-1"
    told.ctx.output("the password is Secret-1")
    assert told.output[-1] == "the password is <sensitive>"
    other = generate_key_pair("other", key_type="ecdsa")
    with pytest.raises(BuildError, match="Only an RSA key opens"):
        fetched_password(told.ctx, cloud, server.id, other.private)
    demo.compute.delete_server(server)
    demo.compute.wait_for_delete(server, interval=0.2)


# -- words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "message", "hint"),
    [
        (403, '{"forbidden": {"code": 403, "message": "Quota exceeded for instances: Requested 1."}}',
         "OpenStack refuses the server: 403 forbidden: Quota exceeded for instances: Requested 1 (request req-1).",
         "A quota of the project"),
        (409, '{"NeutronError": {"type": "OverQuota", "message": "Quota exceeded for [x]", "detail": ""}}',
         "409 OverQuota: Quota exceeded for [x]", "A quota"),
        (409, '{"conflictingRequest": {"message": "Multiple possible networks found"}}', "Multiple", "Name the net"),
        (401, '{"error": {"code": 401, "title": "Unauthorized", "message": "x"}}', "401 Unauthorized: x", "The token"),
        (403, "<html>no</html>", "403: said", "The user needs another role"),
        (403, '{"message": "403 Forbidden: Only shared images have members."}', "403: Only shared", "image_visibility"),
        (503, "[]", "503: said", "try again later"),
        (400, '{"badRequest": {"message": "no"}}', "400 badRequest: no", ""),
    ],
)  # fmt: skip
def test_refusals(status: int, body: str, message: str, hint: str) -> None:
    error = refusal("the server", status, body, "said", "req-1")
    assert message in error.message
    assert error.request == "req-1"
    assert error.hint.startswith(hint) or hint in error.hint
    assert bool(error.hint) == bool(hint)


def test_what_is_not_there() -> None:
    assert is_missing(refusal("x", 404, '{"itemNotFound": {"message": "no"}}', "", ""))
    assert not is_missing(ApiError("x", code="4040"))
    error = login_failure("http://x/v3", 401, "No. (HTTP 401) (Request-ID: req-7)", "req-7")
    assert error.message == "http://x/v3 refuses the login: 401: No (request req-7)."
