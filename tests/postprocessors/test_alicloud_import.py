"""Post-processor alicloud-import through the program: a file, object storage, and the simulator of ECS."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.config.schema import schema_of
from hclimg.errors import BuildError
from hclimg.postprocessors.alicloud_import import AlicloudImportConfig
from hclimg.sdk.testing import decoded
from servers.alicloud_ecs.simulator import ACCESS_KEY, Simulator
from servers.oss import ObjectStorage, object_storage

__all__ = ["object_storage"]
ROOT = Path(__file__).resolve().parents[2]
MORE = {
    "oss_bucket_name", "oss_key_name", "skip_clean", "image_os_type", "image_platform", "image_architecture",
    "image_system_size", "format",
}  # fmt: skip
LEAST = 'access_key = "k"\nsecret_key = "s"\nregion = "cn-beijing"\nimage_name = "web"\noss_bucket_name = "images"\n'
TEMPLATE = """\
source "file" "disk" {{
  {what}
  target  = "disk.{ending}"
}}
build {{
  sources = ["file.disk"]

  post-processor "alicloud-import" {{
    region          = "cn-beijing"
    image_name      = "web"
    oss_bucket_name = "images"
    {settings}
  }}
}}
"""


@frozen
class Place:
    folder: Path
    cloud: Simulator
    storage: ObjectStorage

    def run(
        self, settings: str = "", *options: str, ending: str = "raw", what: str = 'content = "the disk"'
    ) -> tuple[int, str]:
        text = TEMPLATE.format(settings=settings, ending=ending, what=what)
        (self.folder / "web.pkr.hcl").write_text(text)
        env = {
            **os.environ, **self.cloud.environment, "ALICLOUD_ECS_ENDPOINT": self.cloud.url, "PYTHONPATH": str(ROOT),
            "ALICLOUD_OSS_ENDPOINT": self.storage.url, "HCLIMG_HOME": str(self.folder / "home"),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "hclimg", "apply", *options, "."], cwd=self.folder, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout


@pytest.fixture
def place(tmp_path: Path, alicloud: Simulator, object_storage: ObjectStorage) -> Place:
    alicloud.world.looks = {"": 0}
    return Place(tmp_path, alicloud, object_storage)


def test_every_key_of_packer_is_known() -> None:
    """All of the builder's, which a test of its own counts, with those of the communicator, and eight more."""
    names = set(schema_of(AlicloudImportConfig).names)
    assert set(schema_of(AlicloudEcsConfig).names) | MORE == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('instance_type = "ecs.n1.tiny"', '"instance_type" has no effect: an import launches no instance.'),
        ('ssh_username = "root"', '"ssh_username" has no effect: an import launches no instance.'),
        ("system_disk_mapping { disk_size = 40 }", '"system_disk_mapping" has no effect'),
        ('format = "ova"', '"ova" is not one of'),
        ('image_system_size = "40G"', "is not a whole number of GiB"),
        ('image_architecture = "amd64"', '"amd64" is not one of'),
    ],
)
def test_settings(text: str, words: str) -> None:
    found = decoded(AlicloudImportConfig, LEAST + text)[1]
    assert len(found) == 1, found
    assert words in found[0]


def test_the_bucket_needs_a_name_that_it_can_have() -> None:
    found = decoded(AlicloudImportConfig, LEAST.replace('"images"', '"My_Images"'))[1]
    assert "is no name of a bucket" in found[0]


def test_a_file_becomes_an_image(place: Place) -> None:
    code, said = place.run(
        'image_os_type = "linux"\nimage_platform = "Ubuntu"\nimage_architecture = "x86_64"\nimage_system_size = "40"\n'
        'tags = { a = "b" }\nimage_copy_regions = ["us-west-1"]\noss_key_name = "{{.BuildName}}.raw"'
    )
    assert code == 0, said
    assert place.storage.buckets == {"images": {}}
    assert place.storage.uploads == {}
    images = {image.region: image for image in place.cloud.things("image")}
    assert set(images) == {"cn-beijing", "us-west-1"}
    for region, image in images.items():
        assert f"{region}: {image.id}" in said
        assert (image.tags, image.facts["ImageName"] == "web") == ({"a": "b"}, region == "cn-beijing")
    (asked,) = [call for call in place.cloud.calls if call.action == "ImportImage"]
    wanted = {
        "DiskDeviceMapping.1.OSSBucket": "images", "DiskDeviceMapping.1.OSSObject": "disk.raw",
        "DiskDeviceMapping.1.Format": "RAW", "DiskDeviceMapping.1.DiskImageSize": "40", "OSType": "linux",
        "Platform": "Ubuntu", "Architecture": "x86_64",
    }  # fmt: skip
    assert asked.given.items() >= wanted.items()
    assert {call.strays for call in place.cloud.calls} == {()}
    assert not (place.folder / "disk.raw").exists(), "the input goes, as in Packer"


@pytest.mark.slow
def test_the_object_can_stay(place: Place) -> None:
    code, said = place.run("skip_clean = true\nkeep_input_artifact = true")
    assert code == 0, said
    (data,) = place.storage.buckets["images"].values()
    assert data == b"the disk"
    assert (place.folder / "disk.raw").exists()


@pytest.mark.slow
def test_the_role_is_made_when_it_is_missing(place: Place) -> None:
    place.cloud.world.roles = {}
    code, said = place.run()
    assert code == 0, said
    assert place.cloud.world.roles == {"AliyunECSImageImportDefaultRole": ["AliyunECSImageImportRolePolicy"]}
    assert "it stays in the account" in said


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["vhd", "qcow2"])
def test_other_formats(place: Place, ending: str) -> None:
    code, said = place.run(ending=ending)
    assert code == 0, said
    (asked,) = [call for call in place.cloud.calls if call.action == "ImportImage"]
    assert asked.given["DiskDeviceMapping.1.Format"] == ending.upper()


@pytest.mark.slow
def test_a_large_file_goes_in_parts(place: Place) -> None:
    data = os.urandom(1 << 20) * 20
    (place.folder / "big").write_bytes(data)
    code, said = place.run('skip_clean = true\noss_key_name = "big.raw"', what='source = "big"')
    assert code == 0, said
    assert place.storage.buckets["images"]["big.raw"] == data
    assert place.storage.asked.count("PUT images/big.raw") == 2


@pytest.mark.slow
def test_what_goes_wrong_leaves_nothing(place: Place) -> None:
    code, said = place.run(ending="vmdk")
    assert code == 1
    assert "The artifact has no file that ends with .raw or .vhd or .qcow2." in said
    place.storage.refuse = "AccessDenied"
    code, said = place.run()
    assert code == 1
    assert "refuses disk.raw to images/" in said
    assert "code AccessDenied, request REQ1" in said
    place.storage.refuse = ""
    place.cloud.world.ends = {"image": "CreateFailed"}
    code, said = place.run()
    assert code == 1
    assert "its status is CreateFailed" in said
    assert place.storage.buckets == {"images": {}}
    assert place.storage.uploads == {}
    assert place.cloud.left() == []
    assert (place.folder / "disk.raw").exists(), "a failed import keeps what it was given"


def test_a_file_that_is_gone() -> None:
    from hclimg.postprocessors.alicloud_importing import file_of
    from hclimg.sdk.machine import Artifact

    with pytest.raises(BuildError, match=r"The artifact's file /nowhere/disk.raw does not exist"):
        file_of(
            Artifact(builder="x", component="builder/null", id="1", description="", files=("/nowhere/disk.raw",)), ""
        )


@pytest.mark.slow
def test_an_image_of_the_name_exists(place: Place) -> None:
    assert place.run()[0] == 0
    code, said = place.run()
    assert code == 1
    assert 'There is an image "web" in cn-beijing already' in said
    assert place.run("", "-force")[0] == 0
    assert len(place.cloud.things("image")) == 1


def test_without_the_package_validate_says_how_to_get_it(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    text = TEMPLATE.format(
        settings=f'access_key = "{ACCESS_KEY}"\n    secret_key = "s"', ending="raw", what='content = "x"'
    )
    (tmp_path / "web.pkr.hcl").write_text(text)
    code = (
        "import sys; sys.modules['alibabacloud_oss_v2'] = None; from hclimg.cli.main import run; "
        "sys.exit(run(['validate', 'web.pkr.hcl']))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env, check=False
    )
    assert done.returncode == 1
    golden("alicloud-import-package.txt", done.stderr)
