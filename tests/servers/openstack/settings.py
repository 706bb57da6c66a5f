"""The configuration files of the services: small, on loopback, one MariaDB for all, no agents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

HOST = "127.0.0.1"
PASSWORD = "secret"  # of every user; nothing but loopback can reach it
REGION = "RegionOne"
DATABASES = ("keystone", "glance", "placement", "nova_api", "nova_cell0", "nova_cell1", "neutron", "cinder")
Sections = Mapping[str, Mapping[str, object]]

API_PATHS = {
    "identity": "/v3",
    "image": "",
    "placement": "",
    "compute": "/v2.1",
    "network": "",
    "volumev3": "/v3/$(project_id)s",
}
"""What follows host and port in the catalog, by the type of the service."""


@frozen
class Ports:
    identity: int
    image: int
    placement: int
    compute: int
    network: int
    volumev3: int
    rabbit: int
    rabbit_nodes: int
    epmd: int
    ssh: int

    def url(self, service: str) -> str:
        """Of a service's API, as it stands in the catalog."""
        return f"http://{HOST}:{getattr(self, service)}{API_PATHS[service]}"


@frozen
class Layout:
    """Where a deployment keeps what."""

    top: Path
    ports: Ports

    def database(self, name: str) -> str:
        """The URL of one of ``DATABASES``."""
        return f"mysql+pymysql://root@localhost/{name}?unix_socket={self.socket}"

    @property
    def socket(self) -> Path:
        """Where MariaDB is reached; it listens on no port."""
        return self.top / "mariadb/socket"

    @property
    def database_config(self) -> Path:
        return self.top / "etc/mariadb.conf"

    @property
    def messages(self) -> str:
        return f"rabbit://guest:guest@{HOST}:{self.ports.rabbit}/"

    def write(self) -> None:
        """Make the directories and all configuration files."""
        for name in (
            "log", "images", "staging", "tasks", "state", "lock", "rabbit", "volumes", "guests", "mariadb/files",
            "etc/keystone", "etc/placement",
        ):  # fmt: skip
            (self.top / name).mkdir(parents=True)
        for name, sections in FILES.items():
            (self.top / "etc" / name).write_text(as_text(sections(self)))
        (self.top / "etc/rabbitmq.conf").write_text("")
        (self.top / "etc/enabled_plugins").write_text("[].\n")


def as_text(sections: Sections) -> str:
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
        for name, values in sections.items()
    )


def _login(at: Layout, user: str) -> dict[str, object]:
    return {
        "auth_type": "password", "auth_url": at.ports.url("identity"), "username": user, "password": PASSWORD,
        "project_name": "service", "user_domain_id": "default", "project_domain_id": "default", "region_name": REGION,
    }  # fmt: skip


def _verifier(at: Layout, user: str) -> dict[str, object]:
    return {
        **_login(at, user), "www_authenticate_uri": at.ports.url("identity"), "service_token_roles_required": True,
        "service_token_roles": "service,admin",
    }  # fmt: skip


def _stored(at: Layout, name: str) -> dict[str, object]:
    return {"connection": at.database(name)}


def mariadb(at: Layout) -> Sections:
    """One file for all tables, which is never waited for: making tables is faster so."""
    return {
        "mariadbd": {
            "user": "root", "datadir": at.top / "mariadb/files", "socket": at.socket,
            "pid_file": at.top / "mariadb/pid", "skip_networking": 1, "skip_grant_tables": 1, "skip_name_resolve": 1,
            "character_set_server": "utf8mb3", "max_connections": 1000, "performance_schema": 0,
            "innodb_file_per_table": 0, "innodb_doublewrite": 0, "innodb_flush_log_at_trx_commit": 0,
            "innodb_flush_method": "nosync", "innodb_log_file_size": "32M", "innodb_buffer_pool_size": "128M",
        }
    }  # fmt: skip


def keystone(at: Layout, token_seconds: int = 86400) -> Sections:
    return {
        "DEFAULT": {"log_file": at.top / "log/keystone.log"},
        "database": _stored(at, "keystone"),
        "fernet_tokens": {"key_repository": at.top / "fernet"},
        "credential": {"key_repository": at.top / "cred"},
        "token": {"provider": "fernet", "expiration": token_seconds},
        "identity": {"password_hash_rounds": 4},  # of the guests of loopback, who log in often
        "oslo_policy": {"enforce_scope": False},
    }


def glance(at: Layout) -> Sections:
    return {
        # Images may be fetched from loopback, at any port.
        "import_filtering_opts": {"allowed_hosts": "[127.0.0.1]", "allowed_ports": "[]"},
        "DEFAULT": {
            "log_file": at.top / "log/glance.log", "bind_host": HOST, "bind_port": at.ports.image, "workers": 0,
            "enabled_backends": "file:file",
        },
        "glance_store": {"default_backend": "file"},
        "file": {"filesystem_store_datadir": at.top / "images"},
        "os_glance_staging_store": {"filesystem_store_datadir": at.top / "staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": at.top / "tasks"},
        "database": _stored(at, "glance"),
        "paste_deploy": {"flavor": "keystone", "config_file": "/etc/glance/glance-api-paste.ini"},
        "oslo_concurrency": {"lock_path": at.top / "lock"},
        "keystone_authtoken": _verifier(at, "glance"),
    }  # fmt: skip


def placement(at: Layout) -> Sections:
    return {
        "DEFAULT": {"log_file": at.top / "log/placement.log"},
        "api": {"auth_strategy": "keystone"},
        "placement_database": _stored(at, "placement"),
        "keystone_authtoken": _verifier(at, "placement"),
    }


def nova(at: Layout) -> Sections:
    return {
        "DEFAULT": {
            "log_dir": at.top / "log", "state_path": at.top / "state", "transport_url": at.messages,
            "enabled_apis": "osapi_compute", "osapi_compute_listen": HOST,
            "osapi_compute_listen_port": at.ports.compute, "osapi_compute_workers": 1,
            "compute_driver": "loopback.LoopbackDriver", "my_ip": HOST, "host": "loopback", "use_ipv6": False,
            "sync_power_state_interval": -1,
        },
        "api": {"auth_strategy": "keystone"},
        "api_database": _stored(at, "nova_api"),
        "database": _stored(at, "nova_cell1"),
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1},
        "vnc": {"enabled": False},
        "spice": {"enabled": False},
        "glance": {"api_servers": f"http://{HOST}:{at.ports.image}"},
        "placement": _login(at, "placement"),
        "neutron": _login(at, "neutron"),
        "cinder": {**_login(at, "cinder"), "os_region_name": REGION},
        "service_user": {"send_service_user_token": True, **_login(at, "nova")},
        "oslo_concurrency": {"lock_path": at.top / "lock"},
        "oslo_messaging_rabbit": {"heartbeat_in_pthread": False},
        "keystone_authtoken": _verifier(at, "nova"),
    }  # fmt: skip


def neutron(at: Layout) -> Sections:
    return {
        "DEFAULT": {
            "log_dir": at.top / "log", "state_path": at.top / "state", "bind_host": HOST,
            "bind_port": at.ports.network, "core_plugin": "ml2", "service_plugins": "router", "api_workers": 0,
            "rpc_workers": 0, "rpc_state_report_workers": 0, "transport_url": at.messages,
            "notify_nova_on_port_status_changes": False, "notify_nova_on_port_data_changes": False,
            "auth_strategy": "keystone", "api_paste_config": "/etc/neutron/api-paste.ini",
        },
        "database": _stored(at, "neutron"),
        "ml2": {
            "type_drivers": "local,flat", "tenant_network_types": "local", "mechanism_drivers": "hclimg_loopback",
            "extension_drivers": "port_security",
        },
        "oslo_concurrency": {"lock_path": at.top / "lock"},
        "keystone_authtoken": _verifier(at, "neutron"),
        "nova": _login(at, "nova"),
    }  # fmt: skip


def cinder(at: Layout) -> Sections:
    return {
        "DEFAULT": {
            "log_dir": at.top / "log", "state_path": at.top / "state", "transport_url": at.messages, "host": "loopback",
            "osapi_volume_listen": HOST, "osapi_volume_listen_port": at.ports.volumev3, "osapi_volume_workers": 1,
            "enabled_backends": "files", "default_volume_type": "files", "auth_strategy": "keystone",
            "glance_api_servers": f"http://{HOST}:{at.ports.image}", "api_paste_config": "/etc/cinder/api-paste.ini",
            "rootwrap_config": "/etc/cinder/rootwrap.conf", "my_ip": HOST, "image_conversion_dir": at.top / "staging",
        },
        "files": {"volume_driver": "hclimg_volumes.FileDriver", "volume_backend_name": "files",
                  "hclimg_folder": at.top / "volumes"},
        "database": _stored(at, "cinder"),
        "nova": _login(at, "nova"),
        "oslo_concurrency": {"lock_path": at.top / "lock"},
        "oslo_messaging_rabbit": {"heartbeat_in_pthread": False},
        "keystone_authtoken": _verifier(at, "cinder"),
    }  # fmt: skip


FILES = {
    "mariadb.conf": mariadb,
    "keystone/keystone.conf": keystone,
    "glance.conf": glance,
    "placement/placement.conf": placement,
    "nova.conf": nova,
    "neutron.conf": neutron,
    "cinder.conf": cinder,
}
