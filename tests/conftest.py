"""What all tests share."""

pytest_plugins = ["golden", "servers.booted", "servers.recording", "servers.sshd"]
