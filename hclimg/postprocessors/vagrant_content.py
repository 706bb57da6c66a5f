"""What is in a box for each provider of Vagrant: files, metadata, and what the Vagrantfile says.

The names in boxes are those that Vagrant's providers look for: ``box.img`` (vagrant-libvirt), ``box.ovf``
(virtualbox), a VMX (vmware_desktop), ``rootfs.tar.gz`` (vagrant-lxc). This module does not know how a box is written.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from hclimg.errors import BuildError
from hclimg.postprocessors.disk_images import disk_images, image_info, qemu_img
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Artifact

GIB = 1 << 30
MACHINE = (".vmx", ".vmxf", ".vmsd", ".vmdk", ".nvram")
"""The files that make up a virtual machine of VMware; a log or a lock is none."""

OVF_PARTS = (".vmdk", ".vdi", ".vhd", ".nvram")
ORACLE = "080027"  # the first half of the addresses of VirtualBox's cards
_ADDRESS = re.compile(r'MACAddress="([0-9A-Fa-f]{12})"')


@frozen(kw_only=True)
class Content:
    """``provider`` as ``vagrant box list`` shows it; ``files`` by their names in the box; ``metadata`` beyond it."""

    provider: str
    files: Mapping[str, Path] = field(factory=dict)
    metadata: Mapping[str, Any] = field(factory=dict)
    vagrantfile: str = ""


def content_of(ctx: Context, provider: str, artifact: Artifact, work: Path) -> Content:
    """Raises BuildError when the artifact is nothing for the provider. ``work`` is an empty directory for files."""
    if provider in _MADE:
        return _MADE[provider](ctx, artifact, work)
    if provider in _NAMED:
        return _named(ctx, provider, artifact)
    return _copied(provider, artifact)


def machine_settings(provider: str, *lines: str) -> str:
    """The text of a Vagrantfile that sets something of a provider; each line begins with an attribute of it."""
    body = "".join(f"    {provider}.{line}\n" for line in lines)
    return f'Vagrant.configure("2") do |config|\n  config.vm.provider :{provider} do |{provider}|\n{body}  end\nend\n'


def ruby(text: str) -> str:
    """A string of Ruby."""
    return '"' + re.sub(r'(["\\#])', r"\\\1", text) + '"'


# -- disk images ------------------------------------------------------------------


def _libvirt(ctx: Context, artifact: Artifact, work: Path) -> Content:
    """Images that need no other file, in qcow2, the one format that vagrant-libvirt takes."""
    files, sizes = {}, []
    for number, (path, kind) in enumerate(disk_images(ctx, artifact)):
        told = image_info(ctx, path)
        name = f"box_{number}.img" if number else "box.img"
        files[name] = path
        if kind != "qcow2" or "backing-filename" in told:
            files[name] = work / name
            ctx.say(f"Converting {path} to qcow2.")
            qemu_img(ctx, ["convert", "-f", kind, "-O", "qcow2", str(path), str(work / name)], work / name)
        sizes.append(math.ceil(told["virtual-size"] / GIB))
    disks = {"disks": [{"path": name, "format": "qcow2"} for name in files]} if len(files) > 1 else {}
    return Content(
        provider="libvirt", files=files, metadata={"format": "qcow2", "virtual_size": sizes[0], **disks},
        vagrantfile=machine_settings("libvirt", 'driver = "kvm"'),
    )  # fmt: skip


def _virtualbox(ctx: Context, artifact: Artifact, work: Path) -> Content:
    files = _open_machine(ctx, artifact, work)
    address = _ADDRESS.search(files["box.ovf"].read_text(encoding="utf-8", errors="replace"))
    made = ORACLE + hashlib.sha256(ctx.build_name.encode()).hexdigest()[:6]
    line = f"  config.vm.base_mac = {ruby((address[1] if address else made).upper())}\n"
    return Content(
        provider="virtualbox", files=files, vagrantfile=f'Vagrant.configure("2") do |config|\n{line}end\n'
    )  # fmt: skip


def _open_machine(ctx: Context, artifact: Artifact, work: Path) -> dict[str, Path]:
    """``box.ovf`` and the files that it names."""
    paths = [Path(name) for name in artifact.files]
    packed = next((path for path in paths if path.suffix.lower() == ".ova"), None)
    if packed:
        paths = _unpacked(packed, work)
    descriptor = next((path for path in paths if path.suffix.lower() == ".ovf"), None)
    if descriptor:
        return {"box.ovf": descriptor, **{path.name: path for path in paths if path.suffix.lower() in OVF_PARTS}}
    return _new_open_machine(ctx, artifact, work)


def _unpacked(archive: Path, work: Path) -> list[Path]:
    import tarfile

    try:
        with tarfile.open(archive, "r:") as packed:
            packed.extractall(work, filter="data")
    except tarfile.TarError as error:
        raise BuildError(f"{archive} is no OVA: {error}.") from error
    return [path for path in sorted(work.iterdir()) if path.is_file()]


def _new_open_machine(ctx: Context, artifact: Artifact, work: Path) -> dict[str, Path]:
    """The hardware is what VirtualBox has and every system knows."""
    from hclimg.postprocessors.vmware import VmwareConfig
    from hclimg.postprocessors.vmware_files import convert_disk, ovf

    hardware = VmwareConfig(
        format="ovf", network="NAT", network_adapter_type="e1000", disk_adapter_type="ide", hardware_version=10
    )
    disks = []
    for number, (path, kind) in enumerate(disk_images(ctx, artifact)):
        name = f"box-disk{number + 1}.vmdk"
        ctx.say(f"Converting {path} to VMDK.")
        disks.append(convert_disk(ctx, hardware, path, kind, work / name, "streamOptimized"))
    (work / "box.ovf").write_text(ovf(hardware, ctx.build_name, disks), encoding="utf-8")
    return {"box.ovf": work / "box.ovf", **{disk.name: work / disk.name for disk in disks}}


def _vmware(ctx: Context, artifact: Artifact, work: Path) -> Content:
    from hclimg.postprocessors.vmware import VmwareConfig
    from hclimg.postprocessors.vmware_files import convert_disk, vmx

    files = {Path(name).name: Path(name) for name in artifact.files if name.lower().endswith(MACHINE)}
    if not any(name.lower().endswith(".vmx") for name in files):
        hardware, disks = VmwareConfig(network_adapter_type="e1000"), []
        for number, (path, kind) in enumerate(disk_images(ctx, artifact)):
            name = f"box-{number}.vmdk" if number else "box.vmdk"
            ctx.say(f"Converting {path} to VMDK.")
            disks.append(convert_disk(ctx, hardware, path, kind, work / name, "monolithicSparse"))
        (work / "box.vmx").write_text(vmx(hardware, ctx.build_name, disks), encoding="utf-8")
        files = {name: work / name for name in ("box.vmx", *[disk.name for disk in disks])}
    return Content(provider="vmware_desktop", files=files)


def _lxc(ctx: Context, artifact: Artifact, work: Path) -> Content:
    """The root file system, and whatever else the artifact has, such as ``lxc-config``."""
    from hclimg.postprocessors.archive import pack

    paths = [Path(name) for name in artifact.files]
    found = [path for path in paths if path.name.endswith((".tar.gz", ".tgz", ".tar"))]
    if len(found) != 1:
        hint = "rootfs makes one with the format tar, docker with export_path."
        raise BuildError(
            f"A box for lxc is made of one tar archive; the artifact has {len(found) or 'none'}.", hint=hint
        )
    root, others = found[0], {path.name: path for path in paths if path not in found}
    if root.suffix == ".tar":
        pack(ctx, [root], work / "rootfs.tar.gz", "", "gzip", None)
        root = work / "rootfs.tar.gz"
    return Content(provider="lxc", files={"rootfs.tar.gz": root, **others}, metadata={"version": "1.0.0"})


# -- files as they are --------------------------------------------------------------

_PLACES = {"hyperv": ("Virtual Machines", "Virtual Hard Disks"), "parallels": (".pvm",), "file": ("",)}
"""A part of a path that ends so begins the name in the box."""


def _copied(provider: str, artifact: Artifact) -> Content:
    """Machines whose files can be used as their builder left them."""
    files = {}
    for path in map(Path, artifact.files):
        starts = [n for n, part in enumerate(path.parts) if part.endswith(_PLACES[provider])]
        if starts:
            files["/".join(path.parts[starts[0] :]) if provider != "file" else path.name] = path
    if not files:
        needed = " and ".join(f'"{place}"' for place in _PLACES[provider] if place) or "files"
        raise BuildError(
            f'A box for {provider} is made of a machine exported by it ({needed}), which the artifact does not have.',
            hint="The post-processor artifice can name files that something else made.",
        )  # fmt: skip
    return Content(provider=provider, files=files)


# -- images that stay where they are ------------------------------------------------


def _regions(artifact: Artifact) -> list[str]:
    pairs = [pair.partition(":") for pair in artifact.id.split(",")]
    return [f"region_config {ruby(region)}, ami: {ruby(image)}" for region, _, image in sorted(pairs) if image]


def _container(artifact: Artifact) -> list[str]:
    from hclimg.containers.naming import names_of

    return [f"image = {ruby(names_of(artifact)[0])}"]


def _single(attribute: str) -> Callable[[Artifact], list[str]]:
    return lambda artifact: [f"{attribute} = {ruby(artifact.id)}"]


def _placed(place: str) -> Callable[[Artifact], list[str]]:
    """For an id that is ``PLACE:IMAGE``, of which the first of several places is the default."""

    def lines(artifact: Artifact) -> list[str]:
        where, _, image = artifact.id.rpartition(":")
        return [f"image = {ruby(image)}", f"{place} = {ruby(where.split(',')[0])}"] if where else []

    return lines


_NAMED: dict[str, tuple[str, Callable[[Artifact], list[str]]]] = {
    "aws": ("aws", _regions),
    "azure": ("azure", _single("vm_managed_image_id")),
    "digitalocean": ("digital_ocean", _placed("region")),
    "docker": ("docker", _container),
    "google": ("google", _single("image")),
    "openstack": ("openstack", _single("image")),
    "scaleway": ("scaleway", _placed("region")),
}
"""The name in a Vagrantfile, and what it says of the image."""

_IDS = {
    "aws": r"[a-z0-9-]+:ami-.+", "azure": r"/subscriptions/.+/images/.+", "digitalocean": r"[a-z0-9,]+:[0-9]+",
    "docker": r"(?!Container$).+", "google": r"[a-z][a-z0-9-]*", "openstack": r"[0-9a-fA-F-]{32,36}",
    "scaleway": r"[a-z0-9-]+:[0-9a-f-]+",
}  # fmt: skip


def _named(ctx: Context, provider: str, artifact: Artifact) -> Content:
    if not re.fullmatch(_IDS[provider], artifact.id):
        what = f'"{artifact.id}"' if artifact.id else "nothing"
        hint = "Let docker commit the container, or put docker-import before." if provider == "docker" else ""
        raise BuildError(f"A box for {provider} names an image of {provider}, but the artifact is {what}.", hint=hint)
    name, lines = _NAMED[provider]
    ctx.say(f"The box names {artifact.id}, which must stay.")
    return Content(provider=provider, vagrantfile=machine_settings(name, *lines(artifact)))


_MADE: dict[str, Callable[[Context, Artifact, Path], Content]] = {
    "libvirt": _libvirt, "lxc": _lxc, "virtualbox": _virtualbox, "vmware": _vmware,
}  # fmt: skip
