"""The OpenStack of the tests is a real one: a server of it boots, is logged in to, and becomes an image."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from servers.openstack import seed
from servers.openstack.fixture import Cloud

pytestmark = pytest.mark.slow


def test_a_server_becomes_an_image(openstack_cloud: Cloud, tmp_path: Path) -> None:
    demo, before = openstack_cloud.demo, openstack_cloud.content()
    key = demo.compute.create_keypair(name="smoke")
    (tmp_path / "key").write_text(key.private_key)
    (tmp_path / "key").chmod(0o600)
    network = demo.network.find_network(seed.NETWORK)
    server = demo.compute.create_server(
        name="smoke", image_id=openstack_cloud.image, flavor_id=demo.compute.find_flavor(seed.FLAVOR).id,
        networks=[{"uuid": network.id}], key_name="smoke",
    )  # fmt: skip
    server = demo.compute.wait_for_server(server, interval=0.2)
    address = server.addresses[seed.NETWORK][0]["addr"]
    assert address.startswith("127.0.5.")
    login = ["ssh", "-i", tmp_path / "key", "-p", str(openstack_cloud.deployment.ssh_port), "-o", "BatchMode=yes",
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", f"root@{address}"]  # fmt: skip
    subprocess.run([*login, "true"], check=True, capture_output=True)
    demo.compute.stop_server(server)
    demo.compute.wait_for_server(server, status="SHUTOFF", interval=0.2)
    assert subprocess.run([*login, "true"], check=False, capture_output=True).returncode == 255
    image = demo.compute.create_server_image(server, "smoke", wait=True)
    source = demo.image.get_image(openstack_cloud.image)
    assert (image.status, image.size, image.os_distro) == ("active", source.size, "debian")
    demo.image.delete_image(image)
    demo.compute.delete_server(server)
    demo.compute.wait_for_delete(server, interval=0.2)
    demo.compute.delete_keypair("smoke")
    assert openstack_cloud.content() == before
