"""The same docker templates, the same dockerd, the same run: ``packer build`` against ``hclimg apply``.

    python tests/benchmarks/bench_docker_vs_packer.py [-n ROUNDS]

Both run as whole processes, in turn; the best of the rounds counts. Prints seconds and the ratio for each kind of work.
Needs root, dockerd, and Packer 1.6.6.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from servers.containers import Containers, import_base, rootfs, running_dockerd  # noqa: E402

RUN = '["-d", "-i", "--network", "none", "--entrypoint=/bin/sh", "--", "{{.Image}}"]'
STEP = 'provisioner "shell" {{ inline = ["echo {}"] }}\n'
COPY = 'provisioner "file" {{\nsource = "{}"\ndestination = "{}"\n}}\n'
COMMANDS = {
    "packer": ["packer", "build", "-color=false", "t.pkr.hcl"],
    "hclimg": [sys.executable, "-m", "hclimg", "apply", "t.pkr.hcl"],
}


def works(folder: Path) -> dict[str, tuple[str, str]]:
    """What is compared: its name, what becomes of the container, and the provisioners."""
    tree = folder / "tree"
    for number in range(500):
        path = tree / f"{number // 50}" / f"{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1500))
    (folder / "large").write_bytes(os.urandom(64 << 20))
    return {
        "discard": ("discard = true", ""),
        "commit after one shell step": ("commit = true", STEP.format("1")),
        "commit after 10 shell steps": ("commit = true", "".join(STEP.format(n) for n in range(10))),
        "500 small files up": ("discard = true", COPY.format(f"{tree}/", "/srv")),
        "64 MB up": ("discard = true", COPY.format(folder / "large", "/large")),
        "export": ('export_path = "web.tar"', STEP.format("1")),
    }


def seconds(by: str, engine: Containers, folder: Path) -> float:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPATH": str(ROOT), "CHECKPOINT_DISABLE": "1", "HOME": str(folder), **engine.env}
    started = time.perf_counter()
    done = subprocess.run(COMMANDS[by], cwd=folder, env=env, capture_output=True, text=True, check=False)
    took = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{by} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    engine.clear()
    (folder / "web.tar").unlink(missing_ok=True)
    return took


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("-n", type=int, default=3)
    rounds = options.parse_args().n
    with tempfile.TemporaryDirectory() as name, running_dockerd() as engine:
        folder = Path(name)
        import_base(engine, rootfs(folder / "rootfs.tar"))
        for work, (fate, provisioners) in works(folder).items():
            (folder / "t.pkr.hcl").write_text(
                f'source "docker" "web" {{\nimage = "{engine.image}"\npull = false\nrun_command = {RUN}\n{fate}\n}}\n'
                f'build {{\nsources = ["source.docker.web"]\n{provisioners}}}\n'
            )
            best = dict.fromkeys(COMMANDS, 1e9)
            for _ in range(rounds):
                for by in COMMANDS:
                    best[by] = min(best[by], seconds(by, engine, folder))
            packer, ours = best["packer"], best["hclimg"]
            print(f"{work:30} packer {packer:6.2f} s   hclimg {ours:6.2f} s   ratio {ours / packer:.2f}", flush=True)


if __name__ == "__main__":
    main()
