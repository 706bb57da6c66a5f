"""The settings of the rootfs builder and the rules between them."""

from __future__ import annotations

import pytest

from hclimg.builders.rootfs.config import RootfsConfig
from hclimg.config.decode import decode
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.evaluate import Scope
from hclimg.lang.parse import parse_body


def decoded(text: str) -> tuple[RootfsConfig | None, Diagnostics]:
    diags = Diagnostics()
    source = SourceText("test.pkr.hcl", text)
    body = parse_body(source, diags)
    found = decode(RootfsConfig, body, Scope({}, {}), diags, context='source "rootfs" "x"', header=source.range(0, 0))
    return found, diags


def test_everything_has_a_default() -> None:
    config, diags = decoded("")
    assert len(diags) == 0
    assert config is not None
    assert config.image.formats == ("qcow2",)
    assert config.image.size == 2 << 30
    assert config.communicator == "chroot"


@pytest.mark.parametrize(("text", "size"), [("512M", 512 << 20), ("1.5G", 3 << 29), ("5000", 5000 << 20)])
def test_sizes_of_disks(text: str, size: int) -> None:
    config, _ = decoded(f'disk_size = "{text}"')
    assert config is not None
    assert config.image.size == size


@pytest.mark.parametrize(
    ("text", "summary", "subject"),
    [
        ('suite = "Book worm"', "Invalid suite", '"Book worm"'),
        ('variant = "tiny"', "Incorrect value", '"tiny"'),
        ('packages = ["redis server"]', "Invalid packages", '["redis server"]'),
        ('sources = ["http://deb.debian.org/debian"]', "Invalid package source", '["http://deb.debian.org/debian"]'),
        ('sources = ["deb http://a b c"]\nmirror = "http://a"', "Conflicting arguments", '"http://a"'),
        ('mirror = "deb.debian.org"', "Invalid mirror", '"deb.debian.org"'),
        ('mirror = "http://a"\ncomponents = []', "Invalid components", "[]"),
        ('apt_options = { "A::B" = "x\\ny" }', "Invalid apt options", None),
        ('apt_options = { "A B" = "x" }', "Invalid apt options", None),
        ('hostname = "-x"', "Invalid hostname", '"-x"'),
        ('authorized_keys = ["/root/.ssh/id.pub"]', "Invalid SSH key", None),
        ('masked_units = ["ssh"]', "Invalid masked units", None),
        ('nameservers = ["ns.example.org"]', "Invalid name server", None),
        ('kernel_command_line = "a\\nb"', "Invalid kernel command line", None),
        ('vm_name = "a/b"', "Invalid name", '"a/b"'),
        ("formats = []", "Invalid formats", "[]"),
        ('formats = ["raw", "raw"]', "Invalid formats", None),
        ('formats = ["vdi"]', "Incorrect value", None),
        ('disk_size = "big"', "Invalid disk size", '"big"'),
        ('disk_size = "5M"', "Invalid disk size", '"5M"'),
        ('filesystem_label = "a-label-that-is-too-long"', "Invalid filesystem label", None),
        ('filesystem_features = ["a,b"]', "Invalid option", None),
        ('bootloader = "grub"\narchitecture = "arm64"', "Conflicting arguments", '"grub"'),
        ('bootloader = "grub"\nkernel = false', "Conflicting arguments", '"grub"'),
        ('communicator = "ssh"', "Incorrect value", '"ssh"'),
        ('network = "static"', "Incorrect value", None),
        ('disk_sise = "2G"', "Unsupported argument", None),
    ],
)
def test_mistakes_are_shown_where_they_are(text: str, summary: str, subject: str | None) -> None:
    _, diags = decoded(text)
    assert [d.summary for d in diags] == [summary]
    if subject:
        assert diags.items[0].subject is not None
        assert diags.items[0].subject.text == subject


def test_all_mistakes_are_shown_at_once() -> None:
    _, diags = decoded('suite = "X"\nhostname = "-"\ndisk_size = "x"\nformats = []')
    assert len(diags.errors) == 4


def test_a_setting_without_effect_is_a_warning() -> None:
    config, diags = decoded('disk_compression = true\nformats = ["raw"]')
    assert config is not None
    assert [d.summary for d in diags] == ["Argument without effect"]


def test_keys_of_every_kind_are_accepted() -> None:
    keys = ["ssh-ed25519 AAAAC3Nza comment here", "ecdsa-sha2-nistp256 AAAA==", "sk-ssh-ed25519@openssh.com AAAA"]
    _, diags = decoded(f"authorized_keys = [{', '.join(f'{chr(34)}{key}{chr(34)}' for key in keys)}]")
    assert len(diags) == 0
