"""The examples: each is planned, and its plan is compared; each that needs nothing special is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from servers.answering import Answering, Reply, answering

__all__ = ["answering"]
ROOT = Path(__file__).resolve().parent.parent
Hclimg = Callable[..., str]
OURS = shutil.ignore_patterns("output-*", "build", ".hclimg")  # what whoever tries the examples leaves there


@pytest.fixture
def hclimg(tmp_path: Path) -> Hclimg:
    """``hclimg("plan", "x")`` runs in a directory where ``x`` is a copy of the example; gives what it printed."""

    def run(*args: str) -> str:
        if not (tmp_path / "examples").exists():
            shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=OURS)
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "hclimg", *args]
        done = subprocess.run(command, cwd=tmp_path / "examples", env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


PLANS = [
    ("output", []),
    ("for_each", []),
    ("enabled", []),
    ("enabled-debug", ["-var", "debug=true", "-var", 'formats=["zip"]']),
    ("dynamic", []),
    ("data", []),
    ("groups", []),
    ("modules", []),
    ("python", []),
    ("aws", []),
    ("openstack", []),
    ("docker", []),
    ("ansible", []),
    ("podman", ["-var=registry=registry.example.org"]),
    ("salt", []),
    ("chef", []),
    ("vmware", []),
    ("windows", []),
    ("windows_host", []),
]


@pytest.mark.parametrize(("name", "options"), PLANS)
def test_plans(name: str, options: list[str], hclimg: Hclimg, golden: Callable[[str, str], None]) -> None:
    golden(f"example-{name}.txt", hclimg("plan", *options, name.partition("-")[0]))


def test_a_legacy_template_for_a_cloud_is_planned(
    hclimg: Hclimg, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALICLOUD_ACCESS_KEY", "LTAIexample")
    monkeypatch.setenv("ALICLOUD_SECRET_KEY", "secret")
    golden("example-alicloud.txt", hclimg("plan", "alicloud/redis.json"))


def test_a_template_of_a_vcenter_is_planned(
    hclimg: Hclimg, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SERVER", "USER", "PASSWORD"):
        monkeypatch.setenv(f"VSPHERE_{name}", name.lower())
    golden("example-vsphere.txt", hclimg("plan", "vsphere"))


def test_output(hclimg: Hclimg, tmp_path: Path) -> None:
    hclimg("apply", "output")
    bundle = hclimg("output", "-raw", "bundle")
    assert bundle == "build/site-1.4.0.tar.gz"
    assert (tmp_path / "examples" / bundle).exists()
    assert hclimg("output", "admin_password") == '"change-me-soon"\n'
    assert "change-me-soon" not in hclimg("output")


def test_for_each(hclimg: Hclimg, tmp_path: Path) -> None:
    said = hclimg("apply", "for_each")
    build = tmp_path / "examples" / "build"
    assert (build / "us" / "release.txt").read_text() == "made of build/us/site.conf\n"
    assert (build / "index.txt").read_text() == "eu build/eu/site.conf\nus build/us/site.conf"
    assert sorted(path.name for path in (build / "eu").iterdir()) == [
        "release.md5", "release.sha256", "release.txt", "site.conf",
    ]  # fmt: skip
    assert '==> file.config["eu"]: config-eu goes to the mirror fra' in said
    assert "==> public.file.notice: readable by www-data" in said


def test_one_instance(hclimg: Hclimg, tmp_path: Path) -> None:
    hclimg("apply", "-only", 'file.release["us"]', "for_each")
    found = (tmp_path / "examples" / "build").rglob("*.*")
    assert sorted(path.name for path in found) == ["release.md5", "release.sha256", "release.txt", "site.conf"]


def test_enabled(hclimg: Hclimg, tmp_path: Path) -> None:
    hclimg("apply", "-var", "debug=true", "-var", 'formats=["tar"]', "-except", "second-look.*", "enabled")
    assert sorted(path.name for path in (tmp_path / "examples" / "build").iterdir()) == ["app.tar", "symbols.tar"]


def test_dynamic(hclimg: Hclimg, tmp_path: Path) -> None:
    said = hclimg("apply", "-only", "file.home", "dynamic")
    assert "==> file.home: adding users" in said
    found = sorted(path.name for path in (tmp_path / "examples" / "build").iterdir())
    assert found == ["home.md5", "home.sha1", "home.sha256", "home.txt"]


def test_data(hclimg: Hclimg, tmp_path: Path, answering: Answering) -> None:
    answering.replies["/releases"] = [Reply(body=b'[{"cycle": "13", "latest": "13.2"}, {"cycle": "12"}]')]
    said = hclimg("apply", "-var", f"releases={answering.url('/releases')}", "data")
    assert (tmp_path / "examples" / "build" / "motd").read_text() == "Made for Debian 13 (13.2).\n"
    assert f"==> file.motd: 13, asked of {answering.url('/releases')}" in said
    assert [question.headers["accept"] for question in answering.asked] == ["application/json"]


def test_groups(hclimg: Hclimg, tmp_path: Path) -> None:
    printed = hclimg("apply", "groups")
    assert "build/shop/cart.html is right" in printed
    assert (tmp_path / "examples/build/blog.tar.gz").exists()
    assert (tmp_path / "examples/build/shop.tar.gz").exists()


def test_modules(hclimg: Hclimg, tmp_path: Path) -> None:
    hclimg("apply", "modules")
    index = (tmp_path / "examples/build/index.html").read_text()
    assert 'href="blog.html"' in index
    assert 'href="shop.html"' in index
    page = (tmp_path / "examples/build/shop.html").read_text()
    assert page.startswith("<style>")
    assert "<h1>Shop</h1>" in page
    assert hclimg("output", "-json", "pages") == '{\n  "blog": "build/blog.html",\n  "shop": "build/shop.html"\n}\n'


def test_a_part_of_the_modules(hclimg: Hclimg, tmp_path: Path) -> None:
    printed = hclimg("apply", '-only=module.page["blog"].*', "modules")
    assert '"module.style.file.css" is built too' not in printed
    assert (tmp_path / "examples/build/blog.html").exists()
    assert not (tmp_path / "examples/build/shop.html").exists()
