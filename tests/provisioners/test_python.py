"""Python code of the user: on the machine, and on the host with the machine in its hands."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.errors import Cancelled, CommandFailed
from hclimg.provisioners.python import PythonConfig, PythonProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording

Run = Callable[..., list[str]]


@pytest.fixture
def run(recording: Recording, machine: Machine, tmp_path: Path) -> Run:
    """Provision with code, here or there; what was printed."""

    def go(code: str, settings: str = "") -> list[str]:
        (tmp_path / "setup.py").write_text(code)
        before = len(recording.output)
        text = f'script = "{tmp_path}/setup.py"\n{settings}'
        component(PythonProvisioner, text).provision(recording.ctx, machine)
        return recording.output[before:]

    return go


HOST = 'where = "host"'

# -- in the guest -----------------------------------------------------------------


def test_in_the_guest(run: Run, recording: Recording, machine: Machine) -> None:
    code = "import os, sys\nprint(os.environ['A'], sys.argv[0].startswith('/tmp/script_'))"
    assert run(code, 'env = { A = "b c" }') == ["b c True"]
    before = len(recording.output)
    component(PythonProvisioner, 'inline = ["for i in range(2):", "    print(i)"]').provision(recording.ctx, machine)
    assert recording.output[before:] == ["0", "1"]


def test_a_failure_in_the_guest(run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run("x = {}\nx['missing']")
    assert caught.value.status == 1
    assert caught.value.output[-1] == "KeyError: 'missing'"


def test_a_guest_without_python(run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run("print(1)", 'interpreter = "python9.9"')
    assert caught.value.hint == 'The machine has no "python9.9". Install it in a step before, or set where = "host".'


# -- on the host ------------------------------------------------------------------


def test_the_machine_in_the_hands_of_the_code(run: Run, tmp_path: Path) -> None:
    code = f"""
import pathlib
here, there = pathlib.Path({str(tmp_path)!r}), {str(tmp_path / "remote")!r}
machine.run(f"mkdir {{there}}")
machine.write(f"{{there}}/motd", "héllo\\n", mode=0o600)
assert machine.read(f"{{there}}/motd").decode() == "héllo\\n"
(here / "tree").mkdir()
(here / "tree/a").write_bytes(bytes(range(256)))
machine.upload(here / "tree", f"{{there}}/tree")
machine.upload(here / "tree/a", f"{{there}}/b", mode=0o755)
machine.download(f"{{there}}/tree/a", here / "back")
done = machine.run("cat; echo said >&2; exit 3", stdin="in", check=False, quiet=True)
print(done, machine.name, machine.type, machine.communicator)
"""
    assert run(code, HOST) == ["Result(status=3, stdout='in\\n', stderr='said\\n') test null ssh"]
    assert (tmp_path / "back").read_bytes() == bytes(range(256))
    assert (tmp_path / "remote/b").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "remote/motd").stat().st_mode & 0o777 == 0o600


def test_output_of_the_machine_is_shown(run: Run) -> None:
    assert run("machine.run('echo one')\nmachine.run('echo two', quiet=True)\nprint('three')", HOST) == ["one", "three"]


def test_a_command_that_fails_shows_the_users_line_only(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        run("def setup():\n    machine.run('echo no room >&2; exit 4')\nsetup()", HOST)
    assert caught.value.output[-1] == (
        "CommandError: 'echo no room >&2; exit 4' ended with exit code 4: no room"
    )  # fmt: skip
    text = "\n".join(caught.value.output)
    assert f'File "{tmp_path}/setup.py", line 2, in setup' in text
    assert "python_child" not in text


def test_errors_can_be_handled(run: Run) -> None:
    code = """
try:
    machine.read("/no/such/file")
except MachineError as error:
    print(error)
try:
    machine.upload("/no/such/file", "/tmp/x")
except MachineError as error:
    print(error)
"""
    first, second = run(code, HOST)
    assert "/no/such/file" in first
    assert "/no/such/file" in second


def test_syntax_errors(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        run("x = (", HOST)
    assert caught.value.output[-1] == "SyntaxError: '(' was never closed"
    assert f'File "{tmp_path}/setup.py", line 1' in "\n".join(caught.value.output)


def test_exit_codes(run: Run) -> None:
    run("raise SystemExit(7)", f"{HOST}\nvalid_exit_codes = [7]")
    with pytest.raises(CommandFailed, match="ended with exit code 7 on this host"):
        run("raise SystemExit(7)", HOST)


@pytest.mark.parametrize("code", ["import time\nprint('up', flush=True)\ntime.sleep(600)",
                                  "machine.run('echo up; sleep 600')"])  # fmt: skip
def test_a_cancel_ends_the_code(run: Run, recording: Recording, code: str) -> None:
    def cancel() -> None:
        while "up" not in recording.output:
            threading.Event().wait(0.01)
        recording.ctx.cancel.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        run(code, HOST)
    thread.join()


def test_secrets_are_masked(run: Run, recording: Recording) -> None:
    recording.ctx.redact.add("s3cr3t-word")
    assert "s3cr3t-word" not in json.dumps(run("machine.run('echo s3cr3t-word')\nprint('s3cr3t-word')", HOST))


def test_mistakes(tmp_path: Path) -> None:
    assert decoded(PythonConfig, f'script = "{tmp_path}/no.py"')[1][0].startswith("1: ")
    (problem,) = decoded(PythonConfig, 'inline = ["pass"]\nwhere = "hots"')[1]
    assert 'Did you mean "host"?' in problem
    (problem,) = decoded(PythonConfig, 'inline = ["pass"]\nwhere = "host"\nremote_folder = "/x"')[1]
    assert "The code runs on this host" in problem
