"""Data sources and imports of AWS as the user sees them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from servers.moto import DEBIAN, Aws

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]

TEMPLATE = """\
data "amazon-ami" "debian" {
  owners      = ["amazon"]
  filters     = { name = "%s" }
  most_recent = true
}
data "amazon-secretsmanager" "pw" { name = "pw" }
source "file" "a" {
  content = "${data.amazon-ami.debian.id} ${data.amazon-secretsmanager.pw.value}"
  target  = "a.txt"
}
build {
  sources = ["file.a"]
  provisioner "shell-local" { inline = ["echo the password is ${data.amazon-secretsmanager.pw.value}"] }
}
"""


def test_what_is_found_can_be_used(hclimg: Run, write: Write, tmp_path: Path, aws: Aws) -> None:
    aws.client("secretsmanager").create_secret(Name="pw", SecretString="s3cr3t-word")
    write("t.pkr.hcl", TEMPLATE % "debian-12-*")
    done = hclimg("apply", "t.pkr.hcl", **aws.environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.txt").read_text() == f"{DEBIAN} s3cr3t-word"
    assert "s3cr3t" not in done.stdout + done.stderr
    assert "the password is <sensitive>" in done.stdout


def test_what_is_not_found_is_told_at_the_block(hclimg: Run, write: Write, aws: Aws) -> None:
    aws.client("secretsmanager").create_secret(Name="pw", SecretString="s3cr3t-word")
    write("t.pkr.hcl", TEMPLATE % "debian-99-*")
    done = hclimg("apply", "t.pkr.hcl", **aws.environment)
    assert done.returncode == 1
    assert done.stderr.lstrip().startswith("t.pkr.hcl:1:1: Error: Data source failed")
    assert 'No image matches name = "debian-99-*", owned by amazon, in eu-central-1.' in " ".join(done.stderr.split())


def test_wrong_credentials_are_told_before_anything_is_asked(hclimg: Run, write: Write, aws: Aws) -> None:
    write("t.pkr.hcl", TEMPLATE % "debian-12-*")
    environment = {name: value for name, value in aws.environment.items() if "KEY" not in name}
    done = hclimg("apply", "t.pkr.hcl", **environment)
    assert done.returncode == 1
    assert "There are no credentials for AWS." in done.stderr
    assert "Traceback" not in done.stderr


IMPORT = """\
source "file" "disk" {
  content = "a disk"
  target  = "disk.raw"
}
build {
  sources = ["file.disk"]
  post-processors {
    post-processor "amazon-import" {
      s3_bucket_name = "images"
      ami_name       = "web"
    }
    post-processor "manifest" {}
  }
}
"""


def test_a_disk_image_becomes_an_ami(hclimg: Run, write: Write, tmp_path: Path, aws: Aws) -> None:
    location = {"LocationConstraint": "eu-central-1"}
    aws.client("s3").create_bucket(Bucket="images", CreateBucketConfiguration=location)
    write("t.pkr.hcl", IMPORT)
    done = hclimg("apply", "t.pkr.hcl", **aws.environment)
    assert done.returncode == 0, done.stderr
    (image,) = aws.left()["image"]
    assert f"AMIs were created:\neu-central-1: {image}" in done.stdout
    (build,) = json.loads((tmp_path / "packer-manifest.json").read_text())["builds"]
    assert build["artifact_id"] == f"eu-central-1:{image}"
    assert not (tmp_path / "disk.raw").exists()
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket="images")
