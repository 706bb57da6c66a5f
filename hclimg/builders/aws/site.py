"""Where a build works, and what everything that it makes is marked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.builders.aws.source import SourceImage
from hclimg.sdk.mark import RUN_TAG

if TYPE_CHECKING:
    from hclimg.clouds.aws.client import Aws, Service
    from hclimg.sdk.context import Context


@frozen(kw_only=True)
class Site:
    """``run_tags`` are those of the settings, filled in; ``tags`` has the mark of the run besides."""

    aws: Aws
    ec2: Service
    source: SourceImage
    run_tags: Mapping[str, str]
    mark: Mapping[str, str]

    @property
    def tags(self) -> dict[str, str]:
        return {**self.run_tags, **self.mark}


def open_site(ctx: Context, aws: Aws, source: SourceImage, run_tags: Mapping[str, str]) -> Site:
    rendered = source.rendered(ctx, run_tags)
    return Site(aws=aws, ec2=aws.service("ec2"), source=source, run_tags=rendered, mark={RUN_TAG: ctx.run.id})
