"""Exports: through a lease of govmomi's simulator. The lease, its downloads, checksums and the descriptor are our own
extension of it, and say nothing of VMware's servers; what is tested is hclimg's side.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from vsphere_kit import CLONE, MACHINES, ROOT, Build, api, build, machines, template

from hclimg.builders.vsphere.download import Part, fetch
from hclimg.clouds.vsphere.client import Vcenter
from hclimg.errors import BuildError
from hclimg.sdk.cancel import CancelToken
from hclimg.sdk.context import Context
from ovf_schema import problems
from servers.sshd import Sshd
from servers.vcsim import Vcsim

__all__ = ["api", "build"]

EXPORT = CLONE + """
  export {
    output_directory = "out"
    OPTIONS
  }
"""  # fmt: skip


def exporting(options: str = "") -> str:
    return EXPORT.replace("OPTIONS", options)


def test_a_machine_is_exported_with_checksums(build: Build, api: Vcenter, tmp_path: Path) -> None:
    done = build(exporting())
    assert done.returncode == 0, done.stdout + done.stderr
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == ["web-disk-0.vmdk", "web.mf", "web.ovf"]
    for line in (out / "web.mf").read_text().splitlines():
        name, _, digest = line.removeprefix("SHA256(").partition(")= ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert 'ovf:href="web-disk-0.vmdk"' in (out / "web.ovf").read_text()
    assert problems((out / "web.ovf").read_text()) == []


@pytest.mark.slow
def test_an_ova_and_no_machine(build: Build, api: Vcenter, tmp_path: Path) -> None:
    done = build(exporting('output_format = "ova"\nname = "img"\nmanifest = "sha1"') + "destroy = true")
    assert done.returncode == 0, done.stdout + done.stderr
    (ova,) = (tmp_path / "out").iterdir()
    with tarfile.open(ova) as archive:
        assert archive.getnames() == ["img.ovf", "img.mf", "img-disk-0.vmdk"]
    assert set(machines(api)) == MACHINES
    again = build(exporting('output_format = "ova"\nname = "img"'))
    assert again.returncode == 1
    assert "img.ova exists already" in again.stdout + again.stderr
    assert set(machines(api)) == MACHINES


SIZE = 1 << 30


@pytest.fixture
def lease(api: Vcenter, vcsim: Vcsim) -> tuple[Part, str]:
    """A lease over a machine with a disk of 1 GB that is not empty: its file, and that file's SHA-1."""
    found = next(one for one in api.listing("VirtualMachine", "layoutEx") if one.name == "DC0_H0_VM0")
    store = Path(api.listing("Datastore", "info")[0].props["info"].url)
    (disk,) = (path for path in store.glob("DC0_H0_VM0/*.vmdk") if not path.stem.endswith("-flat"))
    block = hashlib.sha256(b"x").digest() * (1 << 15)
    sha1 = hashlib.sha1(usedforsecurity=False)
    with disk.open("wb") as file:
        for number in range(SIZE // len(block)):
            data = number.to_bytes(8, "big") + block[8:]
            file.write(data)
            sha1.update(data)
    api.run("switch it off", found.ref.PowerOffVM_Task, CancelToken())
    lease = api.call("export", found.ref.ExportVm)
    (device,) = api.get(lease, "info")["info"].deviceUrl
    url = device.url.replace("*", vcsim.address)
    return Part(device.key, url, disk.parent / "downloaded", True), sha1.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("ranges", [True, False], ids=["resumes", "restarts"])
def test_a_gigabyte_interrupted_three_times(
    ranges: bool, lease: tuple[Part, str], ctx: Context, api: Vcenter, vcsim: Vcsim
) -> None:
    part, sha1 = lease
    vcsim.transfers(cuts=(200 << 20, 300 << 20, 100 << 20), ranges=ranges)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = fetch(ctx, api, part, "sha256", SIZE)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (done.size, done.sha1) == (SIZE, sha1)
    assert part.target.stat().st_size == SIZE
    assert grown < 32 << 10  # KB
    asked = vcsim.asked
    assert len(asked) == 4
    if ranges:
        assert asked == ["", f"bytes={200 << 20}-", f"bytes={500 << 20}-", f"bytes={600 << 20}-"]
    part.target.unlink()


@pytest.mark.slow
def test_a_target_that_cannot_be_written_is_explained_and_nothing_stays(build: Build, api: Vcenter) -> None:
    done = build(exporting().replace('"out"', '"/dev/full/out"'))
    assert done.returncode == 1
    assert "/dev/full/out cannot be written: Not a directory." in " ".join((done.stdout + done.stderr).split())
    assert "Left behind" not in done.stdout
    assert set(machines(api)) == MACHINES


def test_a_full_disk_is_explained(ctx: Context, api: Vcenter, vcsim: Vcsim) -> None:
    """The target is a device that is always full."""
    found = next(one for one in api.listing("VirtualMachine") if one.name == "DC0_H0_VM0")
    store = Path(api.listing("Datastore", "info")[0].props["info"].url)
    for disk in store.glob("DC0_H0_VM0/*.vmdk"):
        disk.write_bytes(b"x" * (1 << 20))
    api.run("switch it off", found.ref.PowerOffVM_Task, CancelToken())
    lease = api.call("export", found.ref.ExportVm)
    (device,) = api.get(lease, "info")["info"].deviceUrl
    part = Part(device.key, device.url.replace("*", vcsim.address), Path("/dev/full"), True)
    with pytest.raises(BuildError, match="The disk is full: /dev/full cannot be written"):
        fetch(ctx, api, part, "", 0)


@pytest.mark.slow
def test_a_target_that_becomes_full(vcsim: Vcsim, sshd: Sshd, api: Vcenter, tmp_path: Path) -> None:
    """A small file system, in a mount namespace of the program's own; what it has in the end is listed from inside."""
    store = api.listing("Datastore", "info")[0].props["info"].url
    script = f"for disk in {store}/*/*.vmdk; do head -c 3000000 /dev/zero > $disk; done"
    fill = f'provisioner "shell-local" {{ inline = ["{script}"] }}'
    (tmp_path / "t.pkr.hcl").write_text(template(vcsim, sshd, exporting(), "vsphere-clone", fill))
    (tmp_path / "out").mkdir()
    program = f"{sys.executable} -m hclimg apply t.pkr.hcl"
    script = f"mount -t tmpfs -o size=1m none out && {program}; code=$?; echo there: $(ls -A out).; exit $code"
    env = {**os.environ, "HCLIMG_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = ["unshare", "--mount", "sh", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    said = " ".join((done.stdout + done.stderr).split())
    assert f"The disk is full: {tmp_path}/out/web-disk-0.vmdk cannot be written" in said
    assert "there: ." in done.stdout
    assert "Left behind" not in said
    assert set(machines(api)) == MACHINES


@pytest.mark.slow
def test_what_was_exported_does_not_stay_when_the_rest_fails(build: Build, api: Vcenter, tmp_path: Path) -> None:
    done = build(exporting() + 'content_library_destination {\nlibrary = "none"\novf = true\n}')
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()
    assert set(machines(api)) == MACHINES
