"""The settings of the openstack builder: all of Packer's keys with its rules and defaults.

Knows nothing of how they become a server (``launch``) or an image (``capture``).
"""

from __future__ import annotations

import re

from hclimg.clouds.openstack.access import OpenstackAccess
from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, block, config, embed, setting
from hclimg.diagnostics import did_you_mean

VISIBILITIES = ("public", "private", "shared", "community")
SOURCES = ("source_image", "source_image_name", "external_source_image_url", "source_image_filter")
LONGEST_METADATA = 255  # of a key or a value, in bytes
_METADATA_KEY = re.compile(r"[A-Za-z0-9_:. -]+")


@config
class ImageFilterOptions:
    """What an image has to be."""

    name: str = setting("Its name.", default="")
    owner: str = setting("The id of the project that owns it.", default="")
    tags: tuple[str, ...] = setting("Tags that it has, all of them.", default=())
    visibility: str = setting("Who sees it.", default="", choices=("", *VISIBILITIES))
    properties: dict[str, str] = setting("Properties that it has.", factory=dict, example='{ os_distro = "debian" }')

    @property
    def empty(self) -> bool:
        return not (self.name or self.owner or self.tags or self.visibility or self.properties)


@config
class ImageFilter:
    """Finds the image to start from."""

    filters: ImageFilterOptions = block("What the image has to be.", default=ImageFilterOptions())
    most_recent: bool = setting("Whether to take the newest, when several images fit.", default=False)

    def check(self, problems: Checker) -> None:
        if self.filters.empty and problems.is_known("filters"):
            detail = "Say at least one thing of the image: name, owner, tags, visibility or properties."
            problems.error("Empty filter", detail, "filters")


@config
class SourceConfig:
    """The image that the machine starts from."""

    source_image: str = setting("The id of the image, or a URL that ends in it.", default="")
    source_image_name: str = setting("The name of the image.", default="")
    source_image_filter: ImageFilter | None = block("Finds the image by what it is.", default=None)
    external_source_image_url: str = setting(
        "The URL of an image that becomes a temporary image of the cloud.", default=""
    )
    external_source_image_format: str = setting("The format of that image.", default="qcow2")
    external_source_image_properties: dict[str, str] = setting("Properties of that temporary image.", factory=dict)

    def check(self, problems: Checker) -> None:
        problems.exactly_one(*SOURCES)
        url = self.external_source_image_url
        if url and not url.startswith(("http://", "https://")):
            detail = f'"{url}" cannot be fetched by the image service: write an http or https URL.'
            problems.error("Unsupported URL", detail, "external_source_image_url")
        if not url and problems.is_known("external_source_image_url"):
            for name in ("external_source_image_format", "external_source_image_properties"):
                if problems.is_set(name):
                    detail = f'"{name}" is about external_source_image_url, which is not set.'
                    problems.warn("Argument without effect", detail, name)


@config
class ServerConfig:
    """The machine."""

    instance_name: str = setting("The name of the machine.", default="", default_doc="image_name")
    availability_zone: str = setting("Where the machine runs.", default="", default_doc="the cloud's")
    security_groups: tuple[str, ...] = setting(
        "The names of its security groups.", default=(), default_doc="the project's default"
    )
    user_data: str = setting("What cloud-init gets.", default="")
    user_data_file: str = setting("A file with what cloud-init gets.", default="")
    instance_metadata: dict[str, str] = setting("Metadata of the machine.", factory=dict)
    config_drive: bool = setting("Whether the machine gets its metadata from a drive, too.", default=False)
    force_delete: bool = setting(
        "Whether to delete the machine for good in a cloud that keeps deleted ones for a while.", default=False
    )
    rackconnect_wait: bool = setting("Whether to wait for RackConnect.", default=False)
    openstack_provider: str = setting("Nothing.", default="", ignored="Packer itself does nothing with it.")

    def check(self, problems: Checker) -> None:
        problems.at_most_one("user_data", "user_data_file")
        if self.user_data_file:
            problems.file_exists("user_data_file", self.user_data_file)
        _check_metadata(problems, "instance_metadata", self.instance_metadata)
        if self.rackconnect_wait:
            detail = "RackConnect was a service of Rackspace's first public cloud and is gone; leave it out."
            problems.error("Unsupported argument", detail, "rackconnect_wait")


@config
class NetworkConfig:
    """How the machine is connected, and reached."""

    networks: tuple[str, ...] = setting("The ids or names of its networks.", default=())
    ports: tuple[str, ...] = setting("The ids or names of ports that exist already.", default=())
    network_discovery_cidrs: tuple[str, ...] = setting(
        "Ranges of addresses: the first network with a subnet in one is used, unless networks or ports are set.",
        default=(),
        example='["10.0.0.0/8"]',
    )
    floating_ip_network: str = setting(
        "The id or name of an external network, from which the machine gets a temporary floating IP.", default=""
    )
    floating_ip_pool: str = setting(
        "The old name of floating_ip_network.", default="", deprecated="write floating_ip_network instead."
    )
    floating_ip: str = setting("The address, or the id, of a floating IP that exists already.", default="")
    reuse_ips: bool = setting(
        "Whether to use a floating IP of the project that nothing uses. Builds at the same time may want the same one. "
        "With floating_ip_network, a new one is made when none is free.",
        default=False,
    )
    instance_floating_ip_net: str = setting(
        "The id or name of the machine's network that the floating IP leads to.", default="", default_doc="its first"
    )
    use_floating_ip: bool = setting(
        "Nothing.", default=False, ignored="Packer itself does nothing with it; set floating_ip_network."
    )
    ssh_interface: str = setting(
        "The name of the network whose address to connect to.", default="", default_doc="a floating IP, or the first"
    )
    ssh_ip_version: str = setting("The version of that address.", default="", choices=("", "4", "6"))

    @property
    def floating_network(self) -> str:
        return self.floating_ip_network or self.floating_ip_pool

    @property
    def floating(self) -> bool:
        """Whether the machine is reached by a floating IP."""
        return bool(self.floating_ip or self.reuse_ips or self.floating_network)

    def check(self, problems: Checker) -> None:
        problems.at_most_one("floating_ip_network", "floating_ip_pool")
        if self.floating_ip and problems.is_known("floating_ip"):
            for name in ("floating_ip_network", "floating_ip_pool", "reuse_ips"):
                if getattr(self, name):
                    detail = f'"floating_ip" says which one to use; "{name}" contradicts that.'
                    problems.error("Conflicting arguments", detail, name, "floating_ip")
        known = problems.is_known("floating_ip", "floating_ip_network", "floating_ip_pool", "reuse_ips")
        if self.instance_floating_ip_net and not self.floating and known:
            detail = '"instance_floating_ip_net" has no effect: no floating IP is asked for.'
            problems.warn("Argument without effect", detail, "instance_floating_ip_net")
        for text in self.network_discovery_cidrs:
            if not _is_range(text):
                detail = f'"{text}" is no range of addresses, such as "10.0.0.0/8".'
                problems.error("Invalid CIDR", detail, "network_discovery_cidrs")
        if self.network_discovery_cidrs and (self.networks or self.ports):
            named = "networks" if self.networks else "ports"
            detail = f'"network_discovery_cidrs" has no effect: "{named}" says what the machine is connected to.'
            problems.warn("Argument without effect", detail, "network_discovery_cidrs", named)


@config
class VolumeConfig:
    """A volume as the machine's disk."""

    use_blockstorage_volume: bool = setting(
        "Whether the machine's disk is a volume of the Block Storage service.", default=False
    )
    volume_name: str = setting("The name of the volume.", default="", default_doc="one with the run in it")
    volume_type: str = setting("The type of the volume.", default="", default_doc="the cloud's")
    volume_size: int = setting(
        "Its size in GB.", default=0, default_doc="what the source image needs at least, or takes"
    )
    volume_availability_zone: str = setting("Where the volume is.", default="", default_doc="availability_zone")

    def check(self, problems: Checker) -> None:
        if self.volume_size < 0:
            problems.error("Invalid number", '"volume_size" must not be negative.', "volume_size")
        if self.use_blockstorage_volume or not problems.is_known("use_blockstorage_volume"):
            return
        for name in ("volume_name", "volume_type", "volume_size", "volume_availability_zone"):
            if getattr(self, name):
                detail = f'"{name}" has no effect without use_blockstorage_volume = true.'
                problems.warn("Argument without effect", detail, name)


@config
class ImageConfig:
    """The image that is made of the machine."""

    metadata: dict[str, str] = setting("Properties of the image.", factory=dict, default_doc='`image_type` is "image"')
    image_visibility: str = setting(
        "Who sees the image.", default="", default_doc="the cloud's, or shared when it has members"
    )
    image_members: tuple[str, ...] = setting("The ids of projects that may use the image.", default=())
    image_auto_accept_members: bool = setting(
        "Whether to accept the image in the members' place; needs rights in their projects.", default=False
    )
    image_disk_format: str = setting(
        "The format of an image of a volume.", default="", default_doc="raw", example='"qcow2"'
    )
    image_tags: tuple[str, ...] = setting("Tags of the image.", default=())
    image_min_disk: int = setting("The size in GB of the smallest disk that the image fits on.", default=0)
    image_creation_wait: int = setting("How many seconds to wait once the image is ready.", default=0)
    skip_create_image: bool = setting("Whether to make no image in the end.", default=False)

    @property
    def visibility(self) -> str:
        """In the words of the API. Only a shared image has members."""
        return self.image_visibility.lower() or ("shared" if self.image_members else "")

    @property
    def properties(self) -> dict[str, str]:
        """An image of a machine would be a "snapshot", which dashboards hide."""
        return {**self.metadata, "image_type": self.metadata.get("image_type") or "image"}

    def check(self, problems: Checker) -> None:
        if self.image_visibility and self.image_visibility.lower() not in VISIBILITIES:
            hint = did_you_mean(self.image_visibility, VISIBILITIES)
            detail = f'"{self.image_visibility}" is none of {", ".join(VISIBILITIES)}.{hint}'
            problems.error("Invalid visibility", detail, "image_visibility")
        elif self.image_members and self.image_visibility and self.visibility != "shared":
            detail = f'Only a shared image has members; this one is {self.visibility}.'
            problems.error("Conflicting arguments", detail, "image_members", "image_visibility")
        if self.image_auto_accept_members and not self.image_members and problems.is_known("image_members"):
            detail = '"image_auto_accept_members" has no effect without image_members.'
            problems.warn("Argument without effect", detail, "image_auto_accept_members")
        for name in ("image_min_disk", "image_creation_wait"):
            if getattr(self, name) < 0:
                problems.error("Invalid number", f'"{name}" must not be negative.', name)
        _check_metadata(problems, "metadata", self.metadata)


@config
class OpenstackConfig:
    """Starts a machine in an OpenStack cloud and makes an image of it."""

    image_name: str = setting("The name of the image.")
    flavor: str = setting("The id or name of the machine's flavor, or a URL that ends in its id.")
    access: OpenstackAccess = embed(OpenstackAccess)
    source: SourceConfig = embed(SourceConfig)
    server: ServerConfig = embed(ServerConfig)
    network: NetworkConfig = embed(NetworkConfig)
    volume: VolumeConfig = embed(VolumeConfig)
    image: ImageConfig = embed(ImageConfig)
    communicator: CommunicatorConfig = embed(CommunicatorConfig)

    @property
    def machine_name(self) -> str:
        return self.server.instance_name or self.image_name

    def check(self, problems: Checker) -> None:
        how = self.communicator
        for name in ("image_name", "flavor"):
            if not getattr(self, name) and problems.is_known(name):
                problems.error("Missing required argument", f'The argument "{name}" must not be empty.', name)
        how.allow(problems, "ssh", "winrm", "none")
        if self.image.image_disk_format and not self.volume.use_blockstorage_volume:
            detail = '"image_disk_format" needs use_blockstorage_volume = true: else nova decides the format.'
            problems.error("Conflicting arguments", detail, "image_disk_format", "use_blockstorage_volume")
        lacks_key = not (how.ssh_private_key_file or how.ssh_agent_auth)
        if how.ssh_keypair_name and lacks_key and problems.is_known("ssh_private_key_file", "ssh_agent_auth"):
            detail = (
                'The cloud has the public key of "ssh_keypair_name"; name its private key with '
                '"ssh_private_key_file", or set "ssh_agent_auth".'
            )
            problems.error("Missing required argument", detail, "ssh_keypair_name")
        if how.ssh_keypair_name and how.temporary_key_pair_name:
            detail = 'No temporary key pair is made when "ssh_keypair_name" is set.'
            problems.error("Conflicting arguments", detail, "temporary_key_pair_name", "ssh_keypair_name")


def _is_range(text: str) -> bool:
    from ipaddress import ip_network

    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _check_metadata(problems: Checker, name: str, metadata: dict[str, str]) -> None:
    for key, value in metadata.items():
        if not _METADATA_KEY.fullmatch(key):
            detail = f'"{key}" is no key that OpenStack takes: letters, digits, spaces and _ : . - are allowed.'
            problems.error("Invalid metadata key", detail, name)
        for text in (key, value):
            if len(text.encode()) > LONGEST_METADATA:
                detail = f'"{text[:40]}…" is longer than {LONGEST_METADATA} bytes, which OpenStack does not take.'
                problems.error("Metadata too long", detail, name)
