"""The same openstack template, the same OpenStack: ``packer build`` against ``hclimg apply``.

    python tests/benchmarks/bench_openstack_vs_packer.py [-n ROUNDS]

Starts an OpenStack on loopback (a minute the first time). Both run as whole processes, in turn; the best of the rounds
counts. Each image is deleted at once, and nothing else may be left. Exit code 1 when hclimg is not faster.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/builders")]

from openstack_kit import Workshop  # noqa: E402

from servers.openstack import seed  # noqa: E402
from servers.openstack.fixture import in_cloud  # noqa: E402


def seconds(command: list[str], workshop: Workshop) -> float:
    env = {**workshop.env(), "CHECKPOINT_DISABLE": "1"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    done = subprocess.run(command, cwd=workshop.folder, env=env, capture_output=True, text=True, check=False)
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    workshop.take_image()
    return took


def compare(workshop: Workshop, rounds: int) -> bool:
    network = workshop.cloud.demo.network.find_network(seed.NETWORK).id
    template = str(workshop.template(
        steps='  provisioner "shell" {\n    inline = ["echo built"]\n  }\n', networks=f'["{network}"]',
        temporary_key_pair_type=None,
    ))  # fmt: skip
    commands = {
        "hclimg": [sys.executable, "-m", "hclimg", "apply", template],
        "packer": ["packer", "build", "-color=false", template],
    }
    times: dict[str, list[float]] = {who: [] for who in commands}
    for _ in range(rounds):
        for who, command in commands.items():
            times[who].append(seconds(command, workshop))
    best = {who: min(taken) for who, taken in times.items()}
    ratio = best["hclimg"] / best["packer"]
    print(f"{'work':22} {'hclimg s':>8} {'packer s':>8} {'ratio':>7}")
    print(f"{'server to image':22} {best['hclimg']:8.2f} {best['packer']:8.2f} {ratio:7.2f}", flush=True)
    return ratio < 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=3, help="rounds of each")
    options = parser.parse_args()
    if not which("packer"):
        raise SystemExit("There is no packer to compare with: apt-get install packer")
    for name in [name for name in os.environ if name.startswith("OS_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="hclimg-bench-") as name, in_cloud(Path(name)) as cloud:
        return 0 if compare(Workshop(cloud, Path(name)), options.n) else 1


if __name__ == "__main__":
    sys.exit(main())
