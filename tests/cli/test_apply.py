"""``hclimg apply``, with builds that need nothing but a shell."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Any]
Write = Callable[[str, str], Path]

ONE = """\
source "null" "one" {
  communicator = "none"
}
build {
  sources = ["null.one"]
  provisioner "shell-local" {
    inline = ["%s"]
  }
  post-processor "manifest" {}
}
"""
FAILS = """\
source "null" "good" {
  communicator = "none"
}
source "null" "bad" {
  communicator = "none"
}
build {
  sources = ["null.good", "null.bad"]
  provisioner "shell-local" {
    only   = ["null.bad"]
    inline = ["echo about to fail", "exit 7"]
  }
}
"""


def test_success(hclimg: Run, two_builds: Path) -> None:
    done = hclimg("apply", two_builds.name)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "==> demo.null.one: hello from eu-west-1, one" in lines
    assert "==> demo.null.two: hello from eu-west-1, two" in lines
    assert "==> demo.null.two: checked" in lines
    assert "==> demo.null.one: checked" not in lines
    for name in ("one", "two"):
        assert any(re.fullmatch(rf"Build 'demo\.null\.{name}' finished after .*\.", line) for line in lines)
    assert "==> Builds finished. The artifacts of successful builds are:" in lines
    assert lines.count("--> demo.null.one: Did not export anything. This is the null builder") == 1
    builds = json.loads(Path("packer-manifest.json").read_text())["builds"]
    assert sorted(build["name"] for build in builds) == ["one", "two"]


def test_build_is_the_same(hclimg: Run, two_builds: Path) -> None:
    assert hclimg("build", "-only=*.one", two_builds.name).returncode == 0


def test_a_failure(hclimg: Run, write: Write) -> None:
    write("fails.pkr.hcl", FAILS)
    done = hclimg("apply", "fails.pkr.hcl")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert "==> null.bad: about to fail" in lines
    assert any(line.startswith("Build 'null.bad' errored after ") for line in lines)
    assert "==> Some builds didn't complete successfully and had errors:" in lines
    assert "--> null.good: Did not export anything. This is the null builder" in lines
    assert "fails.pkr.hcl:9:3: Error: Provisioner failed" in done.stderr
    assert "ended with exit code 7" in done.stderr
    logs = re.search(r"The logs of this run are in (\S+)\.$", done.stderr.strip())
    assert logs
    assert "about to fail" in (Path(logs[1]) / "null.bad.log").read_text()


def test_a_wrong_template_runs_nothing(hclimg: Run, write: Write) -> None:
    write("x.pkr.hcl", ONE.replace("inline", "inlin") % "touch ran")
    done = hclimg("apply", "x.pkr.hcl")
    assert (done.returncode, done.stdout) == (1, "")
    assert not Path("ran").exists()
    assert not Path(".hclimg").exists()


def test_json(hclimg: Run, two_builds: Path) -> None:
    done = hclimg("apply", "-json", two_builds.name)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert (events[0]["type"], events[-1]["type"], events[-1]["status"]) == ("run_started", "run_finished", "succeeded")
    assert events[0]["lanes"] == ["demo.null.one", "demo.null.two"]
    assert {event["id"] for event in events if event["type"] == "artifact_made"} == {"Null"}


def test_programs_read_what_is_wrong_with_a_template(hclimg: Run, write: Write) -> None:
    """In the form that they asked for, whatever people read on standard error."""
    write("bad.pkr.hcl", 'source "nul" "a" {}\nbuild { sources = ["nul.a"] }\n')
    done = hclimg("apply", "-json", "bad.pkr.hcl")
    assert done.returncode == 1
    assert [json.loads(line)["summary"] for line in done.stdout.splitlines()] == ["Unknown builder type"]
    for command in ("apply", "validate"):
        done = hclimg(command, "-machine-readable", "bad.pkr.hcl")
        assert done.returncode == 1
        assert [line.split(",")[1:4] for line in done.stdout.splitlines()] == [["", "ui", "error"]]
        assert "Unknown builder type" in done.stdout
        assert "Unknown builder type" in done.stderr


def test_machine_readable(hclimg: Run, write: Write) -> None:
    write("fails.pkr.hcl", FAILS)
    done = hclimg("-machine-readable", "apply", "fails.pkr.hcl")
    rows = [line.split(",") for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert ["null.bad", "ui", "message", "==> null.bad: about to fail"] in [row[1:] for row in rows]
    assert ["", "error-count", "1"] in [row[1:] for row in rows]
    assert ["null.good", "artifact", "0", "builder-id", "fnoeding.null"] in [row[1:] for row in rows]


def test_formats_exclude_each_other(hclimg: Run, two_builds: Path) -> None:
    done = hclimg("apply", "-json", "-machine-readable", two_builds.name)
    assert done.returncode == 1
    assert "Only one of -json and -machine-readable" in done.stderr


def test_timestamps_and_colours(hclimg: Run, write: Write) -> None:
    write("x.pkr.hcl", ONE % "echo hi")
    shown = hclimg("apply", "-timestamp-ui", "-color", "x.pkr.hcl").stdout
    assert shown.startswith("\x1b[1;32mnull.one: output will be in this color.\x1b[0m\n\n")
    assert re.search(r"\x1b\[1;32m\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d): ==> null\.one: hi\x1b\[0m\n", shown)
    assert "\x1b" not in hclimg("apply", "x.pkr.hcl").stdout


@pytest.mark.parametrize("option", ["-debug", "-on-error=ask"])
def test_questions_need_a_terminal(hclimg: Run, write: Write, option: str) -> None:
    write("x.pkr.hcl", ONE % "touch ran")
    done = hclimg("apply", option, "x.pkr.hcl")
    assert done.returncode == 1
    assert option in done.stderr
    assert "no terminal" in done.stderr
    assert not Path("ran").exists()


def test_secrets_do_not_show(hclimg: Run, write: Write) -> None:
    secret = 'variable "password" {\n  sensitive = true\n  default = "hunter2"\n}\n'
    write("x.pkr.hcl", secret + ONE % "echo ${var.password}; echo the ${var.password}; exit 1")
    done = hclimg("apply", "x.pkr.hcl")
    assert done.returncode == 1
    assert "==> null.one: the <sensitive>" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_characters_that_the_terminal_cannot_show(hclimg: Run, write: Write) -> None:
    write("x.pkr.hcl", ONE % "echo caf\u00e9")
    done = hclimg("apply", "x.pkr.hcl", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "==> null.one: caf?" in done.stdout


# -- a process that is watched while it runs --------------------------------------------


class Program:
    """A running hclimg; ``wait_for`` waits for a file that a build makes."""

    def __init__(self, *args: str, out: Any = subprocess.PIPE) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1",
               "TMPDIR": str(Path.cwd())}  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hclimg", *args], stdout=out, stderr=subprocess.PIPE, text=True, env=env,
            start_new_session=True,
        )  # fmt: skip

    def wait_for(self, name: str) -> str:
        while not (Path(name).exists() and Path(name).read_text().endswith("\n")):
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.01)
        return Path(name).read_text().strip()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)


def is_alive(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_interrupt_cleans_up(here: Path, write: Write) -> None:
    write("x.pkr.hcl", ONE % "echo $$ > pid; exec sleep 1000")
    program = Program("apply", "x.pkr.hcl")
    pid = program.wait_for("pid")
    program.interrupt()
    out, err = program.process.communicate()
    assert program.process.returncode == 130
    assert "Cleanly cancelled builds after being interrupted." in out
    assert "Traceback" not in err
    assert not is_alive(pid)


def test_a_reader_that_goes_away_does_not_stop_the_build(here: Path, write: Write) -> None:
    write("x.pkr.hcl", ONE % "echo hi")
    read, pipe = os.pipe()
    os.close(read)
    program = Program("apply", "x.pkr.hcl", out=pipe)
    os.close(pipe)
    _, err = program.process.communicate()
    assert (program.process.returncode, err) == (0, "")
    assert Path("packer-manifest.json").exists()


# -- at a terminal ----------------------------------------------------------------------


class Terminal:
    """hclimg at a pseudo-terminal of 80 × 24."""

    def __init__(self, *args: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TERM": "xterm-256color"}
            os.execve(sys.executable, [sys.executable, "-m", "hclimg", *args], env)
        self.seen = ""

    def expect(self, text: str) -> None:
        """Wait until the text has been shown."""
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], 120)
            assert ready, f"{text!r} did not come: {self.seen!r}"
            self.seen += os.read(self.master, 65536).decode()

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        """The exit code."""
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # Linux says so that the other end is closed
                break
            if not data:
                break
            self.seen += data.decode()
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def terminal(here: Path) -> Callable[..., Terminal]:
    return Terminal


def test_live(terminal: Callable[..., Terminal], write: Write) -> None:
    write("x.pkr.hcl", ONE % "echo first; while [ ! -e seen ]; do sleep 0.1; done; echo last")
    shown = terminal("apply", "x.pkr.hcl")
    shown.expect("1 running")
    Path("seen").touch()
    assert shown.end() == 0
    assert "null.one: \x1b[0mfirst\r\n" in shown.seen
    assert "built" in shown.seen
    assert "--> null.one: Did not export anything" in shown.seen
    assert shown.seen.rindex("\x1b[?25h") > shown.seen.rindex("\x1b[?25l")  # the cursor is back


def test_an_interrupt_at_the_terminal(terminal: Callable[..., Terminal], write: Write) -> None:
    write("x.pkr.hcl", ONE % "echo started; sleep 1000")
    shown = terminal("apply", "x.pkr.hcl")
    shown.expect("started")
    shown.type("\x03")
    assert shown.end() == 130
    assert "Cleanly cancelled" in shown.seen
    assert "\x1b[?25h" in shown.seen


def test_asking_what_to_do(terminal: Callable[..., Terminal], write: Write) -> None:
    write("x.pkr.hcl", ONE % "test -e ok || exit 3")
    shown = terminal("apply", "-on-error=ask", "x.pkr.hcl")
    shown.expect("or [r] retry?")
    Path("ok").touch()
    shown.type("r\n")
    assert shown.end() == 0
    assert "built" in shown.seen


def test_debug_asks_before_each_step(terminal: Callable[..., Terminal], write: Write) -> None:
    write("x.pkr.hcl", ONE % "touch ran")
    shown = terminal("apply", "-debug", "x.pkr.hcl")
    shown.expect("Press enter to continue.")
    assert not Path("ran").exists()
    shown.type("\n" * 30)
    assert shown.end() == 0
    assert Path("ran").exists()
    assert shown.seen.count("Press enter to continue.") >= 3
