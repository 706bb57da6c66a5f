"""A straight connection loads neither fabric nor invoke; one through a bastion still can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_paramiko_comes_without_invoke() -> None:
    code = (
        "import sys; from hclimg.communicators.loading import load_paramiko; load_paramiko();"
        "import hclimg.communicators.ssh;"
        "assert 'paramiko' in sys.modules and not {'invoke', 'fabric', 'asyncio'} & set(sys.modules);"
        "import fabric; assert fabric.Connection('h').host == 'h'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
