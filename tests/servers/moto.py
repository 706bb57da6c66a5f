"""AWS on loopback: moto's server (``moto_process``) in a process of its own, emptied for each test.

Instances in :meth:`Aws.network` get private addresses of loopback, so that a real sshd can be their guest.
What moto does not do as AWS does, the tests that depend on it say.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

from servers.ports import held_ports

REGION = "eu-central-1"
DEBIAN = "ami-0deb1a0000000001"
"""The newer of two images that the server has; the other is ``OLD_DEBIAN``."""
OLD_DEBIAN = "ami-0deb1a0000000000"
OWNER = "136693071363"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "moto-secret-of-the-tests"}


def _image(ami: str, name: str, created: str) -> dict[str, Any]:
    return {
        "ami_id": ami, "name": name, "description": "Debian 12", "owner_id": OWNER, "public": True,
        "virtualization_type": "hvm", "architecture": "x86_64", "state": "available", "platform": None,
        "image_type": "machine", "hypervisor": "xen", "root_device_name": "/dev/xvda", "root_device_type": "ebs",
        "sriov": "simple", "creation_date": created, "boot_mode": "uefi-preferred",
    }  # fmt: skip


IMAGES = [
    _image(OLD_DEBIAN, "debian-12-amd64-20250101-1", "2025-01-01T00:00:00.000Z"),
    _image(DEBIAN, "debian-12-amd64-20260101-1", "2026-01-01T00:00:00.000Z"),
]


@frozen
class Network:
    """``addresses`` are those of the first instances in it."""

    vpc: str
    subnet: str
    addresses: tuple[str, ...]

    @property
    def listen(self) -> str:
        """Lines of sshd_config with which a server answers at all of them."""
        return "".join(f"ListenAddress {address}\n" for address in self.addresses)


@define
class Aws:
    """A server. ``environment`` leads a client to it, and nowhere else."""

    url: str
    folder: Path
    environment: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.environment = {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
        }

    def client(self, service: str, region: str = REGION) -> Any:
        import boto3

        return boto3.client(
            service, region_name=region, endpoint_url=self.url,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def reset(self) -> None:
        """Forget everything but the two images."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        self.log.write_text("")

    @property
    def log(self) -> Path:
        return self.folder / "calls"

    def calls(self, action: str = "") -> list[dict[str, Any]]:
        """What was asked for since the last reset: ``action`` and ``params`` of each call, of one action or of all."""
        found: list[dict[str, Any]] = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [call for call in found if action in ("", call["action"])]

    def asked(self, action: str) -> dict[str, Any]:
        """The parameters of the one call of an action."""
        (call,) = self.calls(action)
        params: dict[str, Any] = call["params"]
        return params

    def quiet(self) -> None:
        """Wait until no call is under way, not even one whose caller has died."""
        port = int(self.url.rpartition(":")[2])
        while _connections(port):
            time.sleep(0.01)

    def network(self, guests: int = 8, region: str = REGION) -> Network:
        """A VPC 127.0.0.0/16 with a subnet."""
        ec2 = self.client("ec2", region)
        vpc = ec2.create_vpc(CidrBlock="127.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="127.0.1.0/24")["Subnet"]["SubnetId"]
        return Network(vpc, subnet, tuple(f"127.0.1.{4 + number}" for number in range(guests)))

    def left(self, region: str = REGION) -> dict[str, list[str]]:
        """What costs money or is in the way, by kind; only what there is."""
        ec2 = self.client("ec2", region)
        reservations = ec2.describe_instances()["Reservations"]
        running = [i for r in reservations for i in r["Instances"] if i["State"]["Name"] != "terminated"]
        groups = ec2.describe_security_groups()["SecurityGroups"]
        given = ec2.describe_images(ImageIds=[DEBIAN, OLD_DEBIAN])["Images"]
        theirs = {disk["Ebs"]["SnapshotId"] for image in given for disk in image["BlockDeviceMappings"]}
        snapshots = {s["SnapshotId"] for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
        found = {
            "instance": [i["InstanceId"] for i in running],
            "volume": [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]],
            "snapshot": sorted(snapshots - theirs),
            "image": [i["ImageId"] for i in ec2.describe_images(Owners=["self"])["Images"]],
            "key-pair": [k["KeyName"] for k in ec2.describe_key_pairs()["KeyPairs"]],
            "security-group": [g["GroupId"] for g in groups if g["GroupName"] != "default"],
            "launch-template": [t["LaunchTemplateId"] for t in ec2.describe_launch_templates()["LaunchTemplates"]],
            "role": [r["RoleName"] for r in self.client("iam").list_roles()["Roles"]],
        }
        return {kind: names for kind, names in found.items() if names}


def _connections(port: int) -> list[str]:
    """The server's ends of connections that are not over, as the kernel lists them. It closes each after one call."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    begun, established, half_closed = "03", "01", "08"
    here = f":{port:04X}"
    return [line[1] for line in lines if line[1].endswith(here) and line[3] in (begun, established, half_closed)]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/data.json"):
            return True
    except OSError:
        return False


@contextmanager
def running_moto(folder: Path) -> Iterator[Aws]:
    """A server of its own, whose files are in the folder."""
    (folder / "images.json").write_text(json.dumps(IMAGES))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with held_ports() as hold, (folder / "log").open("wb") as log:
        port = hold()
        program = str(Path(__file__).with_name("moto_process.py"))
        server = subprocess.Popen(
            [sys.executable, "-P", program, "-H", "127.0.0.1", "-p", str(port)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**kept, "MOTO_AMIS_PATH": str(folder / "images.json"), "MOTO_CALLS": str(folder / "calls")},
        )  # fmt: skip
        found = Aws(f"http://127.0.0.1:{port}", folder)
        while not _answers(found.url):
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        try:
            yield found
        finally:
            server.terminate()
            server.wait()


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """The process."""
    with running_moto(tmp_path_factory.mktemp("moto")) as found:
        yield found


@pytest.fixture
def aws(moto_server: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """AWS with nothing in it but two images, to which the environment leads."""
    moto_server.reset()
    for name, value in moto_server.environment.items():
        monkeypatch.setenv(name, value)
    return moto_server
