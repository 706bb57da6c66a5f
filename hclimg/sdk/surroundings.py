"""What a guest sees of this host while it boots: where its files are served, and the key that may log in."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class Surroundings:
    """``http_port`` is 0 when nothing is served; ``public_key`` is empty when there is no key for the build."""

    http_ip: str = ""
    http_port: int = 0
    public_key: str = ""

    def data(self, name: str) -> dict[str, Any]:
        """For ``{{ .HTTPIP }}`` and the like in a boot command; ``name`` is the machine's."""
        return {
            "HTTPIP": self.http_ip, "HTTPPort": self.http_port, "Name": name, "SSHPublicKey": self.public_key,
        }  # fmt: skip

    def facts(self) -> dict[str, str]:
        """For ``build.PackerHTTPAddr`` and the like."""
        served = self.http_port != 0
        return {
            "PackerHTTPIP": self.http_ip if served else "",
            "PackerHTTPPort": str(self.http_port) if served else "",
            "PackerHTTPAddr": f"{self.http_ip}:{self.http_port}" if served else "",
        }
