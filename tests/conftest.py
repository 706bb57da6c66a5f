"""What all tests share."""

pytest_plugins = ["golden", "servers.ports", "servers.booted", "servers.recording", "servers.sshd"]
