"""``hclimg console``, from a pipe and at a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Write = Callable[[str, str], Path]
ROOT = Path(__file__).resolve().parents[2]

TEMPLATE = """\
variable "fruit" { default = "banana" }
variable "names" {
  type    = list(string)
  default = ["a", "b"]
}
variable "password" {
  default   = "hush"
  sensitive = true
}
variable "unset" { type = string }
locals {
  story = "one\\ntwo $${x}"
  mixed = { "a b" = [1, null, true], secret = var.password, text = "x\\ny" }
}
data "null" "later" { input = "x" }
source "null" "x" { communicator = "none" }
build { sources = ["null.x"] }
"""


# -- from a pipe ------------------------------------------------------------------------


def test_the_last_value_is_printed_as_packer_prints_it(hclimg: Run, write: Write) -> None:
    write("fruit.pkr.hcl", TEMPLATE)
    done = hclimg("console", "fruit.pkr.hcl", stdin="1 + 1\nupper(var.fruit)\n", PKR_VAR_fruit="potato")
    assert (done.returncode, done.stdout, done.stderr) == (0, "POTATO\n", "")
    assert hclimg("console", "-var", "fruit=kiwi", "fruit.pkr.hcl", stdin="var.fruit").stdout == "kiwi\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.50", "1.5"),
        ("null", "null"),
        ('"a\\n"', "a\n"),
        ("[]", "[]"),
        ('{ b = [1, "x"], a = {} }', '{\n  "a" = {}\n  "b" = [\n    1,\n    "x",\n  ]\n}'),
        ("[\n  1, # one\n  2\n]\n", "[\n  1,\n  2,\n]"),
        ("upper(<<EOT\na\nEOT\n)", "A\n"),
        ("/* a\n comment */ 1", "1"),
        ("1\nexit\n2", "1"),
        ("type(1)", "number"),
        ("type({ a = [1] })", "object({\n  a = tuple([\n    number,\n  ])\n})"),
        ('type({ "b c" = convert([], set(string)) })', 'object({\n  "b c" = set(string)\n})'),
        ("type(null)", "any"),
    ],
)  # fmt: skip
def test_values_and_types(hclimg: Run, text: str, shown: str) -> None:
    done = hclimg("console", stdin=text)
    assert (done.stdout, done.stderr, done.returncode) == (f"{shown}\n", "", 0)


def test_nothing_is_answered_with_nothing(hclimg: Run) -> None:
    assert [hclimg("console", stdin=text).stdout for text in ("", "\n# c\n", "exit\n1")] == ["", "", ""]


def test_values_of_a_template(hclimg: Run, write: Write) -> None:
    write("a.pkr.hcl", TEMPLATE)

    def value(text: str) -> str:
        done = hclimg("console", stdin=text)
        assert (done.returncode, done.stderr) == (0, "")
        return str(done.stdout.removesuffix("\n"))

    assert value("var.password") == "(sensitive value)"
    assert value('"x${var.password}"') == "(sensitive value)"
    assert value("var.unset") == "(not known yet)"
    assert value("type(var.names)") == "list(string)"
    assert value("path.root") == "."
    assert value("path.cwd") == str(Path.cwd())
    assert value("local.mixed") == (
        '{\n  "a b" = [\n    1,\n    null,\n    true,\n  ]\n  "secret" = (sensitive value)\n  "text" = "x\\ny"\n}'
    )


def test_variables_and_help(hclimg: Run, write: Write) -> None:
    write("a.pkr.hcl", TEMPLATE)
    shown = hclimg("console", stdin="variables").stdout
    assert '  var.fruit = "banana"\n' in shown
    assert "  var.password = (sensitive value)\n" in shown
    assert "local.story" in shown
    assert "hush" not in shown
    assert "type(EXPRESSION)" in hclimg("console", stdin="help").stdout


def test_mistakes_have_their_place_in_the_whole_input(hclimg: Run) -> None:
    done = hclimg("console", stdin="1\n[\n nope,\n]\n2 +\n3\n")
    assert (done.returncode, done.stdout) == (1, "3\n")
    assert "<stdin>:3:2: Error: Unknown variable" in done.stderr
    assert "<stdin>:5:4: Error: Missing expression" in done.stderr
    wrong_last = hclimg("console", stdin="1\nnope")
    assert (wrong_last.returncode, wrong_last.stdout) == (1, "")


def test_a_bracket_that_stays_open(hclimg: Run) -> None:
    done = hclimg("console", stdin="upper(\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("<stdin>:1:")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hclimg", "console"],
        input=b'"\xff"',
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"<stdin>:1:2: Error: Invalid character encoding" in done.stderr


def test_a_template_with_mistakes_can_be_asked_about(hclimg: Run, write: Write) -> None:
    write("a.pkr.hcl", 'variable "a" { default = 1 }\nlocals { b = var.nope }\n')
    done = hclimg("console", stdin="var.a + 1")
    assert (done.returncode, done.stdout) == (1, "2\n")
    assert "a.pkr.hcl:2:17: Error: Undeclared variable" in done.stderr
    missing = hclimg("console", "missing.pkr.hcl", stdin="1 + 1")
    assert (missing.returncode, missing.stdout) == (1, "2\n")
    assert "missing.pkr.hcl" in missing.stderr


def test_data_sources_are_read_when_they_are_asked_for(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("a.pkr.hcl", 'data "null" "a" { input = "hello" }\nlocals { loud = upper(data.null.a.output) }\n')
    assert hclimg("console", stdin="1").stdout == "1\n"
    assert not (tmp_path / ".hclimg").exists()
    assert hclimg("console", stdin="local.loud").stdout == "HELLO\n"
    write("a.pkr.hcl", 'data "http" "a" { url = "http://127.0.0.1:1/" }\n')
    done = hclimg("console", stdin="data.http.a.body")
    assert (done.returncode, done.stdout) == (1, "")
    assert "a.pkr.hcl:1:1: Error: Data source failed" in done.stderr


def test_variables_of_legacy_templates(hclimg: Run, write: Write) -> None:
    """Their defaults are texts with calls in them."""
    write(
        "x.json",
        """{
      "variables": {"a": "{{template_dir}}", "b": "{{pwd}}-{{packer_version}}", "c": "{{user `a`}}!"},
      "builders": [{"type": "null", "communicator": "none"}]
    }""",
    )
    asked = '[var.a == abspath(path.root), var.b == "${path.cwd}-${packer.version}", var.c == "${var.a}!"]'
    done = hclimg("console", "x.json", stdin=asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '[\n  true,\n  true,\n  true,\n]\n'
    assert hclimg("validate", "x.json").returncode == 0


def test_standard_input_is_no_template(hclimg: Run) -> None:
    done = hclimg("console", "-", stdin="{}")
    assert done.returncode == 1
    assert "give the template as a file" in done.stderr


# -- at a terminal ----------------------------------------------------------------------


class Terminal:
    """The console in a pseudo-terminal of its own. ``unread`` is what it has shown and nobody waited for yet."""

    def __init__(self, cwd: Path) -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        env["XDG_STATE_HOME"] = str(cwd / "state")
        self.unread = ""
        self.process, self.screen = pty.fork()
        if self.process == 0:
            os.chdir(cwd)
            os.execve(sys.executable, [sys.executable, "-m", "hclimg", "console"], env)
        self.waits_for("Ctrl-D leaves")
        self.prompts()

    def type(self, keys: str) -> None:
        os.write(self.screen, keys.encode())

    def waits_for(self, text: str) -> None:
        until = time.monotonic() + 120
        while text not in self.unread:
            assert select.select([self.screen], [], [], max(0.0, until - time.monotonic()))[0], self.unread
            try:
                self.unread += os.read(self.screen, 65536).decode(errors="replace")
            except OSError:  # the other side is closed
                raise AssertionError(self.unread) from None
        self.unread = self.unread.partition(text)[2]

    def prompts(self) -> None:
        """Waits until it reads keys; before, the terminal itself would take Ctrl-C and Ctrl-D."""
        self.waits_for("\x1b[?2004h")
        self.waits_for(">")

    def ask(self, entry: str, answer: str) -> None:
        self.type(entry + "\r")
        self.waits_for(answer)
        self.prompts()

    def ends(self) -> int:
        while True:
            try:
                if not os.read(self.screen, 65536):
                    break
            except OSError:  # the other side is closed
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@pytest.fixture
def terminal(tmp_path: Path, write: Write) -> Iterator[Terminal]:
    write("a.pkr.hcl", TEMPLATE)
    found = Terminal(tmp_path)
    yield found
    try:
        os.kill(found.process, signal.SIGKILL)
        os.waitpid(found.process, 0)
    except (ProcessLookupError, ChildProcessError):  # it has ended
        pass
    os.close(found.screen)


def test_a_conversation(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ask("upper(var.fruit)", '"BANANA"')
    terminal.ask("local.story", "two $${x}")
    terminal.ask("var.password", "(sensitive value)")
    terminal.ask("nope", 'There is no variable named "nope".')
    terminal.ask("[\r1,\r2]", "  2,\r\n]")
    terminal.ask("upper(<<EOT\rab\rEOT\r)", "AB")
    terminal.type("\x04")
    assert terminal.ends() == 0
    history = tmp_path / "state" / "hclimg" / "console_history"
    assert history.stat().st_mode & 0o777 == 0o600
    kept = history.read_text()
    assert "+upper(var.fruit)\n" in kept
    assert "+var.password\n" in kept
    assert "hush" not in kept
    assert "BANANA" not in kept


def test_completion(terminal: Terminal) -> None:
    terminal.type("var.fr\t")
    terminal.waits_for("uit")
    terminal.ask("", '"banana"')
    terminal.type("trimsuf\t")
    terminal.waits_for("fix(")
    terminal.ask('"ab", "b")', '"a"')


def test_ctrl_c_takes_the_line_back_and_exit_leaves(terminal: Terminal) -> None:
    terminal.type("[1, 2")
    terminal.waits_for("2")
    terminal.type("\x03")
    terminal.prompts()
    terminal.ask("3 * 37", "111")
    terminal.type("exit\r")
    assert terminal.ends() == 0


def test_history_is_found_again(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ask("6 * 111", "666")
    terminal.type("\x04")
    assert terminal.ends() == 0
    again = Terminal(tmp_path)
    again.ask("\x1b[A", "666")
    again.type("\x04")
    assert again.ends() == 0
    os.close(again.screen)
