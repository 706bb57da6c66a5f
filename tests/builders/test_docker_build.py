"""The docker builder with real engines: dockerd and podman."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

import pytest
from docker_kit import COMMIT, ROOT, SHELL, SOURCE, Yard, yard

from hclimg.engine.journal import Resource
from kill_kit import Project, every_record, kill, moments, random_moments

__all__ = ["yard"]
pytestmark = pytest.mark.slow


def test_an_image_is_committed(yard: Yard) -> None:
    said = yard.apply(
        COMMIT + 'changes = ["ENV A=b", "USER app"]\nauthor = "Ann"\nmessage = "made"',
        SHELL.format("echo $PACKER_BUILDER_TYPE > /etc/mark; cat /etc/mark"),
    )
    image = yard.image()
    assert image in said
    assert yard.engine.run(image, "/bin/cat", "/etc/mark") == "docker"
    config = yard.config(image)
    assert "A=b" in config["Env"]
    assert config["User"] == "app"
    assert config["Cmd"] == ["/bin/sh"]
    assert not config.get("Entrypoint")
    assert not config.get("Labels")
    whole = json.loads(yard.engine.call("image", "inspect", image))[0]
    assert (whole["Author"], whole["Comment"]) == ("Ann", "made")
    assert not whole["RepoTags"]


def test_files_go_both_ways(yard: Yard) -> None:
    tree = yard.folder / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "run").write_text("#!/bin/sh\nstat -c '%U %a' /tmp/it/sub/run /tmp/one\n")
    (tree / "sub" / "run").chmod(0o755)
    (yard.folder / "one").write_bytes(b"\x00one\xff")
    yard.apply(
        f'{SOURCE}discard = true\nexec_user = "app"',
        """
        provisioner "file" {
          source = "tree/"
          destination = "/tmp/it"
        }
        provisioner "file" {
          source = "one"
          destination = "/tmp/one"
        }
        provisioner "shell" { inline = ["/tmp/it/sub/run > /tmp/it/owners", "ln -s /tmp/one /tmp/it/link"] }
        provisioner "file" {
          source = "/tmp/it/"
          destination = "back"
          direction = "download"
        }
        provisioner "file" {
          source = "/tmp/one"
          destination = "one.back"
          direction = "download"
        }
        """,
    )
    assert (yard.folder / "back/owners").read_text() == "app 755\napp 644\n"
    assert (yard.folder / "back/sub/run").stat().st_mode & 0o777 == 0o755
    assert (yard.folder / "one.back").read_bytes() == b"\x00one\xff"
    assert yard.engine.images() == set()


def test_an_archive_is_exported(yard: Yard) -> None:
    yard.apply(f'{SOURCE}export_path = "out/web.tar"', SHELL.format("echo 1 > /etc/mark"))
    with tarfile.open(yard.folder / "out/web.tar") as tar:
        assert "etc/mark" in tar.getnames()
    assert [path.name for path in (yard.folder / "out").iterdir()] == ["web.tar"]
    assert yard.engine.images() == set()


def test_options_of_the_container(yard: Yard) -> None:
    (yard.folder / "shared").mkdir()
    (yard.folder / "shared/given").write_text("from the host\n")
    yard.apply(
        f"""{SOURCE}
        discard = true
        volumes = {{ "{yard.folder}/shared" = "/shared" }}
        tmpfs = ["/scratch"]
        cap_drop = ["CHOWN"]
        device = ["/dev/null:/dev/nothing"]
        container_dir = "/exchange"
        """,
        SHELL.format(
            "cat /shared/given && grep -q '/scratch tmpfs' /proc/mounts && grep -q /exchange /proc/mounts"
            " && test -c /dev/nothing && ! chown app /tmp"
        ),
    )


def test_built_from_a_dockerfile(yard: Yard) -> None:
    context = yard.folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(
        'FROM localhost/base:1\nARG WHAT\nCOPY given /etc/given\nENV WHAT=$WHAT\nENTRYPOINT ["/bin/echo"]\nCMD ["hi"]\n'
    )
    (context / "given").write_text("copied\n")
    yard.apply(
        """
        build {
          path = "context/Dockerfile"
          build_dir = "context"
          arguments = { WHAT = "a b" }
          pull = false
        }
        commit = true
        """,
        SHELL.format("cat /etc/given > /etc/mark"),
    )
    made = [
        image for image in yard.engine.images()
        if "WHAT=a b" in yard.config(image)["Env"] and yard.config(image)["Entrypoint"] == ["/bin/echo"]
        and yard.config(image)["Cmd"] == ["hi"]
    ]  # fmt: skip
    assert "copied" in {yard.engine.run(image, "/bin/cat", "/etc/given") for image in made}
    assert "hclimg-" not in yard.engine.call("images", "--format", "{{.Repository}}")


def test_a_failure_leaves_nothing(yard: Yard) -> None:
    said = yard.refused(COMMIT, SHELL.format("echo before; exit 7"))
    assert "exit code 7" in said
    assert yard.engine.images() == set()


def test_a_container_that_ends(yard: Yard) -> None:
    said = yard.refused(f'{COMMIT}run_command = ["-d", "--", "{{{{.Image}}}}", "/bin/true"]', SHELL.format("true"))
    assert "not running" in said


def test_what_the_world_refuses(yard: Yard) -> None:
    assert "nowhere" in yard.refused('image = "127.0.0.1:1/nowhere"\ncommit = true')
    assert "failed" in yard.refused(f'{COMMIT}runtime = "none-such"')
    assert "Cannot read" in yard.refused(
        COMMIT, 'provisioner "file" {\nsource = "/nothing"\ndestination = "x"\ndirection = "download"\n}'
    )
    assert yard.engine.images() == set()


def test_artifacts_and_destroy(yard: Yard) -> None:
    yard.apply(COMMIT)
    image = yard.image()
    assert image[:12] in yard.hclimg("artifacts").stdout
    done = yard.hclimg("destroy", "-auto-approve", "-keep-last=0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert yard.engine.images() == set()


def test_killed_at_records_of_the_journal(yard: Yard) -> None:
    """What is there after the clean-up is what the run had kept, and nothing else. All records and 30 random moments
    with KILL_MOMENTS=30."""
    template = yard.template(COMMIT, SHELL.format("echo 1 > /etc/mark"))
    project = Project(folder=yard.folder, template=str(template), env=yard.engine.env, quiet=yard.engine.quiet)
    thorough = moments(0)
    outcomes = (
        chain(every_record(project), random_moments(project, thorough, seed=7)) if thorough
        else (kill(project, moment) for moment in ("after:7", "after:13", "after:19"))
    )  # fmt: skip
    kinds: set[str] = set()
    for outcome in outcomes:
        assert not outcome.failed, outcome
        assert yard.engine.containers() == set(), outcome
        assert yard.engine.images() == _kept(outcome.kept), outcome
        kinds |= {item.kind for item in outcome.left}
        yard.engine.clear()
    assert "docker/container" in kinds


def test_killed_while_the_engine_commits(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image appears after the run is dead. docker's command line dies with it in a second round."""
    _commit_and_kill(yard, monkeypatch, both=False)
    if yard.engine.program == "docker":
        _commit_and_kill(yard, monkeypatch, both=True)


def _commit_and_kill(yard: Yard, monkeypatch: pytest.MonkeyPatch, *, both: bool) -> None:
    build = SHELL.format("dd if=/dev/urandom of=/tmp/big bs=1M count=20 2>/dev/null")
    home = yard.folder / f"killed-{both}"
    run = subprocess.Popen(
        [sys.executable, "-m", "hclimg", "apply", yard.template(COMMIT, build)], cwd=yard.folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(home)},
    )  # fmt: skip
    while not (commit := _commit_of(home)):
        assert run.poll() is None
        time.sleep(0.005)
    run.kill()
    run.wait()
    with suppress(ProcessLookupError):
        os.kill(commit, signal.SIGKILL if both else 0)
    monkeypatch.setenv("HCLIMG_HOME", str(home))
    done = yard.hclimg("cleanup", "-settle=1s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "docker/image" in done.stdout
    assert yard.engine.containers() == set()
    assert yard.engine.images() == set()


def _commit_of(home: Path) -> int:
    """The process that commits for the only run; 0 when there is none yet."""
    for run in (home / "runs").glob("*"):
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                arguments = (process / "cmdline").read_bytes().split(b"\0")
                if b"commit" in arguments and any(run.name.encode() in word for word in arguments):
                    return int(process.name)
    return 0


def _kept(items: Sequence[Resource]) -> set[str]:
    return {item.identity["id"].removeprefix("sha256:") for item in items if item.kind == "docker/image"}
