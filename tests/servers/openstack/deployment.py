"""A whole OpenStack on loopback: keystone, glance, placement, nova, neutron and cinder from Debian's packages.

Real services with real databases; only what needs hardware is not: guests are SSH servers, volumes are files, networks
are loopback's. Several can run beside each other: each has its own ports and directory, and takes nothing of the host
but those. About 1.8 GB of memory.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from servers.openstack import databases, seed
from servers.openstack.processes import Servers, run_all
from servers.openstack.settings import API_PATHS, HOST, PASSWORD, REGION, Layout, Ports, as_text, keystone
from servers.ports import held_ports

PYTHON = "/usr/bin/python3"
PROGRAMS = Path(__file__).parent / "programs"
MEMORY = Path("/dev/shm")
ROOM = 512 << 20  # bytes of memory that it may take for files


@define(eq=False)
class Deployment:
    """``ssh_port`` is where every guest listens, on its own address."""

    layout: Layout
    servers: Servers = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.servers = Servers(self.layout.top / "log")

    @property
    def auth_url(self) -> str:
        return self.layout.ports.url("identity")

    @property
    def ssh_port(self) -> int:
        return self.layout.ports.ssh

    def login(self, user: str = "demo") -> dict[str, str]:
        """What a client sets in its environment to be that user, in the project of the same name."""
        return {
            "OS_AUTH_URL": self.auth_url, "OS_USERNAME": user, "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": user,
            "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default", "OS_REGION_NAME": REGION,
            "OS_IDENTITY_API_VERSION": "3",
        }  # fmt: skip

    def start(self) -> None:
        """Returns when a server could be started on it."""
        self.layout.write()
        self._start_messages()
        databases.start(self.layout, self.servers)
        databases.create_tables(self.layout, self.servers)
        _start_keystone(self.servers, "keystone", self._etc("keystone"), self.layout.ports.identity)
        self._wait_for_api("identity")
        seed.services(self.auth_url, self.layout.ports)
        self._start_services()
        seed.wait_for_hosts(self.servers, self.auth_url)
        discover = ("nova-manage", "--config-file", str(self._etc("nova.conf")), "cell_v2", "discover_hosts")
        run_all([discover], self.servers.log("discover"))
        seed.content(self.auth_url)

    def stop(self) -> None:
        self.servers.stop()

    def _etc(self, name: str) -> Path:
        return self.layout.top / "etc" / name

    def _start_messages(self) -> None:
        """RabbitMQ, and the name server of its nodes, which would outlive it if it started one by itself."""
        top, ports = self.layout.top, self.layout.ports
        epmd = {"ERL_EPMD_PORT": str(ports.epmd), "ERL_EPMD_ADDRESS": HOST}
        self.servers.start("epmd", ["epmd", "-port", str(ports.epmd), "-address", HOST], epmd)
        self.servers.wait_for_port("epmd", ports.epmd)
        rabbit = {
            "RABBITMQ_NODENAME": "hclimg@localhost", "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(ports.rabbit), "RABBITMQ_DIST_PORT": str(ports.rabbit_nodes),
            "RABBITMQ_MNESIA_BASE": f"{top}/rabbit", "RABBITMQ_LOG_BASE": f"{top}/log",
            "RABBITMQ_PID_FILE": f"{top}/rabbit.pid", "RABBITMQ_CONFIG_FILE": str(self._etc("rabbitmq.conf")),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._etc("enabled_plugins")), "HOME": f"{top}/rabbit", **epmd,
        }  # fmt: skip
        self.servers.start("rabbit", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], rabbit)

    @contextmanager
    def impatient_keystone(self, seconds: int) -> Iterator[str]:
        """The URL of another keystone with the same content, whose tokens end after so many seconds."""
        name = "keystone-impatient"
        self._etc(name).mkdir(exist_ok=True)
        (self._etc(name) / "keystone.conf").write_text(as_text(keystone(self.layout, seconds)))
        servers = Servers(self.servers.logs)
        with held_ports() as hold:
            port = hold()
            try:
                _start_keystone(servers, name, self._etc(name), port)
                servers.wait_for_port(name, port)
                yield f"http://{HOST}:{port}{API_PATHS['identity']}"
            finally:
                servers.stop()

    def _start_services(self) -> None:
        start, ports = self.servers.start, self.layout.ports
        env = {"OS_PLACEMENT_CONFIG_DIR": str(self._etc("placement"))}
        start("placement", _uwsgi("/usr/bin/placement-api", ports.placement), env)
        start("glance", ["glance-api", "--config-file", str(self._etc("glance.conf"))])
        self.servers.wait_for_port("rabbit", ports.rabbit)
        plugins = {"PYTHONPATH": str(PROGRAMS / "plugins"), "HCLIMG_SSH_PORT": str(ports.ssh)}
        start("neutron", ["neutron-server", "--config-file", str(self._etc("neutron.conf"))], plugins)
        guests = {"HCLIMG_GUESTS": str(self.layout.top / "guests"), "HCLIMG_SSH_PORT": str(ports.ssh)}
        for name in ("conductor", "scheduler", "compute", "api"):
            command = [PYTHON, f"{PROGRAMS}/nova_service.py", name, "--config-file", str(self._etc("nova.conf"))]
            start(f"nova-{name}", command, guests)
        for name in ("api", "scheduler", "volume"):
            start(f"cinder-{name}", [f"cinder-{name}", "--config-file", str(self._etc("cinder.conf"))], plugins)
        for name in ("image", "placement", "compute", "network", "volumev3"):
            self._wait_for_api(name)

    def _wait_for_api(self, name: str) -> None:
        self.servers.wait_for_port(name, getattr(self.layout.ports, name))


def _start_keystone(servers: Servers, name: str, etc: Path, port: int) -> None:
    env = {"OS_KEYSTONE_CONFIG_DIR": str(etc), "OS_KEYSTONE_CONFIG_FILES": "keystone.conf"}
    servers.start(name, _uwsgi("/usr/bin/keystone-wsgi-public", port), env)


def _uwsgi(program: str, port: int) -> list[str]:
    """Connections are closed, as it forgets to say that it does."""
    return [
        "uwsgi", "--plugins", "python3", "--http-socket", f"{HOST}:{port}", "--wsgi-file", program, "--enable-threads",
        "--threads", "4", "--processes", "1", "--die-on-term", "--add-header", "Connection: close", "--buffer-size",
        "65535",
    ]  # fmt: skip


@contextmanager
def deployed() -> Iterator[Deployment]:
    """One that runs until the end of the block, and leaves nothing."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    top = Path(tempfile.mkdtemp(prefix="hclimg-openstack-", dir=MEMORY if roomy else None))
    try:
        with held_ports() as hold:
            deployment = Deployment(Layout(top, Ports(*(hold() for _ in range(10)))))
            try:
                deployment.start()
                yield deployment
            finally:
                deployment.stop()
    finally:
        shutil.rmtree(top)
