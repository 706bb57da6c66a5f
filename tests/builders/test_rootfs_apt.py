"""Reading a machine's apt configuration and saying it again for an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from hclimg.builders.rootfs.apt import (
    KEPT_OPTIONS,
    Source,
    configured_sources,
    debian_sources,
    default_sources,
    options_file,
    parse_lines,
    parse_options,
    parse_stanzas,
    select,
)

STANZAS = """\
# Debian
Types: deb deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://off.example.org/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://src.example.org/debian
Suites: bookworm
Components: main
"""


def test_lines_of_sources_list() -> None:
    text = """
    # a comment
    deb http://a/debian bookworm main contrib # another
    deb [ arch=amd64,arm64 signed-by=/k.gpg check-valid-until=no ] https://b/x stable/
    deb-src http://c/debian bookworm main
    """
    first, second = parse_lines(text)
    assert first == Source(uris=("http://a/debian",), suites=("bookworm",), components=("main", "contrib"))
    assert second.options == (
        ("Architectures", "amd64 arm64"), ("Signed-By", "/k.gpg"), ("Check-Valid-Until", "no"),
    )  # fmt: skip
    assert second.components == ()


@pytest.mark.parametrize("line", ["http://a b c", "deb http://a", "deb [arch] http://a b c"])
def test_lines_that_are_wrong(line: str) -> None:
    with pytest.raises(ValueError, match=r"looks like|has no value"):
        parse_lines(line)


def test_stanzas_of_sources_files() -> None:
    (source,) = parse_stanzas(STANZAS)
    assert source.suites == ("bookworm", "bookworm-updates")
    assert source.components == ("main", "contrib")
    assert source.signed_by == "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_a_source_is_read_as_it_was_written() -> None:
    sources = (*parse_stanzas(STANZAS), *parse_lines("deb [signed-by=/k.gpg arch=amd64] http://a/debian sid main"))
    assert parse_stanzas("\n".join(source.stanza() for source in sources)) == sources


def test_a_key_within_the_stanza_survives() -> None:
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDM=\n -----END PGP PUBLIC KEY BLOCK-----"
    (source,) = parse_stanzas(f"Types: deb\nURIs: http://a/debian\nSuites: sid\nComponents: main\nSigned-By:{key}\n")
    assert key in source.stanza()
    assert parse_stanzas(source.stanza()) == (source,)


def test_third_parties_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "deb http://mirror.example.org/pub/debian/ bookworm main non-free-firmware\n"
        "deb http://deb.debian.org/debian bookworm-backports main\n"
        "deb https://apt.releases.example.com bookworm main\n"
        "deb https://download.example.com/linux/debian bookworm stable\n"
        "deb https://packages.example.com/apt cloud-sdk-bookworm main\n"
        "this is no source\n"
    )
    (tmp_path / "sources.list.d" / "a.sources").write_text(STANZAS)
    (tmp_path / "sources.list.d" / "b.list").write_text("deb https://pg.example.org/debian bookworm-pgdg main\n")
    (tmp_path / "sources.list.d" / "c.list.save").write_text("deb http://saved.example.org/debian bookworm main\n")
    found = debian_sources(configured_sources(tmp_path), "bookworm", "bookworm")
    assert [(s.uris[0], s.suites, s.components) for s in found] == [
        ("http://mirror.example.org/pub/debian/", ("bookworm",), ("main", "non-free-firmware")),
        ("http://deb.debian.org/debian", ("bookworm-backports",), ("main",)),
        ("http://deb.debian.org/debian", ("bookworm", "bookworm-updates"), ("main", "contrib")),
    ]


def test_lists_of_mirrors_as_in_images_of_clouds(tmp_path: Path) -> None:
    (tmp_path / "mirrors").write_text(
        "# first\nhttps://cdn.example.org/debian priority:1\n\nhttp://deb.debian.org/debian\n"
    )
    (tmp_path / "sources.list").write_text(
        f"deb mirror+file:{tmp_path}/mirrors bookworm main\n"
        "deb mirror+file:/absent bookworm main\ndeb file:/srv/debian bookworm main\n"
        "deb cdrom:[DVD]/debian bookworm main\n"
    )
    (source,) = debian_sources(configured_sources(tmp_path), "bookworm", "bookworm")
    assert source.uris == ("https://cdn.example.org/debian", "http://deb.debian.org/debian")


def test_an_archive_is_also_known_by_debians_key() -> None:
    text = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://10.0.0.1/mirror bookworm main"
    assert debian_sources(parse_lines(text), "bookworm", "bookworm") == parse_lines(text)


def test_another_release_comes_from_the_same_archives() -> None:
    text = "deb http://m/debian bookworm main\ndeb http://m/debian-security bookworm-security main\n"
    found = debian_sources(parse_lines(text), "bookworm", "trixie")
    assert [(s.uris, s.suites) for s in found] == [
        (("http://m/debian",), ("trixie",)),
        (("http://m/debian-security",), ("trixie-security",)),
    ]


def test_nothing_configured() -> None:
    assert configured_sources(Path("/nonexistent")) == ()
    assert [s.suites for s in default_sources("bookworm")] == [("bookworm", "bookworm-updates"), ("bookworm-security",)]
    assert [s.suites for s in default_sources("sid")] == [("sid",)]


def test_options() -> None:
    dump = 'APT "";\nAcquire::Check-Valid-Until "false";\nAcquire::http::Proxy "http://p:3128";\nDir "/";\n'
    options = parse_options(dump)
    assert options == {
        "Acquire::Check-Valid-Until": "false", "Acquire::http::Proxy": "http://p:3128", "Dir": "/",
    }  # fmt: skip
    assert select(options, KEPT_OPTIONS) == {"Acquire::Check-Valid-Until": "false"}
    assert select(options, ("acquire::http::",)) == {"Acquire::http::Proxy": "http://p:3128"}
    assert options_file({"B": "2", "A::x": "1"}) == 'A::x "1";\nB "2";\n'
