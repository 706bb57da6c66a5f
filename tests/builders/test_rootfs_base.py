"""The base system: from which packages it is made, and when it is used again."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from rootfs_kit import SMALL, config, run_info

from hclimg.builders.rootfs.base import (
    REPLACED,
    UNUSED,
    Base,
    Cache,
    base_in_use,
    find_base,
    fingerprint,
    remove_unused,
    youngest,
)
from hclimg.builders.rootfs.bootstrap import recipe_of
from hclimg.builders.rootfs.config import BaseConfig, RootfsConfig, SystemConfig
from hclimg.builders.rootfs.debs import harvest, make_room, seed
from hclimg.builders.rootfs.host import (
    boots_by_itself,
    check_host,
    needed_programs,
    require_programs,
    this_host,
)
from hclimg.builders.rootfs.launch import hostname_from
from hclimg.errors import BuildError, Cancelled, CommandFailed, MissingProgram
from hclimg.events import Said, StepFinished
from hclimg.sdk.context import Context
from hclimg.sdk.steps import close_scope
from servers.recording import Recording

pytestmark = pytest.mark.slow

Recorded = Callable[..., Recording]


def settings(base: BaseConfig | None = None, **system: Any) -> RootfsConfig:
    return RootfsConfig(base=base or BaseConfig(), system=SystemConfig(**system))


# -- what it is made of ---------------------------------------------------------------


def test_this_machines_sources_and_no_third_partys(ctx: Context) -> None:
    recipe = recipe_of(ctx, settings())
    assert recipe.suite == this_host().codename
    assert all("debian" in uri for source in recipe.sources for uri in source.uris)
    assert {*recipe.packages} >= {"systemd", "openssh-server", "systemd-resolved"}
    assert any(name.startswith("linux-image-") for name in recipe.packages)


def test_given_sources_are_all_there_is(ctx: Context) -> None:
    base = BaseConfig(suite="trixie", mirror="http://m/debian", components=("main", "contrib"))
    recipe = recipe_of(ctx, settings(base))
    assert recipe.source_list() == "Types: deb\nURIs: http://m/debian\nSuites: trixie\nComponents: main contrib\n"
    assert recipe.passing == {}
    assert "Acquire::Check-Valid-Until" not in recipe.kept


def test_proxies_of_the_environment_are_for_the_build_only(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    files = recipe_of(ctx, settings()).files()
    assert 'Acquire::http::Proxy "http://proxy:3128";\n' in files["etc/apt/apt.conf.d/00hclimg-build"]
    assert "Proxy" not in files["etc/apt/apt.conf.d/90hclimg"]


def test_settings_decide_the_packages(ctx: Context) -> None:
    base = BaseConfig(packages=("redis",), kernel_package="linux-image-rt-amd64", base_packages=())
    recipe = recipe_of(ctx, settings(base, nameservers=("1.1.1.1",)))
    assert recipe.packages == ("linux-image-rt-amd64", "redis", "zstd")


def test_what_stands_in_the_system_first(ctx: Context) -> None:
    files = recipe_of(ctx, settings(BaseConfig(apt_options={"Acquire::Retries": "3"}))).files()
    assert 'Acquire::Retries "3";\n' in files["etc/apt/apt.conf.d/90hclimg"]
    assert "path-exclude=/usr/share/doc/*\n" in files["etc/dpkg/dpkg.cfg.d/90hclimg"]
    assert "virtio_blk\n" in files["usr/share/initramfs-tools/modules.d/hclimg"]
    everything = recipe_of(ctx, settings(BaseConfig(install_docs=True, initramfs_modules=()))).files()
    assert not any("initramfs" in name or name.endswith("dpkg.cfg.d/90hclimg") for name in everything)


def test_the_fingerprint_tells_systems_apart(ctx: Context) -> None:
    names = [
        fingerprint(recipe_of(ctx, settings(base)))
        for base in (
            BaseConfig(), BaseConfig(packages=("sl",)), BaseConfig(variant="apt"), BaseConfig(mirror="http://m"),
            BaseConfig(apt_options={"A": "b"}), BaseConfig(install_docs=True), BaseConfig(initramfs_modules=("ext4",)),
        )
    ]  # fmt: skip
    assert len(set(names)) == len(names)
    assert fingerprint(recipe_of(ctx, settings(hostname="other"))) == names[0]


# -- when it is used again -------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(top=tmp_path / "rootfs")
    made.bases.mkdir(parents=True)
    return made


def put(cache: Cache, name: str, made: float, used: float | None = None) -> Base:
    directory = cache.bases / name
    (directory / "tree").mkdir(parents=True)
    (directory / "base.json").write_text(json.dumps({"suite": "s", "architecture": "a", "made": made}))
    (directory / "lock").touch()
    os.utime(directory / "lock", (used or made, used or made))
    return Base(directory=directory, suite="s", architecture="a", made=made)


def test_the_youngest_one_is_used_while_it_is_young(cache: Cache) -> None:
    put(cache, "aa-1", 1000.0)
    young = put(cache, "aa-2", 2000.0)
    put(cache, "bb-1", 3000.0)
    (cache.bases / "aa-3").mkdir()
    (cache.bases / "aa-3" / "base.json").write_text("half")
    assert youngest(cache, "aa", 100.0, now=2050.0) == young
    assert youngest(cache, "aa", 100.0, now=2100.0) is None
    assert youngest(cache, "aa", 0.0, now=2000.0) is None
    assert youngest(cache, "cc", 100.0, now=2050.0) is None


def test_old_ones_go_when_nobody_uses_them(cache: Cache, ctx: Context) -> None:
    now = 10 * UNUSED
    used = put(cache, "aa-5", now)
    put(cache, "aa-1", now - 2 * REPLACED)
    put(cache, "aa-2", now - 2 * REPLACED, used=now - REPLACED / 2)
    put(cache, "bb-1", now - 2 * UNUSED)
    put(cache, "bb-2", now - UNUSED / 2)
    locked = put(cache, "cc-1", now - 2 * UNUSED)
    lock = os.open(locked.directory / "lock", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    remove_unused(cache, used, now=now)
    os.close(lock)
    assert sorted(path.name for path in cache.bases.iterdir()) == ["aa-2", "aa-5", "bb-2", "cc-1"]


def test_a_base_in_use_is_locked_until_the_scope_closes(cache: Cache, ctx: Context) -> None:
    base = put(cache, "aa-1", 0.0, used=1.0)
    base_in_use(ctx, base)
    remove_unused(cache, put(cache, "aa-2", 1.0), now=10 * UNUSED)
    assert base.directory.exists()
    assert (base.directory / "lock").stat().st_mtime > 1.0
    close_scope(ctx)
    remove_unused(cache, put(cache, "aa-3", 2.0), now=(base.directory / "lock").stat().st_mtime + UNUSED)
    assert not base.directory.exists()


def test_a_base_that_has_gone(cache: Cache, ctx: Context) -> None:
    with pytest.raises(BuildError, match="no longer in the cache"):
        base_in_use(ctx, Base(directory=cache.bases / "gone", suite="s", architecture="a", made=0.0))


def test_the_second_build_installs_nothing(recorded: Recorded, tmp_path: Path) -> None:
    find_base(recorded(run=run_info(tmp_path)).ctx, config(tmp_path / "out"))
    recording = recorded(run=run_info(tmp_path))
    base = find_base(recording.ctx, config(tmp_path / "out"))
    assert (base.tree / "etc/debian_version").exists()
    assert [step.title for step in recording.of(StepFinished)] == []
    assert next(event.text for event in recording.of(Said)).startswith("The base system is in the cache: ")


def test_builds_that_want_the_same_base_make_it_once(recorded: Recorded, tmp_path: Path) -> None:
    """Two at once, with a cache of their own; the packages come from the tests' cache, so this needs no download."""
    find_base(recorded(run=run_info(tmp_path)).ctx, config(tmp_path / "out"))
    run = run_info(tmp_path, cache=tmp_path / "cache")
    _link_debs(run_info(tmp_path).cache / "rootfs" / "debs", run.cache / "rootfs" / "debs")
    recordings = [recorded(run=run) for _ in range(2)]
    found: list[Base] = []
    wanted = config(tmp_path / "out")
    threads = [threading.Thread(target=lambda r=r: found.append(find_base(r.ctx, wanted))) for r in recordings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({base.directory for base in found}) == 1
    made = [s for r in recordings for s in r.of(StepFinished) if s.title == "Making base system"]
    assert [step.ok for step in made] == [True]
    assert not list((run.cache / "rootfs" / "work").iterdir())
    assert not list((run.cache / "rootfs" / "base").glob(".*"))


def _link_debs(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    seed(source, target)


def test_a_cancelled_installation_leaves_nothing(recorded: Recorded, tmp_path: Path) -> None:
    run = run_info(tmp_path, cache=tmp_path / "cache")
    recording = recorded(run=run)

    def cancel_when_it_works() -> None:
        while not list(run.cache.glob("rootfs/base/.*")):
            time.sleep(0.05)
        recording.ctx.cancel.cancel()

    threading.Thread(target=cancel_when_it_works, daemon=True).start()
    with pytest.raises(Cancelled):
        find_base(recording.ctx, config(tmp_path / "out"))
    assert [path.name for path in (run.cache / "rootfs" / "base").iterdir() if path.suffix != ".lock"] == []
    assert list((run.cache / "rootfs" / "work").iterdir()) == []


def test_a_source_that_does_not_answer(recorded: Recorded, tmp_path: Path) -> None:
    run = run_info(tmp_path, cache=tmp_path / "cache")
    base = evolve(SMALL, mirror="http://127.0.0.1:1/debian", apt_options={"Acquire::Retries": "0"})
    with pytest.raises(CommandFailed, match="mmdebstrap cannot install the base system: E: ") as raised:
        find_base(recorded(run=run).ctx, config(tmp_path / "out", base))
    assert any("127.0.0.1:1" in line for line in raised.value.output)
    assert [path.name for path in (run.cache / "rootfs" / "base").iterdir() if path.suffix != ".lock"] == []


def test_a_base_of_no_age_is_never_used_again(recorded: Recorded, tmp_path: Path) -> None:
    cache = Cache(top=run_info(tmp_path).cache / "rootfs")
    base = evolve(SMALL, base_max_age=timedelta())
    name = fingerprint(recipe_of(recorded(run=run_info(tmp_path)).ctx, config(tmp_path / "out", base)))
    assert youngest(cache, name, base.base_max_age.total_seconds()) is None


# -- packages that were downloaded ------------------------------------------------------


def test_packages_are_shared_between_builds(tmp_path: Path) -> None:
    cache, first, second = tmp_path / "cache", tmp_path / "1", tmp_path / "2"
    seed(cache, first)
    (first / "a_1_amd64.deb").write_text("a")
    (first / "partial").mkdir()
    (first / "lock").touch()
    assert harvest(first, cache) == 1
    assert harvest(first, cache) == 0
    seed(cache, second)
    assert [path.name for path in second.iterdir()] == ["a_1_amd64.deb"]
    assert (second / "a_1_amd64.deb").stat().st_nlink == 3


def test_the_packages_that_came_first_go_first(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        (tmp_path / f"{name}.deb").write_bytes(b"x" * 10)
        os.utime(tmp_path / f"{name}.deb")
    make_room(tmp_path, 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.deb", "3.deb"]


# -- this machine ----------------------------------------------------------------------


def test_all_missing_programs_are_named_at_once() -> None:
    with pytest.raises(MissingProgram, match='"no-such-tool", "other-tool"') as raised:
        require_programs(("sh", "no-such-tool", "other-tool"))
    assert raised.value.hint == "On Debian or Ubuntu: apt-get install no-such-tool other-tool"


def test_only_what_is_needed_must_be_there(tmp_path: Path) -> None:
    assert needed_programs(config(tmp_path, formats=("tar",))) == ("unshare", "nsenter", "mmdebstrap", "tar")
    assert "qemu-img" not in needed_programs(config(tmp_path, formats=("raw",)))
    assert {"qemu-img", "grub-mkimage", "mke2fs"} <= {*needed_programs(settings())}


def test_grub_without_its_files_for_bios(ctx: Context, tmp_path: Path) -> None:
    with pytest.raises(MissingProgram) as raised:
        check_host(ctx, settings(), grub=tmp_path)
    assert "grub-pc-bin" in raised.value.hint


def test_without_root(ctx: Context) -> None:
    with pytest.raises(BuildError, match="must run as root") as raised:
        check_host(ctx, settings(), user=1000)
    assert "sudo" in raised.value.hint


def test_what_boots_by_itself(tmp_path: Path) -> None:
    arm = RootfsConfig(base=BaseConfig(architecture="arm64"))
    assert boots_by_itself(RootfsConfig(base=BaseConfig(architecture="amd64")))
    assert not boots_by_itself(arm)
    assert not boots_by_itself(config(tmp_path))
    assert not boots_by_itself(evolve(arm, image=evolve(arm.image, formats=("tar",), bootloader="grub")))


def test_names_of_machines() -> None:
    assert hostname_from("My_Image.v2") == "my-image-v2"
    assert hostname_from("---") == "localhost"
    assert len(hostname_from("x" * 100)) == 63


def test_which_debian_this_is(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text('ID=debian\nVERSION_CODENAME="trixie"\n')
    assert this_host(release).codename == "trixie"
    release.write_text("ID=ubuntu\nVERSION_CODENAME=noble\n")
    assert this_host(release).codename == ""
    assert this_host(tmp_path / "none").codename == ""
