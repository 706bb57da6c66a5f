"""Shell, file, ansible, puppet and salt in one template on the quickstart's machine: by Packer 1.6.6 and by hclimg.

    python tests/benchmarks/bench_provisioners_vs_packer.py [-folder DIR]

The disk is the quickstart's Debian with python3 and puppet-agent besides, made once by the builder rootfs; Salt lies in
it as a directory. Both then boot it in QEMU, run the same template on it, and write a disk. The marks that the
provisioners left are read from the disks, without booting them: they must be the same. Prints them, and times with
their ratio. DIR keeps the prepared disk for the next time. Needs root, and the packages of `make test`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from hclimg.sdk.ssh_keys import generate_key_pair, write_private_file  # noqa: E402
from in_turn_kit import MARKS, guest, in_turn, marks, write_files  # noqa: E402

TEMPLATE = """
source "qemu" "marked" {{
  disk_image       = true
  iso_url          = "{disk}"
  iso_checksum     = "none"
  format           = "qcow2"
  disk_interface   = "virtio"
  net_device       = "virtio-net"
  accelerator      = "tcg"
  qemuargs         = [["-cpu", "max"], ["-smp", "2"], ["-m", "1024"]]
  skip_resize_disk = true
  headless         = true
  boot_wait        = "1s"

  ssh_username         = "root"
  ssh_private_key_file = "{key}"
  ssh_timeout          = "10m"
  shutdown_command     = "systemctl poweroff"

  vm_name          = "marked.qcow2"
  output_directory = "out"
}}

build {{
  sources = ["source.qemu.marked"]
{in_turn}}}
"""
COMMANDS = {
    "packer": ["packer", "build", "-color=false", "-timestamp-ui", "t.pkr.hcl"],
    "hclimg": [sys.executable, "-m", "hclimg", "apply", "-timestamp-ui", "t.pkr.hcl"],
}


def run(command: list[str], folder: Path) -> float:
    """Seconds. What it printed is in ``folder/log``."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # ansible-playbook
    env |= {"PYTHONPATH": str(ROOT), "CHECKPOINT_DISABLE": "1", "PATH": path}
    started = time.perf_counter()
    with (folder / "log").open("w") as log:
        done = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{(folder / 'log').read_text()[-6000:]}")
    return time.perf_counter() - started


def prepared(folder: Path) -> Path:
    """The prepared disk, with the key that opens it beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    disks = list((folder / "guest").glob("*.qcow2"))
    if not disks:
        pair = generate_key_pair("guest", key_type="rsa", bits=3072)
        write_private_file(folder / "key", pair.private.reveal())
        (folder / "t.pkr.hcl").write_text(guest(pair.public))
        run([sys.executable, "-m", "hclimg", "apply", "-force", "t.pkr.hcl"], folder)
        disks = list((folder / "guest").glob("*.qcow2"))
    (disk,) = disks
    return disk


def build(by: str, folder: Path, disk: Path) -> float:
    folder.mkdir()
    write_files(folder)
    text = TEMPLATE.format(disk=disk, key=disk.parents[1] / "key", in_turn=in_turn(use_proxy=False))
    (folder / "t.pkr.hcl").write_text(text)
    return run(COMMANDS[by], folder)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-folder", type=Path)
    options.add_argument("-only", choices=list(COMMANDS))
    chosen = options.parse_args()
    if not shutil.which("packer"):
        raise SystemExit("There is no packer to compare with: apt-get install packer")
    with tempfile.TemporaryDirectory(prefix="hclimg-bench-") as name:
        folder = Path(name)
        disk = prepared((chosen.folder or folder).absolute())
        times, found = {}, {}
        for by in [chosen.only] if chosen.only else COMMANDS:
            times[by] = build(by, folder / by, disk)
            found[by] = marks(folder / by / "out/marked.qcow2")
            print(f"{by:8} {times[by]:7.1f} s   {found[by]}", flush=True)
        if not chosen.only:
            print(f"ratio    {times['hclimg'] / times['packer']:7.2f}")
        return 0 if all(each == MARKS for each in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
