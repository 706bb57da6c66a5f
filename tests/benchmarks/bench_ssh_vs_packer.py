"""The same null-builder templates, the same sshd, the same run: ``packer build`` against ``hclimg apply``.

    python tests/benchmarks/bench_ssh_vs_packer.py [-n ROUNDS] [-only WORK,…] [-folder DIR]

Both run as whole processes, one after the other, in turn; the best of the rounds counts, since other programs of the
machine only ever make a run slower. Prints seconds and the ratio for each kind of work. Goal: faster in each.

DIR is where sshd's side and the test data live (default: a temporary directory); where making files is slow, that part
is the same for both and hides the difference.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree, which

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from hclimg.sdk.ssh_keys import generate_key_pair  # noqa: E402
from servers.ports import held_ports  # noqa: E402
from servers.sshd import Sshd  # noqa: E402

MEGABYTE = 1 << 20
TEMPLATE = """\
source "null" "bench" {{
  ssh_host             = "127.0.0.1"
  ssh_port             = {port}
  ssh_username         = "{user}"
  ssh_private_key_file = "{key}"
}}

build {{
  sources = ["source.null.bench"]
{provisioners}}}
"""


def shell(*lines: str) -> str:
    listed = ", ".join(f'"{line}"' for line in lines)
    return f'  provisioner "shell" {{\n    inline = [{listed}]\n  }}\n'


def copy(source: Path, destination: Path, direction: str = "upload") -> str:
    slash = "/" if source.is_dir() else ""
    return (
        f'  provisioner "file" {{\n    source = "{source}{slash}"\n    destination = "{destination}{slash}"\n'
        f'    direction = "{direction}"\n  }}\n'
    )


def random_file(path: Path, megabytes: int) -> Path:
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(MEGABYTE))
    return path


def small_files(top: Path, count: int) -> Path:
    for number in range(count):
        folder = top / f"dir{number // 100:02}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number % 100:02}.txt").write_bytes(os.urandom(1500))
    return top


def works(folder: Path) -> dict[str, str]:
    """What is compared: its name and the provisioners that do it."""
    data, out = folder / "data", folder / "out"
    data.mkdir()
    ten = [random_file(data / f"ten{number}", 1) for number in range(10)]
    return {
        "connect only": shell("true"),
        "10 shell steps": "".join(shell(f"echo step {n}") for n in range(10)),
        "50 shell steps": "".join(shell(f"echo step {n}") for n in range(50)),
        "10 x 1 MB up": "".join(copy(file, out / file.name) for file in ten),
        "256 MB up": copy(random_file(data / "large", 256), out / "large"),
        "1 GB up": copy(random_file(data / "huge", 1024), out / "huge"),
        "256 MB down": copy(data / "large", out / "down", "download"),
        "2,000 small files up": copy(small_files(data / "small", 2000), out / "small"),
    }


@contextmanager
def server(folder: Path) -> Iterator[Sshd]:
    with held_ports() as held_port:
        sshd = Sshd(folder / "sshd", generate_key_pair("bench", key_type="rsa", bits=2048), held_port())
        sshd.prepare()
        sshd.start()
        try:
            yield sshd
        finally:
            sshd.stop()


def seconds(command: list[str], folder: Path) -> float:
    """The time of one run of a whole process, on empty output."""
    rmtree(folder / "out", ignore_errors=True)
    (folder / "out" / "small").mkdir(parents=True)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPATH": str(ROOT), "CHECKPOINT_DISABLE": "1"}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return took


def compare(name: str, provisioners: str, sshd: Sshd, folder: Path, rounds: int) -> bool:
    template = folder / "bench.pkr.hcl"
    template.write_text(
        TEMPLATE.format(port=sshd.port, user=sshd.user, key=sshd.key_file, provisioners=provisioners)
    )
    commands = {
        "hclimg": [sys.executable, "-m", "hclimg", "apply", str(template)],
        "packer": [str(which("packer")), "build", "-color=false", str(template)],
    }
    times: dict[str, list[float]] = {who: [] for who in commands}
    for _ in range(rounds):
        for who, command in commands.items():
            times[who].append(seconds(command, folder))
    best = {who: min(taken) for who, taken in times.items()}
    ratio = best["hclimg"] / best["packer"]
    print(f"{name:22} {best['hclimg']:8.2f} {best['packer']:8.2f} {ratio:7.2f}", flush=True)
    return ratio < 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=3, help="rounds of each")
    parser.add_argument("-only", default="", help="comma-separated parts of names of works")
    parser.add_argument("-folder", default=None, help="where to put everything")
    options = parser.parse_args()
    if not which("packer"):
        raise SystemExit("There is no packer to compare with: apt-get install packer")
    with tempfile.TemporaryDirectory(prefix="hclimg-bench-", dir=options.folder) as name:
        folder = Path(name)
        wanted = [part for part in options.only.split(",") if part]
        chosen = {w: p for w, p in works(folder).items() if not wanted or any(part in w for part in wanted)}
        print(f"{'work':22} {'hclimg s':>8} {'packer s':>8} {'ratio':>7}")
        with server(folder) as sshd:
            faster = [compare(work, text, sshd, folder, options.n) for work, text in chosen.items()]
    return 0 if all(faster) else 1


if __name__ == "__main__":
    sys.exit(main())
