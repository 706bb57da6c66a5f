"""Post-processor ``vagrant``: makes a box that Vagrant takes, of an image for one of its providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact

PROVIDERS = (
    "aws", "azure", "digitalocean", "docker", "file", "google", "hyperv", "libvirt", "lxc", "openstack", "parallels",
    "scaleway", "virtualbox", "vmware",
)  # fmt: skip
CLOUDS = frozenset(("aws", "azure", "digitalocean", "docker", "google", "openstack", "scaleway"))
"""The boxes of these only name the image, which must stay."""

BUILDERS = {
    "Azure.ResourceManagement.VMImage": "azure",
    "MSOpenTech.hyperv": "hyperv",
    "hashicorp.scaleway": "scaleway",
    "hclimg.post-processor.vmware": "vmware",
    "hclimg.rootfs": "libvirt",
    "mitchellh.amazon.ebssurrogate": "aws",
    "mitchellh.amazon.instance": "aws",
    "mitchellh.amazonebs": "aws",
    "mitchellh.openstack": "openstack",
    "mitchellh.virtualbox": "virtualbox",
    "mitchellh.vmware": "vmware",
    "mitchellh.vmware-esx": "vmware",
    "packer.file": "file",
    "packer.googlecompute": "google",
    "packer.parallels": "parallels",
    "packer.post-processor.docker-import": "docker",
    "packer.post-processor.docker-push": "docker",
    "packer.post-processor.docker-tag": "docker",
    "pearkes.digitalocean": "digitalocean",
    "transcend.qemu": "libvirt",
    "ustream.lxc": "lxc",
    "vmware.desktop": "vmware",
}
"""The provider for what a builder makes."""

MAX_LEVEL = 9
RESERVED = ("Vagrantfile", "metadata.json")
OVERRIDES: dict[str, type] = {
    "compression_level": int, "include": list, "output": str, "vagrantfile_template": str,
    "vagrantfile_template_generated": bool, "architecture": str,
}  # fmt: skip
"""What can stand in ``override``, and of which type it is."""


@config
class VagrantConfig:
    """Makes a Vagrant box.

    Disk images become a box for libvirt, or with `provider_override` for virtualbox or vmware (they are converted);
    virtual machines of VMware and VirtualBox, container images and the images of clouds one for their provider.
    """

    output: str = setting(
        "The box to write; `{{.Provider}}`, `{{.Architecture}}` and `{{.ArtifactId}}` can be in it.",
        default="packer_{{.BuildName}}_{{.Provider}}_{{.Architecture}}.box", template=True,
    )  # fmt: skip
    include: tuple[str, ...] = setting("Files to put into the box.", default=(), example='["info.json"]')
    vagrantfile_template: str = setting(
        "A file with what the box's Vagrantfile has at its end; a Go template with the names of `output`.", default=""
    )
    vagrantfile_template_generated: bool = setting(
        "Whether that file is made by the build, so that it need not exist before.", default=False
    )
    provider_override: str = setting(
        "The provider to make a box for.", default="", default_doc="the one of the builder", choices=("", *PROVIDERS)
    )
    architecture: str = setting(
        "The architecture of the image, as Go writes it: `amd64`, `arm64`.", default="",
        default_doc="this machine's",
    )  # fmt: skip
    compression_level: int = setting("From 0 (none) to 9 (small); -1 takes gzip's own.", default=-1)
    override: Any = setting(
        "Other values of these settings for a provider.", default=None, template=True,
        example="override = {\n  libvirt = { compression_level = 9 }\n}",
    )  # fmt: skip

    def check(self, problems: Checker) -> None:
        for problem in _problems_of(self):
            problems.error(*problem)
        if not problems.is_known("override"):
            return
        for summary, detail in _malformed(self.override):
            problems.error(summary, detail, "override")
            return
        for provider in self.override or {}:
            for summary, detail, _ in _problems_of(self.overridden(provider)):
                problems.error(summary, f'For "{provider}": {detail}', "override")

    def overridden(self, provider: str) -> VagrantConfig:
        """The settings for one provider."""
        values = {name: getattr(self, name) for name in OVERRIDES}
        for name, value in (self.override or {}).get(provider, {}).items():
            values[name] = _plain(value, OVERRIDES[name])
        return VagrantConfig(**values | {"include": tuple(values["include"])})


def _problems_of(settings: VagrantConfig) -> Iterator[tuple[str, str, str]]:
    """Summary, detail and setting of each."""
    if not -1 <= settings.compression_level <= MAX_LEVEL:
        yield "Compression level out of range", f"A level is from -1 to {MAX_LEVEL}.", "compression_level"
    for name in settings.include:
        if not Path(name).expanduser().is_file():
            yield "File not found", f'"include" names "{name}", which is not a file.', "include"
        elif Path(name).name in RESERVED:
            yield "Reserved name", f'The box has a "{Path(name).name}" of its own; include another file.', "include"
    template = settings.vagrantfile_template
    if template and not settings.vagrantfile_template_generated and not Path(template).expanduser().is_file():
        detail = f'"vagrantfile_template" names "{template}", which is not a file.'
        hint = " If the build makes it, set vagrantfile_template_generated = true."
        yield "File not found", detail + hint, "vagrantfile_template"


def _malformed(override: Any) -> Iterator[tuple[str, str]]:
    from hclimg.diagnostics import did_you_mean

    if override is None:
        return
    if not isinstance(override, Mapping):
        yield "Incorrect value", '"override" must be an object that has, for names of providers, objects with settings.'
        return
    for provider, changes in override.items():
        if provider not in PROVIDERS:
            detail = f'override names "{provider}", which is no provider.{did_you_mean(provider, PROVIDERS)}'
            yield "Unknown provider", f"{detail} There are {', '.join(PROVIDERS)}."
        elif not isinstance(changes, Mapping):
            yield "Incorrect value", f'What "override" has for "{provider}" must be an object with settings.'
        else:
            yield from _wrong_changes(provider, changes)


def _wrong_changes(provider: str, changes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from hclimg.diagnostics import did_you_mean

    for name, value in changes.items():
        wanted = OVERRIDES.get(name)
        if wanted is None:
            detail = f'"{name}" cannot be set for "{provider}".{did_you_mean(name, OVERRIDES)}'
            yield "Unsupported argument", f"{detail} There are {', '.join(OVERRIDES)}."
        elif not _fits(_plain(value, wanted), wanted):
            kinds = {int: "a whole number", list: "a list of texts", str: "a text", bool: "true or false"}
            yield "Incorrect value", f'"{name}" for "{provider}" must be {kinds[wanted]}.'


def _fits(value: Any, wanted: type) -> bool:
    kind = type(value)
    return kind is wanted and (kind is not list or all(isinstance(item, str) for item in value))


def _plain(value: Any, wanted: type) -> Any:
    """JSON templates may say it as a text."""
    if wanted is str or not isinstance(value, str):
        return value
    if wanted is list:
        return value.split(",")
    if wanted is int:
        return int(value) if value.lstrip("-").isdigit() else value
    return {"true": True, "false": False}.get(value.lower(), value)


class VagrantPostProcessor(PostProcessor[VagrantConfig]):
    Config: ClassVar[type] = VagrantConfig

    def inputs(self) -> tuple[Path, ...]:
        everywhere = [self.config, *[self.config.overridden(name) for name in self.config.override or {}]]
        names = [name for one in everywhere for name in (*one.include, one.vagrantfile_template) if name]
        return tuple(path for path in (Path(name).expanduser() for name in dict.fromkeys(names)) if path.is_file())

    def summary(self) -> str:
        return f"box {self.config.output}"

    def keeps(self, artifact: Artifact) -> bool:
        return self._provider(artifact) in CLOUDS

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.errors import BuildError
        from hclimg.postprocessors.vagrant_box import make_box
        from hclimg.sdk.machine import Artifact as Made

        provider = self._provider(artifact)
        if not provider:
            hint = f"Set provider_override to one of {', '.join(PROVIDERS)}."
            raise BuildError(f'It is not known for which provider of Vagrant "{artifact.builder}" is.', hint=hint)
        box = make_box(ctx, self.config.overridden(provider), provider, artifact)
        return Made(
            builder="mitchellh.post-processor.vagrant", component="post-processor/vagrant", id=provider,
            description=f"'{provider}' provider box: {box}", files=(str(box),),
        )  # fmt: skip

    def _provider(self, artifact: Artifact) -> str:
        return self.config.provider_override or BUILDERS.get(artifact.builder, "")
