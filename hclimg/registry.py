"""Finds components by kind and name. Nothing is imported until a template names it.

The components of hclimg itself stand in a table, so that finding one costs nothing; packages of others announce theirs
with entry points (groups ``hclimg.builders``, ``hclimg.provisioners``, ``hclimg.post_processors``,
``hclimg.data_sources``), which are read only when the table does not have the name. The same holds for the removers
of clouds (group ``hclimg.removers``), which only ``hclimg cleanup`` needs.
"""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import frozen

from hclimg.errors import PluginError
from hclimg.sdk.components import Builder, Component, DataSource, PostProcessor, Provisioner

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from hclimg.sdk.remover import Remover


class Kind(StrEnum):
    BUILDER = "builder"
    PROVISIONER = "provisioner"
    POST_PROCESSOR = "post-processor"
    DATA_SOURCE = "data source"

    @property
    def group(self) -> str:
        """The group of entry points."""
        return f"hclimg.{self.value.replace(' ', '_').replace('-', '_')}s"


BASES: dict[Kind, type[Component[Any]]] = {
    Kind.BUILDER: Builder,
    Kind.PROVISIONER: Provisioner,
    Kind.POST_PROCESSOR: PostProcessor,
    Kind.DATA_SOURCE: DataSource,
}

BUILT_IN: dict[Kind, dict[str, str]] = {
    Kind.BUILDER: {
        "alicloud-ecs": "hclimg.builders.alicloud.builder:AlicloudEcsBuilder",
        "amazon-ebs": "hclimg.builders.aws.ebs.builder:EbsBuilder",
        "amazon-ebssurrogate": "hclimg.builders.aws.ebssurrogate.builder:SurrogateBuilder",
        "amazon-ebsvolume": "hclimg.builders.aws.ebsvolume.builder:EbsVolumeBuilder",
        "docker": "hclimg.builders.docker.builder:DockerBuilder",
        "file": "hclimg.builders.file.builder:FileBuilder",
        "null": "hclimg.builders.null.builder:NullBuilder",
        "openstack": "hclimg.builders.openstack.builder:OpenstackBuilder",
        "qemu": "hclimg.builders.qemu.builder:QemuBuilder",
        "rootfs": "hclimg.builders.rootfs.builder:RootfsBuilder",
        "vmware-iso": "hclimg.builders.vmware.builder:VmwareIsoBuilder",
        "vmware-vmx": "hclimg.builders.vmware.builder:VmwareVmxBuilder",
        "vsphere-clone": "hclimg.builders.vsphere.builder:VsphereCloneBuilder",
        "vsphere-iso": "hclimg.builders.vsphere.builder:VsphereIsoBuilder",
    },
    Kind.PROVISIONER: {
        "ansible": "hclimg.provisioners.ansible:AnsibleProvisioner",
        "ansible-local": "hclimg.provisioners.ansible_local:AnsibleLocalProvisioner",
        "breakpoint": "hclimg.provisioners.breakpoint:BreakpointProvisioner",
        "chef-client": "hclimg.provisioners.chef_client:ChefClientProvisioner",
        "chef-solo": "hclimg.provisioners.chef_solo:ChefSoloProvisioner",
        "file": "hclimg.provisioners.file:FileProvisioner",
        "powershell": "hclimg.provisioners.powershell:PowershellProvisioner",
        "hcp-sbom": "hclimg.provisioners.hcp_sbom:HcpSbomProvisioner",
        "puppet-masterless": "hclimg.provisioners.puppet_masterless:PuppetMasterlessProvisioner",
        "puppet-server": "hclimg.provisioners.puppet_server:PuppetServerProvisioner",
        "python": "hclimg.provisioners.python:PythonProvisioner",
        "salt-masterless": "hclimg.provisioners.salt_masterless:SaltMasterlessProvisioner",
        "shell": "hclimg.provisioners.shell:ShellProvisioner",
        "shell-local": "hclimg.provisioners.shell_local:ShellLocalProvisioner",
        "sleep": "hclimg.provisioners.sleep:SleepProvisioner",
        "windows-restart": "hclimg.provisioners.windows_restart:WindowsRestartProvisioner",
        "windows-shell": "hclimg.provisioners.windows_shell:WindowsShellProvisioner",
    },
    Kind.POST_PROCESSOR: {
        "alicloud-import": "hclimg.postprocessors.alicloud_import:AlicloudImportPostProcessor",
        "amazon-import": "hclimg.postprocessors.amazon_import:AmazonImportPostProcessor",
        "artifice": "hclimg.postprocessors.artifice:ArtificePostProcessor",
        "checksum": "hclimg.postprocessors.checksum:ChecksumPostProcessor",
        "compress": "hclimg.postprocessors.compress:CompressPostProcessor",
        "docker-import": "hclimg.postprocessors.docker_import:DockerImportPostProcessor",
        "docker-push": "hclimg.postprocessors.docker_push:DockerPushPostProcessor",
        "docker-save": "hclimg.postprocessors.docker_save:DockerSavePostProcessor",
        "docker-tag": "hclimg.postprocessors.docker_tag:DockerTagPostProcessor",
        "manifest": "hclimg.postprocessors.manifest:ManifestPostProcessor",
        "provenance": "hclimg.postprocessors.provenance:ProvenancePostProcessor",
        "sbom": "hclimg.postprocessors.sbom:SbomPostProcessor",
        "shell-local": "hclimg.postprocessors.shell_local:ShellLocalPostProcessor",
        "vagrant": "hclimg.postprocessors.vagrant:VagrantPostProcessor",
        "vmware": "hclimg.postprocessors.vmware:VmwarePostProcessor",
        "vsphere": "hclimg.postprocessors.vsphere:VspherePostProcessor",
        "vsphere-template": "hclimg.postprocessors.vsphere_template:VsphereTemplatePostProcessor",
    },
    Kind.DATA_SOURCE: {
        "amazon-ami": "hclimg.datasources.amazon_ami:AmazonAmiDataSource",
        "amazon-parameterstore": "hclimg.datasources.amazon_parameterstore:AmazonParameterStoreDataSource",
        "amazon-secretsmanager": "hclimg.datasources.amazon_secretsmanager:AmazonSecretsManagerDataSource",
        "http": "hclimg.datasources.http:HttpDataSource",
        "null": "hclimg.datasources.null:NullDataSource",
        "vsphere-virtualmachine": "hclimg.datasources.vsphere_virtualmachine:VsphereVirtualMachineDataSource",
    },
}

REMOVER_GROUP = "hclimg.removers"
REMOVERS: dict[str, str] = {
    "alicloud": "hclimg.clouds.alicloud.remover:AlicloudRemover",
    "aws": "hclimg.clouds.aws.remover:AwsRemover",
    "chef": "hclimg.provisioners.chef_remover:ChefRemover",
    "docker": "hclimg.containers.remover:DockerRemover",
    "openstack": "hclimg.clouds.openstack.remover:OpenstackRemover",
    "vmware": "hclimg.builders.vmware.remover:VmwareRemover",
    "vsphere": "hclimg.clouds.vsphere.remover:VsphereRemover",
}
"""By the part of a kind in the journal that is before the slash: ``aws/instance``."""


@frozen
class Foreign:
    """A component of an installed package, by its name in templates; ``target`` is ``module:class``."""

    name: str
    target: str
    package: str
    version: str


class Registry:
    """Looks components up; ``built_in`` can be replaced in tests."""

    def __init__(
        self, built_in: dict[Kind, dict[str, str]] | None = None, removers: dict[str, str] | None = None
    ) -> None:
        self._table = built_in if built_in is not None else BUILT_IN
        self._removers = removers if removers is not None else REMOVERS
        self._loaded: dict[tuple[Kind, str], type[Component[Any]]] = {}
        self._foreign: dict[str, dict[str, Foreign]] = {}

    def names(self, kind: Kind) -> list[str]:
        """All the names of a kind, those of installed packages too."""
        return sorted({*self._table[kind], *self._entry_points(kind.group)})

    def load(self, kind: Kind, name: str) -> type[Component[Any]] | None:
        """The class of a component, or None when nobody has the name. Raises PluginError when it is broken."""
        if (kind, name) not in self._loaded:
            target = self._target(self._table[kind], kind.group, name)
            if target is None:
                return None
            self._loaded[kind, name] = _component(kind, name, target)
        return self._loaded[kind, name]

    def load_remover(self, cloud: str) -> type[Remover] | None:
        """The remover of a cloud, or None when nobody has one. Raises PluginError when it is broken."""
        from hclimg.sdk.remover import Remover

        target = self._target(self._removers, REMOVER_GROUP, cloud)
        if target is None:
            return None
        what = f'The remover of "{cloud}"'
        cls = _import(what, target)
        if not (isinstance(cls, type) and issubclass(cls, Remover)):
            raise PluginError(f"{what} from {target} is not a Remover.")
        return cls

    def foreign(self, kind: Kind) -> list[Foreign]:
        """What installed packages provide, by name. One whose name hclimg has itself is listed, but never used."""
        return sorted(self._entry_points(kind.group).values(), key=lambda found: found.name)

    def is_built_in(self, kind: Kind, name: str) -> bool:
        return name in self._table[kind]

    def _target(self, table: dict[str, str], group: str, name: str) -> str | None:
        if name in table:
            return table[name]
        found = self._entry_points(group).get(name)
        return found.target if found else None

    def _entry_points(self, group: str) -> dict[str, Foreign]:
        if group not in self._foreign:
            from importlib.metadata import entry_points

            self._foreign[group] = {point.name: _described(point) for point in entry_points(group=group)}
        return self._foreign[group]


def _described(point: EntryPoint) -> Foreign:
    package = point.dist
    return Foreign(point.name, point.value, package.name if package else "", package.version if package else "")


def _component(kind: Kind, name: str, target: str) -> type[Component[Any]]:
    what = f'The {kind} "{name}"'
    cls = _import(what, target)
    if not (isinstance(cls, type) and issubclass(cls, BASES[kind]) and hasattr(cls, "Config")):
        raise PluginError(f"{what} from {target} is not a {BASES[kind].__name__} with a Config class.")
    return cls


def _import(what: str, target: str) -> object:
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{what} cannot be loaded from {target}: {error}") from error
