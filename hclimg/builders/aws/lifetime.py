"""When an image is deprecated, and that nobody deregisters it by mistake."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from hclimg.builders.aws.settings.ami import DeregistrationProtection
from hclimg.clouds.aws.drafts import Draft
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.sdk.context import Context


@step("Setting when the image is deprecated")
def deprecate(ctx: Context, draft: Draft, when: datetime) -> None:
    draft.ec2.call("EnableImageDeprecation", ImageId=draft.id, DeprecateAt=when)
    ctx.say(f"{draft.id} in {draft.region} is deprecated at {when.isoformat()}.")


@step("Protecting the image from deregistration")
def protect(_ctx: Context, draft: Draft, protection: DeregistrationProtection) -> None:
    asked: dict[str, Any] = {"WithCooldown": True} if protection.with_cooldown else {}
    draft.ec2.call("EnableImageDeregistrationProtection", ImageId=draft.id, **asked)
