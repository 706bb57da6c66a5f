"""Builds on the OpenStack of the tests: templates, runs of hclimg, and what they made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from servers.openstack import seed
from servers.openstack.fixture import Cloud

ROOT = Path(__file__).resolve().parents[2]


@frozen
class Done:
    """A run of hclimg."""

    status: int
    output: str


@frozen(eq=False)
class Workshop:
    """Templates and runs in a folder; ``before`` is what the cloud had."""

    cloud: Cloud
    folder: Path
    before: set[tuple[str, str]] = field(init=False)

    @before.default
    def _content(self) -> set[tuple[str, str]]:
        return self.cloud.content()

    def template(self, settings: str = "", *, steps: str = "", name: str = "made", **replaced: str | None) -> Path:
        """A template with usual settings; ``replaced`` are others in their place (HCL), None leaves one out."""
        usual: dict[str, str | None] = {
            "source_image_name": f'"{seed.IMAGE}"', "flavor": f'"{seed.FLAVOR}"', "image_name": f'"{name}"',
            "networks": f'["{seed.NETWORK}"]', "ssh_username": '"root"', "ssh_timeout": '"1m"',
            "ssh_port": str(self.cloud.deployment.ssh_port), "temporary_key_pair_type": '"ecdsa"', **replaced,
        }  # fmt: skip
        lines = [f"  {key} = {value}\n" for key, value in usual.items() if value is not None]
        path = self.folder / "made.pkr.hcl"
        path.write_text(
            f'source "openstack" "made" {{\n{"".join(lines)}{settings}\n}}\n'
            f'build {{\n  sources = ["openstack.made"]\n{steps}}}\n'
        )
        return path

    def env(self, user: str = "demo", **more: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        home = str(self.folder / "home")
        return {**plain, **self.cloud.deployment.login(user), "PYTHONPATH": str(ROOT), "HCLIMG_HOME": home, **more}

    def run(self, *args: str | Path, env: Mapping[str, str] | None = None, folder: Path | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "hclimg", *map(str, args)], cwd=folder or self.folder, env=env or self.env(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        return Done(done.returncode, done.stdout)

    def build(self, settings: str = "", *, env: Mapping[str, str] | None = None, **replaced: Any) -> Done:
        return self.run("apply", self.template(settings, **replaced), env=env)

    def new(self) -> set[tuple[str, str]]:
        """What the cloud has that it had not before."""
        return self.cloud.content() - self.before

    def take_image(self) -> Any:
        """The one image that is new, which is all that is new; it is deleted."""
        new = self.new()
        assert [kind for kind, _ in new] == ["image"], new
        ((_, key),) = new
        image = self.cloud.admin.image.get_image(key)
        self.cloud.admin.image.delete_image(key)
        return image
