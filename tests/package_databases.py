"""Small systems with the databases of dpkg, apk and rpm, as their package managers leave them."""

from __future__ import annotations

import subprocess
from pathlib import Path

RELEASE = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
STATUS = """\
Package: base-files
Essential: yes
Status: install ok installed
Maintainer: Santiago Vila <sanvila@debian.org>
Architecture: amd64
Version: 12.4+deb12u5
Description: Debian base system miscellaneous files
 This package contains the basic filesystem hierarchy.

Package: libredis
Status: install ok installed
Maintainer: Chris Lamb <lamby@debian.org>
Architecture: amd64
Source: redis (5:7.0.15-1)
Version: 5:7.0.15-1~deb12u1
Homepage: https://redis.io/
Description: Persistent key-value database

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1.0
"""
INSTALLED = """\
C:Q1abc=
P:musl
V:1.2.4-r2
A:x86_64
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Timo Teräs <timo.teras@iki.fi>
F:lib
R:ld-musl-x86_64.so.1

P:odd
V:1-r0
A:x86_64
L:whatever they like
"""
SPEC = """\
Name: hello
Epoch: 2
Version: 1.5
Release: 3
Summary: Says hello
License: GPL-2.0-or-later AND MIT
Vendor: Example Project
URL: https://example.org/hello
BuildArch: noarch
%description
It greets.
%files
"""
DEB_PURLS = {
    "pkg:deb/debian/base-files@12.4%2Bdeb12u5?arch=amd64&distro=debian-12",
    "pkg:deb/debian/libredis@5:7.0.15-1~deb12u1?arch=amd64&distro=debian-12&upstream=redis",
}


def debian(root: Path) -> Path:
    """``os-release`` is a link, as it is in every distribution."""
    write(root / "usr/lib/os-release", RELEASE)
    (root / "etc").mkdir()
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    write(root / "var/lib/dpkg/status", STATUS)
    return root


def alpine(root: Path) -> Path:
    write(root / "etc/os-release", "ID=alpine\nVERSION_ID=3.19.1\n")
    write(root / "lib/apk/db/installed", INSTALLED)
    return root


def fedora(root: Path, scratch: Path) -> Path:
    """With a database that rpm itself made."""
    write(root / "etc/os-release", "ID=fedora\nVERSION_ID=40\n")
    write(scratch / "hello.spec", SPEC)
    build = ["rpmbuild", "-bb", "--define", f"_topdir {scratch}/top", scratch / "hello.spec"]
    subprocess.run(build, capture_output=True, check=True)
    made = next(scratch.glob("top/RPMS/noarch/*.rpm"))
    install = ["rpm", "--dbpath", root / "usr/lib/sysimage/rpm", "--justdb", "--nodeps", "-i", made]
    subprocess.run(install, capture_output=True, check=True)
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
