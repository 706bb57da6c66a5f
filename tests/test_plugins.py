"""A plugin outside the tree: examples/plugin is installed as a user would, found, documented and used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples/plugin"
Hclimg = Callable[..., "subprocess.CompletedProcess[str]"]

CONTRACT = """
from pathlib import Path
from hclimg.sdk.testing import check_builder, check_component
from hclimg_tree.builder import TreeBuilder
from hclimg_tree.motd import MotdProvisioner
work = Path({work!r})
(work / "tree").mkdir()
body = f'directory = "{{work}}/tree"\\noutput = "{{work}}/out.tar"'
check_component(MotdProvisioner, 'text = "hello"')
check_component(TreeBuilder, body)
assert check_builder(TreeBuilder, body, work).artifact.id == "out.tar"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the package in it."""
    where, copy = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(EXAMPLE, copy)  # building leaves files in the source
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-build-isolation", "--target", where, copy], check=True)
    return where


@pytest.fixture
def hclimg(installed: Path, tmp_path: Path) -> Hclimg:
    def call(*args: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(ROOT), str(installed)])
        env = {**os.environ, "PYTHONPATH": path, "HCLIMG_HOME": str(tmp_path / "home")}
        return subprocess.run([sys.executable, *args], cwd=tmp_path, env=env, capture_output=True, text=True)

    return call


def test_the_parts_are_small() -> None:
    for name in ("builder", "motd"):
        assert len((EXAMPLE / f"hclimg_tree/{name}.py").read_text().splitlines()) < 60


def test_it_keeps_the_contract(hclimg: Hclimg, tmp_path: Path) -> None:
    done = hclimg("-c", CONTRACT.format(work=str(tmp_path)))
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_found_and_documented(hclimg: Hclimg) -> None:
    done = hclimg("-m", "hclimg", "plugins")
    assert done.returncode == 0
    assert done.stdout == "builder/tree      hclimg-tree 0.1.0\nprovisioner/motd  hclimg-tree 0.1.0\n"
    (tree, motd) = json.loads(hclimg("-m", "hclimg", "plugins", "-json").stdout)
    assert tree == {"kind": "builder", "name": "tree", "package": "hclimg-tree", "version": "0.1.0",
                    "class": "hclimg_tree.builder:TreeBuilder", "problem": ""}  # fmt: skip
    assert motd["name"] == "motd"
    page = hclimg("-m", "hclimg", "docs", "motd").stdout
    assert "Writes the message of the day." in page
    assert "/etc/motd" in page


def test_a_template_uses_it(hclimg: Hclimg, tmp_path: Path) -> None:
    (tmp_path / "tree/etc").mkdir(parents=True)
    (tmp_path / "t.pkr.hcl").write_text(
        'source "tree" "t" {\n  directory = "tree"\n  output = "out.tar"\n}\n'
        'build {\n  sources = ["tree.t"]\n  provisioner "motd" {\n    text = "of ${source.name}"\n  }\n}\n'
    )
    done = hclimg("-m", "hclimg", "apply", "t.pkr.hcl")
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(tmp_path / "out.tar") as archive:
        notice = archive.extractfile("./etc/motd")
        assert notice is not None
        assert notice.read() == b"of t\n"
    assert list((tmp_path / "tree/etc").iterdir()) == []


def test_its_mistakes_are_diagnostics(hclimg: Hclimg, tmp_path: Path) -> None:
    (tmp_path / "t.pkr.hcl").write_text(
        'source "tree" "t" {\n  directry = "tree"\n  output = "out.tar"\n}\n'
        'build {\n  sources = ["tree.t"]\n  provisioner "motd" {\n    text = " "\n  }\n}\n'
    )
    done = hclimg("-m", "hclimg", "validate", "t.pkr.hcl")
    assert done.returncode == 1
    assert 'Did you mean "directory"?' in done.stderr
    assert "t.pkr.hcl:8:12: Error: Empty message" in done.stderr


def test_what_cannot_be_used_is_said(hclimg: Hclimg, installed: Path, tmp_path: Path) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hclimg.builders]\nqemu = os:path\nbad = no_such_module:Builder\n")
    done = hclimg("-m", "hclimg", "plugins")
    assert done.returncode == 1
    assert 'hclimg has a builder "qemu" of its own' in done.stdout
    assert "No module named 'no_such_module'" in done.stdout


def test_without_plugins() -> None:
    done = subprocess.run([sys.executable, "-m", "hclimg", "plugins"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (
        0, "No package that is installed beside hclimg provides components.\n",
    )  # fmt: skip


def test_the_surface_of_the_sdk() -> None:
    """The names for type checkers and those at run time are the same."""
    import re

    import hclimg.sdk

    text = Path(hclimg.sdk.__file__).read_text()
    typed = {name: module for module, name in re.findall(r"^    from (\S+) import \w+ as (\w+)$", text, re.MULTILINE)}
    assert sorted(typed) == hclimg.sdk.__all__
    for name, module in typed.items():
        assert getattr(hclimg.sdk, name) is getattr(sys.modules[module], name)
