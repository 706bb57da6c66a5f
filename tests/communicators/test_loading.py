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


def test_what_a_connection_needs_is_loaded_ahead() -> None:
    """In a thread, which says nothing when something is not installed: that is for whoever needs it to tell."""
    code = (
        "import sys, threading; from hclimg.communicators.loading import load_ahead\n"
        "def wait(): [one.join() for one in threading.enumerate() if one.name == 'loading']\n"
        "load_ahead('none'); load_ahead('winrm'); wait(); assert 'paramiko' not in sys.modules\n"
        "sys.modules['paramiko.ecdsakey'] = None; load_ahead('ssh'); wait()\n"
        "assert 'hclimg.communicators.ssh' not in sys.modules\n"
        "del sys.modules['paramiko.ecdsakey']; load_ahead('ssh'); wait()\n"
        "assert {'paramiko', 'hclimg.communicators.ssh', 'hclimg.communicators.tunnels'} <= set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
