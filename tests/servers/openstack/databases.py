"""The databases of the services, with the users and services in them; made once for each version of the packages.

Making them takes half a minute of computing, so a copy stays in the user's cache. A copy holds the ports of the
deployment that it was made in; those of another one are put in their place.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from servers.openstack.processes import run_all
from servers.openstack.settings import Layout

PYTHON = "/usr/bin/python3"
PROGRAMS = Path(__file__).parent / "programs"
NAMES = ("keystone", "glance", "placement", "nova_api", "nova_cell0", "nova_cell1", "neutron", "cinder")
KEYS = ("fernet", "cred")
PACKAGES = ("keystone", "glance-api", "placement-api", "nova-api", "neutron-server", "cinder-api")


def cache_folder() -> Path:
    """Another one for other versions of the packages or of what is put into the databases."""
    versions = subprocess.run(
        ["dpkg-query", "--show", *PACKAGES], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    here = Path(__file__).parent
    sources = b"".join((here / name).read_bytes() for name in ("databases.py", "seed.py", "settings.py"))
    key = hashlib.sha256(versions.encode() + sources).hexdigest()[:12]
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hclimg-tests" / f"openstack-{key}"


def restore(at: Layout, cache: Path) -> bool:
    """Whether the cache had a copy."""
    if not cache.is_dir():
        return False
    shutil.copytree(cache, at.top, dirs_exist_ok=True)
    with _open(at, "keystone") as keystone:
        services = keystone.execute("select id, type from service").fetchall()
        keystone.executemany(
            "update endpoint set url = ? where service_id = ?", [(at.ports.url(kind), key) for key, kind in services]
        )
    with _open(at, "nova_api") as nova:
        for cell, name in (("cell0", "nova_cell0"), ("cell1", "nova_cell1")):
            nova.execute(
                "update cell_mappings set database_connection = ?, transport_url = ? where name = ?",
                (at.database(name), "none:///" if cell == "cell0" else at.messages, cell),
            )
    return True


def save(at: Layout, cache: Path) -> None:
    """Keep a copy, whole or not at all."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(dir=cache.parent, prefix=".openstack-"))
    for name in NAMES:
        with closing(sqlite3.connect(copy / f"{name}.db")) as target, _open(at, name) as source:
            source.backup(target)
    for name in KEYS:
        shutil.copytree(at.top / name, copy / name)
    try:
        copy.rename(cache)
    except OSError:  # another session was faster
        shutil.rmtree(copy)


def create(at: Layout) -> None:
    """All the tables, side by side; keystone's administrator, nova's cells."""
    with ThreadPoolExecutor() as pool:
        for work in [pool.submit(run_all, commands, at.top / f"log/create-{name}.out")
                     for name, commands in _commands(at).items()]:  # fmt: skip
            work.result()


def share(at: Layout) -> None:
    """Let readers go on while somebody writes, without which the services lock each other out."""
    for name in NAMES:
        with _open(at, name) as database:
            database.execute("pragma journal_mode = wal")


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
        # Migrations of neutron alter constraints, which SQLite cannot; so the tables are made as they are in the end.
        "neutron": [
            (PYTHON, f"{PROGRAMS}/neutron_tables.py", f"sqlite:///{at.top}/neutron.db"),
            ("neutron-db-manage", "--config-file", f"{etc}/neutron.conf", "stamp", "heads"),
        ],
        "others": [
            ("glance-manage", "--config-file", f"{etc}/glance.conf", "db_sync"),
            ("placement-manage", "--config-dir", f"{etc}/placement", "db", "sync"),
            ("cinder-manage", "--config-file", f"{etc}/cinder.conf", "db", "sync"),
        ],
    }


class _open:
    """A connection that commits and closes."""

    def __init__(self, at: Layout, name: str) -> None:
        self._database = sqlite3.connect(at.top / f"{name}.db", timeout=30)

    def __enter__(self) -> sqlite3.Connection:
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.commit()
        self._database.close()
