"""Which accelerator works on this host: KVM if it really does, else TCG.

That /dev/kvm is there and opens says little: inside a virtual machine without nested virtualisation, and with a module
that only emulates, QEMU would start and then crawl or fail. So it must also make a virtual machine, and the processor
must have the instructions for it.
"""

from __future__ import annotations

import platform
from pathlib import Path

GET_API_VERSION = 0xAE00
CREATE_VM = 0xAE01
API_VERSION = 12

ARCHITECTURES = {
    "x86_64": ("x86_64", "i386"),
    "aarch64": ("aarch64", "arm"),
    "s390x": ("s390x",),
    "ppc64le": ("ppc64",),
}
"""What KVM on a host of each architecture can run, as in the names of QEMU's programs."""


def best_accelerator(binary: str) -> str:
    """``kvm`` or ``tcg``, for a QEMU program such as ``qemu-system-x86_64``."""
    guest = Path(binary).name.removeprefix("qemu-system-")
    runs = ARCHITECTURES.get(platform.machine(), ())
    return "kvm" if (guest in runs or guest == "qemu-kvm") and kvm_works() else "tcg"


def kvm_works(device: Path = Path("/dev/kvm"), cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether KVM makes virtual machines, in hardware."""
    import fcntl
    import os

    if platform.machine() == "x86_64" and not has_virtualisation(cpuinfo):
        return False
    try:
        kvm = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if fcntl.ioctl(kvm, GET_API_VERSION) != API_VERSION:
            return False
        os.close(fcntl.ioctl(kvm, CREATE_VM, 0))
    except OSError:
        return False
    finally:
        os.close(kvm)
    return True


def has_virtualisation(cpuinfo: Path) -> bool:
    """Whether an x86 processor has VT-x or AMD-V."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return False
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    return "vmx" in flags or "svm" in flags
