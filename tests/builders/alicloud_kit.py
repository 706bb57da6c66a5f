"""A template as a user of Packer writes it, built by the program against the simulator, a real sshd as instance."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from attrs import define

from servers.alicloud_ecs.simulator import Simulator
from servers.alicloud_ecs.world import Thing
from servers.sshd import Sshd

ROOT = Path(__file__).resolve().parents[2]
REGION = "cn-beijing"
CENTOS = "centos_7_04_64_20G_alibase_201701015.vhd"

SOURCE = """\
source "alicloud-ecs" "web" {{
  region        = "cn-beijing"
  image_name    = "web"
  instance_type = "ecs.n1.tiny"
  ssh_username  = "{user}"
  ssh_host      = "127.0.0.1"
  ssh_port      = {port}
  {image}
  {settings}
}}
"""
BUILD = """
build {
  sources = ["source.alicloud-ecs.web"]

  provisioner "shell" {
    inline = ["echo provisioned > $HOME/provisioned"]
  }
}
"""
BUILD_NOTHING = 'build { sources = ["source.alicloud-ecs.web"] }\n'


@define
class Lab:
    """One project directory, the cloud, and the machine that answers for its instances."""

    folder: Path
    cloud: Simulator
    sshd: Sshd

    def source(self, settings: str = "", *, image: str = f'source_image = "{CENTOS}"') -> str:
        return SOURCE.format(user=self.sshd.user, port=self.sshd.port, image=image, settings=settings)

    def write(self, text: str) -> None:
        (self.folder / "web.pkr.hcl").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        where = {"ALICLOUD_ECS_ENDPOINT": self.cloud.url, "HCLIMG_HOME": str(self.folder / "home")}
        return {**self.cloud.environment, **where}

    def run(self, command: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the program in the project directory; what it says is all in stdout."""
        env = {**os.environ, **self.environment, "PYTHONPATH": str(ROOT), **environment}
        argv = [sys.executable, "-m", "hclimg", command, *options]
        return subprocess.run(
            argv, cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )

    def apply(self, settings: str = "", *options: str, build: str = BUILD, **more: str) -> str:
        """Build; what it said. It must succeed, and ask for nothing that the API does not know."""
        self.write(self.source(settings, **more) + build)
        done = self.run("apply", *options, ".")
        assert done.returncode == 0, done.stdout
        assert {call.strays for call in self.cloud.calls} == {()}
        return done.stdout

    def refused(self, settings: str = "", *options: str, build: str = BUILD, retries: str = "1", **more: str) -> str:
        """Build; what it said. It must fail."""
        self.write(self.source(settings, **more) + build)
        done = self.run("apply", *options, ".", ALICLOUD_MAX_RETRIES=retries)
        assert done.returncode == 1, done.stdout
        return done.stdout

    def asked(self, action: str) -> list[dict[str, str]]:
        """The parameters of the calls of an action, without the token."""
        calls = [call for call in self.cloud.calls if call.action == action]
        return [{name: value for name, value in call.given.items() if name != "ClientToken"} for call in calls]

    def images(self, region: str = "") -> list[Thing]:
        return [thing for thing in self.cloud.things("image") if region in ("", thing.region)]

    def image(self, region: str = REGION) -> Thing:
        (found,) = self.images(region)
        return found

    def wrong(self, finished: set[str]) -> list[str]:
        """What is there and should not be, or is not and should be, when those images are what was finished."""
        there = self.cloud.things()
        kept = [image for image in there if image.id in finished]
        kept += [snapshot for image in kept for snapshot in self.cloud.world.snapshots_of(image)]
        marked = [thing for thing in kept if any(key.startswith("hclimg:") for key in thing.tags)]
        gone = finished - {thing.id for thing in there}
        return [str(thing) for thing in (*(each for each in there if each not in kept), *marked)] + sorted(gone)


def new_lab(folder: Path, cloud: Simulator, sshd_factory: Callable[..., Sshd]) -> Lab:
    folder.mkdir(exist_ok=True)
    cloud.world.looks = {"": 0}
    sshd = sshd_factory()
    cloud.login(sshd)
    return Lab(folder, cloud, sshd)
