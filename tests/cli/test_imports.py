"""What checking a template imports: start-up time is decided here. The test looks at modules, not at the clock."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.cli.main import COMMANDS
from hclimg.lang import tables

ROOT = Path(__file__).resolve().parents[2]
Write = Callable[[str, str], Path]

HEAVY = {
    "networkx", "fabric", "paramiko", "invoke", "hcl2", "lark", "boto3", "botocore", "rich", "pyVmomi", "openstack",
    "pypsrp", "requests",
    "aliyunsdkcore", "numpy", "importlib.metadata", "asyncio", "http.client", "email", "ssl", "subprocess",
    "concurrent.futures", "tempfile", "dataclasses", "fractions", "decimal", "hclimg.events", "hclimg.engine.run",
    "hclimg.ui.diagnostics", "hclimg.ui.console", "cyclonedx", "spdx_tools", "packageurl", "jsonschema", "cryptography",
}  # fmt: skip

ALL_STEPS = """\
data "http" "a" { url = "http://127.0.0.1:1/" }
data "null" "b" { input = data.http.a.body }
data "amazon-ami" "c" {
  filters = { name = "x" }
  owners  = ["self"]
}
data "amazon-parameterstore" "d" { name = "x" }
data "amazon-secretsmanager" "e" { name = "x" }
variable "x" {
  type    = string
  default = "value"
}
locals { y = "${upper(var.x)}-${timestamp()}" }
source "null" "a" { communicator = "none" }
source "null" "b" {
  ssh_host     = "127.0.0.1"
  ssh_username = "root"
  ssh_password = "x"
}
source "null" "w" {
  communicator   = "winrm"
  winrm_host     = "127.0.0.1"
  winrm_username = "Administrator"
  winrm_password = "x"
  winrm_use_ntlm = true
}
source "amazon-ebs" "d" {
  ami_name      = "abc"
  source_ami    = "ami-1"
  instance_type = "t3.micro"
  ssh_username  = "admin"
}
source "amazon-ebsvolume" "e" {
  source_ami    = "ami-1"
  instance_type = "t3.micro"
  ssh_username  = "admin"
  ebs_volumes {
    device_name = "/dev/x"
    volume_size = 1
  }
}
source "amazon-ebssurrogate" "f" {
  ami_name      = "abc"
  source_ami    = "ami-1"
  instance_type = "t3.micro"
  ssh_username  = "admin"
  launch_block_device_mappings { device_name = "/dev/x" }
  ami_root_device {
    source_device_name = "/dev/x"
    device_name        = "/dev/y"
  }
}
source "openstack" "c" {
  source_image = "1"
  flavor       = "x"
  image_name   = "x"
  ssh_username = "x"
}
build {
  sources = ["null.a", "null.b", "null.w", "openstack.c", "amazon-ebs.d", "amazon-ebsvolume.e", "amazon-ebssurrogate.f"]
  provisioner "shell" { inline = ["echo ${local.y} ${build.ID}"] }
  provisioner "file" {
    content     = "x"
    destination = "/tmp/x"
  }
  provisioner "shell-local" { inline = ["true"] }
  provisioner "breakpoint" {}
  provisioner "sleep" { duration = "1s" }
  provisioner "hcp-sbom" { auto_generate = true }
  post-processor "manifest" {}
  post-processor "amazon-import" { s3_bucket_name = "abc" }
  post-processor "checksum" {}
  post-processor "compress" {}
  post-processor "sbom" {}
  post-processor "provenance" {}
  post-processor "vagrant" { override = { libvirt = { compression_level = 9 } } }
  post-processor "artifice" { files = ["x"] }
  post-processor "shell-local" { inline = ["true"] }
}
"""


@pytest.fixture(scope="module", autouse=True)
def _compiled_grammars() -> None:
    """In a checkout, the very first start compiles the grammars, with all that this imports; the others count here."""
    for grammar in (ROOT / "grammar").glob("*.lark"):
        tables.load(grammar.stem)


def imported(args: list[str], cwd: Path) -> set[str]:
    code = f"import sys; from hclimg.cli.main import run; code = run({args!r}); print(*sys.modules); sys.exit(code)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_validate_imports_nothing_heavy(write: Write, tmp_path: Path) -> None:
    write("all.pkr.hcl", ALL_STEPS)
    assert imported(["validate", "all.pkr.hcl"], tmp_path) & HEAVY == set()


def test_plan_is_light_too(write: Write, tmp_path: Path) -> None:
    write("all.pkr.hcl", ALL_STEPS)
    assert imported(["plan", "all.pkr.hcl"], tmp_path) & HEAVY == set()


def test_a_console_without_a_terminal_needs_no_line_editor(tmp_path: Path) -> None:
    assert imported(["console"], tmp_path) & {*HEAVY, "prompt_toolkit"} == set()


@pytest.mark.parametrize(
    ("args", "commands"), [(["-h"], set()), (["version"], {"version"}), (["validate", "-h"], {"validate"})]
)
def test_only_the_command_is_imported(args: list[str], commands: set[str], tmp_path: Path) -> None:
    found = imported(args, tmp_path)
    assert {name for name in COMMANDS if f"hclimg.cli.{name}" in found} == commands
    assert not {name for name in found if name.startswith(("hclimg.lang", "hclimg.plan", "hclimg.template"))}
