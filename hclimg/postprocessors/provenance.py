"""Post-processor ``provenance``: says how an artifact was made, in an in-toto statement that may be signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sbom.documents import FORMATS, INSTALL, is_installed
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact

MODES = ("none", "key", "kms", "keyless")
PASSWORD = "HCLIMG_KEY_PASSWORD"
"""The environment variable with the password of the key."""

BUILD_TYPE = "urn:hclimg:build-type:v1"
OFFLINE = "it belongs to signing with a service, and here only a key of your own signs."
ONE_DATABASE = "the packages are read from the system's own database, not searched for in its files."


def _of_service(kind: Any = "") -> Any:
    return setting("Nothing.", default=kind, ignored=OFFLINE)


@config
class ProvenanceConfig:
    """Writes, beside the artifact, an in-toto statement with SLSA's provenance: what was made, of what, when and how.

    With a `key` it is in a signed envelope (DSSE). The subjects are the files of the artifact with their SHA-256, or
    the images in a cloud.
    """

    provenance: bool = setting("Whether the statement is written; `sbom` has a statement of its own.", default=True)
    build_type: str = setting("The URI of the kind of build.", default=BUILD_TYPE)
    output_dir: str = setting("Where it goes.", default="", default_doc="beside the artifact")
    template: str = setting(
        "The template, or directory of one, whose digest is recorded.", default="", default_doc="what is applied"
    )
    only_builds: tuple[str, ...] = setting("The names of the builds that get one.", default=(), default_doc="all")
    user_variables: dict[str, str] = setting(
        "Variables to record; what is sensitive is not shown.", factory=dict, template=True,
        example='user_variables = { version = var.version }',
    )  # fmt: skip
    source_uri: str = setting(
        "The URI of the source of the template.", default="", template=True,
        example='"git+https://example.org/images@refs/tags/v1"',
    )  # fmt: skip
    sbom: bool = setting("Whether a bill of materials is made and attested too, as by `sbom`.", default=False)
    sbom_format: str = setting("Its format.", default="cyclonedx", choices=FORMATS)
    sbom_scan_path: str = setting(
        "A directory of this host with the file system.", default="", default_doc="the artifact"
    )
    sbom_scope: str = setting(
        'What is listed: the system as it is, "squashed".', default="squashed", choices=("squashed", "all-layers")
    )
    sbom_exclude: tuple[str, ...] = setting("Nothing.", default=(), ignored=ONE_DATABASE)
    signing_mode: str = setting(
        'What signs: "none", or "key".', default="", default_doc='"key" when there is one', choices=("", *MODES)
    )
    signer: str = setting("The name of a key in a key management service, which is not here.", default="")
    key: str = setting(
        f"The private key, a PEM file: Ed25519, ECDSA or RSA. The variable {PASSWORD} has its password.", default=""
    )
    verifier: str = setting("The public key, a PEM file, that the signature is checked with.", default="")
    upload_tlog: bool = setting("Whether it goes to a transparency log, which is not here.", default=False)
    fulcio_url: str = _of_service()
    rekor_url: str = _of_service()
    trusted_root_path: str = _of_service()
    keyless_identity: str = _of_service()
    keyless_oidc_issuer: str = _of_service()

    def check(self, problems: Checker) -> None:
        self._check_signing(problems)
        for name in ("template", "key", "verifier", "sbom_scan_path"):
            if getattr(self, name):
                problems.file_exists(name, getattr(self, name))
        if problems.is_known("provenance", "sbom") and not self.provenance and not self.sbom:
            problems.error("Nothing to do", 'Neither "provenance" nor "sbom" is true.', "provenance")
        if ":" not in self.build_type:
            problems.error("Invalid URI", f'"{self.build_type}" is no URI, which has a scheme.', "build_type")
        if self.sbom and not is_installed():
            problems.error("Package not installed", f"This needs libraries for bills of materials: {INSTALL}", "sbom")
        if self.sbom_scope == "all-layers":
            detail = "An image has one system: only its last state is listed."
            problems.error("Unsupported scope", detail, "sbom_scope")

    def _check_signing(self, problems: Checker) -> None:
        service = f"hclimg signs with a key of its own and asks no service: set key, and signing_mode to {MODES[1]!r}."
        if self.signing_mode in ("kms", "keyless"):
            problems.error("Unsupported signing mode", f'"{self.signing_mode}": {service}', "signing_mode")
        elif self.signer or self.upload_tlog:
            problems.error("Unsupported signing mode", service, "signer" if self.signer else "upload_tlog")
        elif self.signing_mode == "key" and not self.key and problems.is_known("key"):
            problems.error("Missing required argument", 'signing_mode "key" needs "key".', "signing_mode")
        elif self.signing_mode == "none" and (self.key or self.verifier):
            name = "key" if self.key else "verifier"
            problems.error("Conflicting arguments", f'"{name}" is for signing, but signing_mode is "none".', name)
        elif self.verifier and not self.key and problems.is_known("key"):
            problems.error("Missing required argument", '"verifier" checks what "key" signed.', "verifier")


class ProvenancePostProcessor(PostProcessor[ProvenanceConfig]):
    Config: ClassVar[type] = ProvenanceConfig
    keeps_input: ClassVar[bool] = True
    forces_input: ClassVar[bool] = True

    def inputs(self) -> tuple[Path, ...]:
        names = (self.config.key, self.config.verifier)
        return tuple(Path(name).expanduser() for name in names if name)

    def summary(self) -> str:
        return f"signed with {self.config.key}" if self.config.key else "not signed"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.postprocessors.attesting import attest

        if self.config.only_builds and ctx.build_name not in self.config.only_builds:
            ctx.say(f"{ctx.build_name} is none of only_builds.")
            return artifact
        attest(ctx, self.config, artifact)
        return artifact
