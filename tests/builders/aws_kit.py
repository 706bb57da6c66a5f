"""A template as a user of Packer writes it, built by the program against moto, with a real sshd as the instance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define

from hclimg.sdk.ssh_keys import generate_key_pair
from servers.moto import DEBIAN, REGION, Aws, Network, running_moto
from servers.ports import held_ports
from servers.sshd import Sshd

ROOT = Path(__file__).resolve().parents[2]
ANY_KEY = "AuthorizedKeysCommand /usr/bin/echo %t %k\nAuthorizedKeysCommandUser root\n"
"""The guest lets in whoever has a key: its key pair is a new one in each build."""

SOURCE = """\
source "amazon-ebs" "web" {{
  ami_name      = "web"
  region        = "{region}"
  {image}
  {size}
  vpc_id        = "{vpc}"
  subnet_id     = "{subnet}"
  ssh_interface = "private_ip"
  ssh_username  = "{user}"
  ssh_port      = {port}
  {patience}
  {settings}
}}
"""
BUILD = """
build {
  sources = ["source.amazon-ebs.web"]

  provisioner "shell" {
    inline = ["echo provisioned > $HOME/provisioned"]
  }
}
"""
MANIFEST = """
build {
  sources = ["source.amazon-ebs.web"]

  post-processor "manifest" {}
}
"""


@define
class Lab:
    """One project directory, the cloud, and the machine that answers for its instances."""

    folder: Path
    aws: Aws
    network: Network
    sshd: Sshd

    def source(self, settings: str = "", *, image: str = f'source_ami = "{DEBIAN}"', size: str = "") -> str:
        return SOURCE.format(
            region=REGION, image=image, size=size or 'instance_type = "t3.micro"', vpc=self.network.vpc,
            subnet=self.network.subnet, patience="" if "ssh_timeout" in settings else 'ssh_timeout = "20s"',
            user=self.sshd.user, port=self.sshd.port, settings=settings,
        )  # fmt: skip

    def write(self, text: str) -> Path:
        path = self.folder / "web.pkr.hcl"
        path.write_text(text)
        return path

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the program in the project directory."""
        return self.program(command, *options, ".")

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same, without the template."""
        with self._started(*arguments) as process:
            said, wrong = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, said, wrong)

    def started(self, command: str, *options: str) -> subprocess.Popen[str]:
        """The program, running in the project directory."""
        return self._started(command, *options, ".")

    def _started(self, *arguments: str) -> subprocess.Popen[str]:
        env = {**os.environ, **self.aws.environment, "PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(self.folder / "home")}
        argv = [sys.executable, "-m", "hclimg", *arguments]
        return subprocess.Popen(
            argv, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def apply(self, settings: str = "", *options: str, build: str = BUILD, **more: str) -> str:
        """Build; what it said. It must succeed."""
        self.write(self.source(settings, **more) + build)
        done = self.run("apply", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def refused(self, settings: str = "", *options: str, build: str = BUILD, **more: str) -> str:
        """Build; what it said. It must fail."""
        self.write(self.source(settings, **more) + build)
        done = self.run("apply", *options)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr

    def mistakes(self, settings: str = "", **more: str) -> str:
        """Validate; what it said. It must find something."""
        self.write(self.source(settings, **more) + BUILD)
        done = self.run("validate")
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ec2(self, region: str = REGION) -> Any:
        return self.aws.client("ec2", region)

    def image(self, region: str = REGION) -> dict[str, Any]:
        """The one image of the account."""
        (found,) = self.ec2(region).describe_images(Owners=["self"], IncludeDeprecated=True)["Images"]
        image: dict[str, Any] = found
        return image

    def snapshots(self, region: str = REGION) -> list[dict[str, Any]]:
        """Those of that image."""
        names = [disk["Ebs"]["SnapshotId"] for disk in self.image(region)["BlockDeviceMappings"]]
        found: list[dict[str, Any]] = self.ec2(region).describe_snapshots(SnapshotIds=names)["Snapshots"]
        return found

    def instance(self) -> dict[str, Any]:
        """What is still known of the instance that ended."""
        (group,) = self.ec2().describe_instances()["Reservations"]
        (found,) = group["Instances"]
        instance: dict[str, Any] = found
        return instance

    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "packer-manifest.json").read_text())
        return found


def tags(thing: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in thing.get("Tags", ())}


@contextmanager
def open_lab(folder: Path) -> Iterator[Lab]:
    """A lab outside of pytest."""
    (folder / "moto").mkdir()
    with running_moto(folder / "moto") as aws, held_ports() as hold:
        aws.reset()
        network = aws.network()
        key = generate_key_pair("lab", key_type="ed25519")
        sshd = Sshd(folder / "sshd", key, hold(), network.listen + ANY_KEY)
        sshd.prepare()
        sshd.start()
        (folder / "project").mkdir()
        try:
            yield Lab(folder / "project", aws, network, sshd)
        finally:
            sshd.stop()


def new_lab(folder: Path, aws: Aws, sshd_factory: Callable[..., Sshd]) -> Lab:
    network = aws.network()
    folder.mkdir(exist_ok=True)
    return Lab(folder, aws, network, sshd_factory(extra=network.listen + ANY_KEY))
