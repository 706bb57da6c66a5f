"""``hclimg artifacts`` and ``hclimg destroy``: what apply made, and how it goes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.fakecloud import contents

ROOT = Path(__file__).resolve().parents[2]
WITH_CLOUD = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests/plugins'}", "TZ": "UTC"}
Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], Path]
Golden = Callable[[str, str], None]

CLOUD = """
variable "fail" { default = false }
variable "force" { default = false }
source "fakecloud" "web" {
  directory = "cloud"
  regions   = ["there"]
  fail      = var.fail
  force     = var.force
}
build { sources = ["source.fakecloud.web"] }
"""
FILES = """
source "file" "page" {
  content = "hello"
  target  = "out/page.txt"
}
source "file" "plain" {
  content = "x"
  target  = "plain.txt"
}
build {
  sources = ["source.file.page", "source.file.plain"]
  post-processors {
    post-processor "compress" {
      only   = ["file.page"]
      output = "out/page.txt.gz"
    }
    post-processor "manifest" { only = ["file.page"] }
  }
}
"""


@pytest.fixture
def run(hclimg: Run) -> Run:
    return lambda *args, **more: hclimg(*args, **{**WITH_CLOUD, **more})


def applied(run: Run, *args: str, code: int = 0) -> None:
    done = run("apply", *args)
    assert done.returncode == code, done.stdout + done.stderr


def listed(run: Run, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("artifacts", "-json", *args).stdout)
    return found


def plain(done: subprocess.CompletedProcess[str]) -> str:
    text = re.sub(r"(image|snapshot)-[0-9a-f]{8}", r"\1-ID", done.stdout + done.stderr)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-01-01 00:00", text).replace(str(Path.cwd()), "HERE")


def test_what_apply_made_is_listed_and_destroyed(run: Run, write: Write, golden: Golden) -> None:
    write("t.pkr.hcl", CLOUD)
    write("f.pkr.hcl", FILES)
    golden("artifacts-none.txt", plain(run("artifacts")))
    applied(run, "t.pkr.hcl")
    applied(run, "f.pkr.hcl", "-only=file.page")
    assert Path(".hclimg/artifacts.db").stat().st_mode & 0o777 == 0o600
    golden("artifacts.txt", plain(run("artifacts")))
    golden("destroy-dry-run.txt", plain(run("destroy", "-dry-run", "-build=fakecloud.*,file.page")))
    assert len(contents(Path("cloud"))) == 4
    done = run("destroy", "fakecloud.web", "file.page", "-auto-approve")
    assert done.returncode == 0
    golden("destroy.txt", plain(done))
    assert contents(Path("cloud")) == []
    assert not Path("out").exists(), "a directory that this empties goes too"
    assert listed(run) == []


def test_an_input_that_is_removed_is_not_listed(run: Run, write: Write) -> None:
    """Nor what made nothing, and who failed after it had made something is."""
    write("t.pkr.hcl", FILES + 'source "null" "n" { communicator = "none" }\nbuild { sources = ["null.n"] }')
    applied(run, "t.pkr.hcl")
    found = {item["build"]: item for item in listed(run)}
    assert {build: item["component"] for build, item in found.items()} == {
        "file.plain": "builder/file",
        "file.page": "post-processor/compress",
    }
    page = Path("out/page.txt.gz").absolute()
    assert found["file.page"]["files"] == [{"path": str(page), "size": page.stat().st_size}]


def test_what_a_failed_post_processor_was_given_is_listed(run: Run, write: Write) -> None:
    failing = 'post-processor "shell-local" {\ninline = ["false"]\n}\n'
    write("t.pkr.hcl", FILES.replace('post-processor "manifest" { only = ["file.page"] }', failing))
    applied(run, "t.pkr.hcl", "-only=file.page", code=1)
    assert [item["component"] for item in listed(run)] == ["post-processor/compress"]


def test_what_replaces_an_artifact_takes_its_place_in_the_list(run: Run, write: Write) -> None:
    write("f.pkr.hcl", FILES)
    write("t.pkr.hcl", CLOUD)
    for _ in range(2):
        applied(run, "f.pkr.hcl", "-force")
    assert sorted(item["build"] for item in listed(run)) == ["file.page", "file.plain"]
    for args in ((), ("-var", "force=true")):
        applied(run, "t.pkr.hcl", *args)
    (web,) = listed(run, "-build=fakecloud.web")
    assert sorted(web["contents"]) == [text.replace(" ", ": ") for text in contents(Path("cloud"))]


def test_the_last_generations_are_kept(run: Run, write: Write) -> None:
    write("t.pkr.hcl", CLOUD)
    for _ in range(5):
        applied(run, "t.pkr.hcl")
    assert len(contents(Path("cloud"))) == 20
    assert run("destroy", "--keep-last", "2", "--auto-approve").returncode == 0
    left = listed(run)
    assert [item["number"] for item in left] == [4, 5]
    assert contents(Path("cloud")) == sorted(text.replace(": ", " ") for item in left for text in item["contents"])
    assert "There is nothing to remove." in run("destroy", "-keep-last=2", "-auto-approve").stdout


def test_what_cannot_be_removed_stays_with_the_reason(run: Run, write: Write, golden: Golden) -> None:
    write("t.pkr.hcl", CLOUD)
    write("f.pkr.hcl", FILES)
    applied(run, "t.pkr.hcl")
    applied(run, "f.pkr.hcl", "-only=file.plain")
    done = run("destroy", "1", "2", "-auto-approve", FAKECLOUD_DENY="1")
    assert done.returncode == 1
    golden("destroy-denied.txt", plain(done))
    golden("artifacts-denied.txt", plain(run("artifacts")))
    assert not Path("plain.txt").exists()
    assert run("destroy", "1", "-auto-approve").returncode == 0
    assert listed(run) == []


def test_files_that_are_gone_already_are_fine(run: Run, write: Write) -> None:
    write("f.pkr.hcl", FILES)
    applied(run, "f.pkr.hcl", "-only=file.plain")
    Path("plain.txt").unlink()
    assert "plain.txt (is gone)" in run("artifacts").stdout
    assert run("destroy", "1", "-auto-approve").returncode == 0
    assert listed(run) == []


def test_by_age(run: Run, write: Write) -> None:
    write("f.pkr.hcl", FILES)
    applied(run, "f.pkr.hcl", "-only=file.plain")
    assert "There is nothing to remove." in run("destroy", "-older-than", "30d", "-auto-approve").stdout
    assert run("destroy", "-older-than", "0s", "-auto-approve").returncode == 0
    assert not Path("plain.txt").exists()


def test_another_file(run: Run, write: Write, tmp_path: Path) -> None:
    """One for each environment, say; also from elsewhere."""
    write("f.pkr.hcl", FILES)
    applied(run, "f.pkr.hcl", "-only=file.plain", "-state=here.db")
    assert not Path(".hclimg/artifacts.db").exists()
    assert listed(run) == []
    (tmp_path / "elsewhere").mkdir()
    done = run("-chdir=elsewhere", "destroy", "-state=../here.db", "file.plain", "-auto-approve")
    assert done.returncode == 0, done.stderr
    assert not Path("plain.txt").exists()
    done = run("apply", "f.pkr.hcl", "-state=no/such/a.db")
    assert done.returncode == 1
    assert "there is no directory" in done.stderr
    assert not Path("plain.txt").exists()


def test_a_build_does_not_fail_because_of_the_file(run: Run, write: Write) -> None:
    write("f.pkr.hcl", FILES)
    write("bad.db", "this is no database" * 100)
    done = run("apply", "f.pkr.hcl", "-state=bad.db")
    assert done.returncode == 0
    assert done.stdout.count("The artifacts of this run are not remembered.") == 1
    done = run("artifacts", "-state=bad.db")
    assert done.returncode == 1
    assert "is not a file of artifacts" in done.stderr


def test_no_secrets(run: Run, write: Write) -> None:
    secret = CLOUD.replace("var.fail", 'var.fail\n  secret = "key ${var.token}"')
    write("t.pkr.hcl", secret + 'variable "token" {\n  default   = "t0ps3cret"\n  sensitive = true\n}\n')
    applied(run, "t.pkr.hcl")
    assert b"t0ps3cret" not in Path(".hclimg/artifacts.db").read_bytes()
    assert listed(run)[0]["state"]["note"] == "<sensitive>"
    assert run("destroy", "1", "-auto-approve").returncode == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "Say what to remove"),
        (("7",), 'No artifact or build is called "7". hclimg artifacts lists what there is.'),
        (("file.plane",), 'No artifact or build is called "file.plane". Did you mean "file.plain"?'),
        (("-build=x",), 'No build "x" has artifacts here. There are file.plain.'),
        (("-build={",), 'a "{" is not closed'),
        (("-keep-last=-1",), "-keep-last"),
        (("1",), "There is no terminal on which to ask"),
    ],
)
def test_mistakes(run: Run, write: Write, args: tuple[str, ...], said: str) -> None:
    write("f.pkr.hcl", FILES)
    applied(run, "f.pkr.hcl", "-only=file.plain")
    done = run("destroy", *args)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert Path("plain.txt").exists()


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("y", 1), ("", 1)])
def test_asks_at_a_terminal(run: Run, write: Write, tmp_path: Path, answer: str, code: int) -> None:
    write("f.pkr.hcl", FILES)
    applied(run, "f.pkr.hcl", "-only=file.plain")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "hclimg", "destroy", "file.plain"], stdin=theirs, stdout=theirs, stderr=theirs,
        cwd=tmp_path, env={**os.environ, **WITH_CLOUD},
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        while b"means yes:" not in said:
            said += os.read(ours, 4096)
        os.write(ours, answer.encode() + b"\n")
    os.close(ours)
    assert process.returncode == code
    assert Path("plain.txt").exists() == (code == 1)
    assert len(listed(run)) == code
