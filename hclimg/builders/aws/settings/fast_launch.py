"""Snapshots prepared in advance, from which Windows instances of the image start faster."""

from __future__ import annotations

from hclimg.config.fields import Checker, block, config, setting

LEAST_LAUNCHES = 6


@config
class RegionLaunchTemplate:
    """How instances are launched for it in one region."""

    region: str = setting("The region.")
    enable_fast_launch: bool = setting("Whether the image there has it.", default=True)
    template_id: str = setting("A launch template, by id.", default="")
    template_name: str = setting("A launch template, by name.", default="")
    template_version: int = setting("Its version.", default=0, default_doc="the latest")

    def check(self, problems: Checker) -> None:
        check_template(problems, self.template_version, named=bool(self.template_id or self.template_name))


@config
class FastLaunchConfig:
    """Prepares snapshots in advance, from which Windows instances of the image start faster. Set by any argument."""

    enable_fast_launch: bool | None = setting("Whether to do so.", default=None)
    template_id: str = setting("A launch template of the build's region, by id.", default="")
    template_name: str = setting("A launch template of the build's region, by name.", default="")
    template_version: int = setting("Its version.", default=0, default_doc="the latest")
    region_launch_templates: tuple[RegionLaunchTemplate, ...] = block(
        "How instances are launched for it in one region.", many=True, default=()
    )
    max_parallel_launches: int = setting(
        "How many instances may run at once to prepare them, at least 6.", default=0, default_doc="6"
    )
    target_resource_count: int = setting("How many snapshots to keep ready.", default=0, default_doc="5")

    @property
    def wanted(self) -> bool:
        any_set = (
            self.template_id or self.template_name or self.template_version or self.region_launch_templates
            or self.max_parallel_launches or self.target_resource_count
        )  # fmt: skip
        return bool(any_set) if self.enable_fast_launch is None else self.enable_fast_launch

    def template(self, region: str, build_region: str) -> RegionLaunchTemplate:
        """What is said of a region."""
        for one in self.region_launch_templates:
            if one.region == region:
                return one
        if region != build_region:
            return RegionLaunchTemplate(region=region)
        return RegionLaunchTemplate(
            region=region, template_id=self.template_id, template_name=self.template_name,
            template_version=self.template_version,
        )  # fmt: skip

    def check(self, problems: Checker) -> None:
        check_template(problems, self.template_version, named=bool(self.template_id or self.template_name))
        if self.max_parallel_launches and self.max_parallel_launches < LEAST_LAUNCHES:
            detail = f'"max_parallel_launches" is at least {LEAST_LAUNCHES}, not {self.max_parallel_launches}.'
            problems.error("Invalid number", detail, "max_parallel_launches")
        if self.target_resource_count < 0:
            problems.error("Invalid number", '"target_resource_count" must not be negative.', "target_resource_count")
        regions = [one.region for one in self.region_launch_templates]
        for region in {region for region in regions if regions.count(region) > 1}:
            detail = f"The region {region} has two blocks region_launch_templates."
            problems.error("Duplicate region", detail, "region_launch_templates")


def check_template(problems: Checker, version: int, *, named: bool) -> None:
    problems.at_most_one("template_id", "template_name")
    if version < 0:
        problems.error("Invalid number", '"template_version" must not be negative.', "template_version")
    elif version and not named:
        detail = '"template_version" is of a launch template; name it with "template_id" or "template_name".'
        problems.error("Missing required argument", detail, "template_version", "template_id", "template_name")
