"""The settings of the vSphere builders that are neither hardware nor the source of the machine."""

from __future__ import annotations

from hclimg.builders.vsphere.hardware import (
    AdapterConfig,
    BootOrderConfig,
    CdromConfig,
    FlagConfig,
    HardwareConfig,
    IpConfig,
    ParametersConfig,
    StorageConfig,
)
from hclimg.clouds.vsphere.access import VsphereAccess
from hclimg.communicators.config import CommunicatorConfig
from hclimg.config.fields import Checker, block, config, embed, setting
from hclimg.sdk.boot import BootConfig
from hclimg.sdk.cdrom import CdConfig
from hclimg.sdk.floppy import FloppyConfig
from hclimg.sdk.http import HttpConfig
from hclimg.sdk.shutdown import ShutdownConfig


@config
class LocationConfig:
    """Where the machine is in the inventory, and where it runs."""

    vm_name: str = setting("The name of the machine, which becomes the image.")
    folder: str = setting("The folder for it, below the datacenter's; made when it does not exist.", default="")
    cluster: str = setting("The cluster that it runs in.", default="")
    host: str = setting("The ESXi host that it runs on. Required when there is no cluster.", default="")
    resource_pool: str = setting("The resource pool for it.", default="", default_doc="the root of the cluster or host")
    datastore: str = setting(
        "The datastore for its files.", default="", default_doc="the only one of the host; when cloning, the template's"
    )
    datastore_cluster: str = setting("A datastore cluster to choose the datastore from.", default="")
    set_host_for_datastore_uploads: bool = setting(
        "Whether files are sent to the ESXi host itself instead of through the vCenter.", default=False
    )

    def check(self, problems: Checker) -> None:
        if not self.cluster and not self.host and problems.is_known("cluster", "host"):
            detail = 'One of "cluster" and "host" is required: it says where the machine runs.'
            problems.error("Missing required argument", detail, "host", "cluster")
        if self.datastore and self.datastore_cluster:
            detail = 'Only one of "datastore" and "datastore_cluster" can be set.'
            problems.error("Conflicting arguments", detail, "datastore_cluster", "datastore")
        if self.set_host_for_datastore_uploads and not self.host:
            detail = '"set_host_for_datastore_uploads" needs "host", which says to which host.'
            problems.error("Conflicting arguments", detail, "set_host_for_datastore_uploads")
        if len(self.vm_name) > 80:
            detail = f"The name of a machine has at most 80 characters; this one has {len(self.vm_name)}."
            problems.error("Invalid name", detail, "vm_name")


@config
class ExportConfig:
    """Writes the finished machine into files of this host: its disks and an OVF descriptor."""

    name: str = setting("The name of the files.", default="", default_doc="vm_name")
    force: bool = setting("Whether files that exist are replaced.", default=False)
    image_files: bool = setting("Whether CD and floppy images of the machine are exported too.", default=False)
    manifest: str = setting(
        "The kind of checksums in the manifest.", default="sha256", choices=("none", "sha1", "sha256", "sha512")
    )
    output_directory: str = setting("Where the files go.", default="", default_doc="output-BUILDNAME")
    options: tuple[str, ...] = setting(
        "What more the descriptor tells: mac, uuid, extraconfig, nodevicesubtypes.", default=()
    )
    output_format: str = setting('"ovf" or "ova".', default="ovf", choices=("ovf", "ova"))

    def check(self, problems: Checker) -> None:
        from hclimg.diagnostics import did_you_mean

        known = ("mac", "uuid", "extraconfig", "nodevicesubtypes")
        for option in self.options:
            if option not in known:
                detail = f'"{option}" is not one of {", ".join(known)}.{did_you_mean(option, known)}'
                problems.error("Unknown export option", detail, "options")


@config
class LibraryConfig:
    """Puts the finished machine into a content library, as a template."""

    library: str = setting("The name of the content library.")
    name: str = setting("The name of the item.", default="", default_doc="vm_name and the time")
    description: str = setting("A text on the item.", default="", default_doc="made by hclimg")
    cluster: str = setting("The cluster for the template.", default="")
    folder: str = setting("The folder for the template.", default="", default_doc="the machine's")
    host: str = setting("The host for the template.", default="")
    resource_pool: str = setting("The resource pool for the template.", default="")
    datastore: str = setting("The datastore for the template.", default="", default_doc="the library's")
    destroy: bool = setting("Whether the machine is deleted when the item is there.", default=False)
    ovf: bool = setting("Whether the item is an OVF template instead of a VM template.", default=False)
    skip_import: bool = setting("Whether to leave the library alone.", default=False)
    ovf_flags: tuple[str, ...] = setting("Flags for an OVF template, such as PRESERVE_MAC.", default=())

    def check(self, problems: Checker) -> None:
        if self.ovf_flags and not self.ovf:
            problems.error("Conflicting arguments", '"ovf_flags" needs ovf = true.', "ovf_flags", "ovf")
        for name in ("cluster", "folder", "host", "resource_pool", "datastore"):
            if self.ovf and getattr(self, name):
                problems.warn("Argument without effect", f'An OVF template has no "{name}".', name)


@config
class ResultConfig:
    """What becomes of the machine."""

    create_snapshot: bool = setting("Whether a snapshot is made, from which linked clones can be made.", default=False)
    snapshot_name: str = setting("Its name.", default="Created By Packer")
    convert_to_template: bool = setting("Whether the machine becomes a template.", default=False)
    export: ExportConfig | None = block("Write the machine into files of this host.", default=None)
    content_library_destination: LibraryConfig | None = block("Put it into a content library.", default=None)
    notes: str = setting("A text on the machine.", default="")
    destroy: bool = setting(
        "Whether the machine is deleted in the end: for builds whose result is export.", default=False
    )

    @property
    def library(self) -> LibraryConfig | None:
        """The content library that the machine really goes into."""
        wanted = self.content_library_destination
        return wanted if wanted and not wanted.skip_import else None

    @property
    def destroyed(self) -> bool:
        """Whether the machine is not there in the end: the result is somewhere else."""
        return self.destroy or bool(self.library and self.library.destroy)

    def check(self, problems: Checker) -> None:
        library = self.content_library_destination
        if library and not library.ovf and not library.skip_import and self.create_snapshot:
            detail = "A VM template of a content library is made of a machine without snapshots; set ovf = true."
            problems.error("Conflicting arguments", detail, "content_library_destination", "create_snapshot")
        if library and library.destroy and self.convert_to_template:
            detail = (
                '"destroy" of content_library_destination deletes the template that "convert_to_template" asks for.'
            )
            problems.error("Conflicting arguments", detail, "convert_to_template", "content_library_destination")
        if self.destroy and self.convert_to_template:
            detail = '"destroy" deletes the template that "convert_to_template" asks for.'
            problems.error("Conflicting arguments", detail, "convert_to_template", "destroy")


@config
class RunConfig:
    """How the machine is run: media, boot, connection, shutdown."""

    cdrom: CdromConfig = embed(CdromConfig)
    adapters: AdapterConfig = embed(AdapterConfig)
    floppy: FloppyConfig = embed(FloppyConfig)
    cd: CdConfig = embed(CdConfig)
    http: HttpConfig = embed(HttpConfig)
    boot: BootConfig = embed(BootConfig)
    order: BootOrderConfig = embed(BootOrderConfig)
    ip: IpConfig = embed(IpConfig)
    shutdown: ShutdownConfig = embed(ShutdownConfig)
    communicator: CommunicatorConfig = embed(CommunicatorConfig)

    floppy_img_path: str = setting("A floppy image on a datastore.", default="", example='"[nfs] floppy/pvscsi.flp"')
    http_ip: str = setting(
        "The address of this host for `{{ .HTTPIP }}`.", default="", default_doc="the one that leads to the vCenter"
    )
    disable_shutdown: bool = setting(
        "Whether the machine goes off by itself; it is waited for, shutdown_timeout long.", default=False
    )

    def check(self, problems: Checker) -> None:
        self.communicator.allow(problems, "ssh", "winrm", "none")
        self.communicator.require_winrm_password(problems)
        if self.floppy_img_path:
            from hclimg.clouds.vsphere.paths import parse_path

            try:
                parse_path(self.floppy_img_path)
            except ValueError as error:
                problems.error("Invalid datastore path", f"{error}.", "floppy_img_path")
            if self.floppy.wanted:
                detail = 'A machine has one floppy: set either "floppy_img_path" or the floppy files.'
                problems.error("Conflicting arguments", detail, "floppy_img_path", "floppy_files", "floppy_content")
        if self.disable_shutdown and self.shutdown.shutdown_command:
            detail = '"disable_shutdown" leaves the shutdown to the guest, so "shutdown_command" is never run.'
            problems.error("Conflicting arguments", detail, "disable_shutdown", "shutdown_command")


@config
class CommonConfig:
    """What both builders have."""

    access: VsphereAccess = embed(VsphereAccess)
    location: LocationConfig = embed(LocationConfig)
    hardware: HardwareConfig = embed(HardwareConfig)
    flags: FlagConfig = embed(FlagConfig)
    parameters: ParametersConfig = embed(ParametersConfig)
    disks: StorageConfig = embed(StorageConfig)
    running: RunConfig = embed(RunConfig)
    result: ResultConfig = embed(ResultConfig)
