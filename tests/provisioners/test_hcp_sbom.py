"""Provisioner hcp-sbom: documents of a machine behind a real SSH server, without HCP."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hclimg.errors import BuildError
from hclimg.provisioners.hcp_sbom import HcpSbomConfig, HcpSbomProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import check_component, component, decoded
from package_databases import DEB_PURLS, alpine, debian, fedora
from servers.recording import Recording


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def provision(recording: Recording, machine: Machine, settings: str) -> None:
    component(HcpSbomProvisioner, settings).provision(recording.ctx, machine)


def test_settings() -> None:
    check_component(HcpSbomProvisioner, "auto_generate = true")
    check_component(HcpSbomProvisioner, 'source = "/tmp/a.json"\ndestination = "sboms/"\nsbom_name = "web-1"')
    wrong = {
        "": 'Set "source", or auto_generate = true',
        'source = "a"\nauto_generate = true': "2: Conflicting arguments",
        'source = "a"\nsbom_name = "a b"': "3 to 36 letters",
        'auto_generate = true\nscanner_args = ["--scope", "squashed"]': "there is only -o cyclonedx-json",
        'auto_generate = true\nscan_path = "here"': 'must begin with "/"',
        'auto_generate = true\nscanner_url = "https://x"\nexecute_command = "a {{.Path}}"': "no scanner is run",
    }
    for text, expected in wrong.items():
        assert expected in "\n".join(decoded(HcpSbomConfig, text)[1]), text


@pytest.mark.parametrize("arguments", [["-o", "spdx-json"], ["-o spdx-json"], ["--output=spdx"]])
def test_the_format_is_that_of_the_scanners_arguments(arguments: list[str]) -> None:
    assert component(HcpSbomProvisioner, f"auto_generate = true\nscanner_args = {json.dumps(arguments)}").config.format


def test_of_the_packages(recording: Recording, machine: Machine, tmp_path: Path) -> None:
    debian(tmp_path / "sys tem")
    settings = f'auto_generate = true\nscan_path = "{tmp_path}/sys tem/"\ndestination = "out/web.json"'
    provision(recording, machine, settings)
    bom = json.loads(Path("out/web.json").read_text())
    assert {one["purl"] for one in bom["components"] if "purl" in one} == DEB_PURLS
    assert "Debian GNU/Linux 12 (bookworm) has 2 packages." in recording.said
    assert "The bill of materials (cyclonedx) is out/web.json." in recording.said


def test_rpm_is_asked(recording: Recording, machine: Machine, tmp_path: Path) -> None:
    fedora(tmp_path / "root", tmp_path / "scratch")
    alpine(tmp_path / "root")
    Path("sboms").mkdir()
    provision(
        recording, machine,
        f'auto_generate = true\nscan_path = "{tmp_path}/root"\nscanner_args = ["-o", "spdx-json"]\n'
        'destination = "sboms"\nsbom_name = "both"',
    )  # fmt: skip
    bom = json.loads(Path("sboms/both.spdx.json").read_text())
    assert bom["name"] == "both"
    assert [one["name"] for one in bom["packages"]] == ["both", "musl", "odd", "hello"]
    assert bom["packages"][3]["versionInfo"] == "2:1.5-3"
    assert bom["packages"][3]["licenseDeclared"] == "GPL-2.0-or-later AND MIT"


def test_one_that_is_in_the_machine(recording: Recording, machine: Machine, tmp_path: Path) -> None:
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": []}
    (tmp_path / "theirs.json").write_text(json.dumps(bom))
    provision(recording, machine, f'source = "{tmp_path}/theirs.json"')
    made = next(tmp_path.glob("packer_*.cdx.json"))
    assert json.loads(made.read_text()) == bom
    for data, expected in ((b"no", "not JSON"), (b"\xff\xfe", "not text in UTF-8"), (b"{}", "neither CycloneDX")):
        (tmp_path / "wrong.json").write_bytes(data)
        with pytest.raises(BuildError, match=expected):
            provision(recording, machine, f'source = "{tmp_path}/wrong.json"')
    with pytest.raises(BuildError, match=r"nothing\.json"):
        provision(recording, machine, f'source = "{tmp_path}/nothing.json"')


def test_a_machine_without_packages(recording: Recording, machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no packages that could be listed"):
        provision(recording, machine, f'auto_generate = true\nscan_path = "{tmp_path}"')
    debian(tmp_path / "root")
    with pytest.raises(BuildError, match="cannot be written"):
        provision(
            recording, machine,
            f'auto_generate = true\nscan_path = "{tmp_path}/root"\ndestination = "root/etc/os-release/x.json"',
        )  # fmt: skip
