"""Post-processor vagrant: Debian's vagrant takes the boxes; the box of a QEMU machine beside that of Packer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hclimg.errors import BuildError
from hclimg.postprocessors.vagrant import VagrantConfig, VagrantPostProcessor
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact
from hclimg.sdk.steps import close_scope
from hclimg.sdk.testing import MemoryJournal, Recording, check_component, component, decoded

ROOT = Path(__file__).resolve().parents[2]
GIB = 1 << 30


def artifact(builder: str, *files: Path | str, name: str = "x", **state: object) -> Artifact:
    return Artifact(
        builder=builder, component="builder/null", id=name, description="x", files=tuple(map(str, files)), state=state
    )  # fmt: skip


def disk(path: Path, kind: str = "qcow2", size: str = "1500M", *options: str) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, *options, path, size], check=True)
    return path


def boxed(ctx: Context, given: Artifact, settings: str = "") -> Path:
    try:
        made = component(VagrantPostProcessor, settings).process(ctx, given)
    finally:
        assert close_scope(ctx) == []
    assert made.builder == "mitchellh.post-processor.vagrant"
    return Path(made.files[0])


def content(box: Path) -> dict[str, bytes]:
    with tarfile.open(box) as packed:
        files = {}
        for one in packed:
            member = packed.extractfile(one)
            assert member is not None
            files[one.name] = member.read()
        return files


def told(box: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(content(box)["metadata.json"])
    return found


def info(data: bytes, path: Path) -> dict[str, Any]:
    path.write_bytes(data)
    done = subprocess.run(["qemu-img", "info", "--output=json", path], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("a")
    Path("Vagrantfile").write_text("x")
    check_component(VagrantPostProcessor, 'include = ["a.txt"]\noverride = { aws = { compression_level = 1 } }')
    wrong = {
        'include = ["b.txt", "a.txt"]': '1: File not found; "include" names "b.txt", which is not a file.',
        'include = ["Vagrantfile"]': "Reserved name",
        "\ncompression_level = 10": "2: Compression level out of range",
        'vagrantfile_template = "none.rb"': "vagrantfile_template_generated = true",
        'provider_override = "virtual"': '"virtual" is not one of',
        'override = "aws"': "must be an object",
        "override = { libvrt = {} }": 'Did you mean "libvirt"?',
        "override = { aws = 1 }": "must be an object with settings",
        "override = { aws = { compresion_level = 1 } }": 'Did you mean "compression_level"?',
        'override = { aws = { compression_level = "no" } }': '"compression_level" for "aws" must be a whole number',
        'override = { aws = { include = ["b.txt"] } }': 'For "aws": "include" names "b.txt"',
    }
    for text, expected in wrong.items():
        assert expected in "\n".join(decoded(VagrantConfig, text)[1]), text
    assert decoded(VagrantConfig, 'vagrantfile_template = "none.rb"\nvagrantfile_template_generated = true')[1] == []
    assert decoded(VagrantConfig, "override = later\ninclude = [later]")[1] == []


def test_a_box_for_libvirt(ctx: Context, tmp_path: Path, listener: Recording, journal: MemoryJournal) -> None:
    image = disk(tmp_path / "disk.qcow2")
    Path("info.json").write_text("{}")
    Path("more.rb").write_text("# {{.BuildName}} of {{.Provider}}, {{.Architecture}}\n")
    settings = 'include = ["info.json"]\nvagrantfile_template = "more.rb"\narchitecture = "arm64"'
    box = boxed(ctx, artifact("transcend.qemu", image), settings)
    assert box == Path("packer_web_libvirt_arm64.box")
    with tarfile.open(box) as packed:
        assert {(one.uid, one.uname, one.mode) for one in packed} == {(0, "root", 0o644)}
    files = content(box)
    assert list(files) == ["metadata.json", "Vagrantfile", "box.img", "info.json"]
    assert files["box.img"] == image.read_bytes()
    assert told(box) == {"provider": "libvirt", "format": "qcow2", "virtual_size": 2, "architecture": "arm64"}
    text = files["Vagrantfile"].decode()
    assert 'config.vm.provider :libvirt do |libvirt|\n    libvirt.driver = "kvm"\n' in text
    assert text.endswith("\n# From the template:\n# web of libvirt, arm64\n")
    assert journal.left == []
    assert sorted(path.name for path in Path().iterdir()) == ["disk.qcow2", "info.json", "more.rb", box.name]


def test_images_that_are_not_qcow2_or_not_whole_are_converted(ctx: Context, tmp_path: Path) -> None:
    base = disk(tmp_path / "base.qcow2", size="1G")
    thin = tmp_path / "thin.qcow2"
    disk(thin, "qcow2", "3G", "-b", str(base), "-F", "qcow2")
    files = content(boxed(ctx, artifact("transcend.qemu", thin, disk(tmp_path / "second.raw", "raw"))))
    assert list(files) == ["metadata.json", "Vagrantfile", "box.img", "box_1.img"]
    for name, size in (("box.img", 3 * GIB), ("box_1.img", 1500 << 20)):
        found = info(files[name], tmp_path / name)
        assert (found["format"], found["virtual-size"]) == ("qcow2", size)
        assert "backing-filename" not in found
    metadata = json.loads(files["metadata.json"])
    assert metadata["virtual_size"] == 3
    assert [one["path"] for one in metadata["disks"]] == ["box.img", "box_1.img"]


def test_the_same_disk_in_several_formats_is_one_disk(ctx: Context, tmp_path: Path) -> None:
    raw, qcow2 = disk(tmp_path / "a.raw", "raw"), disk(tmp_path / "a.qcow2")
    images = {"raw": str(raw), "qcow2": str(qcow2), "tar": "a.tar"}
    files = content(boxed(ctx, artifact("hclimg.rootfs", raw, qcow2, images=images)))
    assert files["box.img"] == qcow2.read_bytes()
    assert "box_1.img" not in files


def test_a_box_for_virtualbox_of_a_disk_image(ctx: Context, tmp_path: Path) -> None:
    given = artifact("transcend.qemu", disk(tmp_path / "disk.qcow2"))
    files = content(boxed(ctx, given, 'provider_override = "virtualbox"'))
    assert list(files) == ["metadata.json", "Vagrantfile", "box.ovf", "box-disk1.vmdk"]
    found = info(files["box-disk1.vmdk"], tmp_path / "d.vmdk")
    assert found["format-specific"]["data"]["create-type"] == "streamOptimized"
    text = files["box.ovf"].decode()
    hrefs = [value for one in ET.fromstring(text).iter() for key, value in one.attrib.items() if key.endswith("href")]
    assert hrefs == ["box-disk1.vmdk"]
    assert "<rasd:ResourceSubType>E1000</rasd:ResourceSubType>" in text
    assert b'config.vm.base_mac = "080027' in files["Vagrantfile"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_box_for_virtualbox_of_its_own_machine(ctx: Context, tmp_path: Path, packed: bool) -> None:
    folder = tmp_path / "vm"
    folder.mkdir()
    (folder / "web.ovf").write_text('<Adapter MACAddress="0800276ABCDE"/>')
    (folder / "web-disk1.vmdk").write_bytes(b"disk")
    (folder / "web.mf").write_text("SHA256(web.ovf)= 0")
    paths = sorted(folder.iterdir())
    if packed:
        paths = [tmp_path / "web.ova"]
        with tarfile.open(paths[0], "w") as archive:
            for name in ("web.ovf", "web.mf", "web-disk1.vmdk"):
                archive.add(folder / name, name)
    files = content(boxed(ctx, artifact("mitchellh.virtualbox", *paths)))
    assert list(files) == ["metadata.json", "Vagrantfile", "box.ovf", "web-disk1.vmdk"]
    assert b'config.vm.base_mac = "0800276ABCDE"' in files["Vagrantfile"]


def test_a_box_for_vmware(ctx: Context, tmp_path: Path) -> None:
    names = ("web.vmx", "web.vmdk", "web.nvram", "vmware.log")
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    box = boxed(ctx, artifact("mitchellh.vmware", *[tmp_path / name for name in names]))
    assert box.name.startswith("packer_web_vmware_")
    assert list(content(box)) == ["metadata.json", "Vagrantfile", "web.vmx", "web.vmdk", "web.nvram"]
    assert told(box)["provider"] == "vmware_desktop"
    converted = boxed(ctx, artifact("x", disk(tmp_path / "d.qcow2")), 'provider_override = "vmware"')
    files = content(converted)
    assert list(files) == ["metadata.json", "Vagrantfile", "box.vmx", "box.vmdk"]
    assert b'scsi0:0.fileName = "box.vmdk"' in files["box.vmx"]


@pytest.mark.parametrize(
    ("builder", "image", "name", "lines"),
    [
        ("mitchellh.amazonebs", "us-east-1:ami-2,eu-west-1:ami-1", "aws",
         ['aws.region_config "eu-west-1", ami: "ami-1"', 'aws.region_config "us-east-1", ami: "ami-2"']),
        ("mitchellh.openstack", "0a3bd2c0-4d9c-4a6f-8c11-2f8f1f0f3a6d", "openstack",
         ['openstack.image = "0a3bd2c0-4d9c-4a6f-8c11-2f8f1f0f3a6d"']),
        ("packer.post-processor.docker-tag", "registry:5000/web:1", "docker", ['docker.image = "registry:5000/web:1"']),
        ("packer.googlecompute", "web-1", "google", ['google.image = "web-1"']),
        ("Azure.ResourceManagement.VMImage", "/subscriptions/a/b/images/web", "azure",
         ['azure.vm_managed_image_id = "/subscriptions/a/b/images/web"']),
        ("pearkes.digitalocean", "nyc1,ams2:17", "digitalocean",
         ['digital_ocean.image = "17"', 'digital_ocean.region = "nyc1"']),
        ("hashicorp.scaleway", "fr-par-1:5bbf", "scaleway",
         ['scaleway.image = "5bbf"', 'scaleway.region = "fr-par-1"']),
    ],
)  # fmt: skip
def test_a_box_that_names_an_image(ctx: Context, builder: str, image: str, name: str, lines: list[str]) -> None:
    given = artifact(builder, name=image)
    files = content(boxed(ctx, given))
    assert list(files) == ["metadata.json", "Vagrantfile"]
    assert json.loads(files["metadata.json"])["provider"] == name
    text = files["Vagrantfile"].decode().splitlines()
    assert [line.strip() for line in text if line.startswith("    ")] == lines
    processor = component(VagrantPostProcessor, "")
    assert processor.keeps(given)
    assert not processor.keeps(artifact("transcend.qemu"))


def test_boxes_of_files_that_are_there(ctx: Context, tmp_path: Path) -> None:
    trees = {
        "hyperv": ("out/Virtual Hard Disks/web.vhdx", "out/Virtual Machines/web.vmcx", "out/log.txt"),
        "parallels": ("out/web.pvm/config.pvs", "out/web.pvm/disk/harddisk.hds"),
        "file": ("out/any.txt",),
    }
    expected = {
        "hyperv": ["Virtual Hard Disks/web.vhdx", "Virtual Machines/web.vmcx"],
        "parallels": ["web.pvm/config.pvs", "web.pvm/disk/harddisk.hds"], "file": ["any.txt"],
    }  # fmt: skip
    for provider, names in trees.items():
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(name)
        files = content(boxed(ctx, artifact("x", *names), f'provider_override = "{provider}"'))
        assert list(files)[2:] == expected[provider]


def test_a_box_for_lxc(ctx: Context, tmp_path: Path) -> None:
    Path("lxc-config").write_text("lxc.uts.name = web")
    with tarfile.open("root.tar", "w") as packed:
        packed.add("lxc-config", "etc/hostname")
    files = content(boxed(ctx, artifact("x", "root.tar", "lxc-config"), 'provider_override = "lxc"'))
    assert list(files)[2:] == ["rootfs.tar.gz", "lxc-config"]
    Path("back.tar.gz").write_bytes(files["rootfs.tar.gz"])
    with tarfile.open("back.tar.gz", "r:gz") as back:
        assert back.getnames() == ["etc/hostname"]
    assert json.loads(files["metadata.json"])["version"] == "1.0.0"


def test_levels_of_compression(ctx: Context, tmp_path: Path) -> None:
    sizes = {}
    image = disk(tmp_path / "disk.qcow2")
    settings = 'override = { libvirt = { compression_level = "0", output = "{{.Provider}}-0.box" } }'
    plain = boxed(ctx, artifact("transcend.qemu", image), settings)
    assert plain == Path("libvirt-0.box")
    with tarfile.open(plain, "r:") as packed:
        assert "box.img" in packed.getnames()
    for level in (1, 9):
        box = boxed(ctx, artifact("transcend.qemu", image), f'compression_level = {level}\noutput = "{level}.box"')
        sizes[level] = box.stat().st_size
    assert sizes[9] < sizes[1] < plain.stat().st_size


def test_what_cannot_be_a_box(ctx: Context, tmp_path: Path, journal: MemoryJournal) -> None:
    Path("box.img").write_text("mine")
    image = disk(tmp_path / "disk.qcow2")
    cases = [
        (artifact("x.y"), "", "provider_override"),
        (artifact("transcend.qemu"), "", "no disk image"),
        (artifact("mitchellh.amazonebs", name=""), "", "names an image of aws, but the artifact is nothing"),
        (artifact("packer.docker", name="Container"), 'provider_override = "docker"', "Container"),
        (artifact("x", image), 'provider_override = "hyperv"', "Virtual Hard Disks"),
        (artifact("x", image), 'provider_override = "lxc"', "one tar archive"),
        (artifact("transcend.qemu", image), 'include = ["box.img"]', "has a \"box.img\" of its own"),
        (artifact("transcend.qemu", image), 'output = "{{.Nothing}}.box"', "cannot be rendered"),
        (artifact("transcend.qemu", image), 'output = "disk.qcow2/x.box"', "cannot be written"),
        (artifact("transcend.qemu", image),
         'vagrantfile_template = "no.rb"\nvagrantfile_template_generated = true', "made by the build"),
    ]  # fmt: skip
    for given, settings, expected in cases:
        with pytest.raises(BuildError) as caught:
            boxed(ctx, given, settings)
        assert expected in f"{caught.value} {caught.value.hint}"
    assert sorted(path.name for path in Path().iterdir()) == ["box.img", "disk.qcow2"]
    assert journal.left == []


def vagrant(home: Path, *arguments: str) -> str:
    env = {**os.environ, "VAGRANT_HOME": str(home), "VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_NO_COLOR": "1"}
    done = subprocess.run(["vagrant", *arguments], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_vagrant_takes_the_boxes(ctx: Context, tmp_path: Path) -> None:
    image = disk(tmp_path / "disk.qcow2")
    home = tmp_path / "vagrant"
    for provider in ("libvirt", "virtualbox", "vmware"):
        box = boxed(ctx, artifact("transcend.qemu", image), f'provider_override = "{provider}"')
        vagrant(home, "box", "add", "--name", "web", str(box))
    listed = vagrant(home, "box", "list").splitlines()
    assert listed == [f"web ({one}, 0)" for one in ("libvirt", "virtualbox", "vmware_desktop")]
    inside = next(home.glob("boxes/web/0/**/libvirt"))
    assert (inside / "box.img").read_bytes() == image.read_bytes()


SWITCHED_OFF = bytes.fromhex("b486b93d00ba0009cd15 ba0406b80020ef f4").ljust(510, b"\0") + b"\x55\xaa"
"""A boot sector: wait four seconds (INT 15h), then ACPI's power off."""

TEMPLATE = """{
  "builders": [{
    "type": "qemu", "name": "web", "iso_url": "%(image)s", "iso_checksum": "none", "disk_image": true,
    "communicator": "none", "headless": true, "accelerator": "tcg", "format": "qcow2", "disk_size": "2G",
    "output_directory": "out-%(who)s", "vm_name": "web.qcow2", "skip_compaction": true, "shutdown_timeout": "1m",
    "qemuargs": [["-m", "64M"], ["-no-reboot"]], "disable_vnc": true, "boot_wait": "100ms"
  }],
  "post-processors": [{
    "type": "vagrant", "include": ["extra.txt"], "vagrantfile_template": "more.rb", "keep_input_artifact": true,
    "output": "%(who)s-{{.Provider}}.box", "override": {"libvirt": {"compression_level": 1}}
  }]
}"""


@pytest.mark.slow
def test_the_box_of_packer(tmp_path: Path) -> None:
    raw, image = disk(tmp_path / "seed.raw", "raw", "2G"), tmp_path / "seed.qcow2"
    with raw.open("r+b") as file:
        file.write(SWITCHED_OFF)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", raw, image], check=True)
    (tmp_path / "extra.txt").write_text("extra")
    (tmp_path / "more.rb").write_text("# {{ .BuildName }}\n")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HCLIMG_HOME": str(tmp_path / "home"), "CHECKPOINT_DISABLE": "1",
           "PACKER_CACHE_DIR": str(tmp_path / "cache")}  # fmt: skip
    for who, command in (("packer", ["packer", "build"]), ("hclimg", [sys.executable, "-m", "hclimg", "apply"])):
        (tmp_path / "t.json").write_text(TEMPLATE % {"image": image, "who": who})
        done = subprocess.run([*command, "t.json"], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"'libvirt' provider box: {who}-libvirt.box" in done.stdout
    ours = content(tmp_path / "hclimg-libvirt.box")
    # Packer leaves a part of its temporary directory's name before the names now and then.
    theirs = {Path(name).name: data for name, data in content(tmp_path / "packer-libvirt.box").items()}
    assert theirs.keys() == ours.keys() == {"Vagrantfile", "box.img", "extra.txt", "metadata.json"}
    assert theirs["extra.txt"] == ours["extra.txt"]
    assert json.loads(theirs["metadata.json"]).items() <= json.loads(ours["metadata.json"]).items()
    assert ours["Vagrantfile"].splitlines()[-1] == b"# web"
    assert b"# web" in theirs["Vagrantfile"].splitlines()
    same = ["qemu-img", "compare", tmp_path / "ours.img", tmp_path / "theirs.img"]
    (tmp_path / "ours.img").write_bytes(ours["box.img"])
    (tmp_path / "theirs.img").write_bytes(theirs["box.img"])
    assert "identical" in subprocess.run(same, capture_output=True, text=True, check=True).stdout
