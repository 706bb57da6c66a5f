"""Package URLs, by which tools know packages of every system."""

from __future__ import annotations

from packageurl import PackageURL

from hclimg.sbom.packages import Package, System


def purl(one: Package, system: System) -> PackageURL:
    distribution = f"{system.id}-{system.version}" if system.version else system.id
    epoch, _, version = one.version.rpartition(":") if one.kind == "rpm" else ("", "", one.version)
    qualifiers = {"arch": one.architecture, "distro": distribution, "epoch": epoch, "upstream": one.source}
    return PackageURL(one.kind, system.id, one.name, version, {n: v for n, v in qualifiers.items() if v})
