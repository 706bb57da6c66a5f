"""From a base system to a place where provisioners can work."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from attrs import frozen

from hclimg.builders.rootfs.base import Base, base_in_use, cache_of, find_base
from hclimg.builders.rootfs.chroot import ROOT, Chroot, chroot
from hclimg.builders.rootfs.config import RootfsConfig
from hclimg.builders.rootfs.host import check_host
from hclimg.builders.rootfs.system import preparation, prepare
from hclimg.builders.rootfs.work import work_directory
from hclimg.sdk.context import Context
from hclimg.sdk.disk import refuse_existing
from hclimg.sdk.machine import Machine

LONGEST_NAME = 63


@frozen(kw_only=True)
class Names:
    vm: str
    output: Path
    hostname: str


@frozen(kw_only=True)
class Running:
    """What the capture needs to know of the launch; ``uuid`` is that of the root filesystem."""

    chroot: Chroot
    names: Names
    uuid: str


def names_of(ctx: Context, config: RootfsConfig) -> Names:
    """The names of the image, of its directory and of the machine; by default they come from the build's name."""
    vm = config.image.vm_name or ctx.build_name
    output = Path(config.image.output_directory or f"output-{ctx.build_name}").expanduser().absolute()
    return Names(vm=vm, output=output, hostname=config.system.hostname or hostname_from(vm))


def hostname_from(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:LONGEST_NAME].strip("-") or "localhost"


def resolve(ctx: Context, config: RootfsConfig) -> Base:
    """What would stop the build later is looked at first: installing takes long."""
    check_host(ctx, config)
    if config.image.output_directory or ctx.build_name:
        refuse_existing(ctx, names_of(ctx, config).output)
    return find_base(ctx, config)


def launch(ctx: Context, config: RootfsConfig, base: Base) -> Machine:
    check_host(ctx, config)
    names = names_of(ctx, config)
    refuse_existing(ctx, names.output)
    cache = cache_of(ctx)
    base_in_use(ctx, base)
    work = work_directory(ctx, cache.work)
    place = chroot(ctx, cache, base, work, names.hostname)
    filesystem = str(uuid.uuid4())
    prepare(place.communicator, preparation(config, names.hostname, filesystem))
    return Machine(
        id=names.vm,
        communicator=place.communicator,
        facts={
            "ID": names.vm, "Host": "", "Port": 0, "User": "root", "Password": "", "ConnType": "chroot",
            "RootDirectory": str(place.sandbox.path(ROOT)), "Suite": base.suite, "Architecture": base.architecture,
        },
        handle=Running(chroot=place, names=names, uuid=filesystem),
    )  # fmt: skip
