"""The program in a process of its own, in the test's directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def hclimg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``hclimg("validate", "x.pkr.hcl", NAME="value")`` runs there; keyword arguments are environment variables."""
    monkeypatch.chdir(tmp_path)
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "COVERAGE_PROCESS_START")
    plain = {name: os.environ[name] for name in keep if name in os.environ}

    def run(*args: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hclimg", *args], input=stdin, capture_output=True, text=True, cwd=tmp_path,
            env={**plain, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **env},
        )  # fmt: skip

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """``write(name, text)`` makes a file in the test's directory."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return make


TWO_BUILDS = """\
variable "region" {
  type    = string
  default = "eu-west-1"
}

locals {
  greeting = "hello from ${var.region}"
}

source "null" "one" {
  communicator = "none"
}

source "null" "two" {
  communicator = "none"
}

build {
  name        = "demo"
  description = "Two machines that are none."
  sources     = ["source.null.one", "source.null.two"]

  provisioner "shell-local" {
    inline = ["echo ${local.greeting}, $PACKER_BUILD_NAME"]
  }

  provisioner "shell-local" {
    name   = "checks"
    only   = ["null.two"]
    inline = ["echo checked"]
  }

  post-processor "manifest" {}

  post-processors {
    post-processor "shell-local" {
      name   = "notify"
      inline = ["true"]
    }
    post-processor "manifest" {
      output = "second.json"
    }
  }
}
"""


@pytest.fixture
def two_builds(write: Callable[[str, str], Path]) -> Path:
    return write("demo.pkr.hcl", TWO_BUILDS)
