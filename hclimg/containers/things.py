"""What the builder and the post-processors say of images: Packer's ids of who made them, and how they are removed."""

from __future__ import annotations

from hclimg.containers.engine import engine_of, remove_image
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact

BUILDER = "packer.docker"
IMPORTED = "packer.post-processor.docker-import"
TAGGED = "packer.post-processor.docker-tag"
SAVED = "packer.post-processor.docker-save"
ARTIFICE = "packer.post-processor.artifice"


def destroy_image(ctx: Context, artifact: Artifact) -> None:
    """Remove the image of an artifact from its engine, or the name that the artifact is."""
    remove_image(engine_of(ctx, artifact.state), artifact.id)
    ctx.say(f"Removed the image {artifact.id}.")


def names_of(artifact: Artifact) -> tuple[str, ...]:
    """For ``contents`` of an artifact that is names of an image."""
    return tuple(f"{artifact.state['engine']}: image {name}" for name in artifact.state["names"])


def image_of(artifact: Artifact) -> tuple[str, ...]:
    """For ``contents``."""
    return (f"{artifact.state.get('engine', 'docker')}: image {artifact.id}",)
