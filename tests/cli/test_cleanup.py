"""``hclimg cleanup``: after a run that was killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hclimg.engine.artifactfile import ArtifactFile, StoredArtifact, artifact_file
from hclimg.engine.journal import ResourceJournal, read_journal
from hclimg.engine.rundir import RunDirectory, claimed
from hclimg.sdk.machine import Artifact
from plugins.fakecloud import Cloud, contents

Run = Callable[..., Any]


@pytest.fixture
def dead_run(hclimg: Run, tmp_path: Path) -> Path:
    """A run that made a directory and a file, and died."""
    run = RunDirectory.create(tmp_path / ".hclimg", "20260101t000000-abcdef")
    journal = ResourceJournal(run.resources, run.id)
    for kind, name in (("directory", "half-an-image"), ("file", "key")):
        path = tmp_path / name
        journal.intend(kind, path=str(path)).made()
        path.mkdir() if kind == "directory" else path.write_text("x")
    journal.close()
    run.close()
    return run.path


def test_nothing_to_do(hclimg: Run) -> None:
    done = hclimg("cleanup")
    assert done.returncode == 0
    assert "Nothing is left behind" in done.stdout


def test_a_dry_run_removes_nothing(hclimg: Run, dead_run: Path) -> None:
    done = hclimg("cleanup", "-dry-run")
    assert done.returncode == 0
    assert "would remove directory" in done.stdout
    assert Path("half-an-image").exists()
    assert Path("key").exists()


def test_what_is_left_is_removed_once(hclimg: Run, dead_run: Path) -> None:
    done = hclimg("cleanup")
    assert done.returncode == 0
    assert f"Run {dead_run.name}:" in done.stdout
    assert not Path("half-an-image").exists()
    assert not Path("key").exists()
    assert dead_run.exists()
    assert "Nothing is left behind" in hclimg("cleanup").stdout


def test_one_run(hclimg: Run, dead_run: Path) -> None:
    done = hclimg("cleanup", "nobody")
    assert done.returncode == 1
    assert dead_run.name in done.stderr
    assert Path("key").exists()
    assert hclimg("cleanup", dead_run.name).returncode == 0
    assert not Path("key").exists()


def test_all_deletes_directories_of_runs_too(hclimg: Run, dead_run: Path) -> None:
    assert hclimg("cleanup", "-all").returncode == 0
    assert not dead_run.exists()


def test_what_cannot_be_removed_is_told(hclimg: Run, dead_run: Path) -> None:
    with (dead_run / "resources.jsonl").open("a") as journal:
        journal.write(json.dumps({"op": "intend", "n": 9, "kind": "moon", "identity": {"id": "x"}}) + "\n")
    done = hclimg("cleanup", "-all")
    assert done.returncode == 1
    assert "not removed: moon x" in done.stdout
    assert dead_run.exists()


def test_a_run_that_goes_on_is_left_alone(hclimg: Run, tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / ".hclimg", "20260101t000000-abcdef")
    path = tmp_path / "in-use"
    path.write_text("x")
    journal = ResourceJournal(run.resources, run.id)
    journal.intend("file", path=str(path)).made()
    assert "Nothing is left behind" in hclimg("cleanup", "-all").stdout
    assert path.exists()
    assert run.path.exists()
    journal.close()
    run.close()


# -- clouds ---------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
WITH_CLOUD = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests/plugins'}"}
RUN = "20260101t000000-abcdef"
Golden = Callable[[str, str], None]


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    """What a run left that made two images at once, and was killed: of one thing it does not know the id."""
    cloud = Cloud(tmp_path / "cloud")
    run = RunDirectory.create(tmp_path / ".hclimg", RUN)
    journal = ResourceJournal(run.resources, run.id)
    for lane in ("fakecloud.a", "fakecloud.b"):
        made: tuple[str, ...] = ()
        for kind in ("net", "instance"):
            identity = {"name": f"{kind} of {lane}", "region": "here", "directory": str(tmp_path / "cloud")}
            record = journal.of(lane).intend(f"fakecloud/{kind}", **identity)
            made = (cloud.create("here", kind, kind, run=RUN, uses=made),)
            if (lane, kind) != ("fakecloud.b", "instance"):
                record.made(id=made[0])
    journal.close()
    run.close()
    return cloud


def plain(done: Any, tmp_path: Path) -> str:
    """What was said, with ids and places that are the same each time."""
    text = re.sub(r"(net|instance)-[0-9a-f]{8}", r"\1-ID", (done.stdout + done.stderr).replace(str(tmp_path), "HERE"))
    return "".join(sorted(text.splitlines(keepends=True), key=lambda line: "of fakecloud.b" in line))


def test_what_is_in_a_cloud_is_removed(hclimg: Run, cloud: Cloud, tmp_path: Path, golden: Golden) -> None:
    """A finished image and what other runs made stay."""
    cloud.create("here", "image", "finished")
    cloud.create("here", "instance", "of another run", run="20260101t000000-000000")
    golden("cleanup-dry-run.txt", plain(hclimg("cleanup", "-dry-run", **WITH_CLOUD), tmp_path))
    assert len(contents(cloud.directory)) == 6
    done = hclimg("cleanup", "-settle=0s", **WITH_CLOUD)
    golden("cleanup.txt", plain(done, tmp_path))
    assert done.returncode == 0
    assert [name.split("-")[0] for name in contents(cloud.directory)] == ["here image", "here instance"]


def test_what_was_finished_and_not_written_down_is_told(hclimg: Run, cloud: Cloud, tmp_path: Path) -> None:
    """The run was killed between the two. A file that it made stays without a word, as it is where it should be."""
    image = cloud.create("here", "image", "web")
    journal = ResourceJournal(tmp_path / ".hclimg/runs" / RUN / "resources.jsonl", RUN)
    journal._count = 100
    record = journal.intend("fakecloud/image", name="web", region="here")
    record.made(id=image)
    record.kept()
    journal.intend("file", path=str(tmp_path / "b.txt")).kept()
    done = hclimg("cleanup", "-settle=0s", **WITH_CLOUD)
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if "not touched" in line]
    what = f"fakecloud/image web (region here, id {image})"
    assert lines == [f"  not touched: {what}: it was finished, but hclimg artifacts does not know it"]
    assert contents(cloud.directory) == [f"here {image}"]
    assert "Nothing is left behind" in hclimg("cleanup", "-settle=0s", **WITH_CLOUD).stdout


def test_without_access_everything_stays_and_says_why(
    hclimg: Run, cloud: Cloud, tmp_path: Path, golden: Golden
) -> None:
    path = tmp_path / "key"
    journal = ResourceJournal(tmp_path / ".hclimg/runs" / RUN / "resources.jsonl", RUN)
    journal._count = 100
    journal.intend("file", path=str(path)).made()
    path.write_text("x")
    done = hclimg("cleanup", "-settle=0s", FAKECLOUD_DENY="1", **WITH_CLOUD)
    why = "the cloud does not know these credentials (AuthFailure, request 4711)"
    assert done.stdout.count(why) == 1, "once is enough"
    golden("cleanup-denied.txt", plain(done, tmp_path).replace(why, "WHY").replace("for the same reason", "WHY"))
    assert done.returncode == 1
    assert not path.exists(), "the others go on"
    assert len(contents(cloud.directory)) == 4
    assert hclimg("cleanup", "-settle=0s", **WITH_CLOUD).returncode == 0
    assert contents(cloud.directory) == []


def test_json(hclimg: Run, cloud: Cloud, dead_run_2: Path) -> None:
    assert "would" not in hclimg("cleanup", "-dry-run", "-json", **WITH_CLOUD).stdout
    done = hclimg("cleanup", "-settle=0s", "-json", **WITH_CLOUD)
    assert done.returncode == 1
    first, second = json.loads(done.stdout)["runs"]
    assert (first["run"], first["began"]) == (RUN, "2026-01-01T00:00:00Z")
    assert sorted((item["lane"], item["kind"], item["made"], item["removed"]) for item in first["resources"]) == [
        ("fakecloud.a", "fakecloud/instance", True, True), ("fakecloud.a", "fakecloud/net", True, True),
        ("fakecloud.b", "fakecloud/instance", False, True), ("fakecloud.b", "fakecloud/net", True, True),
    ]  # fmt: skip
    (stays,) = second["resources"]
    assert stays == {
        "kind": "moon", "lane": "", "made": False, "identity": {"id": "x"}, "removed": False, "finished": False,
        "reason": 'nothing here knows how to remove a "moon"',
    }  # fmt: skip


@pytest.fixture
def dead_run_2(tmp_path: Path) -> Path:
    """A run that began later, and left something that nobody can remove."""
    run = RunDirectory.create(tmp_path / ".hclimg", "20260201t000000-abcdef")
    ResourceJournal(run.resources, run.id).intend("moon", id="x")
    run.close()
    return run.path


def test_only_old_runs(hclimg: Run, dead_run: Path) -> None:
    assert "Nothing is left behind" in hclimg("cleanup", "--older-than", "9999w").stdout
    assert hclimg("cleanup", "-all", "-older-than=9999w").returncode == 0
    assert dead_run.exists()
    assert Path("key").exists()
    assert '"soon" is not a duration' in hclimg("cleanup", "-older-than=soon").stderr
    assert hclimg("cleanup", "-older-than=1s").returncode == 0
    assert not Path("key").exists()


def test_two_at_once(hclimg: Run, dead_run: Path) -> None:
    """The second leaves alone what the first is at."""
    with claimed(dead_run):
        assert "Nothing is left behind" in hclimg("cleanup").stdout
        assert Path("key").exists()


def test_an_interrupt_leaves_the_rest_in_the_journal(cloud: Cloud, tmp_path: Path) -> None:
    """While it waits for calls that may have been under way."""
    env = {**os.environ, **WITH_CLOUD}
    with subprocess.Popen(
        [sys.executable, "-m", "hclimg", "cleanup", "-settle=9999w"], stdout=subprocess.PIPE, text=True,
        cwd=tmp_path, env=env,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while "Waiting" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    assert process.returncode == 130
    assert said.count(": interrupted") == 1
    assert said.count(": for the same reason") == 3
    assert len(read_journal(tmp_path / ".hclimg/runs" / RUN / "resources.jsonl").left) == 4
    assert len(contents(cloud.directory)) == 4


def test_the_next_apply_says_what_is_left(hclimg: Run, dead_run: Path, dead_run_2: Path, tmp_path: Path) -> None:
    (tmp_path / "t.pkr.hcl").write_text('source "null" "a" { communicator = "none" }\nbuild { sources = ["null.a"] }')

    def hints() -> list[str]:
        return [line for line in hclimg("apply", "t.pkr.hcl").stdout.splitlines() if "cleanup" in line]

    text = '==> Warning: 2 earlier runs left 3 things behind (directory, file, moon). "hclimg cleanup" removes that.'
    assert hints() == [text]
    hclimg("cleanup", dead_run.name)
    text = f'==> Warning: Run {dead_run_2.name} left something behind (moon). "hclimg cleanup" removes that.'
    assert hints() == [text]
    (dead_run_2 / "resources.jsonl").unlink()
    assert hints() == []


def test_what_a_list_of_artifacts_names_is_not_told_again(hclimg: Run, tmp_path: Path) -> None:
    """Some of a dead run was kept; ids stand at the end of what artifacts consist of, alone or in parentheses."""
    run = RunDirectory.create(tmp_path / ".hclimg", "20260101t000000-abcdef")
    journal = ResourceJournal(run.resources, run.id)
    for kind, thing in (("vsphere/vm", "vm-42"), ("aws/image", "ami-1"), ("vsphere/vm", "vm-4")):
        record = journal.intend(kind, name="web")
        record.made(id=thing)
        record.kept()
    journal.intend("file", path=str(tmp_path / "key")).made()
    journal.close()
    run.close()
    made = Artifact(builder="x", component="builder/x", id="web", description="web")
    names = ("vc:443: /DC0/vm: web (vm-42)", "eu-west-1: ami-1")
    stored = StoredArtifact(run=run.id, build="x", made=0.0, artifact=made, contents=names)
    ArtifactFile(artifact_file(tmp_path / ".hclimg")).keep([stored])
    done = hclimg("cleanup", "-json")
    (told,) = json.loads(done.stdout)["runs"]
    assert [item["identity"]["id"] for item in told["unlisted"]] == ["vm-4"]
