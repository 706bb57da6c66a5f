"""What all tests share."""

pytest_plugins = ["golden", "servers.recording", "servers.sshd"]
