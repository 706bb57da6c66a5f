"""One mistake makes one error: whatever character is missing, nothing else is said to be wrong with the template."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hclimg.diagnostics import Diagnostic, Diagnostics, SourceText
from hclimg.lang.parse import parse_body
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.registry import Registry
from hclimg.template.hcl import read_hcl

TEMPLATE = """\
packer {
  required_plugins {
    qemu = {
      version = ">= 1.0.0"
      source  = "github.com/hashicorp/qemu"
    }
  }
}

variable "region" {
  type    = string
  default = "eu-${env("SIDE")}-1"
}

variable "users" {
  type    = list(object({ name = string, id = optional(number, 1) }))
  default = [{ name = "a" }, { name = "b", id = 2 }]
}

locals {
  tags = {
    Name = "web"
    Env  = var.region == "prod" ? "p" : lower("D")
  }
  names = [for s in var.users : upper(s.name) if s.id != 0]
}

local "secret" {
  expression = sha256("x")
  sensitive  = true
}

source "null" "web" {
  communicator = "ssh"
  ssh_host     = "web.${var.region}.example.com"
  ssh_username = "root"
  ssh_password = local.secret
  ssh_timeout  = "5m"
}

source "null" "db" {
  communicator = "none"
}

build {
  name    = "nightly"
  sources = ["source.null.web", "source.null.db"]

  source "source.null.db" {
    name = "other"
  }

  provisioner "shell-local" {
    inline = [
      "echo 1",
      "apt-get update && apt-get install -y nginx",
      "echo ${join(",", local.names)}",
    ]
    environment_vars = ["A=${local.tags.Name}", "B=2"]
    only             = ["null.web"]
  }

  provisioner "file" {
    content     = <<-EOF
      hello ${var.region}
      %{ for x in local.names ~}
      ${x}
      %{ endfor ~}
    EOF
    destination = "/tmp/x"
  }

  post-processors {
    post-processor "manifest" { output = "m.json" }
    post-processor "checksum" {
      checksum_types = ["sha256"]
      output         = "sums"
    }
  }
}
"""
REGISTRY = Registry()


def problems(text: str) -> list[Diagnostic]:
    diags = Diagnostics()
    template = read_hcl([parse_body(SourceText("t.pkr.hcl", text), diags)], ".", Path(), diags)
    compile_plan(template, CompileOptions(now=datetime.now(UTC), cwd=Path()), REGISTRY, diags)
    return list(diags)


def replaced(character: str, other: str = "") -> Iterator[tuple[int, str]]:
    """The template with one of the characters replaced, and the line of it; once for each of them."""
    for i, c in enumerate(TEMPLATE):
        if c == character:
            yield TEMPLATE.count("\n", 0, i) + 1, TEMPLATE[:i] + other + TEMPLATE[i + 1 :]


def test_the_template_is_right() -> None:
    assert problems(TEMPLATE) == []


@pytest.mark.parametrize("character", list('"{}[]()=,'))
def test_what_is_missing_is_one_mistake(character: str) -> None:
    for line, text in replaced(character):
        found = problems(text)
        assert len(found) <= 1, (line, [str(item) for item in found])


@pytest.mark.parametrize(("character", "other"), [('"', "'"), ('"', "“"), ("=", ":"), ("=", "=="), ("(", "((")])
def test_what_is_wrong_is_one_mistake(character: str, other: str) -> None:
    for line, text in replaced(character, other):
        found = problems(text)
        assert len(found) <= 1, (line, [str(item) for item in found])
