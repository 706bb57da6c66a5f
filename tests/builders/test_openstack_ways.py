"""The ways to say where to start, who asks, and how the machine is connected and reached, on a real OpenStack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from openstack_kit import Workshop

from hclimg.sdk.ssh_keys import generate_key_pair, write_private_file
from servers.openstack import seed
from servers.openstack.fixture import Cloud
from servers.web import serving

pytestmark = pytest.mark.slow

STEP = '  provisioner "shell" {\n    inline = ["echo reached $(echo $SSH_CONNECTION | cut -d\' \' -f3)"]\n  }\n'


@pytest.fixture
def workshop(openstack_cloud: Cloud, tmp_path: Path) -> Workshop:
    return Workshop(openstack_cloud, tmp_path)


def builds(workshop: Workshop, settings: str = "", *, env: Mapping[str, str] | None = None, **more: str | None) -> str:
    """What was printed. No image is made, as that is another test's matter."""
    template = workshop.template(f"skip_create_image = true\n{settings}", steps=STEP, **more)
    done = workshop.run("apply", template, env=env)
    assert done.status == 0, done.output
    assert workshop.new() == set()
    return done.output


def without_login(workshop: Workshop) -> dict[str, str]:
    return {name: value for name, value in workshop.env().items() if not name.startswith("OS_")}


def test_an_external_image(workshop: Workshop) -> None:
    """The image service fetches it; it is gone in the end, also when it cannot be fetched."""
    disk = workshop.cloud.demo.image.download_image(workshop.cloud.image).content

    class Disk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/disk.qcow2"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(disk) if found else 0))
            self.end_headers()
            if found:
                self.wfile.write(disk)

        def log_message(self, *_: object) -> None: ...

    with serving(Disk) as port:
        url = f"http://127.0.0.1:{port}"
        properties = 'external_source_image_properties = { os_distro = "plan9" }'
        given = {"source_image_name": None, "external_source_image_url": f'"{url}/disk.qcow2"'}
        done = workshop.build(properties, **given)
        assert done.status == 0, done.output
        assert workshop.take_image().os_distro == "plan9"
        failed = workshop.build(source_image_name=None, external_source_image_url=f'"{url}/other"')
    assert failed.status == 1
    assert "could not fetch" in " ".join(failed.output.split())
    assert workshop.new() == set()


def test_the_newest_that_fits(workshop: Workshop) -> None:
    wanted = f"""
  source_image_filter {{
    filters {{
      name       = "{seed.IMAGE}"
      owner      = "{workshop.cloud.demo.current_project_id}"
      tags       = ["stable"]
      visibility = "shared"
      properties = {{ os_distro = "debian" }}
    }}
    most_recent = true
  }}
"""
    said = builds(workshop, wanted, source_image_name=None)
    assert f"Starting from the image {seed.IMAGE} ({workshop.cloud.image})" in said


def test_floating_ips_that_exist(workshop: Workshop) -> None:
    network = workshop.cloud.demo.network
    outside, inside = (network.find_network(name) for name in (seed.OUTSIDE, seed.NETWORK))
    address = network.create_ip(floating_network_id=outside.id)
    workshop.before.add(("floating ip", address.id))
    reached = f"The floating IP {address.floating_ip_address} leads to the machine"
    ways = (
        f'floating_ip = "{address.floating_ip_address}"',
        f'floating_ip = "{address.id}"\ninstance_floating_ip_net = "{inside.id}"',
        f'reuse_ips = true\ninstance_floating_ip_net = "{seed.NETWORK}"',
    )
    for way in ways:
        assert reached in builds(workshop, way)
        assert network.get_ip(address).port_id is None
    network.delete_ip(address)
    assert "Allocating floating IP" in builds(workshop, f'reuse_ips = true\nfloating_ip_network = "{outside.id}"')


def test_networks_and_ports(workshop: Workshop) -> None:
    network = workshop.cloud.demo.network
    inside = network.find_network(seed.NETWORK)
    port = network.create_port(network_id=inside.id, name="mine")
    workshop.before.add(("port", port.id))
    ways = ('ports = ["mine"]', f'ports = ["{port.id}"]')
    for way in ways:
        assert f"reached {port.fixed_ips[0]['ip_address']}" in builds(workshop, way, networks=None)
    network.delete_port(port)
    found = builds(workshop, 'network_discovery_cidrs = ["192.168.0.0/16", "127.0.0.0/8"]', networks=None)
    assert f"Discovered the network {seed.NETWORK} ({inside.id})" in found
    builds(workshop, f'ssh_interface = "{seed.NETWORK}"\nssh_ip_version = "4"\nsecurity_groups = ["default"]')


def test_a_key_pair_of_the_users(workshop: Workshop) -> None:
    pair = generate_key_pair("mine", key_type="rsa", bits=2048)
    write_private_file(workshop.folder / "mine.pem", pair.private.reveal())
    workshop.cloud.demo.compute.create_keypair(name="mine", public_key=pair.public)
    workshop.before.update(workshop.new())
    builds(workshop, 'ssh_keypair_name = "mine"\nssh_private_key_file = "mine.pem"')
    workshop.cloud.demo.compute.delete_keypair("mine")


def test_user_data_and_a_machine_that_stops_itself(workshop: Workshop) -> None:
    (workshop.folder / "data").write_text("#cloud-config\n")
    builds(workshop, 'user_data_file = "data"\nconfig_drive = true\nforce_delete = false')


def test_application_credentials(workshop: Workshop) -> None:
    demo = workshop.cloud.demo
    given = demo.identity.create_application_credential(user=demo.current_user_id, name="ci")
    workshop.before.update(workshop.new())
    login, plain = workshop.cloud.login, without_login(workshop)
    by_id = f"""
  identity_endpoint             = "{login["OS_AUTH_URL"]}"
  application_credential_id     = "{given.id}"
  application_credential_secret = "{given.secret}"
"""
    assert given.secret not in builds(workshop, by_id, env=plain)
    by_name = f"""
  application_credential_name   = "ci"
  application_credential_secret = "{given.secret}"
  username                      = "demo"
  domain_name                   = "Default"
  identity_endpoint             = "{login["OS_AUTH_URL"]}"
"""
    builds(workshop, by_name, env=plain)
    environment = {
        "OS_AUTH_URL": login["OS_AUTH_URL"], "OS_APPLICATION_CREDENTIAL_ID": given.id,
        "OS_APPLICATION_CREDENTIAL_SECRET": given.secret,
    }  # fmt: skip
    builds(workshop, env={**plain, **environment})
    demo.identity.delete_application_credential(demo.current_user_id, given.id)


def test_other_ways_to_log_in(workshop: Workshop) -> None:
    login, plain = workshop.cloud.login, without_login(workshop)
    auth = {"auth_url": login["OS_AUTH_URL"], "username": "demo", "password": login["OS_PASSWORD"],
            "project_name": "demo", "user_domain_name": "Default", "project_domain_name": "Default"}  # fmt: skip
    clouds = {"clouds": {"loop": {"auth": auth, "region_name": "RegionOne"}}}
    (workshop.folder / "clouds.yaml").write_text(json.dumps(clouds))
    builds(workshop, 'cloud = "loop"', env=plain)
    builds(workshop, env={**plain, "OS_CLOUD": "loop"})
    with seed.connection(login["OS_AUTH_URL"]) as demo:
        token, project, user = demo.session.get_token(), demo.current_project_id, demo.current_user_id
        endpoint = f'identity_endpoint = "{login["OS_AUTH_URL"]}"\n'
        builds(workshop, f'{endpoint}token = "{token}"\ntenant_id = "{project}"', env=plain)
    by_ids = f'user_id = "{user}"\npassword = "{login["OS_PASSWORD"]}"\ntenant_id = "{project}"\nregion = "RegionOne"\n'
    builds(workshop, f'{endpoint}{by_ids}endpoint_type = "internalURL"', env=plain)
    by_names = f'username = "demo"\npassword = "{login["OS_PASSWORD"]}"\ntenant_name = "demo"\ndomain_id = "default"\n'
    builds(workshop, endpoint + by_names, env=plain)
