"""From a system to image files: what is in them, and what stays when something goes wrong."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rootfs_kit import built, config, launched, run_info, said

from hclimg.builders.rootfs.config import SystemConfig
from hclimg.builders.rootfs.disk import PARTITION, grub_config, make_disk, require_size, space_used
from hclimg.builders.rootfs.system import POLICY, STUB
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.steps import close_scope
from hclimg.units import size
from servers.recording import Recording

pytestmark = pytest.mark.slow

Recorded = Callable[..., Recording]


def printed(*argv: str | Path) -> str:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, "PATH": path})
    return done.stdout


def in_image(image: Path, path: str) -> str:
    """The text of a file in a disk that is a bare filesystem."""
    return printed("debugfs", "-R", f"cat {path}", image)


@pytest.fixture
def recording(recorded: Recorded, tmp_path: Path) -> Recording:
    return recorded(run=run_info(tmp_path), build_name="box")


# -- a whole build ---------------------------------------------------------------


def test_one_build_makes_all_formats(recording: Recording, tmp_path: Path) -> None:
    formats = ("qcow2", "raw", "vmdk", "vhdx", "tar")
    artifact = built(recording, config(tmp_path / "out", formats=formats), ["echo made >/made"])
    assert [Path(name).name for name in artifact.files] == [f"box.{kind}" for kind in formats]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"box.{kind}" for kind in formats)
    assert artifact.state["images"] == {kind: str(tmp_path / "out" / f"box.{kind}") for kind in formats}
    for kind in ("qcow2", "raw", "vmdk", "vhdx"):
        about = json.loads(printed("qemu-img", "info", "--output=json", tmp_path / "out" / f"box.{kind}"))
        assert (about["format"], about["virtual-size"]) == (kind, 512 << 20)
        printed(
            "qemu-img",
            "compare",
            "-f",
            kind,
            "-F",
            "raw",
            tmp_path / "out" / f"box.{kind}",
            tmp_path / "out" / "box.raw",
        )
    printed("e2fsck", "-fn", tmp_path / "out" / "box.raw")
    assert in_image(tmp_path / "out" / "box.raw", "/made") == "made\n"
    assert printed("tar", "-xOf", tmp_path / "out" / "box.tar", "./made") == "made\n"


def test_owners_modes_links_and_capabilities_survive(recording: Recording, tmp_path: Path) -> None:
    builder, machine = launched(recording, config(tmp_path / "out"))
    said(machine, "install -o 33 -g 42 -m 4751 /bin/true /suid; ln /suid /second; ln -s suid /link; mknod /node c 1 3")
    net_raw = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw+ep, as the kernel stores it
    os.setxattr(machine.handle.chroot.tree / "bin" / "ls", "security.capability", net_raw)
    artifact = builder.capture(recording.ctx, machine)
    image = Path(artifact.files[0])
    assert "User:    33   Group:    42" in printed("debugfs", "-R", "stat /suid", image)
    assert "Mode:  04751" in printed("debugfs", "-R", "stat /suid", image)
    assert "Links: 2" in printed("debugfs", "-R", "stat /second", image)
    assert 'Fast link dest: "suid"' in printed("debugfs", "-R", "stat /link", image)
    assert "security.capability" in printed("debugfs", "-R", "ea_list /usr/bin/ls", image)
    assert "Type: character special" in printed("debugfs", "-R", "stat /node", image)


TRACES = (
    "touch /tmp/rest /var/tmp/rest /run/rest; echo 1 >/root/.bash_history; echo something >/etc/machine-id",
    "mkdir -p /etc/ssh; touch /etc/ssh/ssh_host_rsa_key",
)
PLACES = (
    "/", "/tmp", "/var/tmp", "/run", "/proc", "/root", "/etc/ssh", "/var/lib/apt/lists", "/var/cache/apt/archives",
    "/usr/sbin", "/etc/dpkg/dpkg.cfg.d", "/etc/apt/apt.conf.d",
)  # fmt: skip


def test_the_image_has_no_traces_of_the_build(recording: Recording, tmp_path: Path) -> None:
    image = Path(built(recording, config(tmp_path / "out"), TRACES).files[0])
    listing = "".join(printed("debugfs", "-R", f"ls -p {place}", image) for place in PLACES)
    names = {line.split("/")[5] for line in listing.splitlines() if line.startswith("/")}
    assert not names & {"rest", "cpuinfo", ".bash_history", "ssh_host_rsa_key", "policy-rc.d", "00hclimg-build"}
    assert not [name for name in names if name.endswith((".deb", "_Packages"))]
    assert in_image(image, "/etc/machine-id") == ""
    assert "90hclimg" in names


def test_a_policy_of_the_user_stays(recording: Recording, tmp_path: Path) -> None:
    artifact = built(recording, config(tmp_path / "out"), [f"echo mine >{POLICY}"])
    assert in_image(Path(artifact.files[0]), POLICY) == "mine\n"


@pytest.mark.parametrize(
    ("system", "commands", "content"),
    [
        (SystemConfig(network="none", nameservers=("10.0.2.3", "::1")), [], "nameserver 10.0.2.3\nnameserver ::1\n"),
        (SystemConfig(network="none"), ["rm /etc/resolv.conf; echo 'nameserver 9.9.9.9' >/etc/resolv.conf"],
         "nameserver 9.9.9.9\n"),
        (SystemConfig(network="none"), [], ""),
    ],
)  # fmt: skip
def test_name_servers_of_the_image(
    recording: Recording, tmp_path: Path, system: SystemConfig, commands: list[str], content: str
) -> None:
    """Never those of this host."""
    artifact = built(recording, config(tmp_path / "out", system=system), commands)
    assert in_image(Path(artifact.files[0]), "/etc/resolv.conf") == content


def test_the_link_that_systemd_resolved_fills(recording: Recording, tmp_path: Path) -> None:
    unit = "/lib/systemd/system/systemd-resolved.service"
    artifact = built(recording, config(tmp_path / "out"), [f"mkdir -p {Path(unit).parent}; touch {unit}"])
    assert f'Fast link dest: "{STUB}"' in printed("debugfs", "-R", "stat /etc/resolv.conf", artifact.files[0])


def test_files_of_provisioners_never_reach_the_host(recording: Recording, tmp_path: Path) -> None:
    """A link in the system to a place on the host means that place in the system."""
    outside = tmp_path / "outside"
    outside.mkdir()
    commands = [
        f"rm -rf /etc/hostname /var/log/apt; mkdir -p {outside}; ln -s {outside} /var/log/apt; touch {outside}/x"
    ]
    (outside / "x").write_text("host")
    built(recording, config(tmp_path / "out"), commands)
    assert (outside / "x").read_text() == "host"


# -- what is in the way ------------------------------------------------------------


def test_an_output_directory_that_exists(recorded: Recorded, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    with pytest.raises(BuildError, match="exists already") as raised:
        launched(recorded(run=run_info(tmp_path)), config(tmp_path / "out"))
    assert "-force" in raised.value.hint
    assert (tmp_path / "out" / "precious").exists()


def test_force_replaces_the_old_result_at_the_end(recorded: Recorded, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    recording = recorded(run=run_info(tmp_path, force=True), build_name="box")
    builder, machine = launched(recording, config(tmp_path / "out"))
    assert (tmp_path / "out" / "old").exists()
    builder.capture(recording.ctx, machine)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["box.raw"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_force_leaves_the_old_result_when_the_build_fails(recorded: Recorded, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    recording = recorded(run=run_info(tmp_path, force=True), build_name="box")
    with pytest.raises(BuildError, match="too small"):
        built(recording, config(tmp_path / "out", disk_size="64M"))
    assert close_scope(recording.ctx) == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old"]


def test_a_disk_that_is_too_small_says_what_it_needs(recording: Recording, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"its files take .* MiB, so it needs about .* MiB") as raised:
        built(recording, config(tmp_path / "out", disk_size="100M"))
    wanted = raised.value.hint.split('"')[1]
    assert close_scope(recording.ctx) == []
    recording.ctx.scope = type(recording.ctx.scope)()
    built(recording, config(tmp_path / "out", disk_size=wanted))


@pytest.fixture
def small_place(tmp_path: Path) -> Iterator[Path]:
    """A filesystem with 64 MiB of room."""
    place = tmp_path / "small"
    place.mkdir()
    printed("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place)
    yield place
    printed("umount", place)


def test_a_full_disk_is_said_before_the_work(recording: Recording, small_place: Path) -> None:
    with pytest.raises(BuildError, match=r"too full: the image needs about .* MiB in .*, and .* MiB are free"):
        built(recording, config(small_place / "out"))
    assert close_scope(recording.ctx) == []
    assert list(small_place.iterdir()) == []


def test_a_disk_that_fills_up_leaves_no_half_image(recording: Recording, small_place: Path) -> None:
    from hclimg.builders.rootfs.host import room_for
    from hclimg.builders.rootfs.output import staging
    from hclimg.sdk.process import run_program

    output = staging(recording.ctx, small_place / "out")
    with pytest.raises(BuildError, match=r"disk is full: the image needs about 10.0 MiB"), \
         room_for(output.path, 10 << 20, "the image"):  # fmt: skip
        run_program(recording.ctx, ["dd", "if=/dev/zero", f"of={output.path}/image", "bs=1M", "count=100"])
    assert close_scope(recording.ctx) == []
    assert list(small_place.iterdir()) == []


def test_a_system_without_the_kernel_that_was_asked_for(recording: Recording, tmp_path: Path) -> None:
    from attrs import evolve

    settings = config(tmp_path / "out")
    builder, machine = launched(recording, settings)
    builder = type(builder)(evolve(settings, base=evolve(settings.base, kernel=True)))
    with pytest.raises(BuildError, match="no kernel in the system") as raised:
        builder.capture(recording.ctx, machine)
    assert "kernel = false" in raised.value.hint
    assert not (tmp_path / "out").exists()


# -- parts ----------------------------------------------------------------------------


def test_the_partition_table_is_one_that_others_read(tmp_path: Path) -> None:
    make_disk(tmp_path / "disk", 300 << 20, partitioned=True)
    table = json.loads(printed("sfdisk", "--json", tmp_path / "disk"))["partitiontable"]
    assert table["label"] == "dos"
    (partition,) = table["partitions"]
    assert partition["bootable"] is True
    assert (partition["type"], partition["start"]) == ("83", PARTITION // 512)
    assert (partition["start"] + partition["size"]) * 512 == 300 << 20


def test_room_on_a_disk() -> None:
    require_size(size("512M"), size("300M"))
    with pytest.raises(BuildError, match="needs about") as raised:
        require_size(size("512M"), size("500M"))
    assert 'at least "601M"' in raised.value.hint


def test_files_with_several_names_count_once(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    alone = space_used(tmp_path)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert space_used(tmp_path) == alone >= 100_000


def test_what_grub_reads() -> None:
    assert grub_config("u", "/vmlinuz", "/initrd.img", "quiet").splitlines()[2:4] == [
        "    linux /vmlinuz root=UUID=u ro quiet", "    initrd /initrd.img",
    ]  # fmt: skip
    assert "initrd" not in grub_config("u", "/vmlinuz", "", "quiet")
