"""docker-import, docker-tag, docker-push and docker-save with real engines and a registry on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from hclimg.postprocessors.docker_import import DockerImportConfig
from hclimg.postprocessors.docker_push import DockerPushConfig
from hclimg.postprocessors.docker_save import DockerSaveConfig
from hclimg.postprocessors.docker_tag import DockerTagConfig
from hclimg.sdk.testing import decoded
from package_databases import STATUS
from servers.containers import Containers

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
  image       = "localhost/base:1"
  pull        = false
  run_command = ["-d", "-i", "--network", "none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]
"""


@frozen
class Yard:
    engine: Containers
    folder: Path

    def apply(self, fate: str, after: str, *, status: int = 0, more: str = "") -> str:
        (self.folder / "t.pkr.hcl").write_text(
            f'source "docker" "web" {{\n  docker_path = "{self.engine.program}"\n{SETTINGS}\n{fate}\n}}\n'
            'build {\n  sources = ["source.docker.web"]\n'
            '  provisioner "shell" { inline = ["echo made > /etc/mark", "mkdir -p /var/lib/dpkg"] }\n'
            f"{more}\n"
            f"  post-processors {{\n{after}\n  }}\n}}\n"
        )
        return self.hclimg("apply", "t.pkr.hcl", status=status)

    def hclimg(self, *arguments: str, status: int = 0) -> str:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(self.folder / "home")}
        command = [sys.executable, "-m", "hclimg", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=env)
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def names(self) -> set[str]:
        found = self.engine.call("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        return set(found) - {self.engine.image}


@pytest.fixture
def yard(engine: Containers, tmp_path: Path) -> Yard:
    return Yard(engine, tmp_path)


def problems(config: type[Any], text: str) -> str:
    return "\n".join(decoded(config, text)[1])


def test_settings() -> None:
    assert problems(DockerTagConfig, 'repository = "a/b"\ntags = ["1", "latest"]') == ""
    assert "repository" in problems(DockerTagConfig, "")
    assert "Invalid tag" in problems(DockerTagConfig, 'repository = "a"\ntags = ["b:c"]')
    assert "write tags instead" in problems(DockerTagConfig, 'repository = "a"\ntag = ["b"]')
    whole = 'repository = "a"\ntag = "b"\nchanges = ["USER a"]\nplatform = "linux/arm64"'
    assert problems(DockerImportConfig, whole) == ""
    assert "login_username" in problems(DockerPushConfig, "login = true")
    assert "path" in problems(DockerSaveConfig, "")


@pytest.mark.slow
def test_named_pushed_and_pulled_again(yard: Yard, image_registry: str) -> None:
    name = f"{image_registry}/{yard.engine.program}/web"
    said = yard.apply(
        "commit = true",
        f"""
        post-processor "docker-tag" {{
          repository = "{name}"
          tags = ["1", "latest"]
        }}
        post-processor "docker-push" {{}}
        """,
    )
    assert f"Pushed Docker image: {name}:1, {name}:latest" in said
    with urllib.request.urlopen(f"http://{image_registry}/v2/{yard.engine.program}/web/tags/list") as answer:
        assert set(json.load(answer)["tags"]) == {"1", "latest"}
    assert yard.names() == {f"{name}:1", f"{name}:latest"}
    yard.hclimg("destroy", "-auto-approve", "-keep-last=0")
    assert yard.engine.images() == set()
    yard.engine.call("pull", f"{name}:1")
    assert yard.engine.run(f"{name}:1", "/bin/cat", "/etc/mark") == "made"


@pytest.mark.slow
def test_exported_and_imported(yard: Yard) -> None:
    yard.apply(
        'export_path = "web.tar"',
        """
        post-processor "docker-import" {
          repository = "localhost/imported"
          tag = "{{build_name}}"
          changes = ["ENV A=b"]
        }
        post-processor "docker-tag" {
          repository = "localhost/imported"
          tags = ["again"]
        }
        """,
    )
    assert yard.names() == {"localhost/imported:web", "localhost/imported:again"}
    assert yard.engine.run("localhost/imported:again", "/bin/sh", "-c", "cat /etc/mark; echo $A") == "made\nb"
    assert not (yard.folder / "web.tar").exists()


@pytest.mark.slow
def test_its_bill_of_materials_and_provenance(yard: Yard, image_registry: str) -> None:
    (yard.folder / "status").write_text(STATUS)
    inside = 'provisioner "file" {\n source = "status"\n destination = "/var/lib/dpkg/status"\n }'
    name = f"{image_registry}/{yard.engine.program}/attested"
    yard.apply(
        "commit = true",
        f"""
        post-processor "docker-tag" {{ repository = "{name}" }}
        post-processor "docker-push" {{}}
        post-processor "provenance" {{ output_dir = "." }}
        post-processor "sbom" {{ output = "sbom.json" }}
        """,
        more=inside,
    )
    (subject,) = json.loads((yard.folder / "web.provenance.json").read_text())["subject"]
    request = urllib.request.Request(f"http://{image_registry}/v2/{yard.engine.program}/attested/manifests/latest")
    request.add_header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
    request.add_header("Accept", "application/vnd.oci.image.manifest.v1+json, " + str(request.get_header("Accept")))
    with urllib.request.urlopen(request) as answer:
        digest = answer.headers["Docker-Content-Digest"]
    assert subject == {"name": f"{name}:latest", "digest": {"sha256": digest.removeprefix("sha256:")}}
    bom = json.loads((yard.folder / "sbom.json").read_text())
    assert {one["name"] for one in bom["components"] if "purl" in one} == {"base-files", "libredis"}
    assert yard.engine.call("ps", "-a", "-q") == ""


@pytest.mark.slow
def test_saved(yard: Yard) -> None:
    yard.apply(
        "commit = true",
        """
        post-processor "docker-tag" { repository = "localhost/saved" }
        post-processor "docker-save" { path = "out/web.tar" }
        """,
    )
    with tarfile.open(yard.folder / "out/web.tar") as tar:
        assert "manifest.json" in tar.getnames()
    yard.engine.clear()
    yard.engine.call("load", "-i", str(yard.folder / "out/web.tar"))
    assert yard.engine.run("localhost/saved:latest", "/bin/cat", "/etc/mark") == "made"


@pytest.mark.slow
def test_what_does_not_fit(yard: Yard) -> None:
    said = yard.apply("discard = true", 'post-processor "docker-tag" { repository = "localhost/x" }', status=1)
    assert "not an image of a container engine" in said
    said = yard.apply("commit = true", 'post-processor "docker-push" {}', status=1)
    assert "Put docker-tag before" in said
    said = yard.apply("commit = true", 'post-processor "docker-import" { repository = "localhost/x" }', status=1)
    assert "no tar archives to import" in said
    assert yard.names() <= {"<none>:<none>"}


@pytest.mark.slow
def test_a_login_stays_out_of_the_users_own(
    yard: Yard, locked_registry: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is right only once; it is in no file of the user, and in no output."""
    server, user, password = locked_registry
    own = yard.folder / "own"
    own.mkdir()
    (own / "config.json").write_text('{"auths": {}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(own))
    push = """
        post-processor "docker-tag" {{ repository = "{0}/web" }}
        post-processor "docker-push" {{
          login = true
          login_server = "{0}"
          login_username = "{1}"
          login_password = "{2}"
        }}
    """
    assert "docker-push" in yard.apply("commit = true", push.format(server, user, "wrong-password"), status=1)
    said = yard.apply("commit = true", push.format(server, user, password))
    assert f"Logged in to {server} as {user}" in said
    assert (own / "config.json").read_text() == '{"auths": {}}'
    assert password not in said
    logs = [path for path in (yard.folder / "home").rglob("*") if path.is_file()]
    assert logs
    assert not any(password.encode() in path.read_bytes() for path in logs)
