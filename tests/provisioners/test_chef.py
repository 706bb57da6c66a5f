"""chef-solo and chef-client: commands, files and their order, as stand-ins for Chef's programs see them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hclimg.communicators.connect import connect
from hclimg.errors import CleanupError, CommandFailed
from hclimg.events import Said
from hclimg.provisioners.chef_client import ChefClientConfig, ChefClientProvisioner
from hclimg.provisioners.chef_remover import ChefRemover
from hclimg.provisioners.chef_solo import ChefSoloConfig, ChefSoloProvisioner
from hclimg.sdk.machine import Machine
from hclimg.sdk.remover import Cleaning, Left
from hclimg.sdk.testing import MemoryJournal, check_component, component, decoded
from servers.chef import CLIENT, FAILURE, attributes, install_chef, seen, server_has
from servers.recording import Recording
from servers.rooted import Rooted

STAGING = "/tmp/packer-chef-solo"
AT = "/tmp/packer-chef-client"
SERVER = 'server_url = "https://chef.example/organizations/web"\nskip_install = true\n'
Run = Callable[[str], None]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """What the user has."""
    folder = tmp_path / "host"
    for name, text in (
        ("cookbooks/base/recipes/default.rb", "# nothing\n"), ("roles/web.json", "{}\n"),
        ("data_bags/users/ann.json", "{}\n"), ("environments/prod.json", "{}\n"),
        ("secret", "opensesame\n"), ("validation.pem", "validator\n"),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def journal(recording: Recording) -> MemoryJournal:
    recording.ctx.journal = MemoryJournal()
    return recording.ctx.journal


@pytest.fixture
def run_as(recording: Recording, rooted: Rooted) -> Callable[[Any, str], None]:
    install_chef(rooted)
    config = rooted.sshd.config
    communicator = connect(recording.ctx, config, host=config.ssh_host, port=config.ssh_port)

    def go(cls: Any, text: str) -> None:
        component(cls, text).provision(recording.ctx, Machine(id="test", communicator=communicator))

    return go


@pytest.fixture
def solo(run_as: Callable[[Any, str], None]) -> Run:
    return lambda text: run_as(ChefSoloProvisioner, text)


@pytest.fixture
def client(run_as: Callable[[Any, str], None]) -> Run:
    return lambda text: run_as(ChefClientProvisioner, text)


# -- chef-solo ----------------------------------------------------------------------


def test_everything_that_solo_is_given(solo: Run, rooted: Rooted, host: Path) -> None:
    solo(
        f'cookbook_paths = ["{host}/cookbooks"]\nremote_cookbook_paths = ["/srv/cookbooks"]\n'
        f'roles_path = "{host}/roles"\ndata_bags_path = "{host}/data_bags"\nenvironments_path = "{host}/environments"\n'
        f'encrypted_data_bag_secret_path = "{host}/secret"\nchef_environment = "prod"\nskip_install = true\n'
        'run_list = ["recipe[base]", "role[web]"]\njson = { port = 80, run_list = ["old"], of = { a = ["b"] } }\n'
        'chef_license = "accept"'
    )
    (given,) = seen(rooted)
    assert given["command"] == f"chef-solo --no-color -c {STAGING}/solo.rb -j {STAGING}/node.json\n"
    assert given["config"].splitlines() == [
        "chef_license 'accept'",
        f"cookbook_path ['/srv/cookbooks', '{STAGING}/cookbooks-0']",
        f"role_path '{STAGING}/roles'",
        f"data_bag_path '{STAGING}/data_bags'",
        f"encrypted_data_bag_secret '{STAGING}/encrypted_data_bag_secret'",
        f"environment_path '{STAGING}/environments'",
        "environment 'prod'",
    ]
    assert attributes(given) == {"port": 80, "of": {"a": ["b"]}, "run_list": ["recipe[base]", "role[web]"]}
    assert given["files"].splitlines() == [
        "644 ./cookbooks-0/base/recipes/default.rb", "644 ./data_bags/users/ann.json",
        "600 ./encrypted_data_bag_secret", "644 ./environments/prod.json", "600 ./node.json", "644 ./roles/web.json",
        "644 ./solo.rb",
    ]  # fmt: skip
    left = rooted.files(STAGING)
    assert f"{STAGING}/encrypted_data_bag_secret" not in left
    assert f"{STAGING}/solo.rb" in left
    assert rooted.commands[-2] == f"sudo {given['command']}".strip()


def test_the_least_that_solo_is_given(solo: Run, rooted: Rooted) -> None:
    solo('skip_install = true\nprevent_sudo = true\njson_string = "{\\"a\\": \\"<é>\\"}"')
    (given,) = seen(rooted)
    assert given["config"] == "cookbook_path []\n"
    assert attributes(given) == {"a": "<é>"}
    assert not any(command.startswith("sudo") for command in rooted.commands)


def test_a_configuration_of_the_users_own(solo: Run, rooted: Rooted, host: Path) -> None:
    (host / "solo.rb").write_text(
        "cookbook_path [{{.CookbookPaths}}]\n{{if .HasRolesPath}}role_path \"{{.RolesPath}}\"\n{{end}}"
        '{{if .HasDataBagsPath}}no{{end}}environment "{{.ChefEnvironment}}"\n'
    )
    solo(
        f'config_template = "{host}/solo.rb"\nroles_path = "{host}/roles"\ncookbook_paths = ["{host}/cookbooks"]\n'
        'chef_environment = "prod"\nstaging_directory = "/srv/chef"\nskip_install = true\n'
        'execute_command = "A=b {{if .Sudo}}sudo -E {{end}}chef-solo -c {{.ConfigPath}} -j {{.JsonPath}} -l debug"'
    )
    (given,) = seen(rooted)
    assert given["config"].splitlines() == [
        'cookbook_path ["/srv/chef/cookbooks-0"]', 'role_path "/srv/chef/roles"', 'environment "prod"',
    ]  # fmt: skip
    assert given["command"] == "chef-solo -c /srv/chef/solo.rb -j /srv/chef/node.json -l debug\n"


def test_a_run_that_fails(solo: Run, rooted: Rooted, host: Path) -> None:
    (rooted.root / "chef/fails").write_text(FAILURE)
    with pytest.raises(CommandFailed) as caught:
        solo(f'skip_install = true\nencrypted_data_bag_secret_path = "{host}/secret"')
    assert caught.value.message == (
        "Error executing action `create` on resource 'file[/no/motd]': "
        "Chef::Exceptions::EnclosingDirectoryDoesNotExist: Parent directory /no does not exist."
    )
    assert f"{STAGING}/encrypted_data_bag_secret" not in rooted.files(STAGING)
    (rooted.root / "chef/fails").write_text("172\nChef Infra cannot execute without accepting the license\n")
    with pytest.raises(CommandFailed, match=r"^Chef ended with exit code 172\.$") as refused:
        solo("skip_install = true")
    assert 'chef_license = "accept"' in refused.value.hint


def test_a_machine_without_chef(solo: Run, rooted: Rooted) -> None:
    (rooted.root / "usr/bin/chef-solo").unlink()
    with pytest.raises(CommandFailed) as caught:
        solo("skip_install = true")
    assert "leave out skip_install" in caught.value.hint


def test_chef_is_installed(solo: Run, rooted: Rooted, recording: Recording) -> None:
    """By Chef's own installer, which a stand-in for curl prints, and by a command of the user's."""
    (rooted.root / "usr/bin/chef-solo").rename(rooted.root / "chef/chef-solo")
    installer = "echo 'echo installing \"$*\"; mv /chef/chef-solo /usr/bin'"
    rooted.program("curl", f'#!/bin/sh\necho "$*" > /asked\n{installer}\n')
    rooted.program("bash", '#!/bin/sh\nexec sh "$@"\n')
    solo('version = "17.10.0"')
    assert recording.output[0] == "installing -v 17.10.0"
    assert (rooted.root / "asked").read_text() == "-L https://omnitruck.chef.io/install.sh\n"
    assert rooted.commands[1] == "curl -L https://omnitruck.chef.io/install.sh | sudo bash -s -- -v 17.10.0"
    assert seen(rooted)[0]["config"] == "chef_license 'accept-silent'\ncookbook_path []\n"
    solo('install_command = "echo got {{.Version}} {{if .Sudo}}by sudo{{end}}"\nversion = "1"')
    assert "got 1 by sudo" in recording.output
    assert seen(rooted)[1]["config"] == "cookbook_path []\n"
    with pytest.raises(CommandFailed, match=r"^Chef's installer ended with exit code 3\.$"):
        solo('install_command = "exit 3"')


# -- chef-client --------------------------------------------------------------------


def test_everything_that_the_client_is_given(client: Run, rooted: Rooted, host: Path, journal: MemoryJournal) -> None:
    client(
        f'{SERVER}validation_key_path = "{host}/validation.pem"\nvalidation_client_name = "web-validator"\n'
        f'encrypted_data_bag_secret_path = "{host}/secret"\nchef_environment = "prod"\nrun_list = ["recipe[base]"]\n'
        'ssl_verify_mode = "verify_none"\ntrusted_certs_dir = "/etc/chef/certs"\nnode_name = "it\'s"\n'
        'rubygems_url = "https://gems.example"\nchef_license = "accept-no-persist"'
    )
    given, *knives = seen(rooted)
    assert given["command"] == f"chef-client --no-color -c {AT}/client.rb -j {AT}/first-boot.json\n"
    common = [
        "log_level :info", "log_location STDOUT", "chef_server_url 'https://chef.example/organizations/web'",
        f"client_key '{AT}/client.pem'",
    ]  # fmt: skip
    trust = ["ssl_verify_mode :verify_none", "trusted_certs_dir '/etc/chef/certs'"]
    assert given["config"].splitlines() == [
        *common, "chef_license 'accept-no-persist'", f"encrypted_data_bag_secret '{AT}/encrypted_data_bag_secret'",
        "validation_client_name 'web-validator'", f"validation_key '{AT}/validation.pem'", "node_name 'it\\'s'",
        "environment 'prod'", *trust, "rubygems_url 'https://gems.example'",
    ]  # fmt: skip
    assert attributes(given) == {"run_list": ["recipe[base]"]}
    assert given["files"].splitlines() == [
        "644 ./client.rb", "600 ./encrypted_data_bag_secret", "600 ./first-boot.json", "600 ./validation.pem",
    ]  # fmt: skip
    assert [knife["command"] for knife in knives] == [
        f"knife node delete it's -y -c {AT}/knife.rb\n", f"knife client delete it's -y -c {AT}/knife.rb\n",
    ]  # fmt: skip
    assert knives[0]["config"].splitlines() == [*common, "node_name 'it\\'s'", *trust]
    assert rooted.files("/tmp") == {}


def test_the_least_that_the_client_is_given(client: Run, rooted: Rooted, host: Path, journal: MemoryJournal) -> None:
    (rooted.root / "etc/chef").mkdir()
    (rooted.root / "etc/chef/client.pem").touch()
    client(
        f'{SERVER}client_key = "/etc/chef/client.pem"\npolicy_name = "web"\npolicy_group = "prod"\n'
        "prevent_sudo = true\nskip_clean_node = true\nskip_clean_client = true\nskip_clean_staging_directory = true"
    )
    (given,) = seen(rooted)
    assert "client_key '/etc/chef/client.pem'" in given["config"]
    assert "validation_client_name 'chef-validator'" in given["config"]
    assert given["config"].endswith("policy_group 'prod'\npolicy_name 'web'\n")
    node = server_has(rooted)[1].removeprefix("node-")
    assert server_has(rooted) == [f"client-{node}", f"node-{node}"]
    assert re.fullmatch(r"packer-[0-9a-f-]{36}", node)
    assert journal.entries == []
    assert sorted(rooted.files(AT)) == [f"{AT}/client.rb", f"{AT}/first-boot.json"]


def test_secrets_go_also_where_the_rest_stays(client: Run, rooted: Rooted, host: Path) -> None:
    client(
        f'{SERVER}validation_key_path = "{host}/validation.pem"\nencrypted_data_bag_secret_path = "{host}/secret"\n'
        "skip_clean_staging_directory = true"
    )
    names = {path.rpartition("/")[2] for path in rooted.files(AT)}
    assert names == {"client.pem", "client.rb", "first-boot.json", "knife.rb"}
    assert server_has(rooted) == []


def test_a_failed_run_is_taken_off_the_server(client: Run, rooted: Rooted, host: Path, journal: MemoryJournal) -> None:
    (rooted.root / "chef/fails").write_text(FAILURE)
    with pytest.raises(CommandFailed, match=r"^Error executing action `create`"):
        client(f'{SERVER}validation_key_path = "{host}/validation.pem"')
    assert server_has(rooted) == []
    assert [entry.kind for entry in journal.entries] == ["chef/node", "chef/client"]
    assert journal.left == []
    assert rooted.files("/tmp") == {}


def test_a_machine_that_could_not_register(client: Run, rooted: Rooted, journal: MemoryJournal) -> None:
    """It has no key then, so there is nothing on the server."""
    with pytest.raises(CommandFailed, match=r"^Chef ended with exit code 1\.$") as caught:
        client(f'{SERVER}node_name = "web"')
    assert "Your private key could not be loaded" in caught.value.output[-1]
    assert [given["command"].split()[0] for given in seen(rooted)] == ["chef-client"]
    assert journal.left == []


def test_a_failure_after_which_knife_fails_too(
    client: Run, rooted: Rooted, host: Path, journal: MemoryJournal, recording: Recording
) -> None:
    """What Chef says is the reason; the other is told as well."""
    (rooted.root / "chef/fails").write_text(FAILURE)
    rooted.program("knife", "#!/bin/sh\necho no server >&2\nexit 1\n")
    with pytest.raises(CommandFailed, match=r"^Error executing action `create`"):
        client(f'{SERVER}validation_key_path = "{host}/validation.pem"\nnode_name = "web"')
    (warning,) = [event.text for event in recording.of(Said) if event.level == "warning"]
    assert warning.startswith("The node web is still at https://chef.example/organizations/web, or may be: knife node")
    assert [entry.identity["name"] for entry in journal.left] == ["web", "web"]


def test_what_knife_cannot_remove(client: Run, rooted: Rooted, host: Path, journal: MemoryJournal) -> None:
    key = f'validation_key_path = "{host}/validation.pem"\nnode_name = "web"\n'
    with pytest.raises(CommandFailed, match=r"^The node web is still at .*: knife node delete ended") as caught:
        client(f'{SERVER}{key}knife_command = "echo no {{{{.Args}}}}; exit 1"')
    assert caught.value.output == ("no node delete web",)
    assert 'run "hclimg cleanup"' in caught.value.hint
    assert len(journal.left) == 2
    rooted.program("chef-client", "#!/bin/sh\ntouch /tmp/packer-chef-client/client.pem\n")
    for path in (rooted.root / "chef/server").iterdir():
        path.unlink()
    client(f"{SERVER}{key}")  # nothing is there: fine


# -- what a dead run left -----------------------------------------------------------


@pytest.fixture
def knife(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """``knife(text)`` is this host's; the file in which it writes how it was called."""
    monkeypatch.setenv("PATH", f"{tmp_path}/own:/usr/bin:/bin")

    def make(text: str) -> Path:
        (tmp_path / "own").mkdir(exist_ok=True)
        (tmp_path / "own/knife").write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/called\n{text}\n')
        (tmp_path / "own/knife").chmod(0o755)
        return tmp_path / "called"

    return make


LEFT = Left(run="r", kind="chef/node", identity={"name": "web", "server": "https://chef.example"}, made=True)


def test_a_dead_run_is_cleaned_up(knife: Callable[[str], Path]) -> None:
    remover = ChefRemover(Cleaning(run="r"))
    with pytest.raises(CleanupError, match=r'run "knife node delete web -y --server-url https://chef.example"$'):
        remover.remove(LEFT)
    called = knife("echo Deleted")
    remover.remove(LEFT)
    assert called.read_text() == "node delete web -y --server-url https://chef.example\n"
    knife("echo 'ERROR: The object you are looking for could not be found'; exit 100")
    remover.remove(LEFT)
    knife("echo first; echo 'ERROR: Failed to authenticate'; exit 1")
    with pytest.raises(CleanupError, match=r"^knife says: ERROR: Failed to authenticate$"):
        remover.remove(LEFT)


CLIENT_TEMPLATE = """
source "null" "web" {
  ssh_host             = "127.0.0.1"
  ssh_port             = %d
  ssh_username         = "%s"
  ssh_private_key_file = "%s"
}
build {
  sources = ["null.web"]
  provisioner "chef-client" {
    server_url          = "https://chef.example"
    node_name           = "web"
    validation_key_path = "validation.pem"
    skip_install        = true
  }
}
"""


@pytest.mark.slow
def test_a_killed_run(rooted: Rooted, knife: Callable[[str], Path], host: Path) -> None:
    """The node is on the server when hclimg is killed; cleanup of a new process takes it off."""
    install_chef(rooted)
    rooted.program("chef-client", f"{CLIENT}\ntouch /chef/registered\nexec sleep 600\n")
    sshd = rooted.sshd
    (host / "t.pkr.hcl").write_text(CLIENT_TEMPLATE % (sshd.port, sshd.user, sshd.key_file))
    program = [sys.executable, "-m", "hclimg"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent.parent)}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = subprocess.Popen([*program, "apply", "t.pkr.hcl"], cwd=host, env=env, **quiet)
    while not (rooted.root / "chef/registered").exists():
        assert run.poll() is None
        time.sleep(0.05)
    run.kill()
    run.wait()
    called = knife("")
    env["PATH"] = os.environ["PATH"]
    done = subprocess.run([*program, "cleanup"], cwd=host, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert called.read_text().splitlines() == [
        "client delete web -y --server-url https://chef.example", "node delete web -y --server-url https://chef.example",
    ]  # fmt: skip


def test_contract() -> None:
    check_component(ChefSoloProvisioner, "skip_install = true")
    check_component(ChefClientProvisioner, SERVER)


# -- mistakes -----------------------------------------------------------------------


def test_mistakes_of_solo(host: Path) -> None:
    problems = decoded(
        ChefSoloConfig,
        f'cookbook_paths = ["/no/books", "{host}/secret"]\nroles_path = "/no/roles"\nconfig_template = "/no/rb"\n'
        'encrypted_data_bag_secret_path = "/no/secret"\njson_string = "[1]"\nchef_license = "yes"\n'
        'skip_install = true\nversion = "1"\nguest_os_type = "unix"',
    )[1]
    assert sorted(problem.split(";")[0] for problem in problems) == [
        "1: File not found", "1: Not a directory", "2: File not found", "3: File not found", "4: File not found",
        "5: Invalid attributes", "6: Invalid value", "8: Conflicting arguments",
    ]  # fmt: skip
    (problem,) = decoded(ChefSoloConfig, 'json_string = "{"')[1]
    assert "is no JSON" in problem
    (problem,) = decoded(ChefSoloConfig, 'json = {}\njson_string = "{}"')[1]
    assert "Only one of" in problem
    (warning,) = decoded(ChefSoloConfig, 'run_list = ["a"]')[1]
    assert "cookbook_paths" in warning


def test_mistakes_of_the_client() -> None:
    problems = decoded(
        ChefClientConfig,
        'server_url = "chef.example"\npolicy_name = "web"\nssl_verify_mode = "peer"\nelevated_user = "SYSTEM"\n'
        'validation_key_path = "/no/key"',
    )[1]
    assert sorted(problem.split(";")[0] for problem in problems) == [
        "1: Invalid URL", "2: Missing required argument", "3: Invalid value", "4: Conflicting arguments",
        "5: File not found",
    ]  # fmt: skip
