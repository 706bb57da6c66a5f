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
source "null" "windows" {{
  winrm_insecure = true
  winrm_timeout  = "5m"
{access}
}}
build {{
  sources = ["null.windows"]
  provisioner "file" {{
    source      = "{source}"
    destination = "C:\\\\{marks}\\\\file.bin"
  }}
  provisioner "windows-shell" {{
    environment_vars = ["MARK=a b", "OTHER=c"]
    inline = [
      "echo %PACKER_BUILD_NAME% %PACKER_BUILDER_TYPE% %MARK% %OTHER%> C:\\\\{marks}\\\\inline.txt",
      "cd C:\\\\windows",
      "cd>> C:\\\\{marks}\\\\inline.txt",
      "exit 3",
    ]
    valid_exit_codes = [0, 3]
  }}
}}
"""


def test_packer_and_we_leave_the_same(winrm_factory: Factory, tmp_path: Path) -> None:
    server = winrm_factory(tls=server_context(tmp_path)[0])
    server.stand_ins.append((is_packers, packers))
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(20_000))
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    marks: dict[str, dict[str, bytes]] = {}
    asked: dict[str, int] = {}
    for who, command in {"packer": ["packer", "build"], "hclimg": [sys.executable, "-m", "hclimg", "apply"]}.items():
        there = server.wine.drive / f"{who}{server.port}"
        there.mkdir()
        template = tmp_path / f"{who}.pkr.hcl"
        template.write_text(TEMPLATE.format(access=server.template, source=source, marks=there.name))
        before = len(server.asked)
        done = subprocess.run([*command, template], capture_output=True, text=True, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        marks[who] = {path.name: path.read_bytes() for path in there.iterdir()}
        asked[who] = len(server.asked) - before
    assert marks["hclimg"] == marks["packer"]
    assert marks["hclimg"]["file.bin"] == source.read_bytes()
    assert marks["hclimg"]["inline.txt"].split() == [b"windows", b"null", b"a", b"b", b"c", b"C:\\windows"]
    assert asked["hclimg"] < asked["packer"]
