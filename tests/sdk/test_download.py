"""Getting an image: places, checksums, the cache, broken connections; from a real server on loopback."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hclimg.errors import BuildError, Cancelled
from hclimg.events import Progress, Said
from hclimg.sdk.context import Context
from hclimg.sdk.download import Checksum, IsoConfig, fetch_image, parse_checksum
from hclimg.sdk.fetching import cache_path, find_checksum
from servers.flaky_http import Site
from servers.recording import Recording

DATA = bytes(range(256)) * 1024  # 256 KiB
SHA256 = hashlib.sha256(DATA).hexdigest()


def fetched(ctx: Context, url: str, checksum: str = "none", **settings: object) -> Path:
    return fetch_image(ctx, IsoConfig(iso_url=url, iso_checksum=checksum, **settings))


# -- checksums ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", Checksum()),
        ("None", Checksum()),
        ("0" * 32, Checksum("md5", "0" * 32)),
        ("0" * 40, Checksum("sha1", "0" * 40)),
        ("A" * 64, Checksum("sha256", "a" * 64)),
        ("0" * 128, Checksum("sha512", "0" * 128)),
        ("sha256:" + "F" * 64, Checksum("sha256", "f" * 64)),
        ("SHA384:" + "0" * 96, Checksum("sha384", "0" * 96)),
        ("file:http://x/SUMS", Checksum(file="http://x/SUMS")),
        ("file:./SUMS", Checksum(file="./SUMS")),
        ("file:file:///a/SUMS", Checksum(file="file:///a/SUMS")),
    ],
)
def test_checksums_of_all_forms(text: str, expected: Checksum) -> None:
    assert parse_checksum(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be given"),
        ("xyz", "is not a checksum"),
        ("0" * 33, "33 digits"),
        ("sha256:" + "0" * 63, "has 64 digits, but this one has 63"),
        ("crc32:" + "0" * 8, '"crc32" is no kind of checksum'),
        ("sha256:image.iso", "is not a checksum"),
    ],
)
def test_wrong_checksums_are_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_checksum(text)


@pytest.mark.parametrize(
    "text",
    [
        f"{SHA256}  image.iso",
        f"{SHA256} *image.iso\n",
        f"SHA256 (image.iso) = {SHA256}",
        f"# comment\n{'0' * 64}  other.iso\n{SHA256}  ./dir/image.iso\n",
        f"{SHA256}\n",
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{SHA256}  image.iso\n",
    ],
)
def test_checksum_files_of_all_kinds(text: str) -> None:
    assert find_checksum(text, "image.iso") == Checksum("sha256", SHA256)


def test_a_checksum_file_without_the_image_has_nothing() -> None:
    assert find_checksum(f"{SHA256}  other.iso\n", "image.iso") is None
    assert find_checksum(f"{SHA256}\n{'0' * 64}\n", "image.iso") is None


# -- files of this host -------------------------------------------------------


def test_a_local_file_is_used_where_it_is(ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "my image.iso"
    image.write_bytes(DATA)
    monkeypatch.chdir(tmp_path)
    for url in (str(image), f"file://{image}", "my image.iso", "./my image.iso", f"file://{tmp_path}/my%20image.iso"):
        assert fetched(ctx, url, SHA256).samefile(image)
    assert not ctx.run.cache.exists()


def test_a_wrong_local_file_is_refused(ctx: Context, tmp_path: Path) -> None:
    image = tmp_path / "image.iso"
    image.write_bytes(b"other")
    with pytest.raises(BuildError, match=f"{SHA256} was expected"):
        fetched(ctx, str(image), SHA256)
    with pytest.raises(BuildError, match="does not exist"):
        fetched(ctx, str(tmp_path / "none.iso"))


def test_a_local_file_is_put_where_the_user_wants_it(ctx: Context, tmp_path: Path) -> None:
    image, target = tmp_path / "image.iso", tmp_path / "deep/er/copy.iso"
    image.write_bytes(DATA)
    assert fetched(ctx, str(image), SHA256, iso_target_path=str(target)) == target
    assert target.read_bytes() == DATA


# -- downloads ----------------------------------------------------------------


def test_a_download_goes_to_the_cache_once(recording: Recording, remote: Site) -> None:
    ctx = recording.ctx
    remote.files["/image.iso"] = DATA
    path = fetched(ctx, remote.url("/image.iso"), SHA256, iso_target_extension="ISO")
    assert path == cache_path(ctx.run.cache, "", Checksum("sha256", SHA256), "iso")
    assert path.read_bytes() == DATA
    assert fetched(ctx, remote.url("/image.iso"), SHA256) == path
    assert len(remote.asked) == 1
    assert recording.of(Progress)[-1].done == len(DATA) == recording.of(Progress)[-1].total
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".iso", ".json", ".lock"]


def test_a_damaged_file_in_the_cache_is_fetched_again(ctx: Context, remote: Site) -> None:
    remote.files["/image.iso"] = DATA
    path = fetched(ctx, remote.url("/image.iso"), SHA256)
    path.write_bytes(DATA[:-1])
    assert fetched(ctx, remote.url("/image.iso"), SHA256).read_bytes() == DATA
    assert len(remote.asked) == 2


def test_without_a_checksum_the_server_is_asked_whether_it_changed(ctx: Context, remote: Site) -> None:
    remote.files["/image.iso"] = DATA
    path = fetched(ctx, remote.url("/image.iso"))
    stamp = path.stat().st_mtime_ns
    assert fetched(ctx, remote.url("/image.iso")).stat().st_mtime_ns == stamp
    remote.files["/image.iso"], remote.etag = b"new", '"v2"'
    assert fetched(ctx, remote.url("/image.iso")).read_bytes() == b"new"


def test_places_are_tried_in_order(recording: Recording, remote: Site) -> None:
    remote.files["/good.iso"] = DATA
    urls = (remote.url("/missing.iso"), "http://127.0.0.1:1/refused.iso", remote.url("/good.iso"))
    config = IsoConfig(iso_urls=urls, iso_checksum=SHA256)
    assert fetch_image(recording.ctx, config).read_bytes() == DATA
    warnings = [event.text for event in recording.of(Said) if event.level == "warning"]
    assert any("404" in text for text in warnings)
    assert "http://127.0.0.1:1/refused.iso: The server cannot be reached (Connection refused)." in warnings


def test_when_no_place_has_it_all_reasons_are_said(ctx: Context, remote: Site, tmp_path: Path) -> None:
    config = IsoConfig(iso_urls=(remote.url("/missing.iso"), str(tmp_path / "none.iso")), iso_checksum="none")
    with pytest.raises(BuildError, match=r"404.*none\.iso: The file does not exist"):
        fetch_image(ctx, config)


def test_redirects_are_followed(ctx: Context, remote: Site) -> None:
    remote.files["/there.iso"] = DATA
    remote.redirects["/here.iso"] = "/there.iso"
    assert fetched(ctx, remote.url("/here.iso"), SHA256).read_bytes() == DATA


def test_a_broken_download_goes_on_where_it_broke(ctx: Context, remote: Site) -> None:
    remote.files["/image.iso"], remote.cut = DATA, [100_000]
    assert fetched(ctx, remote.url("/image.iso"), SHA256).read_bytes() == DATA
    assert remote.asked == [("/image.iso", ""), ("/image.iso", "bytes=100000-")]


def test_the_next_run_goes_on_too_unless_the_file_changed(ctx: Context, remote: Site) -> None:
    remote.files["/image.iso"], remote.cut = DATA, [100_000, 1000, 1000]
    with pytest.raises(BuildError, match="broke after"):
        fetched(ctx, remote.url("/image.iso"), SHA256)
    assert not cache_path(ctx.run.cache, "", Checksum("sha256", SHA256), "iso").exists()
    remote.asked.clear()
    assert fetched(ctx, remote.url("/image.iso"), SHA256).read_bytes() == DATA
    assert remote.asked == [("/image.iso", "bytes=102000-")]
    remote.files["/two.iso"], remote.cut, remote.etag = DATA, [1000] * 3, '"v1"'
    with pytest.raises(BuildError):
        fetched(ctx, remote.url("/two.iso"))
    remote.files["/two.iso"], remote.etag = b"changed", '"v2"'
    assert fetched(ctx, remote.url("/two.iso")).read_bytes() == b"changed"


def test_a_wrong_download_does_not_stay(ctx: Context, remote: Site) -> None:
    remote.files["/image.iso"] = b"not it"
    with pytest.raises(BuildError, match="was expected"):
        fetched(ctx, remote.url("/image.iso"), SHA256)
    folder = ctx.run.cache / "downloads"
    assert [path.suffix for path in folder.iterdir() if path.suffix in (".iso", ".part")] == []


def test_the_checksum_comes_from_a_file(ctx: Context, remote: Site, tmp_path: Path) -> None:
    remote.files |= {"/image.iso": DATA, "/SHA256SUMS": f"{'0' * 64}  other\n{SHA256} *image.iso\n".encode()}
    assert fetched(ctx, remote.url("/image.iso?mirror=1"), f"file:{remote.url('/SHA256SUMS')}").read_bytes() == DATA
    sums = tmp_path / "SUMS"
    sums.write_text(f"SHA256 (image.iso) = {SHA256}\n")
    assert fetched(ctx, remote.url("/image.iso"), f"file:{sums}").read_bytes() == DATA
    with pytest.raises(BuildError, match=r'has no checksum for "else\.iso"'):
        fetched(ctx, remote.url("/else.iso"), f"file:{sums}")
    with pytest.raises(BuildError, match="cannot be read: No such file"):
        fetched(ctx, remote.url("/image.iso"), f"file:{tmp_path}/none")


def test_a_cancel_stops_a_download_that_stands_still(ctx: Context, remote: Site) -> None:
    remote.files["/image.iso"], remote.slow = DATA, 3600
    timer = threading.Timer(0.5, ctx.cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        fetched(ctx, remote.url("/image.iso"), SHA256)
    timer.join()


def _child(url: str, cache: Path, report: Callable[[str], None]) -> None:
    from hclimg.events import EventBus
    from hclimg.sdk.cancel import CancelToken
    from hclimg.sdk.context import RunInfo
    from hclimg.sdk.scope import Scope

    with EventBus() as bus:
        run = RunInfo(id=str(os.getpid()), directory=cache, cache=cache)
        ctx = Context(run=run, lane="", node="", bus=bus, cancel=CancelToken(), scope=Scope())
        report(str(fetched(ctx, url, SHA256)))


def test_processes_that_want_the_same_file_fetch_it_once(tmp_path: Path, remote: Site) -> None:
    remote.files["/image.iso"], remote.slow = DATA, 0.005
    queue: multiprocessing.SimpleQueue[str] = multiprocessing.get_context("spawn").SimpleQueue()
    arguments = (remote.url("/image.iso"), tmp_path / "cache", queue.put)
    children = [multiprocessing.get_context("spawn").Process(target=_child, args=arguments) for _ in range(4)]
    for child in children:
        child.start()
    paths = {queue.get() for _ in children}
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    assert len(paths) == 1
    assert len(remote.asked) == 1
