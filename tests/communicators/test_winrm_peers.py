"""Other clients on the WinRM service of the tests: they take it for Windows, and get the same from it as we do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import winrm as pywinrm

from hclimg.communicators.connect import connect
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator
from servers.tls import server_context
from servers.winrm import PASSWORD, USER, WinrmServer
from servers.winrm_packer import is_packers, packers

pytestmark = pytest.mark.slow  # wine takes seconds to set itself up

Factory = Callable[..., WinrmServer]

LINES = ["echo hello %OS%", 'echo "a b" & echo oops 1>&2', "exit 3010", "for %i in (1 2) do @echo %i"]


@pytest.mark.parametrize("way", ["basic", "ntlm"])
def test_pywinrm_and_we_get_the_same(
    ctx: Context, winrm_factory: Factory, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    server = winrm_factory(ways=("Negotiate", "Basic"))
    config = server.configure(winrm_use_ntlm=way == "ntlm")
    machine = connect(ctx, config, host=config.host, port=config.port)
    session = pywinrm.Session(f"http://127.0.0.1:{server.port}/wsman", auth=(USER, PASSWORD), transport=way)
    for line in LINES:
        theirs = session.run_cmd(line)
        out, err = theirs.std_out.decode().split(), theirs.std_err.decode().split()
        assert ran(machine, line) == (theirs.status_code, out, err)
    assert (server.sealed > 0) == (way == "ntlm")


def ran(machine: Communicator, line: str) -> tuple[int, list[str], list[str]]:
    """Exit code, and the words of both outputs."""
    words: dict[str, list[str]] = {"stdout": [], "stderr": []}
    status = machine.run(line, on_output=lambda text, stream: words[stream].extend(text.split()))
    return status, words["stdout"], words["stderr"]


TEMPLATE = """\
source "null" "windows" {
  winrm_insecure = true
  winrm_timeout  = "5m"
  %s
}
build {
  sources = ["null.windows"]
  provisioner "file" {
    source      = "%s"
    destination = "C:\\\\marks\\\\%s.bin"
  }
}
"""


@pytest.mark.parametrize("tls", [False, True])
def test_packer_and_we_leave_the_same_file(
    winrm_factory: Factory, tmp_path: Path, tls: bool
) -> None:
    server = winrm_factory(tls=server_context(tmp_path)[0] if tls else None)
    server.stand_ins.append((is_packers, packers))
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(20_000))
    (server.wine.drive / "marks").mkdir(exist_ok=True)
    asked = {}
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    for who, command in {"packer": ["packer", "build"], "hclimg": [sys.executable, "-m", "hclimg", "apply"]}.items():
        template = tmp_path / f"{who}.pkr.hcl"
        template.write_text(TEMPLATE % (server.template.replace("\n", "\n  "), source, f"{who}{tls}"))
        before = len(server.asked)
        done = subprocess.run([*command, template], capture_output=True, text=True, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (server.wine.drive / "marks" / f"{who}{tls}.bin").read_bytes() == source.read_bytes()
        asked[who] = len(server.asked) - before
    assert asked["hclimg"] < asked["packer"] / 2
