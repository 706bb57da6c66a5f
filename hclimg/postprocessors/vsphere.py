"""Post-processor ``vsphere``: uploads a machine to a vCenter. Packer calls VMware's ovftool for it; this needs none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen

from hclimg.clouds.vsphere.access import HostAccess
from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact

DISK_MODES = (
    "thick", "thin", "eagerZeroedThick", "seSparse", "sparse", "flat", "monolithicSparse", "monolithicFlat",
    "twoGbMaxExtentSparse", "twoGbMaxExtentFlat",
)  # fmt: skip
HARDWARE = re.compile(r"(vmx-)?([1-9][0-9]?)")
OPTION = re.compile(r"--(net|prop):([^=]+)=(.*)|--(deploymentOption)=(.+)|--(acceptAllEulas)")


@frozen
class Options:
    """What of ovftool's options is known here: networks and properties by the OVF's names, a deployment option."""

    networks: dict[str, str] = field(factory=dict)
    properties: dict[str, str] = field(factory=dict)
    deployment: str = ""


def parse_options(texts: tuple[str, ...]) -> Options:
    """Raises ValueError with the first that is not known."""
    networks, properties, deployment = dict[str, str](), dict[str, str](), ""
    for text in texts:
        found = OPTION.fullmatch(text)
        if found is None:
            raise ValueError(text)
        if found[1]:
            (networks if found[1] == "net" else properties)[found[2]] = found[3]
        deployment = found[5] or deployment
    return Options(networks, properties, deployment)


@config
class VsphereConfig:
    """Uploads an OVF, OVA or VMX machine to a vCenter."""

    access: HostAccess = embed(HostAccess)
    datacenter: str = setting("The datacenter, by name or path.")
    cluster: str = setting("The cluster (or single host) that the machine belongs to.")
    esxi_host: str = setting("The ESXi host of the cluster for it.", default="", default_doc="the vCenter chooses")
    resource_pool: str = setting("The resource pool for it.", default="", default_doc="the root of the cluster")
    datastore: str = setting("The datastore for its files.", default="", default_doc="the only one")
    datastore_cluster: str = setting("A datastore cluster to choose the datastore from.", default="")
    disk_mode: str = setting("How disks take space.", default="thick", choices=DISK_MODES)
    vm_name: str = setting("The name of the machine.", default="", default_doc="the name of the OVF, OVA or VMX file")
    vm_folder: str = setting("The folder for it; made when it does not exist.", default="")
    vm_network: str = setting(
        "The network for all its cards.", default="", default_doc="the one that is named as in the file"
    )
    hardware_version: str = setting(
        "The newest version of the virtual hardware that it may have.", default="", example='"14"'
    )
    overwrite: bool = setting("Whether a machine of that name is deleted first.", default=False)
    options: tuple[str, ...] = setting(
        "Options as for ovftool, of which there are `--net:NAME=NETWORK`, `--prop:KEY=VALUE`, `--deploymentOption=ID` "
        "and `--acceptAllEulas`.",
        default=(),
    )
    max_retries: int = setting("How often the upload of a file may break before it is given up.", default=5)

    def check(self, problems: Checker) -> None:
        if self.datastore and self.datastore_cluster:
            detail = 'Only one of "datastore" and "datastore_cluster" can be set.'
            problems.error("Conflicting arguments", detail, "datastore_cluster", "datastore")
        if self.hardware_version and not HARDWARE.fullmatch(self.hardware_version):
            detail = f'"{self.hardware_version}" is no version of virtual hardware; write a number such as "14".'
            problems.error("Invalid version", detail, "hardware_version")
        if self.max_retries < 0:
            problems.error("Invalid number", '"max_retries" cannot be negative.', "max_retries")
        if len(self.vm_name) > 80:
            detail = f"The name of a machine has at most 80 characters; this one has {len(self.vm_name)}."
            problems.error("Invalid name", detail, "vm_name")
        try:
            known = parse_options(self.options)
        except ValueError as error:
            detail = (
                f'There is no ovftool here, so "{error}" is not possible: only --net:NAME=NETWORK, --prop:KEY=VALUE, '
                "--deploymentOption=ID and --acceptAllEulas."
            )
            problems.error("Unknown option", detail, "options")
        else:
            if known.networks and self.vm_network:
                detail = '"vm_network" is for all cards; with --net options it must be left out.'
                problems.error("Conflicting arguments", detail, "vm_network", "options")


class VspherePostProcessor(PostProcessor[VsphereConfig]):
    Config: ClassVar[type] = VsphereConfig

    def uses(self) -> dict[str, int]:
        return {"vsphere": 1}

    def summary(self) -> str:
        return f"to {'/'.join(filter(None, (self.config.datacenter, self.config.vm_folder, self.config.vm_name)))}"

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.postprocessors.vsphere_upload import upload

        return upload(ctx, self.config, artifact)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.clouds.vsphere.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.clouds.vsphere.artifact import contents

        return contents(artifact)
