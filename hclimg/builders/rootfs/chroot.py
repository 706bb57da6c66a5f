"""The system as a place where commands run: the base with the build's own layer over it, and what a machine mounts.

Two views of the same files, inside the sandbox: TREE is exactly what becomes the image; ROOT has /proc, /sys, /dev,
/run and the package archive mounted over it, and is where provisioners work.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from hclimg.builders.rootfs.base import Base, Cache
from hclimg.builders.rootfs.debs import harvest, seed
from hclimg.builders.rootfs.sandbox import Sandbox, SetUp, sandbox
from hclimg.communicators.chroot import HostCommunicator
from hclimg.sdk.context import Context
from hclimg.sdk.steps import step

TREE = "/mnt/tree"
ROOT = "/mnt/root"
RESOLV_CONF = Path("/etc/resolv.conf")

# `volatile`: nobody needs what is half written after a crash, so nothing waits for the disk. Where layers cannot be
# laid (the cache is on an overlay itself, as in a container), the base is copied.
#
# The image's /etc/resolv.conf leads to /run, where systemd-resolved writes it; here this host's own is there. /dev has
# only what every program may expect: a script that goes wrong must not reach the disks of this host.
_BIND = """
mkdir "$scratch/base" "$scratch/work" "$scratch/debs"
mount --bind "$1" "$scratch/base"
mount --bind "$2" "$scratch/work"
mount --bind "$3" "$scratch/debs"
"""

_FINISH = """
hostname=$4 resolv=$5
cd /mnt
mkdir tree root work/upper work/layers
layers=lowerdir=/mnt/base,upperdir=/mnt/work/upper,workdir=/mnt/work/layers
mount -t overlay -o "$layers,volatile" overlay tree 2>/dev/null ||
    mount -t overlay -o "$layers" overlay tree 2>/dev/null || {
        cp -a --reflink=auto base/. work/upper/
        mount --bind work/upper tree
    }
mount --bind tree root
mount -t proc -o nosuid,nodev,noexec proc root/proc
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs root/sys
mount -t tmpfs -o mode=755,nosuid dev root/dev
mkdir root/dev/pts root/dev/shm
for name in null zero full random urandom tty; do
    : >"root/dev/$name"
    mount --bind "/dev/$name" "root/dev/$name"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec devpts root/dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev shm root/dev/shm
ln -s pts/ptmx root/dev/ptmx
ln -s /proc/self/fd root/dev/fd
ln -s fd/0 root/dev/stdin
ln -s fd/1 root/dev/stdout
ln -s fd/2 root/dev/stderr
mount -t tmpfs -o mode=755,nosuid,nodev run root/run
mkdir -p -m 1777 root/run/lock
mkdir -p root/run/systemd/resolve root/var/cache/apt/archives
cp "$resolv" root/run/systemd/resolve/stub-resolv.conf
mount --bind debs root/var/cache/apt/archives
hostname "$hostname"
"""


@frozen(kw_only=True)
class Chroot:
    sandbox: Sandbox
    communicator: HostCommunicator

    @property
    def tree(self) -> Path:
        """The files of the image. Links in it lead to the host's files: never follow them."""
        return self.sandbox.path(TREE)


@step("Opening chroot", undo="Closing chroot")
def chroot(ctx: Context, cache: Cache, base: Base, work: Path, hostname: str) -> Iterator[Chroot]:
    """``work`` is the build's own directory."""
    layer, debs, resolv = work / "layer", work / "debs", work / "resolv.conf"
    layer.mkdir()
    seed(cache.debs, debs)
    resolv.write_text(_resolv_conf())
    args = (str(base.tree), str(layer), str(debs), hostname, str(resolv))
    place = sandbox(ctx, work, SetUp(bind=_BIND, finish=_FINISH, args=args))
    argv = (*place.enter, "chroot", ROOT)
    yield Chroot(sandbox=place, communicator=HostCommunicator("chroot", ctx, place.path(ROOT), argv, clean=True))
    harvest(debs, cache.debs)


def _resolv_conf() -> str:
    """This host's name servers. A resolver of its own answers in the chroot, too: it shares the host's network."""
    try:
        return RESOLV_CONF.read_text()
    except OSError:
        return ""
