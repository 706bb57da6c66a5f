"""The smallest machine that boots, from Debian's packages: a kernel, busybox, dropbear.

``disk()`` is a disk image that boots by itself (GRUB) and runs an SSH server with the key that hclimg hands over;
``installer()`` an ISO that boots to a shell on the screen. Both are kept in the user's cache, as making them takes half
a minute. Needs apt, dpkg-deb, mke2fs and grub-mkimage, but no root rights beyond apt's.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "tiny"
MODULES = (
    "virtio_pci", "virtio_blk", "virtio_net", "virtio-rng", "qemu_fw_cfg", "button", "evdev", "ata_piix", "sr_mod",
    "sd_mod", "isofs",
)  # fmt: skip
FOLDERS = (
    "bin", "dev", "proc", "sys", "tmp", "disk", "etc", "etc/acpi", "etc/acpi/PWRF", "etc/dropbear", "root", "modules",
    "lib", "lib64", "var", "var/log", "var/run",
)  # fmt: skip
LIBRARIES = ("libtomcrypt1", "libtommath1", "libgmp10", "libcrypt1", "zlib1g")
GRUB = Path("/usr/lib/grub/i386-pc")
SECTOR = 512
PARTITION = 2048  # its first sector
SIZE = 64 << 20

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts; mount -t devpts pts /dev/pts
for m in $(cat /modules/order); do insmod /modules/$m.ko 2>/dev/ttyS0; done
case $(cat /proc/cmdline) in *tiny.disk*)
  n=0; until mount /dev/vda1 /disk 2>/dev/null || mount /dev/sda1 /disk 2>/dev/null || [ $n = 50 ]; do
    n=$((n + 1)); sleep 0.1
  done;;
esac
ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2
cat /sys/firmware/qemu_fw_cfg/by_name/opt/org.hclimg/ssh_authorized_key/raw > /root/.ssh/authorized_keys 2>/dev/null
acpid -d -c /etc/acpi -a /etc/acpi.map >/dev/null 2>&1 &
dropbear -R -E -p 22 2>/dev/ttyS0
echo tiny is up > /dev/ttyS0
while :; do setsid sh -c 'exec sh </dev/tty1 >/dev/tty1 2>&1'; done
"""

POWER_OFF = "#!/bin/sh\numount /disk\nsync\npoweroff -f\n"


def disk() -> Path:
    """A raw disk of 64 MiB."""
    return _cached("disk.raw", _make_disk)


def installer() -> Path:
    """An ISO whose only menu entry waits for a key."""
    return _cached("installer.iso", _make_installer)


def kernel() -> tuple[Path, Path]:
    """The kernel and the initial RAM disk."""
    folder = _cached("boot", _make_boot)
    return folder / "vmlinuz", folder / "initrd"


def _cached(name: str, make: object) -> Path:
    source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hclimg-tests" / f"tiny-{source}"
    with _locked(home):
        target = home / name
        if not target.exists():
            part = home / f"{name}.part"
            assert callable(make)
            make(part)
            part.rename(target)
    return target


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        # Making a disk needs the boot files, so the same process comes here twice.
        if home not in _held:
            fcntl.flock(lock, fcntl.LOCK_EX)
        _held.append(home)
        try:
            yield
        finally:
            _held.remove(home)


_held: list[Path] = []


def _run(*argv: object, cwd: Path | None = None) -> str:
    done = subprocess.run(list(map(str, argv)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


# -- kernel and initial RAM disk ----------------------------------------------


def _make_boot(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    packages = target / "packages"
    packages.mkdir()
    unpacked = target / "unpacked"
    meta = _run("apt-cache", "depends", "linux-image-cloud-amd64")
    image = next(line.split()[-1] for line in meta.splitlines() if "Depends: linux-image" in line)
    _run("apt-get", "download", image, "busybox-static", "dropbear-bin", *LIBRARIES, cwd=packages)
    for package in packages.glob("*.deb"):
        _run("dpkg-deb", "-x", package, unpacked)
    shutil.copy(next((unpacked / "boot").glob("vmlinuz-*")), target / "vmlinuz")
    (target / "initrd").write_bytes(gzip.compress(_archive(_initial_files(unpacked)), 1))
    shutil.rmtree(packages)
    shutil.rmtree(unpacked)


def _initial_files(unpacked: Path) -> dict[str, tuple[int, bytes]]:
    """Path to mode and content; directories have no content."""
    found: dict[str, tuple[int, bytes]] = dict.fromkeys(FOLDERS, (0o040755, b""))
    found["root/.ssh"] = (0o040700, b"")
    found |= {
        "init": (0o100755, INIT.encode()),
        "bin/busybox": (0o100755, (unpacked / "bin/busybox").read_bytes()),
        "bin/dropbear": (0o100755, (unpacked / "usr/sbin/dropbear").read_bytes()),
        "etc/passwd": (0o100644, b"root:x:0:0:root:/root:/bin/sh\n"),
        "etc/shadow": (0o100600, f"root:{_crypted(PASSWORD)}:19000:0:99999:7:::\n".encode()),
        "etc/group": (0o100644, b"root:x:0:\n"),
        "etc/shells": (0o100644, b"/bin/sh\n"),
        "etc/acpi.map": (0o100644, b"EV_KEY 1 KEY_POWER 116 1 PWRF/00000080\n"),
        "etc/acpi/PWRF/00000080": (0o100755, POWER_OFF.encode()),
    }
    for library in _libraries(unpacked / "usr/sbin/dropbear", unpacked):
        found[f"lib/{library.name}"] = (0o100755, library.read_bytes())
    loader = Path("/lib64/ld-linux-x86-64.so.2")
    found["lib64/ld-linux-x86-64.so.2"] = (0o100755, loader.read_bytes())
    order: dict[str, bytes] = {}
    for module in MODULES:
        _add_module(module, unpacked, order)
    found |= {f"modules/{name}.ko": (0o100644, content) for name, content in order.items()}
    found["modules/order"] = (0o100644, "\n".join(order).encode())
    return found


def _add_module(name: str, unpacked: Path, order: dict[str, bytes]) -> None:
    """A module after those that it depends on."""
    if name in order:
        return
    content = next((unpacked / "lib/modules").rglob(f"{name}.ko")).read_bytes()
    depends = re.search(rb"\0depends=([^\0]*)", content)
    for other in depends[1].decode().split(",") if depends and depends[1] else ():
        _add_module(other, unpacked, order)
    order[name] = content


def _crypted(password: str) -> str:
    return _run("openssl", "passwd", "-6", "-salt", "tinysalt", password).strip()


def _libraries(program: Path, unpacked: Path) -> list[Path]:
    """The shared libraries of a program, from its packages or else from this machine."""
    folders = [str(p) for p in (unpacked / "usr/lib/x86_64-linux-gnu", unpacked / "lib/x86_64-linux-gnu")]
    environment = os.environ | {"LD_LIBRARY_PATH": ":".join(folders)}
    listing = subprocess.run(["ldd", program], env=environment, capture_output=True, text=True, check=True).stdout
    return [Path(line.split()[2]) for line in listing.splitlines() if "=> /" in line]


def _archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    """A cpio archive in the "newc" form that the kernel unpacks."""
    out = bytearray()
    items = [*files.items(), ("dev/console", (0o020600, b"")), ("TRAILER!!!", (0, b""))]
    for number, (name, (mode, content)) in enumerate(items, 1):
        device = (5, 1) if name == "dev/console" else (0, 0)
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return bytes(out)


# -- disk and ISO -------------------------------------------------------------


def _make_disk(target: Path) -> None:
    image, initrd = kernel()
    root = target.with_name("root")
    shutil.rmtree(root, ignore_errors=True)
    (root / "boot/grub").mkdir(parents=True)
    shutil.copy(image, root / "boot/vmlinuz")
    shutil.copy(initrd, root / "boot/initrd")
    (root / "boot/grub/grub.cfg").write_text(
        "set timeout=0\nmenuentry tiny {\n"
        "  linux /boot/vmlinuz console=tty0 console=ttyS0 quiet tiny.disk\n  initrd /boot/initrd\n}\n"
    )
    blocks = (SIZE - PARTITION * SECTOR) // 1024
    with target.open("wb") as file:
        file.truncate(SIZE)
    options = f"offset={PARTITION * SECTOR},lazy_itable_init=1,root_owner=0:0"
    _run("mke2fs", "-q", "-F", "-t", "ext4", "-L", "tiny", "-d", root, "-E", options, target, f"{blocks}k")
    with target.open("r+b") as file:
        file.write((GRUB / "boot.img").read_bytes()[:440])
        file.seek(446)
        file.write(struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", PARTITION, blocks * 2))
        file.seek(510)
        file.write(b"\x55\xaa")
        file.write(_grub(target, "i386-pc", "(hd0,msdos1)", "biosdisk part_msdos ext2 normal linux configfile"))
    shutil.rmtree(root)


def _make_installer(target: Path) -> None:
    image, initrd = kernel()
    core = _grub(target, "i386-pc-eltorito", "(cd)", "biosdisk iso9660 normal linux configfile")
    menu = b"set timeout=-1\nmenuentry install { linux /vmlinuz console=ttyS0 console=tty0 quiet ; initrd /initrd }\n"
    root = target.with_name("iso-root")
    shutil.rmtree(root, ignore_errors=True)
    (root / "boot/grub").mkdir(parents=True)
    (root / "boot/grub/grub.cfg").write_bytes(menu)
    (root / "boot/core.img").write_bytes(core)
    shutil.copy(image, root / "vmlinuz")
    shutil.copy(initrd, root / "initrd")
    _run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-b", "boot/core.img", "-no-emul-boot", "-boot-load-size", "4",
         "-boot-info-table", "-o", target, root)  # fmt: skip
    shutil.rmtree(root)


def _grub(target: Path, platform: str, root: str, modules: str) -> bytes:
    early, core = target.with_name("early.cfg"), target.with_name("core.img")
    early.write_text(f"set root={root}\nset prefix={root}/boot/grub\nconfigfile /boot/grub/grub.cfg\n")
    _run("grub-mkimage", "-O", platform, "-p", "/boot/grub", "-c", early, "-o", core, *modules.split())
    image = core.read_bytes()
    early.unlink()
    core.unlink()
    return image
