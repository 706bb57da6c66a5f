"""The null builder: a machine that is there already."""

from __future__ import annotations

import pytest

from hclimg.builders.null.builder import NullBuilder, NullConfig
from hclimg.communicators.none import NoCommunicator
from hclimg.events import Output
from hclimg.sdk.steps import close_scope
from hclimg.sdk.testing import component, decoded
from servers.recording import Recording
from servers.sshd import Sshd


def test_a_build(recording: Recording, sshd: Sshd) -> None:
    null = component(
        NullBuilder,
        f'ssh_host = "127.0.0.1"\nssh_port = {sshd.port}\nssh_username = "{sshd.user}"\n'
        f'ssh_private_key_file = "{sshd.key_file}"'
    )
    assert null.summary() == f"{sshd.user}@127.0.0.1:{sshd.port}"
    machine = null.launch(recording.ctx, None)
    assert machine.communicator.run("true") == 0
    assert {name: machine.facts[name] for name in ("ID", "Host", "Port", "User", "ConnType", "Password")} == {
        "ID": "Null", "Host": "127.0.0.1", "Port": sshd.port, "User": sshd.user, "ConnType": "ssh", "Password": "",
    }  # fmt: skip
    artifact = null.capture(recording.ctx, machine)
    assert (artifact.builder, artifact.id, artifact.files) == ("fnoeding.null", "Null", ())
    assert close_scope(recording.ctx) == []
    assert sshd.logins == 1


def test_the_private_key_is_hidden_from_all_output(recording: Recording, sshd: Sshd) -> None:
    null = component(
        NullBuilder,
        f'ssh_host = "127.0.0.1"\nssh_port = {sshd.port}\nssh_username = "{sshd.user}"\n'
        f'ssh_private_key_file = "{sshd.key_file}"'
    )
    machine = null.launch(recording.ctx, None)
    for line in machine.facts["SSHPrivateKey"].splitlines():
        recording.ctx.output(line)
    assert {event.text for event in recording.of(Output)} == {"<sensitive>"}


def test_no_machine_at_all(recording: Recording) -> None:
    null = component(NullBuilder, 'communicator = "none"')
    machine = null.launch(recording.ctx, None)
    assert machine.communicator == NoCommunicator()
    assert null.summary() == "no machine"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('ssh_username = "x"\nssh_agent_auth = true',
         ['1: Missing required argument; The argument "ssh_host" is required: the machine is there already, and only '
          "you know where."]),
        ('ssh_host = "h"\nssh_username = "x"',
         ['1: Missing required argument; One of "ssh_agent_auth", "ssh_password" and "ssh_private_key_file" is '
          "required."]),
        ('ssh_host = "h"\nssh_username = "x"\nssh_agent_auth = true\nssh_password = "y"',
         ['4: Conflicting arguments; Only one of "ssh_agent_auth", "ssh_password" and "ssh_private_key_file" can be '
          "used."]),
        ('communicator = "winrm"\nwinrm_username = "x"',
         ['1: Missing required argument; The argument "winrm_host" is required: the machine is there already, and '
          "only you know where.",
          '1: Missing required argument; The argument "winrm_password" is required: this builder cannot find out the '
          "password."]),
        ('communicator = "winrm"\nwinrm_username = "x"\nwinrm_host = later\nwinrm_password = later', []),
        ('communicator = "docker"',
         ['1: Unsupported communicator; This builder cannot use the communicator "docker"; it can use "ssh", "winrm" '
          'or "none".']),
        ('ssh_host = later\nssh_username = "x"\nssh_password = later', []),
    ],
)  # fmt: skip
def test_each_rule(text: str, problems: list[str]) -> None:
    assert decoded(NullConfig, text)[1] == problems
