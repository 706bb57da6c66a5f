"""The instance on which the image is built."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from hclimg.builders.aws.settings.metadata import MetadataOptions
from hclimg.builders.aws.settings.network import NetworkConfig
from hclimg.builders.aws.settings.profile import ProfileConfig
from hclimg.builders.aws.settings.spot import SpotConfig
from hclimg.builders.aws.settings.tags import KNOWS, KeyValue, check_tags, merged
from hclimg.clouds.aws.images import AmiFilterConfig
from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, block, config, embed, setting

INTERFACES = ("public_ip", "private_ip", "public_dns", "private_dns", "ipv6", "session_manager")
SESSION_MANAGER = "session_manager"
KEY_TYPES = ("rsa", "ed25519")
TENANCIES = ("", "default", "dedicated", "host")
MOST_USER_DATA = 16 * 1024
_AMI = re.compile(r"ami-[0-9a-f]+")
_BURSTABLE = re.compile(r"t(2|3a?|4g)\.")


@config
class LicenseConfigurationRequest:
    """A license configuration of AWS License Manager."""

    license_configuration_arn: str = setting("Its ARN.")


@config
class LicenseSpecification:
    """A license for the instance."""

    license_configuration_request: LicenseConfigurationRequest = block("The license configuration.")


@config
class Placement:
    """On which of the hosts the instance runs."""

    host_resource_group_arn: str = setting("A resource group of dedicated hosts.", default="")
    host_id: str = setting("A dedicated host.", default="")
    tenancy: str = setting("With whom a host is shared.", default="", choices=TENANCIES, default_doc="default: anybody")

    def check(self, problems: Checker) -> None:
        problems.at_most_one("host_resource_group_arn", "host_id")
        for name in ("host_resource_group_arn", "host_id"):
            if getattr(self, name) and self.tenancy not in ("", "host"):
                detail = f'"{name}" names a dedicated host, so "tenancy" can only be "host".'
                problems.error("Conflicting arguments", detail, "tenancy", name)


@config
class CapacityConfig:
    """Reserved capacity."""

    capacity_reservation_preference: str = setting(
        'Whether reserved capacity that fits is used ("open") or not ("none").',
        default="",
        choices=("", "none", "open"),
        default_doc="none",
    )
    capacity_reservation_id: str = setting("The reservation to use.", default="")
    capacity_reservation_group_arn: str = setting("A resource group of reservations to use.", default="")

    def check(self, problems: Checker) -> None:
        target = ("capacity_reservation_id", "capacity_reservation_group_arn")
        problems.at_most_one(*target)
        for name in target:
            if getattr(self, name) and self.capacity_reservation_preference:
                detail = f'"{name}" names what is used, so no preference can be given.'
                problems.error("Conflicting arguments", detail, "capacity_reservation_preference", name)


@config
class ConnectionConfig:
    """How the instance is reached."""

    ssh_interface: str = setting(
        "Which address of the instance to connect to; `session_manager` goes through AWS Systems Manager.",
        default="",
        choices=("", *INTERFACES),
        default_doc="the public address if there is one, else the private",
    )
    pause_before_ssm: timedelta = setting(
        "How long to wait before the session of the Session Manager.", default=timedelta(), default_doc="0s"
    )
    session_manager_port: int = setting(
        "The port of this host that leads to the instance.", default=0, default_doc="a free one from 8000 to 9000"
    )
    windows_password_timeout: timedelta = setting(
        "How long to wait for the password of a Windows instance.", default=timedelta(minutes=20)
    )

    def check(self, problems: Checker) -> None:
        if not 0 <= self.session_manager_port <= 65535:
            detail = f'"session_manager_port" must be a number from 1 to 65535, not {self.session_manager_port}.'
            problems.error("Invalid port", detail, "session_manager_port")
        for name in ("session_manager_port", "pause_before_ssm"):
            if problems.is_set(name) and self.ssh_interface != SESSION_MANAGER and problems.is_known("ssh_interface"):
                detail = f'"{name}" has no effect unless "ssh_interface" is "{SESSION_MANAGER}".'
                problems.warn("Argument without effect", detail, name)


@config
class RunConfig:
    """The instance on which the image is built."""

    network: NetworkConfig = embed(NetworkConfig)
    profile: ProfileConfig = embed(ProfileConfig)
    spot: SpotConfig = embed(SpotConfig)
    capacity: CapacityConfig = embed(CapacityConfig)
    connection: ConnectionConfig = embed(ConnectionConfig)
    communicator: CommunicatorConfig = embed(CommunicatorConfig)

    source_ami: str = setting("The image to start from.", default="", example='"ami-0123456789abcdef0"')
    source_ami_filter: AmiFilterConfig = block("Chooses the image to start from.", default=AmiFilterConfig())
    instance_type: str = setting("The type of the instance.", default="", example='"t3.small"')
    ebs_optimized: bool = setting("Whether the instance has bandwidth of its own to its disks.", default=False)
    enable_nitro_enclave: bool = setting("Whether the instance can have Nitro enclaves.", default=False)
    enable_unlimited_credits: bool = setting(
        "Whether an instance of a t type may use more of the processor than it has earned; costs extra.", default=False
    )
    enable_t2_unlimited: bool = setting(
        "The old name of enable_unlimited_credits.", default=False, deprecated="write enable_unlimited_credits instead."
    )
    disable_stop_instance: bool = setting(
        "Whether a provisioner stops the instance itself, as Sysprep does; it is then only waited for.", default=False
    )
    shutdown_behavior: str = setting(
        "What a shutdown from within does to the instance.", default="stop", choices=("stop", "terminate")
    )
    run_tags: dict[str, str] = setting(
        f"Tags of all that is made for the build, and of the image unless skip_ami_run_tags is set. {KNOWS}",
        factory=dict,
        template=True,
    )
    run_tag: tuple[KeyValue, ...] = block("One tag of all that is made for the build.", many=True, default=())
    license_specifications: tuple[LicenseSpecification, ...] = block("Licenses.", many=True, default=())
    placement: Placement = block("On which host the instance runs.", default=Placement())
    tenancy: str = setting(
        "With whom the host is shared.",
        default="",
        choices=TENANCIES,
        deprecated="write placement { tenancy = … } instead.",
    )
    user_data: str = setting(
        "What the instance finds as its user data, such as a cloud-init document; at most 16 KiB.", default=""
    )
    user_data_file: str = setting("A file with the user data.", default="")
    metadata_options: MetadataOptions = block("The instance metadata service.", default=MetadataOptions())

    @property
    def all_run_tags(self) -> dict[str, str]:
        return merged(self.run_tags, self.run_tag)

    @property
    def unlimited(self) -> bool:
        return self.enable_unlimited_credits or self.enable_t2_unlimited

    @property
    def burstable(self) -> bool:
        return bool(_BURSTABLE.match(self.instance_type))

    @property
    def by_session_manager(self) -> bool:
        return self.connection.ssh_interface == SESSION_MANAGER

    @property
    def whose_host(self) -> str:
        return self.placement.tenancy or self.tenancy

    @property
    def user_data_path(self) -> Path | None:
        return Path(self.user_data_file).expanduser() if self.user_data_file else None

    def check(self, problems: Checker) -> None:
        self.communicator.allow(problems, "ssh", "winrm", "none")
        self._check_source(problems)
        self._check_types(problems)
        self._check_keys(problems)
        self._check_session_manager(problems)
        self._check_user_data(problems)
        if self.placement.tenancy and self.tenancy:
            detail = 'Only one of "tenancy" and the tenancy of "placement" can be set.'
            problems.error("Conflicting arguments", detail, "tenancy", "placement")
        if problems.is_known("run_tags", "run_tag"):
            check_tags(problems, "run_tags", self.all_run_tags, "run_tag")

    def _check_source(self, problems: Checker) -> None:
        chosen = self.source_ami_filter
        if not problems.is_known("source_ami", "source_ami_filter"):
            return
        if not self.source_ami and not problems.is_set("source_ami_filter"):
            detail = 'One of "source_ami" and "source_ami_filter" is required: the image to start from.'
            problems.error("Missing required argument", detail, "source_ami", "source_ami_filter")
        elif not self.source_ami and not chosen.owners:
            detail = (
                'The argument "owners" of "source_ami_filter" is required: anybody can give an image any name, '
                'so say whose image you trust, such as ["self"], ["amazon"] or the id of an account.'
            )
            problems.error("Missing required argument", detail, "source_ami_filter")
        if self.source_ami and not _AMI.fullmatch(self.source_ami):
            detail = f'"{self.source_ami}" is not the id of an image, such as ami-0123456789abcdef0.'
            problems.error("Invalid id", detail, "source_ami")

    def _check_types(self, problems: Checker) -> None:
        if not problems.is_known("instance_type", "spot_instance_types"):
            return
        types = self.spot.spot_instance_types
        if not self.instance_type and not types:
            detail = 'The argument "instance_type" is required, or "spot_instance_types" for a spot instance.'
            problems.error("Missing required argument", detail, "instance_type", "spot_instance_types")
        elif self.instance_type and types:
            detail = 'Only one of "instance_type" and "spot_instance_types" can be set.'
            problems.error("Conflicting arguments", detail, "spot_instance_types", "instance_type")
        if self.unlimited and self.instance_type and not self.burstable:
            detail = f"Instances of the types t2, t3, t3a and t4g earn credits; {self.instance_type} does not."
            problems.error("Conflicting arguments", detail, "enable_unlimited_credits", "enable_t2_unlimited")
        if self.unlimited and self.spot.wanted and self.instance_type.startswith("t2."):
            detail = "Spot instances of the type t2 cannot have unlimited credits."
            problems.error("Conflicting arguments", detail, "enable_unlimited_credits", "enable_t2_unlimited")
        if self.enable_nitro_enclave:
            if self.spot.wanted:
                detail = "A spot instance cannot have Nitro enclaves."
                problems.error("Conflicting arguments", detail, "enable_nitro_enclave", "spot_price")
            if self.burstable:
                detail = f"An instance of the type {self.instance_type} cannot have Nitro enclaves."
                problems.error("Conflicting arguments", detail, "enable_nitro_enclave", "instance_type")

    def _check_keys(self, problems: Checker) -> None:
        how = self.communicator
        kind = how.temporary_key_pair_type
        if kind and kind not in KEY_TYPES and kind != "dsa" and problems.is_known("temporary_key_pair_type"):
            detail = f'EC2 has key pairs of the types {" and ".join(KEY_TYPES)}, not "{kind}".'
            problems.error("Unsupported key type", detail, "temporary_key_pair_type")
        if kind == "ed25519" and how.temporary_key_pair_bits:
            detail = '"temporary_key_pair_bits" has no effect: a key of the type ed25519 has one size.'
            problems.warn("Argument without effect", detail, "temporary_key_pair_bits")
        if not how.ssh_keypair_name or how.communicator == "none":
            return
        if how.communicator == "winrm" and not how.winrm_password and not how.ssh_private_key_file:
            detail = 'The password of Windows is encrypted for the key pair: set "ssh_private_key_file" to its key.'
            problems.error("Missing required argument", detail, "ssh_keypair_name", "ssh_private_key_file")
        elif how.communicator == "ssh" and not (how.ssh_private_key_file or how.ssh_agent_auth or how.ssh_password):
            detail = 'Set "ssh_private_key_file" to the key of "ssh_keypair_name", or "ssh_agent_auth" to true.'
            problems.error("Missing required argument", detail, "ssh_keypair_name", "ssh_private_key_file")

    def _check_session_manager(self, problems: Checker) -> None:
        if not self.by_session_manager:
            return
        if self.communicator.communicator == "winrm":
            detail = "WinRM does not go through the Session Manager; use SSH."
            problems.error("Conflicting arguments", detail, "ssh_interface", "communicator")
        if not self.profile.wanted:
            detail = (
                'The agent of the Session Manager needs permissions: set "iam_instance_profile" to a profile with the '
                'policy AmazonSSMManagedInstanceCore, or write a "temporary_iam_instance_profile_policy_document".'
            )
            problems.error("Missing required argument", detail, "ssh_interface", "iam_instance_profile")

    def _check_user_data(self, problems: Checker) -> None:
        problems.at_most_one("user_data", "user_data_file")
        size = len(self.user_data.encode())
        path = self.user_data_path
        if path is not None and problems.is_known("user_data_file"):
            problems.file_exists("user_data_file", self.user_data_file)
            size = path.stat().st_size if path.is_file() else 0
        if size > MOST_USER_DATA:
            detail = f"User data has {MOST_USER_DATA} bytes at most; these are {size}."
            problems.error("User data too long", detail, "user_data", "user_data_file")
