"""The images boot in QEMU: by themselves, and with the kernel that lies beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rootfs_kit import built, config, run_info

from hclimg.builders.rootfs.config import BaseConfig, SystemConfig
from hclimg.sdk.machine import Artifact
from servers.booted import Boot
from servers.recording import Recording

Recorded = Callable[..., Recording]


def image(recorded: Recorded, tmp_path: Path, kind: str, bootloader: str) -> Artifact:
    system = SystemConfig(hostname="box", masked_units=("apt-daily.timer",))
    settings = config(
        tmp_path / "out", BaseConfig(), system, formats=(kind,), bootloader=bootloader, disk_size="1G", vm_name="box"
    )
    return built(recorded(run=run_info(tmp_path)), settings, ["echo provisioned >/etc/motd"])


def drive(artifact: Artifact, kind: str) -> list[str]:
    return ["-drive", f"file={artifact.files[0]},if=virtio,format={kind},cache=unsafe"]


@pytest.mark.slow
def test_the_disk_boots_by_itself(recorded: Recorded, tmp_path: Path, boot: Boot) -> None:
    artifact = image(recorded, tmp_path, "qcow2", "grub")
    guest = boot(drive(artifact, "qcow2"))
    guest.wait_for(b"box login: ")
    assert guest.run("cat /etc/motd; systemctl is-system-running --wait") == ["provisioned", "running"]
    # Its own identity, made when it first started; and nothing stays of the key that let us in.
    (machine_id,) = guest.run("cat /etc/machine-id")
    assert re.fullmatch("[0-9a-f]{32}", machine_id)
    assert guest.run("ls /etc/ssh/*key*; ls /root/.ssh") == [
        "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ed25519_key.pub",
    ]  # fmt: skip
    assert guest.run("grep ^nameserver /etc/resolv.conf; resolvectl dns | grep -o 10.0.2.3") == [
        "nameserver 127.0.0.53", "10.0.2.3",
    ]  # fmt: skip
    assert guest.run("findmnt -no SOURCE,FSTYPE,LABEL /")[0].split() == ["/dev/vda1", "ext4", "root"]
    assert guest.run("systemctl is-enabled apt-daily.timer apt-daily-upgrade.timer || true") == ["masked", "enabled"]


@pytest.mark.slow
def test_the_kernel_beside_the_disk_boots_it(recorded: Recorded, tmp_path: Path, boot: Boot) -> None:
    artifact = image(recorded, tmp_path, "raw", "none")
    state = artifact.state
    guest = boot(
        [*drive(artifact, "raw"), "-kernel", state["kernel"], "-initrd", state["initrd"], "-append",
         state["kernel_command_line"]]
    )  # fmt: skip
    guest.wait_for(b"box login: ")
    assert guest.run("cat /etc/motd; findmnt -no SOURCE /") == ["provisioned", "/dev/vda"]
