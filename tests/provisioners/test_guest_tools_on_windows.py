"""Chef, Puppet and Salt on a machine with Windows: stand-ins of them as batch files, over WinRM, in wine's cmd.exe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hclimg.communicators.connect import connect
from hclimg.errors import BuildError, CommandFailed
from hclimg.provisioners.chef_client import ChefClientProvisioner
from hclimg.provisioners.chef_solo import ChefSoloProvisioner
from hclimg.provisioners.puppet_masterless import PuppetMasterlessProvisioner
from hclimg.provisioners.puppet_server import PuppetServerProvisioner
from hclimg.provisioners.salt_masterless import SaltMasterlessProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.testing import component
from servers.recording import Recording
from servers.windows_desk import Desk
from servers.winrm import WinrmServer

# Says how it was called and what its configuration is; a client gets a key.
BATCH = "@echo off\r\necho [%~n0 %*]\r\ntype %3\r\n"
TEMPORARY = "windows/temp"  # as wine spells it


@pytest.fixture
def run(recording: Recording, winrm: WinrmServer) -> Callable[[Any, str], list[str]]:
    """A provisioner with these settings; what was printed."""
    config = winrm.configure()
    communicator = connect(recording.ctx, config, host=config.host, port=config.port)

    def go(cls: Any, text: str) -> list[str]:
        before = len(recording.output)
        made = component(cls, f'guest_os_type = "windows"\n{text}')
        made.provision(recording.ctx, Machine(id="test", communicator=communicator))
        return [line.strip() for line in recording.output[before:] if line.strip()]

    return go


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for name in ("cookbooks/base/recipes/default.rb", "roles/web.json", "secret", "states/top.sls", "pillar/top.sls"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}\n")
    return tmp_path


def program(winrm: WinrmServer, path: str, text: str = BATCH) -> None:
    file = winrm.wine.drive / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def left(winrm: WinrmServer, path: str) -> list[str]:
    top = winrm.wine.drive / path
    return sorted(str(file.relative_to(top)) for file in top.rglob("*") if file.is_file())


@pytest.mark.slow
def test_chef_solo(run: Callable[[Any, str], list[str]], winrm: WinrmServer, host: Path) -> None:
    program(winrm, "opscode/chef/bin/chef-solo.bat")
    at = "C:/Windows/Temp/packer-chef-solo"
    lines = run(
        ChefSoloProvisioner,
        f'skip_install = true\ncookbook_paths = ["{host}/cookbooks"]\nroles_path = "{host}/roles"\n'
        f'encrypted_data_bag_secret_path = "{host}/secret"\nrun_list = ["recipe[base]"]',
    )
    assert lines == [
        f"[chef-solo --no-color -c {at}/solo.rb -j {at}/node.json]", f"cookbook_path ['{at}/cookbooks-0']",
        f"role_path '{at}/roles'", f"encrypted_data_bag_secret '{at}/encrypted_data_bag_secret'",
    ]  # fmt: skip
    assert left(winrm, f"{TEMPORARY}/packer-chef-solo") == [
        "cookbooks-0/base/recipes/default.rb", "node.json", "roles/web.json", "solo.rb",
    ]  # fmt: skip


@pytest.mark.slow
def test_chef_client(run: Callable[[Any, str], list[str]], winrm: WinrmServer, host: Path) -> None:
    program(winrm, "opscode/chef/bin/chef-client.bat")
    program(winrm, "opscode/chef/bin/knife.bat", "@echo [%~n0 %*]\r\n")
    at = "C:/Windows/Temp/packer-chef-client"
    settings = 'skip_install = true\nserver_url = "https://chef.example"\nnode_name = "web"\n'
    lines = run(ChefClientProvisioner, f'{settings}validation_key_path = "{host}/secret"')
    assert lines[0] == f"[chef-client --no-color -c {at}/client.rb -j {at}/first-boot.json]"
    assert lines[-2:] == [
        f"[knife node delete web -y -c {at}/knife.rb]", f"[knife client delete web -y -c {at}/knife.rb]",
    ]  # fmt: skip
    assert "packer-chef-client" not in [path.name for path in (winrm.wine.drive / TEMPORARY).iterdir()]
    program(winrm, "opscode/chef/bin/chef-client.bat", "@echo broken\r\n@exit /b 5\r\n")
    with pytest.raises(CommandFailed, match=r"^Chef ended with exit code 5\.$"):
        run(ChefClientProvisioner, settings)


@pytest.mark.slow
def test_salt(run: Callable[[Any, str], list[str]], winrm: WinrmServer, host: Path) -> None:
    program(winrm, "own salt/salt-call.bat", "@echo [%~n0 %*]\r\n")
    program(winrm, "salt/state/own.sls", "{}\n")
    lines = run(
        SaltMasterlessProvisioner,
        f'skip_bootstrap = true\nlocal_state_tree = "{host}/states"\nlocal_pillar_roots = "{host}/pillar"\n'
        f'salt_bin_dir = "C:/own salt"\ngrains_file = "{host}/secret"',
    )
    assert lines == [
        "[salt-call --local state.highstate --file-root=C:\\salt\\state --pillar-root=C:\\salt\\pillar "
        "--retcode-passthrough -l info]"
    ]
    assert left(winrm, "salt") == ["conf/grains", "pillar/top.sls", "state/own.sls", "state/top.sls"]
    assert list((winrm.wine.drive / TEMPORARY / "salt").iterdir()) == []


@pytest.mark.slow
def test_puppet_masterless(run: Callable[[Any, str], list[str]], winrm: WinrmServer, host: Path) -> None:
    text = "@echo off\r\necho %FACTER_role%\r\nfor %%a in (%*) do echo %%a\r\ncd\r\nexit /b 2\r\n"
    program(winrm, "own puppet/puppet.bat", text)
    (host / "site.pp").write_text("notify { 'x': }\n")
    lines = run(
        PuppetMasterlessProvisioner,
        f'manifest_file = "{host}/site.pp"\nmodule_paths = ["{host}/roles", "{host}/states"]\n'
        'puppet_bin_dir = "C:/own puppet"\nfacter = { role = "a b" }\nclean_staging_directory = true',
    )
    at = "C:/Windows/Temp/packer-puppet-masterless"
    assert lines[:3] == ["a b", "apply", "--detailed-exitcodes"]
    assert lines[-2:] == [f'"{at}/manifests/site.pp"', at.replace("/", "\\")]
    assert f"{at}/module-0;{at}/module-1" in " ".join(lines)
    assert "packer-puppet-masterless" not in [path.name for path in (winrm.wine.drive / TEMPORARY).iterdir()]


def test_puppet_as_another_user(recording: Recording) -> None:
    desk = Desk()
    component(
        PuppetServerProvisioner,
        'guest_os_type = "windows"\npuppet_server = "p"\nelevated_user = "admin"\nelevated_password = "opensesame"',
    ).provision(recording.ctx, Machine(id="test", communicator=desk))
    (script,) = [path for path in desk.uploads if path.endswith(".ps1")]
    text = desk.uploads[script].decode("utf-8-sig")
    assert (
        '$command = \'cd /d "C:/Windows/Temp/packer-puppet-server" && set "FACTER_packer_build_name=test" && '
        'set "FACTER_packer_builder_type=null" && puppet agent --onetime --no-daemonize --detailed-exitcodes '
        "--server=\"p\" '\n"
    ) in text
    assert not any("opensesame" in command for command in desk.commands)


@pytest.mark.slow
def test_a_machine_without_the_tool(run: Callable[[Any, str], list[str]], host: Path) -> None:
    with pytest.raises(CommandFailed) as caught:
        run(
            SaltMasterlessProvisioner,
            f'skip_bootstrap = true\nlocal_state_tree = "{host}/states"\nremote_state_tree = "C:/nothing/state"',
        )
    assert "leave out skip_bootstrap" in caught.value.hint


def test_a_run_as_another_user(recording: Recording) -> None:
    """The command line goes into a script that has the password, and that does not stay."""
    desk = Desk()
    component(
        ChefClientProvisioner,
        'guest_os_type = "windows"\nskip_install = true\nserver_url = "https://chef.example"\nnode_name = "web"\n'
        'elevated_user = "admin"\nelevated_password = "opensesame"',
    ).provision(recording.ctx, Machine(id="test", communicator=desk))
    (script,) = [path for path in desk.uploads if path.endswith(".ps1")]
    text = desk.uploads[script].decode("utf-8-sig")
    assert "opensesame" in text
    assert "C:\\opscode\\chef\\bin\\chef-client.bat --no-color -c C:/Windows/Temp/packer-chef-client/client.rb" in text
    assert any(script in command and "powershell" in command for command in desk.commands)
    assert any("del /f /q" in command and script.replace("/", "\\") in command for command in desk.commands)
    assert not any("opensesame" in command for command in desk.commands)


def test_a_machine_that_is_not_windows(recording: Recording, machine: Machine) -> None:
    solo = component(ChefSoloProvisioner, 'guest_os_type = "windows"\nskip_install = true')
    with pytest.raises(BuildError, match="this machine has a POSIX shell"):
        solo.provision(recording.ctx, machine)
