"""What all tests share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# The same examples each time, and as long as they take: what a run says depends on neither luck nor load. A search for
# new ones is what tests/fuzz is for.
settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

pytest_plugins = [
    "golden", "servers.ports", "servers.booted", "servers.recording", "servers.sshd",
    "servers.moto", "servers.aws_faults", "servers.openstack.fixture", "servers.alicloud_ecs.simulator",
    "servers.vcsim", "servers.containers", "servers.salt", "servers.wine", "servers.windows_sshd", "servers.winrm",
    "servers.rooted", "servers.vmware",
]  # fmt: skip

STEERING = re.compile(
    "(PKR_VAR|PACKER|HCLIMG|VAULT|CONSUL|AWS|OS|ALICLOUD|ALIBABA_CLOUD|VSPHERE|DOCKER|CONTAINERS?)_.*"
    "|NO_COLOR|FORCE_COLOR|COLUMNS|LINES|SSH_AUTH_SOCK|DISPLAY|WAYLAND_DISPLAY|SECURITY_TOKEN"
)
LOOPBACK = "127.0.0.1,localhost"


@pytest.fixture(scope="session", autouse=True)
def _plain_environment() -> Iterator[None]:
    """Nothing of what whoever runs the tests has set up for hclimg, and for what it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(STEERING.fullmatch, tuple(os.environ)):
            patch.delenv(name)
        if any(name.lower().endswith("_proxy") for name in os.environ):
            for name in ("no_proxy", "NO_PROXY"):
                patch.setenv(name, ",".join(filter(None, (os.environ.get(name), LOOPBACK))))
        yield
