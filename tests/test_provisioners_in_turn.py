"""Shell, file, ansible, puppet and salt in turn in one build of the quickstart's system: all marks are in the image.

Here they run in the directory that becomes the image; tests/benchmarks/bench_provisioners_vs_packer.py has them in a
machine that boots, beside Packer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hclimg.sdk.ssh_keys import generate_key_pair
from in_turn_kit import MARKS, guest, in_turn, marks, write_files

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.geteuid() != 0, reason="the rootfs builder installs packages, which needs root"),
]


def test_all_marks_are_in_the_image(tmp_path: Path) -> None:
    write_files(tmp_path)
    public = generate_key_pair("guest", key_type="ed25519").public
    (tmp_path / "t.pkr.hcl").write_text(guest(public, in_turn(use_proxy=True)))
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", "apply", "t.pkr.hcl"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert marks(tmp_path / "guest/guest.qcow2") == MARKS
