"""Post-processor ``vsphere-template``: makes a template of a machine that is in a vCenter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hclimg.clouds.vsphere.access import HostAccess
from hclimg.config.fields import Checker, config, embed, setting
from hclimg.sdk.components import PostProcessor

if TYPE_CHECKING:
    from hclimg.sdk.context import Context
    from hclimg.sdk.machine import Artifact


@config
class VsphereTemplateConfig:
    """Makes a template of the machine that the post-processor vsphere uploaded or a vSphere builder made."""

    access: HostAccess = embed(HostAccess)
    datacenter: str = setting("The datacenter, by name or path.", default="", default_doc="the only one")
    template_name: str = setting("The name of the template.", default="", default_doc="the machine's")
    folder: str = setting(
        "The folder for it, below the datacenter's; made when it does not exist.", default="",
        default_doc="the machine's",
    )  # fmt: skip
    snapshot_enable: bool = setting("Whether a snapshot is made first, for linked clones.", default=False)
    snapshot_name: str = setting("Its name.", default="Created by hclimg")
    snapshot_description: str = setting("A text on it.", default="")
    reregister_vm: bool = setting(
        "Whether the machine is registered anew, as a template, instead of being marked as one.",
        default=True,
    )
    override: bool = setting("Whether a machine or template of that name is deleted first.", default=False)

    def check(self, problems: Checker) -> None:
        if len(self.template_name) > 80:
            detail = f"The name of a template has at most 80 characters; this one has {len(self.template_name)}."
            problems.error("Invalid name", detail, "template_name")
        for name in ("snapshot_name", "snapshot_description"):
            if problems.is_set(name) and not self.snapshot_enable and problems.is_known("snapshot_enable"):
                detail = f'Without snapshot_enable = true no snapshot is made, so "{name}" says nothing.'
                problems.warn("Argument without effect", detail, name)


class VsphereTemplatePostProcessor(PostProcessor[VsphereTemplateConfig]):
    Config: ClassVar[type] = VsphereTemplateConfig
    keeps_input: ClassVar[bool] = True
    forces_input: ClassVar[bool] = True  # it is the template now

    def uses(self) -> dict[str, int]:
        return {"vsphere": 1}

    def summary(self) -> str:
        return "/".join(filter(None, (self.config.folder, self.config.template_name)))

    def process(self, ctx: Context, artifact: Artifact) -> Artifact:
        from hclimg.postprocessors.vsphere_templating import make_template

        return make_template(ctx, self.config, artifact)

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        from hclimg.clouds.vsphere.artifact import destroy

        destroy(ctx, artifact)

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        from hclimg.clouds.vsphere.artifact import contents

        return contents(artifact)
