"""Cloud builders whose instance is reached by WinRM, with the password that the builder found out or made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alicloud_kit import CENTOS
from alicloud_kit import Lab as AlicloudLab
from aws_kit import Lab as AwsLab

from servers.alicloud_ecs.simulator import Simulator
from servers.moto import DEBIAN, REGION, Aws
from servers.sshd import Sshd
from servers.winrm import WinrmServer

pytestmark = pytest.mark.slow

BUILD = """
  communicator   = "winrm"
  winrm_username = "Administrator"
  winrm_host     = "127.0.0.1"
  winrm_port     = {port}
}}
build {{
  sources = ["source.{source}"]
  provisioner "file" {{
    content     = "password ${{build.Password}} of ${{build.User}} by ${{build.ConnType}}"
    destination = "C:/mark"
  }}
}}
"""
AMAZON = """\
source "amazon-ebs" "windows" {{
  ami_name        = "windows"
  region          = "{region}"
  source_ami      = "{image}"
  instance_type   = "t3.micro"
  vpc_id          = "{vpc}"
  subnet_id       = "{subnet}"
  skip_create_ami = true
  run_tags        = {{ password = "{password}" }}
"""
ALICLOUD = """\
source "alicloud-ecs" "windows" {{
  region            = "cn-beijing"
  image_name        = "windows"
  source_image      = "{image}"
  instance_type     = "ecs.n1.tiny"
  skip_create_image = true
"""


def test_amazon_tells_the_password_encrypted_for_the_key_pair(
    tmp_path: Path, aws: Aws, sshd_factory: Callable[..., Sshd], winrm_bare: Callable[..., WinrmServer]
) -> None:
    server = winrm_bare(password="told & by EC2")
    lab = AwsLab(tmp_path, aws, aws.network(), sshd_factory(started=False))
    source = AMAZON.format(
        region=REGION, image=DEBIAN, vpc=lab.network.vpc, subnet=lab.network.subnet, password=server.password
    )
    lab.write(source + BUILD.format(port=server.port, source="amazon-ebs.windows"))
    done = lab.run("apply")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert (server.wine.drive / "mark").read_text() == "password told & by EC2 of Administrator by winrm"
    assert "told & by EC2" not in said.replace("password = ", "")
    assert lab.instance()["State"]["Name"] == "terminated"


def test_alicloud_is_given_a_password_that_nobody_else_knows(
    tmp_path: Path, alicloud: Simulator, sshd_factory: Callable[..., Sshd], winrm_bare: Callable[..., WinrmServer]
) -> None:
    def given() -> str:
        (instance,) = alicloud.things("instance")
        return str(instance.facts["Password"])

    server = winrm_bare(password=given)
    lab = AlicloudLab(tmp_path, alicloud, sshd_factory(started=False))
    lab.write(ALICLOUD.format(image=CENTOS) + BUILD.format(port=server.port, source="alicloud-ecs.windows"))
    done = lab.run("apply", ".")
    assert done.returncode == 0, done.stdout
    words = (server.wine.drive / "mark").read_text().split()
    assert words[2:] == ["of", "Administrator", "by", "winrm"]
    assert words[1] == lab.asked("CreateInstance")[0]["Password"]
    assert words[1] not in done.stdout
