"""Post-processor ``manifest``."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from hclimg.errors import BuildError
from hclimg.postprocessors.manifest import ManifestConfig, ManifestPostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact


def manifest(path: str = "packer-manifest.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def test_the_file_has_packers_form(ctx: Context, artifact: Artifact) -> None:
    settings = ManifestConfig(strip_time=True, custom_data={"team": "base of {{build_name}}"})
    assert ManifestPostProcessor(settings).process(ctx, artifact) is artifact
    text = Path("packer-manifest.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2)
    assert manifest() == {
        "builds": [
            {
                "name": "web",
                "builder_type": "null",
                "files": [{"name": "out/disk.raw", "size": 5000}, {"name": "out/kernel", "size": 6}],
                "artifact_id": "disk",
                "packer_run_uuid": "run-1",
                "custom_data": {"team": "base of web"},
            }
        ],
        "last_run_uuid": "run-1",
    }


def test_without_files_and_with_time(ctx: Context, artifact: Artifact) -> None:
    ManifestPostProcessor(ManifestConfig()).process(ctx, evolve(artifact, files=()))
    (build,) = manifest()["builds"]
    assert build["files"] is None
    assert build["custom_data"] is None
    assert isinstance(build["build_time"], int)


def test_strip_path(ctx: Context, artifact: Artifact) -> None:
    ManifestPostProcessor(ManifestConfig(strip_path=True)).process(ctx, artifact)
    assert '"name": "disk.raw"' in Path("packer-manifest.json").read_text()


def test_a_later_run_appends(ctx: Context, artifact: Artifact, other_run: Callable[..., Context]) -> None:
    processor = ManifestPostProcessor(ManifestConfig(output="m/all.json"))
    processor.process(ctx, artifact)
    processor.process(other_run(), artifact)
    found = manifest("m/all.json")
    assert [build["packer_run_uuid"] for build in found["builds"]] == ["run-1", "run-2"]
    assert found["last_run_uuid"] == "run-2"


def test_force_begins_anew_once_a_run(ctx: Context, artifact: Artifact, other_run: Callable[..., Context]) -> None:
    processor = ManifestPostProcessor(ManifestConfig())
    processor.process(ctx, artifact)
    forced = other_run(force=True)
    processor.process(forced, artifact)
    processor.process(forced, artifact)
    assert [b["packer_run_uuid"] for b in manifest()["builds"]] == ["run-2", "run-2"]


def test_parallel_builds_lose_nothing(ctx: Context, artifact: Artifact) -> None:
    processor = ManifestPostProcessor(ManifestConfig())
    names = [f"build{number}" for number in range(16)]
    threads = [
        threading.Thread(target=processor.process, args=(evolve(ctx, build_name=name), artifact)) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(b["name"] for b in manifest()["builds"]) == sorted(names)
    assert {path.name for path in Path().iterdir()} == {"out", "packer-manifest.json"}


@pytest.mark.parametrize("content", ["{", "[1]", '{"builds": 3}'])
def test_a_file_that_is_no_manifest_stays(ctx: Context, artifact: Artifact, content: str) -> None:
    Path("packer-manifest.json").write_text(content)
    with pytest.raises(BuildError, match=r"packer-manifest\.json") as caught:
        ManifestPostProcessor(ManifestConfig()).process(ctx, artifact)
    assert caught.value.hint
    assert Path("packer-manifest.json").read_text() == content


def test_a_directory_that_cannot_be_written_to(ctx: Context, artifact: Artifact) -> None:
    Path("packer-manifest.json").mkdir()
    with pytest.raises(BuildError, match=r"packer-manifest\.json"):
        ManifestPostProcessor(ManifestConfig()).process(ctx, artifact)
