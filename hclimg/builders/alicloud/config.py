"""The settings of alicloud-ecs: all of Packer's keys with its rules and defaults.

Knows nothing of the API, nor of how an instance becomes an image.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

from hclimg.clouds.alicloud.access import AlicloudAccess
from hclimg.clouds.alicloud.disks import LONGEST_DESCRIPTION, LONGEST_NAME, DisksConfig, check_text
from hclimg.clouds.alicloud.image_settings import LONGEST_WAIT, ImageConfig
from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, config, embed, setting

LARGEST_USER_DATA = 32 * 1024  # bytes
LARGEST_BANDWIDTH = 200  # Mbit/s
CHARGES = ("PayByTraffic", "PayByBandwidth")


@config
class NetworkConfig:
    """Where the instance is connected. What is not named is made for the build."""

    vpc_id: str = setting("The VPC to use.", default="", default_doc="a temporary one")
    vpc_name: str = setting("The name of the temporary VPC.", default="")
    vpc_cidr_block: str = setting(
        "The addresses of the temporary VPC, and of the temporary VSwitch.", default="", default_doc="172.16.0.0/16",
        example='"192.168.0.0/16"',
    )  # fmt: skip
    vswitch_id: str = setting("The VSwitch to use; its VPC is found by it.", default="", default_doc="a temporary one")
    vswitch_name: str = setting("The name of the temporary VSwitch.", default="")
    security_group_id: str = setting("The security group to use.", default="", default_doc="a temporary one")
    security_group_name: str = setting("The name of the temporary security group.", default="")
    zone_id: str = setting(
        "The zone of the instance.", default="", default_doc="the first zone that has the instance type in stock"
    )
    associate_public_ip_address: bool | None = setting(
        "Whether the instance gets an elastic IP address.", default=None, default_doc="true, unless ssh_private_ip is"
    )
    eip_id: str = setting("An elastic IP address to use; it stays.", default="", default_doc="a temporary one")
    internet_charge_type: str = setting(
        "How traffic is paid.", default="", choices=("", *CHARGES), default_doc="the API's"
    )
    internet_max_bandwidth_out: int = setting(
        "The bandwidth to the Internet in Mbit/s.", default=0, default_doc="the API's"
    )
    ssh_private_ip: bool = setting("Whether to connect to the private address of the instance.", default=False)

    def check(self, problems: Checker) -> None:
        for name, other in (
            ("vpc_name", "vpc_id"), ("vswitch_name", "vswitch_id"), ("security_group_name", "security_group_id"),
            ("vpc_cidr_block", "vswitch_id"),
        ):  # fmt: skip
            if getattr(self, name) and getattr(self, other):
                detail = f'"{name}" is for what is made, but "{other}" names one that exists.'
                problems.warn("Argument without effect", detail, name, other)
        for name in ("vpc_name", "vswitch_name", "security_group_name"):
            check_text(problems, name, getattr(self, name), LONGEST_NAME)
        self._check_block(problems)
        if not 0 <= self.internet_max_bandwidth_out <= LARGEST_BANDWIDTH:
            detail = f"The bandwidth is from 1 to {LARGEST_BANDWIDTH} Mbit/s."
            problems.error("Invalid number", detail, "internet_max_bandwidth_out")
        if self.eip_id and self.associate_public_ip_address is False:
            detail = '"eip_id" names an address for the instance, but associate_public_ip_address is false.'
            problems.error("Conflicting arguments", detail, "associate_public_ip_address", "eip_id")

    def _check_block(self, problems: Checker) -> None:
        if not self.vpc_cidr_block or not problems.is_known("vpc_cidr_block"):
            return
        try:
            block = IPv4Network(self.vpc_cidr_block)
        except ValueError as error:
            detail = f'"{self.vpc_cidr_block}" is not a block of IPv4 addresses: {error}.'
            problems.error("Invalid address block", detail, "vpc_cidr_block")
            return
        if not 8 <= block.prefixlen <= 28:
            detail = f'"{block}": a VPC has a block from /8 to /28.'
            problems.error("Invalid address block", detail, "vpc_cidr_block")

    @property
    def wants_address(self) -> bool:
        """Whether the instance gets an elastic address in its VPC."""
        asked = self.associate_public_ip_address
        return bool(self.eip_id) or (not self.ssh_private_ip if asked is None else asked)


@config
class AlicloudEcsConfig:
    """Launches an ECS instance in Alibaba Cloud and makes an image of it."""

    access: AlicloudAccess = embed(AlicloudAccess)
    image: ImageConfig = embed(ImageConfig)
    disks: DisksConfig = embed(DisksConfig)
    network: NetworkConfig = embed(NetworkConfig)
    communicator: CommunicatorConfig = embed(CommunicatorConfig)

    instance_type: str = setting("The type of the instance.", example='"ecs.g7.large"')
    source_image: str = setting("The id of the image that the instance starts from.", default="")
    image_family: str = setting("The family whose newest image the instance starts from.", default="")
    instance_name: str = setting("The name of the instance.", default="", default_doc="one with the id of the run")
    description: str = setting("The description of the instance.", default="")
    io_optimized: bool | None = setting(
        "Whether the instance is I/O optimized.", default=None, default_doc="the API's for the instance type"
    )
    ecs_ram_role_name: str = setting("The RAM role that the instance has.", default="")
    security_enhancement_strategy: str = setting(
        "Whether the instance is hardened; only instances of public images can be.", default="",
        choices=("", "Active", "Deactive"), default_doc="the API's",
    )  # fmt: skip
    user_data: str = setting("User data of the instance, not encoded.", default="")
    user_data_file: Path | None = setting("A file with the user data.", default=None)
    run_tags: dict[str, str] = setting("Tags of the instance.", factory=dict)
    force_stop_instance: bool = setting("Whether to switch the instance off, not shut it down.", default=False)
    disable_stop_instance: bool = setting(
        "Whether the last provisioner stops the instance; then it is only waited for.", default=False
    )
    image_ignore_data_disks: bool = setting("Whether the image has the system disk only.", default=False)
    wait_snapshot_ready_timeout: int = setting(
        "How long the snapshots, and the image that is made of them, may take, in seconds.", default=0,
        default_doc="3600",
    )  # fmt: skip
    skip_create_image: bool = setting("Whether to make no image: for trying a template.", default=False)

    def check(self, problems: Checker) -> None:
        self.communicator.allow(problems, "ssh", "winrm", "none")
        self._check_source(problems)
        self._check_user_data(problems)
        self._check_key_pair(problems)
        self._check_regions(problems)
        check_text(problems, "instance_name", self.instance_name, LONGEST_NAME)
        check_text(problems, "description", self.description, LONGEST_DESCRIPTION)
        if self.disable_stop_instance and self.force_stop_instance:
            detail = '"force_stop_instance" says how hclimg stops the instance, but disable_stop_instance is true.'
            problems.error("Conflicting arguments", detail, "force_stop_instance", "disable_stop_instance")
        if self.wait_snapshot_ready_timeout < 0:
            problems.error("Invalid number", "A time cannot be negative.", "wait_snapshot_ready_timeout")

    def _check_source(self, problems: Checker) -> None:
        if problems.is_known("source_image", "image_family"):
            given = [name for name in ("source_image", "image_family") if getattr(self, name)]
            if not given:
                detail = 'Set "source_image" or "image_family".'
                problems.error("Missing required argument", detail, "source_image", "image_family")
            elif len(given) == 2:
                detail = 'Only one of "source_image" and "image_family" can be set.'
                problems.error("Conflicting arguments", detail, "image_family", "source_image")
        for name in ("source_image", "image_family", "instance_type"):
            text = getattr(self, name)
            if text != text.strip() or (name == "instance_type" and not text and problems.is_known(name)):
                problems.error("Invalid text", f'"{name}" must not be empty or have spaces around it.', name)

    def _check_user_data(self, problems: Checker) -> None:
        problems.at_most_one("user_data", "user_data_file")
        if self.user_data_file:
            problems.file_exists("user_data_file", str(self.user_data_file))
        if len(self.user_data.encode()) > LARGEST_USER_DATA:
            detail = f"User data has at most {LARGEST_USER_DATA // 1024} KiB."
            problems.error("Too much user data", detail, "user_data")

    def _check_key_pair(self, problems: Checker) -> None:
        how = self.communicator
        logs_in = how.ssh_private_key_file or how.ssh_agent_auth or how.ssh_password.reveal()
        if how.communicator == "ssh" and how.ssh_keypair_name and not logs_in:
            detail = '"ssh_keypair_name" needs its private key: set ssh_private_key_file or ssh_agent_auth.'
            problems.error("Missing required argument", detail, "ssh_keypair_name")
        if how.ssh_keypair_name and how.temporary_key_pair_name:
            detail = 'An instance has one key pair: set "ssh_keypair_name" or "temporary_key_pair_name".'
            problems.error("Conflicting arguments", detail, "temporary_key_pair_name", "ssh_keypair_name")

    def _check_regions(self, problems: Checker) -> None:
        if not problems.is_known("region", "image_copy_regions", "zone_id"):
            return
        for region in self.image.image_copy_regions:
            self.access.check_region(problems, region, "image_copy_regions")
        zone, region = self.network.zone_id, self.access.region
        if zone and region and not zone.startswith(region):
            detail = f'The zone "{zone}" is not in the region "{region}".'
            problems.error("Conflicting arguments", detail, "zone_id", "region")

    @property
    def makes_key_pair(self) -> bool:
        """Whether there is a key pair for this build: unless the user says how else to log in."""
        how = self.communicator
        other = how.ssh_keypair_name or how.ssh_private_key_file or how.ssh_agent_auth or how.ssh_password.reveal()
        return how.communicator == "ssh" and bool(how.temporary_key_pair_name or not other)

    @property
    def in_vpc(self) -> bool:
        """As in Packer: key pairs and user data need a VPC; an instance without them is in the classic network."""
        how, network = self.communicator, self.network
        by_password = bool(how.ssh_password.reveal() or how.winrm_password.reveal())
        named = network.vpc_id or network.vswitch_id or network.eip_id or network.vpc_name or network.vpc_cidr_block
        key = self.makes_key_pair or how.ssh_keypair_name or how.ssh_private_key_file
        return bool(named or key or self.user_data or self.user_data_file or not by_password)

    @property
    def snapshot_timeout(self) -> timedelta:
        return timedelta(seconds=self.wait_snapshot_ready_timeout or LONGEST_WAIT)
