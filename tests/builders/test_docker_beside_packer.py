"""The same template by Packer 1.6.6's docker builder and by hclimg, on one dockerd: settings, layers, leavings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from docker_kit import ROOT, RUN

from image_trees import Tree, tree_of
from servers.containers import Containers

pytestmark = pytest.mark.slow

BUILD = """
  provisioner "shell" {
    inline = [
      "echo one > /etc/mark", "mkdir -p /srv/a && chmod 750 /srv/a", "ln -s mark /etc/link", "rm /etc/group",
      "chown app /home/app",
    ]
  }
  provisioner "file" {
    source      = "tree"
    destination = "/srv"
  }
  provisioner "file" {
    source      = "tree/"
    destination = "/home/app"
  }
"""
PROGRAMS = {
    "packer": ["packer", "build", "-color=false", "t.pkr.hcl"],
    "hclimg": [sys.executable, "-m", "hclimg", "apply", "t.pkr.hcl"],
}


@frozen
class Result:
    """What a build left in the engine. ``new`` are the names of images; one without a name is ``<none>:<none>``."""

    output: str
    settings: dict[str, Any]
    layer: Tree
    new: list[str]
    folder: Path
    containers: set[str] = field(factory=set)


def build(by: str, engine: Containers, folder: Path, settings: str, after: str = "") -> Result:
    where = folder / by
    (where / "tree/sub").mkdir(parents=True)
    (where / "tree/sub/x").write_text("x\n")
    (where / "tree/sub/x").chmod(0o750)
    (where / "t.pkr.hcl").write_text(
        f'source "docker" "web" {{\nimage = "{engine.image}"\npull = false\n{RUN}\n{settings}\n}}\n'
        f'build {{\nsources = ["source.docker.web"]\n{BUILD}\n{after}\n}}\n'
    )
    env = {
        "PATH": os.environ["PATH"], "HOME": str(where), "CHECKPOINT_DISABLE": "1", "PYTHONPATH": str(ROOT), **engine.env
    }  # fmt: skip
    done = subprocess.run(PROGRAMS[by], cwd=where, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    new = engine.call("images", "-a", "--format", "{{.Repository}}:{{.Tag}}").split()
    new.remove(engine.image)
    (image,) = engine.images() or {""}
    found = json.loads(engine.call("image", "inspect", image))[0] if image else {"Config": {}}
    archive = where / "image.tar"
    if image:
        engine.call("save", "-o", str(archive), image)
    settings_ = {**found["Config"], **{name: found.get(name) for name in ("Author", "Comment", "Os")}}
    result = Result(
        done.stdout + done.stderr, settings_,
        last_layer(archive) if image else {}, sorted(new), where, engine.containers(),
    )  # fmt: skip
    engine.clear()
    return result


def last_layer(archive: Path) -> Tree:
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest
        layer = tar.extractfile(json.load(manifest)[0]["Layers"][-1])
        with tarfile.open(fileobj=layer) as inner:
            return tree_of(inner)


def both(engine: Containers, folder: Path, settings: str, after: str = "") -> tuple[Result, Result]:
    theirs, ours = (build(by, engine, folder, settings, after) for by in PROGRAMS)
    assert ours.layer == theirs.layer
    assert ours.new == theirs.new
    assert ours.containers == theirs.containers == set()
    theirs.settings.pop("Hostname"), ours.settings.pop("Hostname")  # the container's id
    return theirs, ours


def test_commit(docker: Containers, tmp_path: Path) -> None:
    theirs, ours = both(
        docker, tmp_path,
        """
        commit  = true
        author  = "Ann"
        message = "made"
        changes = ["ENV A=b", "USER app", "WORKDIR /home/app", "EXPOSE 8080", "LABEL k=v", "VOLUME /data",
                   "ENTRYPOINT [\\"/bin/httpd\\"]", "CMD [\\"-f\\"]"]
        """,
    )  # fmt: skip
    assert ours.settings == theirs.settings
    assert ours.settings["Entrypoint"] == ["/bin/httpd"]
    assert ours.new == ["<none>:<none>"]
    assert "etc/.wh.group" in ours.layer


def test_entrypoint_of_the_source(docker: Containers, tmp_path: Path) -> None:
    """Packer 1.6.6 leaves the shell that kept the container alive as the image's entrypoint; its plugin of today gives
    the source's again, and so does hclimg."""
    theirs, ours = both(docker, tmp_path, "commit = true")
    assert (theirs.settings.pop("Entrypoint"), theirs.settings.pop("Cmd")) == (["/bin/sh"], None)
    assert (ours.settings.pop("Entrypoint"), ours.settings.pop("Cmd")) == (None, ["/bin/sh"])
    assert ours.settings == theirs.settings


def test_tagged_pushed_and_saved(docker: Containers, tmp_path: Path, image_registry: str) -> None:
    after = f"""
      post-processor "shell-local" {{
        inline              = ["echo digest=${{build.ImageSha256}} of ${{build.ID}}"]
        keep_input_artifact = true
      }}
      post-processors {{
        post-processor "docker-tag" {{
          repository = "{image_registry}/beside"
          tag        = ["1", "2"]
        }}
        post-processor "docker-push" {{}}
      }}
      post-processors {{
        post-processor "docker-tag" {{
          repository = "localhost/beside"
          tag        = ["3"]
        }}
        post-processor "docker-save" {{ path = "image/web.tar" }}
      }}
    """
    for by in PROGRAMS:
        (tmp_path / by / "image").mkdir(parents=True)
    theirs, ours = both(docker, tmp_path, "commit = true", after)
    assert ours.new == [f"{image_registry}/beside:1", f"{image_registry}/beside:2", "localhost/beside:3"]
    for result in (theirs, ours):
        assert "digest=sha256:" in result.output
        with tarfile.open(result.folder / "image/web.tar") as tar:
            manifest = tar.extractfile("manifest.json")
            assert manifest
            assert json.load(manifest)[0]["RepoTags"] == ["localhost/beside:3"]


def test_exported_and_imported(docker: Containers, tmp_path: Path) -> None:
    after = """
      post-processor "docker-import" {
        repository          = "localhost/imported"
        tag                 = "1"
        changes             = ["ENV A=b", "CMD [\\"/bin/sh\\"]"]
        keep_input_artifact = true
      }
    """
    theirs, ours = both(docker, tmp_path, 'export_path = "web.tar"', after)
    assert ours.settings == theirs.settings
    assert ours.new == ["localhost/imported:1"]
    exported = []
    for result in (theirs, ours):
        with tarfile.open(result.folder / "web.tar") as tar:
            exported.append(tree_of(tar))
    assert exported[0] == exported[1]
