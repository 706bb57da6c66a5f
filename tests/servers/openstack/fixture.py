"""The fixtures: a deployment that all tests of a session share, and a look at what is in it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from servers.openstack import seed
from servers.openstack.deployment import Deployment, deployed
from servers.openstack.settings import Layout, Ports

RUNNING = "RUNNING_OPENSTACK"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadfile``, the files that need the deployment go to one worker, as if they were one file: so it is
    started once, and no test sees what another one makes in it.
    """
    from xdist.scheduler import LoadFileScheduling

    class OneDeployment(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "openstack" if _needs_deployment(config.rootpath / file) else file

    return OneDeployment(config, log) if config.getvalue("dist") == "loadfile" else None


@cache
def _needs_deployment(file: Path) -> bool:
    return "openstack_cloud: Cloud" in file.read_text()


@frozen
class Cloud:
    """``demo`` and ``admin`` are connections of the SDK; ``image`` is the id of an image to start from."""

    deployment: Deployment
    demo: Any
    admin: Any
    image: str

    @property
    def login(self) -> dict[str, str]:
        """What a client sets in its environment to be ``demo``."""
        return self.deployment.login()

    def content(self) -> set[tuple[str, str]]:
        """All that a build could leave: the kind and the id of everything in the project and of its user."""
        demo, project = self.demo, self.demo.current_project_id
        found = {
            "server": demo.compute.servers(), "key pair": demo.compute.keypairs(),
            "image": self.admin.image.images(), "volume": demo.block_storage.volumes(),
            "snapshot": demo.block_storage.snapshots(), "port": self.admin.network.ports(project_id=project),
            "floating ip": demo.network.ips(), "network": demo.network.networks(),
            "security group": demo.network.security_groups(project_id=project),
            "credential": demo.identity.application_credentials(user=demo.current_user_id),
        }  # fmt: skip
        return {(kind, thing.id or thing.name) for kind, things in found.items() for thing in things}


@contextmanager
def _deployment() -> Iterator[Deployment]:
    """One of its own; or the one that runs already, see ``__main__``."""
    running = os.environ.get(RUNNING)
    if running:
        known = json.loads(Path(running).read_text())
        yield Deployment(Layout(Path(known["top"]), Ports(**known["ports"])))
        return
    with deployed() as deployment:
        yield deployment


@contextmanager
def in_cloud(folder: Path) -> Iterator[Cloud]:
    """An OpenStack with an image to start from, until the end of the block. ``folder`` is for files."""
    with _deployment() as deployment:
        url = deployment.auth_url
        with seed.connection(url) as demo, seed.connection(url, "admin") as admin:
            known = next(iter(demo.image.images(name=seed.IMAGE)), None)
            yield Cloud(deployment, demo, admin, (known or _upload(demo, folder)).id)


@pytest.fixture(scope="session")
def openstack_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with in_cloud(tmp_path_factory.mktemp("openstack")) as cloud:
        yield cloud


def _upload(demo: Any, folder: Path) -> Any:
    disk = folder / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "16M"], check=True)
    return demo.image.create_image(
        name=seed.IMAGE, disk_format="qcow2", container_format="bare", data=disk.read_bytes(), wait=True,
        validate_checksum=False, tags=["stable"], os_distro="debian",
    )  # fmt: skip
