"""The base system: what mmdebstrap installs, kept in the cache so that the next build starts from it.

Cache layout, below ``rootfs`` in the cache of the user: ``debs`` has packages, ``base/NAME-TOKEN`` a system with its
description, ``base/NAME.lock`` is held while somebody makes it. NAME is a digest of what the system is made of. A
finished system never changes: builds lay their changes over it.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.builders.rootfs.bootstrap import Recipe, bootstrap, recipe_of
from hclimg.builders.rootfs.config import RootfsConfig
from hclimg.errors import BuildError
from hclimg.sdk.context import Context
from hclimg.sdk.disk import disk_space
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.sdk.cancel import CancelToken

VERSION = 1
UNUSED = 14 * 24 * 3600.0
"""How long a system is kept after its last use, in seconds."""

REPLACED = 3600.0
"""The same for a system that a newer one has replaced: a build that found it just before may still want to open it."""


@frozen(kw_only=True)
class Cache:
    """Where things are."""

    top: Path

    @property
    def debs(self) -> Path:
        return self.top / "debs"

    @property
    def bases(self) -> Path:
        return self.top / "base"

    @property
    def work(self) -> Path:
        return self.top / "work"


@frozen(kw_only=True)
class Base:
    """A system in the cache; ``tree`` is its root directory."""

    directory: Path
    suite: str
    architecture: str
    made: float

    @property
    def tree(self) -> Path:
        return self.directory / "tree"


def cache_of(ctx: Context) -> Cache:
    """The cache, readable for this user only: it has programs that run as root for whoever starts them."""
    top = ctx.run.cache / "rootfs"
    cache = Cache(top=top)
    with disk_space(top):
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
        for directory in (cache.bases, cache.work, cache.debs):
            directory.mkdir(exist_ok=True)
    return cache


def find_base(ctx: Context, config: RootfsConfig) -> Base:
    """The base system for these settings: from the cache while it is young enough, otherwise a new one."""
    cache, recipe = cache_of(ctx), recipe_of(ctx, config)
    name, most = fingerprint(recipe), config.base.base_max_age.total_seconds()
    known = youngest(cache, name, most)
    if known is None:
        with _alone(ctx.cancel, cache.bases / f"{name}.lock"):
            known = youngest(cache, name, most) or _make(ctx, cache, recipe, name)
    else:
        ctx.say(f"The base system is in the cache: {recipe.suite}, made {_ago(time.time() - known.made)} ago.")
    remove_unused(cache, known)
    return known


def fingerprint(recipe: Recipe) -> str:
    """A name for what the system is made of."""
    import hashlib

    text = json.dumps([VERSION, recipe.arguments(), recipe.files(), recipe.source_list()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def youngest(cache: Cache, name: str, most: float, now: float | None = None) -> Base | None:
    """The newest finished system of this name that is not older than ``most`` seconds."""
    at = time.time() if now is None else now
    found = sorted(_bases(cache, f"{name}-*"), key=lambda base: base.made)
    return found[-1] if found and at - found[-1].made < most else None


def _bases(cache: Cache, pattern: str) -> Iterator[Base]:
    for path in cache.bases.glob(f"{pattern}/base.json"):
        try:
            raw: Mapping[str, str] = json.loads(path.read_text())
            yield Base(
                directory=path.parent, suite=raw["suite"], architecture=raw["architecture"], made=float(raw["made"])
            )
        except (OSError, ValueError, KeyError):
            continue


@step("Making base system")
def _make(ctx: Context, cache: Cache, recipe: Recipe, name: str) -> Base:
    token = f"{name}-{secrets.token_hex(4)}"
    new = cache.bases / f".{token}"
    record = ctx.journal.intend("directory", path=str(new))
    try:
        new.mkdir()
        record.made()
        bootstrap(ctx, recipe, new / "tree", cache.debs, cache.work)
        made = time.time()
        about = {"suite": recipe.suite, "architecture": recipe.architecture, "made": made}
        (new / "base.json").write_text(json.dumps(about))
        (new / "lock").touch()
        new.rename(cache.bases / token)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        record.gone()
        raise
    record.gone()
    return Base(directory=cache.bases / token, suite=recipe.suite, architecture=recipe.architecture, made=made)


# -- use and removal ---------------------------------------------------------------


@step("Opening base system", undo="Closing base system")
def base_in_use(_ctx: Context, base: Base) -> Iterator[Base]:
    """Keep other builds from removing it until the scope closes."""
    try:
        lock = os.open(base.directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BuildError(
            f"The base system {base.directory} is no longer in the cache.", hint="Run the build again."
        ) from error
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.utime(lock)
    yield base
    os.close(lock)


def remove_unused(cache: Cache, used: Base, now: float | None = None) -> None:
    """Remove what was replaced by ``used``, and what nobody used for long. What is in use stays."""
    at = time.time() if now is None else now
    name = used.directory.name.rpartition("-")[0]
    for base in _bases(cache, "*-*"):
        if base.directory == used.directory:
            continue
        replaced = base.directory.name.startswith(f"{name}-") and base.made < used.made
        if _last_use(base) < at - (REPLACED if replaced else UNUSED):
            _remove(base)


def _last_use(base: Base) -> float:
    try:
        return (base.directory / "lock").stat().st_mtime
    except OSError:
        return base.made


def _remove(base: Base) -> None:
    try:
        lock = os.open(base.directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if _locked(lock):  # otherwise a build uses it
            shutil.rmtree(base.directory, ignore_errors=True)
    finally:
        os.close(lock)


@contextmanager
def _alone(cancel: CancelToken, path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever holds it in a way that a cancel can end."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _locked(fd):
            cancel.sleep(0.2)
        yield
    finally:
        os.close(fd)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ago(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 1:
        return "less than a minute"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
