"""A cloud that is a directory, with a builder and a remover: a package as others would write it.

``PYTHONPATH=tests/plugins`` installs it. Every thing is a file ``DIRECTORY/REGION/KIND/ID`` with JSON in it. A thing
that another one uses cannot be deleted. With ``FAKECLOUD_DENY`` in the environment, nobody is let in.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from attrs import frozen

from hclimg.config.fields import config, setting
from hclimg.errors import ApiError
from hclimg.sdk.components import Builder
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.machine import Artifact, Machine
from hclimg.sdk.mark import RUN_TAG, run_name
from hclimg.sdk.remover import Cleaning, Left, Remover
from hclimg.sdk.steps import step

ORDER = ("image", "snapshot", "instance", "net", "key")


@frozen
class Cloud:
    directory: Path

    def __attrs_post_init__(self) -> None:
        if os.environ.get("FAKECLOUD_DENY"):
            raise ApiError("the cloud does not know these credentials (AuthFailure, request 4711)")

    def create(self, region: str, kind: str, name: str, *, run: str = "", uses: tuple[str, ...] = ()) -> str:
        thing = f"{kind}-{secrets.token_hex(4)}"
        path = self.directory / region / kind / thing
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"name": name, "tags": {RUN_TAG: run} if run else {}, "uses": uses}))
        new.replace(path)
        return thing

    def untag(self, region: str, kind: str, thing: str) -> None:
        path = self.directory / region / kind / thing
        data = {**json.loads(path.read_text()), "tags": {}}
        new = path.with_suffix(".new")
        new.write_text(json.dumps(data))
        new.replace(path)

    def delete(self, region: str, kind: str, thing: str) -> None:
        users = [name for name, data in self.things(region) if thing in data["uses"]]
        if users:
            raise ApiError(f"{thing} is in use by {', '.join(users)} (DependencyViolation)")
        (self.directory / region / kind / thing).unlink(missing_ok=True)

    def things(self, region: str, kind: str = "*") -> list[tuple[str, dict[str, Any]]]:
        """Name and content of what is in a region."""
        found = []
        for path in sorted((self.directory / region).glob(f"{kind}/*-*")):
            with suppress(FileNotFoundError):  # deleted meanwhile
                if path.suffix != ".new":
                    found.append((path.name, json.loads(path.read_text())))
        return found

    def find(self, region: str, kind: str, run: str) -> list[str]:
        return [name for name, data in self.things(region, kind) if data["tags"].get(RUN_TAG) == run]


def contents(directory: Path) -> list[str]:
    """All that is in a cloud: ``REGION KIND-ID``."""
    paths = [path for path in directory.glob("*/*/*-*") if path.suffix != ".new"]
    return sorted(f"{path.parent.parent.name} {path.name}" for path in paths)


@config
class FakeCloudSettings:
    """Makes an image in a cloud that is a directory."""

    directory: str = setting("Where the cloud is.")
    image_name: str = setting("The name of the image.", default="image")
    regions: tuple[str, ...] = setting("Where it is copied to.", default=())
    force: bool = setting("Whether an image with this name is replaced.", default=False)
    fail: bool = setting("Whether the image cannot be made.", default=False)
    secret: str = setting("A secret.", default="")


@step("Making", undo="Deleting")
def made(ctx: Context, cloud: Cloud, region: str, kind: str, uses: tuple[str, ...] = ()) -> Iterator[str]:
    name = run_name(ctx.run.id)
    record = ctx.journal.intend(f"fakecloud/{kind}", name=name, region=region, directory=str(cloud.directory))
    thing = cloud.create(region, kind, name, run=ctx.run.id, uses=uses)
    record.made(id=thing)
    yield thing
    cloud.delete(region, kind, thing)
    record.gone()


class FakeCloudBuilder(Builder[FakeCloudSettings]):
    Config: ClassVar[type] = FakeCloudSettings
    builder_id: ClassVar[str] = "test.fakecloud"

    def uses(self) -> dict[str, int]:
        return {"fakecloud": 1}

    def launch(self, ctx: Context, source: Any) -> Machine:
        from hclimg.communicators.none import NoCommunicator

        cloud = Cloud(Path(self.config.directory).absolute())
        key, net = made(ctx, cloud, "here", "key"), made(ctx, cloud, "here", "net")
        instance = made(ctx, cloud, "here", "instance", (key, net))
        return Machine(id=instance, communicator=NoCommunicator(), facts={"ConnType": "none"}, handle=cloud)

    def capture(self, ctx: Context, machine: Machine) -> Artifact:
        cloud: Cloud = machine.handle
        images: list[tuple[str, str, str, Record]] = []
        try:
            for region in ("here", *self.config.regions):
                snapshot = self._part(ctx, cloud, region, "snapshot", ())
                images += [snapshot, self._part(ctx, cloud, region, "image", (snapshot[2],))]
            if self.config.fail:
                raise ApiError("the image cannot be made")
        except BaseException:
            for region, kind, thing, record in reversed(images):
                cloud.delete(region, kind, thing)
                record.gone()
            raise
        self._replace(ctx, cloud, {thing for _, _, thing, _ in images})
        for region, kind, thing, _ in sorted(images, key=lambda part: part[1]):  # images first
            cloud.untag(region, kind, thing)
        for *_, record in images:
            record.kept()
        ids = ",".join(f"{region}:{thing}" for region, kind, thing, _ in images if kind == "image")
        parts = [[region, kind, thing] for region, kind, thing, _ in images]
        return Artifact(
            builder=self.builder_id, component="builder/fakecloud", id=ids, description=f"Images were created:\n{ids}",
            state={"directory": str(cloud.directory), "parts": parts, "note": self.config.secret},
        )  # fmt: skip

    def _part(
        self, ctx: Context, cloud: Cloud, region: str, kind: str, uses: tuple[str, ...]
    ) -> tuple[str, str, str, Record]:
        name = self.config.image_name
        record = ctx.journal.intend(f"fakecloud/{kind}", name=name, region=region, directory=str(cloud.directory))
        thing = cloud.create(region, kind, name, run=ctx.run.id, uses=uses)
        record.made(id=thing)
        return region, kind, thing, record

    def _replace(self, ctx: Context, cloud: Cloud, new: set[str]) -> None:
        for region in ("here", *self.config.regions) if self.config.force else ():
            for kind in ("image", "snapshot"):
                for thing, data in cloud.things(region, kind):
                    if data["name"] == self.config.image_name and thing not in new:
                        cloud.delete(region, kind, thing)
                        ctx.replaced(f"{region}: {thing}")

    @classmethod
    def contents(cls, artifact: Artifact) -> tuple[str, ...]:
        return tuple(f"{region}: {thing}" for region, _, thing in artifact.state["parts"])

    @classmethod
    def destroy(cls, ctx: Context, artifact: Artifact) -> None:
        cloud = Cloud(Path(artifact.state["directory"]))
        for region, kind, thing in reversed(artifact.state["parts"]):
            cloud.delete(region, kind, thing)
            ctx.say(f"Deleted {thing} in {region}.")


class FakeCloudRemover(Remover):
    def __init__(self, ctx: Cleaning) -> None:
        super().__init__(ctx)
        self._clouds: dict[str, Cloud] = {}

    def remove(self, left: Left) -> None:
        directory, region = left.identity["directory"], left.identity["region"]
        cloud = self._clouds.setdefault(directory, Cloud(Path(directory)))
        marked = cloud.find(region, left.thing, left.run)
        for thing in [left.id] if left.id else marked:
            if left.thing in ("image", "snapshot") and self._is_finished(cloud, region, thing, left.run):
                self.ctx.finished(left)
            else:
                cloud.delete(region, left.thing, thing)

    def _is_finished(self, cloud: Cloud, region: str, thing: str, run: str) -> bool:
        """An image without the mark, and its snapshot."""
        images = {name: data for name, data in cloud.things(region, "image") if not data["tags"]}
        return thing in images or any(thing in data["uses"] for data in images.values())
