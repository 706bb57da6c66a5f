"""The same amazon-ebs template, moto and sshd, the same run: ``packer build`` against ``hclimg apply``.

    python tests/benchmarks/bench_aws_vs_packer.py [-n ROUNDS] [-parallel 50]

Both run as whole processes, one after the other, in turn; the best of the rounds counts. Prints seconds, requests and
memory (the most of PSS of all processes), and the ratios: first for one build, then for many at once from one template.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "builders")]

from aws_kit import Lab, open_lab  # noqa: E402

from servers.moto import DEBIAN, REGION  # noqa: E402

SOURCE = """
source "amazon-ebs" "b{number}" {{
  ami_name                = "bench-{number}"
  region                  = "{region}"
  source_ami              = "{image}"
  instance_type           = "t3.micro"
  subnet_id               = "{subnet}"
  ssh_host                = "127.0.0.1"
  ssh_username            = "{user}"
  ssh_port                = {port}
  ssh_timeout             = "2m"
  access_key              = "AKIAIOSFODNN7EXAMPLE"
  secret_key              = "moto-secret"
  custom_endpoint_ec2     = "{url}"
  skip_region_validation  = true
  skip_metadata_api_check = true
  tags                    = {{ Base = "{{{{ .SourceAMI }}}}" }}
}}
"""
BUILD = """
build {{
  sources = [{sources}]
  provisioner "shell" {{
    inline = ["true"]
  }}
}}
"""


@frozen
class Measured:
    seconds: float
    requests: int
    memory: int
    images: int


def write(lab: Lab, builds: int) -> None:
    sources = [
        SOURCE.format(
            number=number, region=REGION, image=DEBIAN, subnet=lab.network.subnet, user=lab.sshd.user,
            port=lab.sshd.port, url=lab.aws.url,
        )
        for number in range(builds)
    ]  # fmt: skip
    named = ", ".join(f'"source.amazon-ebs.b{number}"' for number in range(builds))
    lab.write("".join(sources) + BUILD.format(sources=named))


def commands() -> dict[str, list[str]]:
    return {
        "packer": ["packer", "build", "-color=false", "web.pkr.hcl"],
        "hclimg": [sys.executable, "-m", "hclimg", "apply", "web.pkr.hcl"],
    }


def measure(lab: Lab, command: list[str], builds: int) -> Measured:
    """One run, in an account with nothing in it."""
    lab.aws.reset()
    lab.network = lab.aws.network()
    write(lab, builds)
    lab.aws.log.write_text("")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(lab.folder / "home"), "CHECKPOINT_DISABLE": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=lab.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    peak = Peak(process.pid)
    said, _ = process.communicate()
    took = time.perf_counter() - started
    memory = peak.stop()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{said[-3000:]}")
    requests = len(lab.aws.calls())
    left = lab.aws.left()
    assert set(left) == {"image", "snapshot"}, left
    return Measured(took, requests, memory, len(left["image"]))


class Peak:
    """Looks again and again how much memory the processes of a session have."""

    def __init__(self, session: int) -> None:
        self._session, self._most, self._over = session, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._most = max(self._most, sum(map(_pss, _processes(self._session))))

    def stop(self) -> int:
        """The most that it was, in KiB."""
        self._over.set()
        self._thread.join()
        return self._most


def _processes(session: int) -> list[Path]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                found.append(stat.parent)
        except OSError:
            continue
    return found


def _pss(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def compare(lab: Lab, builds: int, rounds: int) -> None:
    best: dict[str, Measured] = {}
    for _ in range(rounds):
        for name, command in commands().items():
            found = measure(lab, command, builds)
            assert found.images == builds, found
            if name not in best or found.seconds < best[name].seconds:
                best[name] = found
    theirs, ours = best["packer"], best["hclimg"]
    print(f"{builds} build{'s' * (builds > 1)}: all succeed")
    for what, unit in (("seconds", "s"), ("requests", ""), ("memory", "KiB")):
        mine, other = getattr(ours, what), getattr(theirs, what)
        print(f"  {what:9} packer {other:10.6g} {unit:4} hclimg {mine:10.6g} {unit:4} ratio {mine / other:.2f}")
    sys.stdout.flush()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-n", type=int, default=5)
    options.add_argument("-parallel", type=int, default=50)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_lab(Path(folder)) as lab:
        compare(lab, 1, chosen.n)
        if chosen.parallel:
            compare(lab, chosen.parallel, 1)


if __name__ == "__main__":
    main()
