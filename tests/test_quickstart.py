"""The README's promise: one command makes an image that boots by itself, with redis in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from servers.booted import Boot

ROOT = Path(__file__).resolve().parent.parent
QUICKSTART = ROOT / "examples" / "quickstart"
IMAGE = "output-redis/redis.qcow2"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.geteuid() != 0, reason="the rootfs builder installs packages, which needs root"),
]


def hclimg(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hclimg", *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which the quickstart was built."""
    place = tmp_path_factory.mktemp("quickstart")
    done = hclimg("apply", str(QUICKSTART), cwd=place)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return place


def test_the_image_boots_by_itself_and_redis_answers(built: Path, boot: Boot) -> None:
    guest = boot(["-drive", f"file={built / IMAGE},if=virtio,format=qcow2,snapshot=on"])
    guest.wait_for(b"login:")
    assert guest.run("redis-cli ping") == ["PONG"]
    assert guest.run("redis-cli config get maxmemory")[1] == str(64 << 20)


def test_the_results_are_described(built: Path) -> None:
    digest, name = (built / "output-redis/redis.sha256").read_text().split()
    assert name == "redis.qcow2"
    assert subprocess.check_output(["sha256sum", built / IMAGE], text=True).split()[0] == digest
    assert '"builder_type": "qemu"' in (built / "output-redis/manifest.json").read_text()


def test_its_bill_of_materials_has_what_dpkg_has(built: Path, tmp_path: Path) -> None:
    post = f'artifice" {{ files = ["{built / IMAGE}"] }}\n    post-processor "sbom" {{ output = "sbom.json" }}'
    (tmp_path / "sbom.pkr.hcl").write_text(
        'source "null" "a" { communicator = "none" }\n'
        f'build {{\n  sources = ["source.null.a"]\n  post-processors {{\n    post-processor "{post}\n  }}\n}}\n'
    )
    done = hclimg("apply", "sbom.pkr.hcl", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    bom = json.loads((tmp_path / "sbom.json").read_text())
    subprocess.run(["qemu-img", "convert", "-O", "raw", built / IMAGE, tmp_path / "disk.raw"], check=True)
    (tmp_path / "dpkg").mkdir()
    dump = ["debugfs", "-R", "dump /var/lib/dpkg/status dpkg/status", f"disk.raw?offset={1 << 20}"]
    subprocess.run(dump, cwd=tmp_path, check=True, capture_output=True)
    query = ["dpkg-query", f"--admindir={tmp_path / 'dpkg'}", "--show", "--showformat=${Package} ${Version}\\n"]
    listed = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    assert sorted(f"{one['name']} {one['version']}" for one in bom["components"] if "purl" in one) == sorted(listed)
    assert any(line.startswith("redis-server ") for line in listed)


def test_a_second_run_refuses_to_overwrite(built: Path) -> None:
    before = (built / IMAGE).stat()
    done = hclimg("apply", str(QUICKSTART), cwd=built)
    assert done.returncode == 1
    assert "output-debian" in done.stderr
    assert "-force" in done.stderr
    assert (built / IMAGE).stat() == before


def test_json_and_hcl_give_the_same_plan(tmp_path: Path) -> None:
    shutil.copytree(QUICKSTART, tmp_path / "quickstart", ignore=shutil.ignore_patterns("output-*", ".hclimg"))
    shutil.copy(ROOT / "examples" / "quickstart.json", tmp_path)
    hcl = hclimg("plan", "-json", "quickstart", cwd=tmp_path)
    legacy = hclimg("plan", "-json", "quickstart.json", cwd=tmp_path)
    assert (hcl.returncode, legacy.returncode) == (0, 0), hcl.stderr + legacy.stderr
    assert len(hcl.stdout) > 1000
    assert hcl.stdout == legacy.stdout
