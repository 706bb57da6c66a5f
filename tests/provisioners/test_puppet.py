"""The provisioners of Puppet: Debian's puppet over a real SSH server, and what the command line becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.errors import BuildError, CommandFailed
from hclimg.provisioners.puppet_masterless import PuppetMasterlessConfig, PuppetMasterlessProvisioner
from hclimg.provisioners.puppet_server import PuppetServerConfig, PuppetServerProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording

# A puppet that says how it was called, and ends as it is told.
STAND_IN = """#!/bin/sh
echo "in $(pwd)"
env | grep ^FACTER_ | sort
for word; do echo "[$word]"; done
exit ${FACTER_ends:-0}
"""
Run = Callable[[str], list[str]]


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "puppet").write_text(STAND_IN)
    (folder / "puppet").chmod(0o755)
    return folder


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "site.pp"
    path.write_text("notify { 'x': }\n")
    return path


@pytest.fixture
def run(recording: Recording, machine: Machine, stand_in: Path, manifest: Path, tmp_path: Path) -> Run:
    """puppet-masterless with these settings and the stand-in; what it printed."""

    def go(settings: str) -> list[str]:
        before = len(recording.output)
        text = (
            f'manifest_file = "{manifest}"\npuppet_bin_dir = "{stand_in}"\n'
            f'staging_directory = "{tmp_path}/staging"\n{settings}'
        )
        component(PuppetMasterlessProvisioner, text).provision(recording.ctx, machine)
        return recording.output[before:]

    return go


def test_the_command_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "modules/web/manifests").mkdir(parents=True)
    (tmp_path / "modules/web/manifests/init.pp").write_text("class web {}\n")
    (tmp_path / "hiera.yaml").write_text("version: 5\n")
    lines = run(
        f'module_paths = ["{tmp_path}/modules"]\nhiera_config_path = "{tmp_path}/hiera.yaml"\n'
        'facter = { role = "it\'s web" }\nextra_arguments = ["--verbose", "--logdest={{.WorkingDir}}/log"]'
    )
    staging = tmp_path / "staging"
    assert lines == [
        f"in {staging}",
        "FACTER_packer_build_name=test",
        "FACTER_packer_builder_type=null",
        "FACTER_role=it's web",
        "[apply]",
        "[--detailed-exitcodes]",
        f"[--modulepath={staging}/module-0]",
        f"[--hiera_config={staging}/hiera.yaml]",
        "[--verbose]",
        f"[--logdest={staging}/log]",
        f"[{staging}/manifests/site.pp]",
    ]
    assert (staging / "module-0/web/manifests/init.pp").read_text() == "class web {}\n"
    assert (staging / "manifests/site.pp").read_text() == "notify { 'x': }\n"


def test_the_staging_directory_goes_when_asked(run: Run, tmp_path: Path) -> None:
    run("clean_staging_directory = true")
    assert not (tmp_path / "staging").exists()
    with pytest.raises(CommandFailed):
        run('clean_staging_directory = true\nfacter = { ends = "6" }')
    assert not (tmp_path / "staging").exists()


@pytest.mark.parametrize("status", [0, 2])
def test_exit_codes_that_mean_success(run: Run, status: int) -> None:
    run(f'facter = {{ ends = "{status}" }}')


def test_failures(run: Run) -> None:
    with pytest.raises(CommandFailed) as caught:
        run('facter = { ends = "4" }')
    assert caught.value.message == "Puppet ended with exit code 4."
    assert "Some resources failed" in caught.value.hint
    assert caught.value.output[-1].endswith("site.pp]")
    run('facter = { ends = "4" }\nignore_exit_codes = true')


def test_a_machine_without_puppet(recording: Recording, machine: Machine, manifest: Path, tmp_path: Path) -> None:
    text = f'manifest_file = "{manifest}"\nstaging_directory = "{tmp_path}/staging"\npuppet_bin_dir = "/nowhere"'
    with pytest.raises(CommandFailed) as caught:
        component(PuppetMasterlessProvisioner, text).provision(recording.ctx, machine)
    assert "apt-get install puppet-agent" in caught.value.hint


def test_a_staging_directory_that_cannot_be(run: Run, recording: Recording, machine: Machine, manifest: Path) -> None:
    puppet = component(
        PuppetMasterlessProvisioner,
        f'manifest_file = "{manifest}"\nstaging_directory = "/dev/null/x"\nprevent_sudo = true',
    )
    with pytest.raises(BuildError, match=r"^The directory /dev/null/x cannot be made: .*Not a directory"):
        puppet.provision(recording.ctx, machine)


def test_the_agent(recording: Recording, machine: Machine, stand_in: Path, tmp_path: Path) -> None:
    for name in ("certs", "keys"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "web.pem").write_text(name)
    puppet = component(
        PuppetServerProvisioner,
        f'puppet_server = "puppet.example"\npuppet_node = "web"\npuppet_bin_dir = "{stand_in}"\n'
        f'client_cert_path = "{tmp_path}/certs"\nclient_private_key_path = "{tmp_path}/keys"\n'
        f'staging_dir = "{tmp_path}/staging"\nclean_staging_directory = true\nextra_arguments = ["--noop"]',
    )
    puppet.provision(recording.ctx, machine)
    staging = tmp_path / "staging"
    assert recording.output[3:] == [
        "[agent]", "[--onetime]", "[--no-daemonize]", "[--detailed-exitcodes]", "[--server=puppet.example]",
        "[--certname=web]", f"[--certdir={staging}/certificates]", f"[--privatekeydir={staging}/private-keys]",
        "[--noop]",
    ]  # fmt: skip
    assert not staging.exists()


def test_mistakes(manifest: Path) -> None:
    problems = decoded(PuppetMasterlessConfig, 'manifest_file = "/no/site.pp"\nmodule_paths = ["/no/modules"]')[1]
    assert [problem.split(":")[0] for problem in problems] == ["1", "2"]
    text = f'manifest_file = "{manifest}"\nguest_os_type = "windows"\nfacter = {{ "a b" = "c" }}'
    (fact,) = decoded(PuppetMasterlessConfig, text)[1]
    assert '"a b"' in fact
    (elevated,) = decoded(PuppetMasterlessConfig, f'manifest_file = "{manifest}"\nelevated_user = "SYSTEM"')[1]
    assert "is for Windows" in elevated


def test_a_key_that_stays(tmp_path: Path) -> None:
    (problem,) = decoded(PuppetServerConfig, f'client_private_key_path = "{tmp_path}"')[1]
    assert "stays in the image" in problem


@pytest.mark.slow
def test_real_puppet(recording: Recording, machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "modules/mark/manifests").mkdir(parents=True)
    (tmp_path / "modules/mark/manifests/init.pp").write_text(
        "class mark($text) {\n  file { $text: path => '%s', content => \"${text} ${facts['role']}\\n\" }\n}\n"
        % (tmp_path / "marked")
    )
    (tmp_path / "site.pp").write_text("class { 'mark': text => 'by puppet for' }\n")
    text = (
        f'manifest_file = "{tmp_path}/site.pp"\nmodule_paths = ["{tmp_path}/modules"]\nfacter = {{ role = "web" }}\n'
        f'staging_directory = "{tmp_path}/staging"\n'
        f'extra_arguments = ["--confdir={tmp_path}/conf", "--vardir={tmp_path}/var"]'
    )
    puppet = component(PuppetMasterlessProvisioner, text)
    for _ in range(2):  # changed, then unchanged
        puppet.provision(recording.ctx, machine)
    assert (tmp_path / "marked").read_text() == "by puppet for web\n"

    (tmp_path / "site.pp").write_text("file { '/proc/nothing/here': content => 'x' }\n")
    with pytest.raises(CommandFailed) as caught:
        puppet.provision(recording.ctx, machine)
    assert caught.value.status == 4
    assert any("/proc/nothing/here" in line for line in caught.value.output)
