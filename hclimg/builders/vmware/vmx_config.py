"""The settings of vmware-vmx: a clone of a machine that exists."""

from __future__ import annotations

from pathlib import Path

from hclimg.builders.vmware.config import CommonConfig, check_hardware_version
from hclimg.config.fields import Checker, config, embed, setting


@config
class VmwareVmxConfig:
    """Clones a machine of VMware Workstation, Player or Fusion on this host, and makes an image of the clone.

    VMware's vmrun must be installed. hclimg's tests run against a stand-in for it that records what it is told: it was
    never run with VMware itself.
    """

    source_path: Path = setting("The VMX file of the machine to clone.", example='"output-base/base.vmx"')
    linked: bool = setting(
        "Whether the clone only holds what differs from the source, which it then needs for ever.", default=False
    )
    attach_snapshot: str = setting("The snapshot of the source to clone.", default="", default_doc="its present state")
    guest_os_type: str = setting("Another operating system, as a VMX file names it.", default="")
    version: int = setting("Another version of the virtual hardware.", default=0, default_doc="the source's")
    common: CommonConfig = embed(CommonConfig)

    def check(self, problems: Checker) -> None:
        if problems.is_known("source_path"):
            problems.file_exists("source_path", str(self.source_path))
            if self.source_path.suffix.lower() != ".vmx":
                detail = f'"source_path" must name a VMX file, not "{self.source_path}".'
                problems.error("Invalid file", detail, "source_path")
        check_hardware_version(problems, self.version)
