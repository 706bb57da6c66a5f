"""What a new deployment is given, over its own APIs: services and users, then what a tenant finds in a cloud.

``demo`` is an ordinary user of the project ``demo``; ``admin`` may do everything. The network ``private`` is loopback's
127.0.5.0/24; ``public`` has the floating addresses, 127.0.6.0/24.
"""

from __future__ import annotations

from typing import Any

from servers.openstack.processes import Servers
from servers.openstack.settings import API_PATHS, PASSWORD, REGION, Ports

USERS = {"image": "glance", "placement": "placement", "compute": "nova", "network": "neutron", "volumev3": "cinder"}
FLAVOR, NETWORK, OUTSIDE, IMAGE = "m1.tiny", "private", "public", "debian-12"
AGENTS = {"nova-conductor", "nova-scheduler", "nova-compute"}


def connection(auth_url: str, user: str = "demo", project: str = "") -> Any:
    import openstack  # every session of tests reads this module; few need the SDK

    return openstack.connect(
        auth_url=auth_url, username=user, password=PASSWORD, project_name=project or user, user_domain_id="default",
        project_domain_id="default", region_name=REGION, load_envvars=False, load_yaml_config=False,
    )  # fmt: skip


def services(auth_url: str, ports: Ports) -> None:
    """Users and endpoints of the services, and the user ``demo``."""
    with connection(auth_url, "admin") as cloud:
        identity = cloud.identity
        roles = {role.name: role for role in identity.roles()}
        roles["service"] = roles.get("service") or identity.create_role(name="service")
        project = identity.create_project(name="service", domain_id="default")
        for kind in API_PATHS:
            if kind == "identity":
                continue
            user = identity.create_user(name=USERS[kind], password=PASSWORD, domain_id="default")
            for role in ("admin", "service"):
                identity.assign_project_role_to_user(project, user, roles[role])
            service = identity.create_service(name=USERS[kind], type=kind)
            for interface in ("public", "internal", "admin"):
                identity.create_endpoint(
                    service_id=service.id, interface=interface, url=ports.url(kind), region_id=REGION
                )
        demo = identity.create_project(name="demo", domain_id="default")
        user = identity.create_user(name="demo", password=PASSWORD, domain_id="default")
        identity.assign_project_role_to_user(demo, user, roles["member"])


def wait_for_hosts(servers: Servers, auth_url: str) -> None:
    """Until something could run: nova and cinder have heard of their hosts, and placement of the room on them."""
    with connection(auth_url, "admin") as cloud:
        servers.wait("nova's host", lambda: _tried(lambda: _up(cloud.compute.services()) >= AGENTS))
        servers.wait("the room of nova's host", lambda: _tried(lambda: any(cloud.placement.resource_providers())))
        servers.wait("cinder's host", lambda: _tried(lambda: "cinder-volume" in _up(cloud.block_storage.services())))


def _tried(call: Any) -> bool:
    """Services that are still starting refuse some requests."""
    from openstack.exceptions import SDKException

    try:
        return bool(call())
    except SDKException:
        return False


def _up(services: Any) -> set[str]:
    return {service.binary for service in services if service.state == "up"}


def content(auth_url: str) -> None:
    with connection(auth_url, "admin") as admin, connection(auth_url) as demo:
        admin.compute.create_flavor(name=FLAVOR, ram=64, vcpus=1, disk=1)
        admin.block_storage.create_type(name="files")
        outside = admin.network.create_network(name=OUTSIDE, is_router_external=True)
        admin.network.create_subnet(
            network_id=outside.id, name=OUTSIDE, ip_version=4, cidr="127.0.6.0/24", enable_dhcp=False
        )
        inside = demo.network.create_network(name=NETWORK)
        subnet = demo.network.create_subnet(
            network_id=inside.id, name=NETWORK, ip_version=4, cidr="127.0.5.0/24", enable_dhcp=False
        )
        router = demo.network.create_router(name="edge", external_gateway_info={"network_id": outside.id})
        demo.network.add_interface_to_router(router, subnet=subnet.id)
