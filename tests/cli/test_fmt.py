"""``hclimg fmt``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Write = Callable[[str, str], Path]

UGLY = 'region ="eu"\nnames=[ "a","b" ]\n'
NEAT = 'region = "eu"\nnames  = ["a", "b"]\n'


def test_files_of_a_directory_are_written_and_named(hclimg: Run, write: Write, tmp_path: Path) -> None:
    ugly = [write("b.pkr.hcl", UGLY), write("a.pkrvars.hcl", UGLY), write("c.auto.pkrvars.hcl", UGLY)]
    left = [write("notes.hcl", UGLY), write(".hidden.pkr.hcl", UGLY), write("sub/d.pkr.hcl", UGLY)]
    neat = write("e.pkr.hcl", NEAT)
    done = hclimg("fmt")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a.pkrvars.hcl\nb.pkr.hcl\nc.auto.pkrvars.hcl\n"
    assert {path.read_text() for path in (*ugly, neat)} == {NEAT}
    assert {path.read_text() for path in left} == {UGLY}
    assert hclimg("fmt", ".").stdout == ""


def test_recursive_goes_into_subdirectories(hclimg: Run, write: Write, tmp_path: Path) -> None:
    deep, hidden = write("x/y/z.pkr.hcl", UGLY), write("x/.git/z.pkr.hcl", UGLY)
    (tmp_path / "x" / "loop").symlink_to(tmp_path / "x")
    done = hclimg("fmt", "-recursive")
    assert (done.returncode, done.stdout) == (0, "x/y/z.pkr.hcl\n")
    assert (deep.read_text(), hidden.read_text()) == (NEAT, UGLY)


def test_check_only_looks(hclimg: Run, write: Write) -> None:
    ugly = write("a.pkr.hcl", UGLY)
    write("b.pkr.hcl", NEAT)
    done = hclimg("fmt", "-check", "-diff", ".")
    assert done.returncode == 3
    assert done.stdout == (
        "a.pkr.hcl\n--- old/a.pkr.hcl\n+++ new/a.pkr.hcl\n@@ -1,2 +1,2 @@\n"
        '-region ="eu"\n-names=[ "a","b" ]\n+region = "eu"\n+names  = ["a", "b"]\n'
    )
    assert ugly.read_text() == UGLY
    assert hclimg("fmt", "-check", "b.pkr.hcl").returncode == 0


def test_write_can_be_switched_off(hclimg: Run, write: Write) -> None:
    ugly = write("a.pkr.hcl", UGLY)
    done = hclimg("fmt", "-write=false", "a.pkr.hcl")
    assert (done.returncode, done.stdout, ugly.read_text()) == (0, "a.pkr.hcl\n", UGLY)


@pytest.mark.parametrize("changed", [(3, 8, 30, 39), (0, 7), (0, 8), (20,), (10, 11, 12), (39,)])
def test_diffs_are_those_of_diff(hclimg: Run, write: Write, tmp_path: Path, changed: tuple[int, ...]) -> None:
    lines = [f"# {n} \u2028\n" for n in range(40)]
    for at in changed:
        lines[at] = f"a{at}=1" + "\n" * (at < 39)
    ugly, before = write("a.pkr.hcl", "".join(lines)), write("before", "".join(lines))
    printed = hclimg("fmt", "-diff", "a.pkr.hcl").stdout
    wanted = subprocess.run(["diff", "-u", before, ugly], text=True, capture_output=True).stdout
    assert "@@" in wanted
    assert printed.split("\n")[3:] == wanted.split("\n")[2:]


def test_standard_input(hclimg: Run) -> None:
    done = hclimg("fmt", "-", stdin=UGLY)
    assert (done.returncode, done.stdout) == (0, NEAT)
    assert hclimg("fmt", "-", stdin=NEAT).stdout == NEAT
    checked = hclimg("fmt", "-check", "-", stdin=UGLY)
    assert (checked.returncode, checked.stdout) == (3, "")
    assert '+region = "eu"' in hclimg("fmt", "-diff", "-", stdin=UGLY).stdout
    wrong = hclimg("fmt", "-", stdin="a = \n")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "<stdin>:1:3: Error: Invalid expression" in wrong.stderr


def test_a_file_with_mistakes_does_not_stop_the_others(hclimg: Run, write: Write) -> None:
    wrong, ugly = write("a.pkr.hcl", "a   =\n"), write("b.pkr.hcl", UGLY)
    done = hclimg("fmt", ".", "missing.pkr.hcl")
    assert (done.returncode, done.stdout) == (1, "b.pkr.hcl\n")
    assert (wrong.read_text(), ugly.read_text()) == ("a   =\n", NEAT)
    assert "a.pkr.hcl:1:5: Error: Invalid expression" in done.stderr
    assert 'The file "missing.pkr.hcl" could not be read: no such file or directory.' in done.stderr


def test_only_hcl_is_taken(hclimg: Run, write: Write, tmp_path: Path) -> None:
    write("a.pkr.json", "{}")
    write("notes.txt", "x")
    os.mkfifo(tmp_path / "f.pkr.hcl")
    done = hclimg("fmt", "a.pkr.json", "notes.txt", "f.pkr.hcl")
    assert done.returncode == 1
    assert '"a.pkr.json" is written in JSON, and fmt lays out HCL only.' in done.stderr
    assert '"notes.txt" has not the ending .hcl' in done.stderr
    assert '"f.pkr.hcl" is no ordinary file.' in done.stderr


def test_mode_links_line_ends_and_byte_order_mark(hclimg: Run, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.pkr.hcl"
    real.parent.mkdir()
    real.write_bytes(b"\xef\xbb\xbfa=1\r\nbc=2\r\n")
    real.chmod(0o640)
    link = tmp_path / "link.pkr.hcl"
    link.symlink_to(real)
    done = hclimg("fmt", "link.pkr.hcl", "elsewhere")
    assert (done.returncode, done.stdout) == (0, "link.pkr.hcl\n")
    assert link.is_symlink()
    assert real.read_bytes() == b"a  = 1\r\nbc = 2\r\n"
    assert real.stat().st_mode & 0o7777 == 0o640
    assert [entry.name for entry in real.parent.iterdir()] == ["real.pkr.hcl"]


def test_bytes_that_are_no_text(hclimg: Run, tmp_path: Path) -> None:
    (tmp_path / "a.pkr.hcl").write_bytes(b'a="\xff"\n')
    done = hclimg("fmt")
    assert (done.returncode, done.stdout) == (1, "")
    assert "a.pkr.hcl:1:4: Error: Invalid character encoding" in done.stderr


# Root may write everywhere, so that the program becomes somebody else once all is imported.
AS_NOBODY = """
import os, sys, tempfile
import hclimg.cli.fmt, hclimg.ui.diagnostics
from hclimg.cli.main import run
run(["fmt", "-check", "neat.pkr.hcl"])
if os.geteuid() == 0:
    os.setuid(65534)
sys.exit(run(["fmt", "."]))
"""


def test_what_may_not_be_written_stays(write: Write, tmp_path: Path) -> None:
    ugly = write("a.pkr.hcl", UGLY)
    write("neat.pkr.hcl", NEAT)
    ugly.chmod(0o444)
    tmp_path.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", AS_NOBODY], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'The file "a.pkr.hcl" could not be written: it is write-protected.' in done.stderr
    assert ugly.read_text() == UGLY
