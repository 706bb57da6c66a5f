"""The databases of the services: one MariaDB with all of them, in the deployment's own directory.

It listens on a socket in that directory only, asks for no password, and takes no care of its files, which nobody wants
once it ended. Making the tables takes some ten seconds of computing.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from servers.openstack.processes import Servers, environment, run_all
from servers.openstack.settings import DATABASES, Layout

CLIENT = ("mariadb", "--no-defaults", "--user=root")


def start(at: Layout, servers: Servers) -> None:
    """Returns when it takes statements. Its databases have no tables yet."""
    run_all([("mariadb-install-db", f"--defaults-file={at.database_config}", "--skip-test-db")], servers.log("mariadb"))
    servers.start("mariadb", ["mariadbd", f"--defaults-file={at.database_config}"])
    servers.wait("mariadb", at.socket.is_socket)
    execute(at, "".join(f"create database {name};" for name in DATABASES))


def execute(at: Layout, statements: str, database: str = "") -> None:
    """SQL, as the administrator. Raises CalledProcessError when there is a mistake in it."""
    command = [*CLIENT, f"--socket={at.socket}", database]
    subprocess.run([word for word in command if word], input=statements, text=True, check=True, env=environment())


def create_tables(at: Layout, servers: Servers) -> None:
    """All of them, side by side; keystone's administrator, nova's cells."""
    with ThreadPoolExecutor() as pool:
        for work in [pool.submit(run_all, commands, servers.log(f"create-{name}"))
                     for name, commands in _commands(at).items()]:  # fmt: skip
            work.result()


def _commands(at: Layout) -> dict[str, list[Sequence[str]]]:
    etc, url = at.top / "etc", at.ports.url("identity")
    keystone = ("keystone-manage", "--config-file", f"{etc}/keystone/keystone.conf")
    root = ("--keystone-user", "root", "--keystone-group", "root")
    urls = [word for kind in ("public", "internal", "admin") for word in (f"--bootstrap-{kind}-url", url)]
    nova = ("nova-manage", "--config-file", f"{etc}/nova.conf")
    return {
        "keystone": [
            (*keystone, "db_sync"),
            (*keystone, "fernet_setup", *root),
            (*keystone, "credential_setup", *root),
            (*keystone, "bootstrap", "--bootstrap-password", "secret", "--bootstrap-region-id", "RegionOne", *urls),
        ],
        "nova": [
            (*nova, "api_db", "sync"),
            (*nova, "cell_v2", "map_cell0", "--database_connection", at.database("nova_cell0")),
            (*nova, "cell_v2", "create_cell", "--name", "cell1"),
            (*nova, "db", "sync"),
        ],
        "neutron": [("neutron-db-manage", "--config-file", f"{etc}/neutron.conf", "upgrade", "heads")],
        "others": [
            ("glance-manage", "--config-file", f"{etc}/glance.conf", "db_sync"),
            ("placement-manage", "--config-dir", f"{etc}/placement", "db", "sync"),
            ("cinder-manage", "--config-file", f"{etc}/cinder.conf", "db", "sync"),
        ],
    }
