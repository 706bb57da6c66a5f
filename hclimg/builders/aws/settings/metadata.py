"""What an instance can ask of EC2 about itself."""

from __future__ import annotations

from typing import Any

from hclimg.config.fields import Checker, config, setting

MOST_HOPS = 64


@config
class MetadataOptions:
    """The instance metadata service of the instance that builds the image."""

    http_endpoint: str = setting("Whether there is one.", default="enabled", choices=("enabled", "disabled"))
    http_tokens: str = setting(
        'Whether it wants tokens, as the second version of its protocol has them: "required".',
        default="optional",
        choices=("optional", "required"),
    )
    http_put_response_hop_limit: int = setting("How many networks away tokens may be used, 1 to 64.", default=1)
    instance_metadata_tags: str = setting(
        "Whether it tells the instance's tags.", default="disabled", choices=("enabled", "disabled")
    )

    def check(self, problems: Checker) -> None:
        if not 1 <= self.http_put_response_hop_limit <= MOST_HOPS:
            detail = f"A token can go 1 to {MOST_HOPS} networks far, not {self.http_put_response_hop_limit}."
            problems.error("Invalid number", detail, "http_put_response_hop_limit")
        if self.http_endpoint == "disabled":
            for name in ("http_tokens", "http_put_response_hop_limit", "instance_metadata_tags"):
                if problems.is_set(name):
                    detail = f'"{name}" has no effect: "http_endpoint" is disabled.'
                    problems.warn("Argument without effect", detail, name, "http_endpoint")

    def options(self) -> dict[str, Any]:
        """What EC2 is told. Without an endpoint it refuses the rest."""
        if self.http_endpoint == "disabled":
            return {"HttpEndpoint": "disabled"}
        told = {
            "HttpEndpoint": "enabled", "HttpTokens": self.http_tokens,
            "HttpPutResponseHopLimit": self.http_put_response_hop_limit,
        }  # fmt: skip
        if self.instance_metadata_tags == "enabled":
            told["InstanceMetadataTags"] = "enabled"
        return told
