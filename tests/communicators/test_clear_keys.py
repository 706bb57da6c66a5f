"""The temporary key goes before the image is made."""

from __future__ import annotations

from collections.abc import Callable

from hclimg.communicators.connect import clear_authorized_keys, connect
from hclimg.communicators.none import NoCommunicator
from hclimg.events import Said
from hclimg.sdk.machine import Communicator
from hclimg.sdk.ssh_keys import generate_key_pair
from servers.recording import Recording
from servers.sshd import Sshd

OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther someone\n"


def test_only_the_temporary_key_is_removed(recording: Recording, sshd: Sshd) -> None:
    ours = generate_key_pair("hclimg", key_type="ed25519").public
    keys = sshd.home / ".ssh" / "authorized_keys"
    keys.parent.mkdir(mode=0o700)
    keys.write_text(f"{OTHER}{ours}\n# a note\n")
    config = sshd.configure(ssh_clear_authorized_keys=True)
    ssh = connect(recording.ctx, config, host="127.0.0.1", port=sshd.port)
    clear_authorized_keys(recording.ctx, config, ssh, ours)
    assert keys.read_text() == f"{OTHER}# a note\n"
    assert [path.name for path in keys.parent.iterdir()] == ["authorized_keys"]
    clear_authorized_keys(recording.ctx, config, ssh, ours)
    assert recording.of(Said)[-1].level == "info"


def test_only_when_the_settings_say_so(
    recording: Recording, sshd: Sshd, connected: Callable[..., Communicator]
) -> None:
    ours = generate_key_pair("hclimg", key_type="ed25519").public
    keys = sshd.home / ".ssh" / "authorized_keys"
    keys.parent.mkdir()
    keys.write_text(ours)
    clear_authorized_keys(recording.ctx, sshd.config, connected(), ours)
    clear_authorized_keys(recording.ctx, sshd.configure(ssh_clear_authorized_keys=True), NoCommunicator(), ours)
    assert keys.read_text() == ours


def test_a_machine_that_refuses_gives_a_warning(recording: Recording, sshd: Sshd) -> None:
    ours = generate_key_pair("hclimg", key_type="ed25519").public
    (sshd.home / ".ssh").mkdir()
    (sshd.home / ".ssh" / "authorized_keys").mkdir()  # cannot be edited
    config = sshd.configure(ssh_clear_authorized_keys=True)
    ssh = connect(recording.ctx, config, host="127.0.0.1", port=sshd.port)
    clear_authorized_keys(recording.ctx, config, ssh, ours)
    (sshd.home / ".ssh" / "authorized_keys").rmdir()
    (sshd.home / ".bashrc").write_text("exit 9\n")
    clear_authorized_keys(recording.ctx, config, ssh, ours)
    assert recording.of(Said)[-1].level == "warning"
