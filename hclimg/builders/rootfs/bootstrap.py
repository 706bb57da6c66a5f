"""Runs mmdebstrap: from the names of packages to a directory with an installed system.

What is written down in a :class:`Recipe` decides the result; the base system's name in the cache is made of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from hclimg.builders.rootfs import apt
from hclimg.builders.rootfs.apt import Source
from hclimg.builders.rootfs.config import BaseConfig, RootfsConfig
from hclimg.builders.rootfs.debs import harvest, seed
from hclimg.builders.rootfs.host import architecture_of, room_for, this_host
from hclimg.builders.rootfs.sandbox import SetUp, own_scope, sandbox
from hclimg.builders.rootfs.work import work_directory
from hclimg.errors import BuildError, CommandFailed
from hclimg.sdk.context import Context
from hclimg.sdk.process import run_program

SUITE = "bookworm"
NEEDED = 900 << 20
"""About how much room the packages and the installed system take, in bytes."""

ETC_APT = Path("/etc/apt")
MERGED_USR = Path("/usr/share/mmdebstrap/hooks/maybe-merged-usr")
BUILD_OPTIONS_FILE = "etc/apt/apt.conf.d/00hclimg-build"
BUILD_DPKG_FILE = "etc/dpkg/dpkg.cfg.d/00hclimg-build"

DOCS = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")
KERNELS = {
    "amd64": "linux-image-cloud-amd64", "arm64": "linux-image-cloud-arm64", "i386": "linux-image-686-pae",
    "armhf": "linux-image-armmp-lpae", "ppc64el": "linux-image-powerpc64le",
}  # fmt: skip

# The initramfs is made once, at the end, instead of once for each package that wants a new one: half of the time that
# the kernel takes. The package archive of the build is laid over that of the system, so that packages never get there.
HOOKS = {
    "setup": 'cp -a /mnt/files/root/. "$1"/; mkdir -p "$1"/var/cache/apt/archives; '
    'mount --bind /mnt/debs "$1"/var/cache/apt/archives',
    "essential": 'chroot "$1" dpkg-divert --quiet --local --rename --add /usr/sbin/update-initramfs; '
    'mkdir -p "$1"/usr/sbin; ln -s /bin/true "$1"/usr/sbin/update-initramfs',
    "customize": 'rm "$1"/usr/sbin/update-initramfs; '
    'chroot "$1" dpkg-divert --quiet --local --rename --remove /usr/sbin/update-initramfs; '
    '[ ! -e "$1"/usr/sbin/update-initramfs ] || chroot "$1" update-initramfs -c -k all',
}
SKIPPED = "download/empty,essential/unlink,cleanup/apt"

_BIND = """
mkdir "$scratch/tree" "$scratch/debs" "$scratch/files"
mount --bind "$1" "$scratch/tree"
mount --bind "$2" "$scratch/debs"
mount --bind "$3" "$scratch/files"
"""
_FINISH = "mount -t proc proc /proc"


@frozen(kw_only=True)
class Recipe:
    """``kept`` are options of apt for the image, ``passing`` for the build only."""

    suite: str
    architecture: str
    variant: str
    packages: tuple[str, ...]
    sources: tuple[Source, ...]
    kept: Mapping[str, str] = field(factory=dict)
    passing: Mapping[str, str] = field(factory=dict)
    docs: bool = False
    initramfs_modules: tuple[str, ...] = ()

    def arguments(self) -> tuple[str, ...]:
        """For mmdebstrap, up to what depends on the place where it works."""
        merged = [f"--hook-dir={MERGED_USR}"] if MERGED_USR.is_dir() else []
        return (
            "--verbose", "--format=directory", f"--variant={self.variant}", f"--architectures={self.architecture}",
            f"--include={','.join(self.packages)}", f"--skip={SKIPPED}",
            *(f"--{name}-hook={script}" for name, script in HOOKS.items()), *merged, self.suite,
        )  # fmt: skip

    def source_list(self) -> str:
        """In the notation of a ``.sources`` file."""
        return "\n".join(source.stanza() for source in self.sources)

    def files(self) -> dict[str, str]:
        """What stands in the system before the first package does, by path."""
        found = {
            "etc/apt/apt.conf.d/90hclimg": apt.options_file(self.kept),
            BUILD_DPKG_FILE: "force-unsafe-io\n",
        }
        if self.passing:
            found[BUILD_OPTIONS_FILE] = apt.options_file(self.passing)
        if not self.docs:
            found["etc/dpkg/dpkg.cfg.d/90hclimg"] = "".join(f"path-exclude={path}\n" for path in DOCS)
        if self.initramfs_modules:
            found["etc/initramfs-tools/conf.d/hclimg"] = "MODULES=list\n"
            found["usr/share/initramfs-tools/modules.d/hclimg"] = "\n".join((*self.initramfs_modules, ""))
        return found


# -- from the settings ----------------------------------------------------------


def recipe_of(ctx: Context, config: RootfsConfig) -> Recipe:
    host, base = this_host(), config.base
    suite = base.suite or host.codename or SUITE
    sources = _given_sources(base, suite)
    options: dict[str, str] = {}
    if not sources:
        sources = apt.debian_sources(apt.configured_sources(ETC_APT), host.codename, suite) if host.codename else ()
        options = _host_options(ctx) if sources else {}
    passing = {**_proxies(os.environ), **apt.select(options, apt.BUILD_OPTIONS)}
    kept = {
        "APT::Install-Recommends": "true" if base.install_recommends else "false",
        **({} if base.install_docs else {"Acquire::Languages": "none"}),
        **apt.select(options, apt.KEPT_OPTIONS),
        **base.apt_options,
    }
    return Recipe(
        suite=suite,
        architecture=architecture_of(config),
        variant=base.variant,
        packages=tuple(sorted({*_packages(config)})),
        sources=sources or apt.default_sources(suite),
        kept=kept,
        passing=passing,
        docs=base.install_docs,
        initramfs_modules=base.initramfs_modules if base.kernel else (),
    )


def _given_sources(base: BaseConfig, suite: str) -> tuple[Source, ...]:
    if base.mirror:
        return (Source(uris=(base.mirror,), suites=(suite,), components=base.components),)
    return apt.parse_lines("\n".join(base.sources))


def _host_options(ctx: Context) -> dict[str, str]:
    return apt.parse_options(run_program(ctx, ["apt-config", "dump"]).stdout)


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of this process as options of apt: what runs in the system has an environment of its own."""
    found = {scheme: environment.get(f"{scheme}_proxy", "") for scheme in ("http", "https")}
    return {f"Acquire::{scheme}::Proxy": url for scheme, url in found.items() if url}


def _packages(config: RootfsConfig) -> Iterator[str]:
    base, system = config.base, config.system
    yield from (*base.base_packages, *base.packages)
    if base.kernel:
        # The kernel unpacks zstd much faster than gzip, which counts where it is emulated.
        yield from (base.kernel_package or kernel_of(architecture_of(config)), "zstd")
    if system.network == "dhcp" and not system.nameservers:
        yield "systemd-resolved"


def kernel_of(architecture: str) -> str:
    return KERNELS.get(architecture, f"linux-image-{architecture}")


# -- running it -------------------------------------------------------------------


def bootstrap(ctx: Context, recipe: Recipe, tree: Path, debs: Path, works: Path) -> None:
    """Install the system in ``tree``, which is made."""
    _check_keyrings(recipe)
    ctx.say(f"Installing {recipe.suite} ({recipe.architecture}) from {_places(recipe)}.")
    with room_for(tree, NEEDED, "the base system"), own_scope(ctx) as own:
        tree.mkdir()
        tree.chmod(0o755)
        work = work_directory(own, works)
        archives, files = work / "debs", work / "files"
        seed(debs, archives)
        _write_files(recipe, files)
        place = sandbox(own, work, SetUp(bind=_BIND, finish=_FINISH, args=(str(tree), str(archives), str(files))))
        try:
            _install(own, recipe, place.enter)
        finally:
            harvest(archives, debs)


def _install(ctx: Context, recipe: Recipe, enter: tuple[str, ...]) -> None:
    try:
        run_program(
            ctx, [*enter, "mmdebstrap", *recipe.arguments(), "/mnt/tree", "/mnt/files/hclimg.sources"],
            on_output=lambda line, _stream: _tell(ctx, line),
        )  # fmt: skip
    except CommandFailed as error:
        reasons = _reasons(error.output)
        raise CommandFailed(
            f"mmdebstrap cannot install the base system: {' '.join(reasons) or error.message}",
            exit_code=error.status,
            output=error.output,
            hint="Its last lines say why. Without `sources` or `mirror`, this machine's package sources are used.",
        ) from error


def _tell(ctx: Context, line: str) -> None:
    """Of what mmdebstrap prints, its own words: what apt and dpkg say is of interest when they fail."""
    kind, _, words = line.partition(": ")
    if kind in ("I", "W", "E") and not words.startswith("running --"):
        ctx.output(words)


def _reasons(lines: tuple[str, ...]) -> list[str]:
    said = [line.strip() for line in lines if line.startswith(("E:", "dpkg: error"))]
    own = [line for line in said if " failed" not in line and "mmdebstrap" not in line]
    return list(dict.fromkeys(own or said))[:3]


def _places(recipe: Recipe) -> str:
    return ", ".join(dict.fromkeys(uri for source in recipe.sources for uri in source.uris))


def _write_files(recipe: Recipe, top: Path) -> None:
    texts = {f"root/{name}": text for name, text in recipe.files().items()}
    for name, text in {**texts, "hclimg.sources": recipe.source_list()}.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for made in top.rglob("*"):  # the user's umask is not the system's
        made.chmod(0o755 if made.is_dir() else 0o644)


def _check_keyrings(recipe: Recipe) -> None:
    """apt verifies signatures with this machine's keys."""
    for source in recipe.sources:
        keyring = source.signed_by
        if keyring.startswith("/") and not Path(keyring.split()[0]).is_file():
            raise BuildError(
                f"The keys of {' '.join(source.uris)} are not on this machine: {keyring} is missing.",
                hint="On Debian or Ubuntu: apt-get install debian-archive-keyring",
            )
