"""Where packages come from: apt's sources in both of their notations, and the options that belong to them.

Reads a machine's configuration and says it again for an image. Runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from attrs import evolve, frozen

ARCHIVES = frozenset(("debian", "debian-security", "debian-debug", "debian-ports"))
REMOTE = ("http:", "https:", "ftp:", "tor+http:", "tor+https:")
COMPONENTS = frozenset(("main", "contrib", "non-free", "non-free-firmware"))
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://deb.debian.org/debian"
SECURITY_MIRROR = "http://deb.debian.org/debian-security"

KEPT_OPTIONS = ("acquire::check-valid-until", "acquire::check-date", "acquire::max-futuretime")
"""What says how old the lists of a source may be: it belongs to the source, so an image needs it, too."""

BUILD_OPTIONS = ("acquire::http::", "acquire::https::", "acquire::retries", "acquire::forceipv")
"""How this machine reaches its sources, proxies for example: no business of an image."""

_LINE = re.compile(r"(deb|deb-src)\s+(?:\[\s*([^\]]*?)\s*\]\s+)?(\S+)\s+(\S+)((?:\s+\S+)*)")
_FIELD = re.compile(r"([A-Za-z0-9-]+)\s*:\s*(.*)")
_OPTION = re.compile(r'(\S+) "(.*)";')


@frozen(kw_only=True)
class Source:
    """Some suites of some archives. ``options`` are the other fields, named as in a ``.sources`` file."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()

    @property
    def signed_by(self) -> str:
        return next((value for name, value in self.options if name.lower() == "signed-by"), "")

    def stanza(self) -> str:
        """The source in the notation of a ``.sources`` file."""
        fields = [
            ("Types", "deb"), ("URIs", " ".join(self.uris)), ("Suites", " ".join(self.suites)),
            ("Components", " ".join(self.components)), *self.options,
        ]  # fmt: skip
        return "".join(f"{name}: {value}\n" for name, value in fields if value)


# -- reading --------------------------------------------------------------------


def parse_lines(text: str) -> tuple[Source, ...]:
    """The notation of ``sources.list``. Raises ValueError with words for the user."""
    found = []
    for line in text.splitlines():
        body = line.partition("#")[0].strip()
        if not body:
            continue
        match = _LINE.fullmatch(body)
        if match is None:
            raise ValueError('a package source looks like "deb http://deb.debian.org/debian bookworm main"')
        kind, options, uri, suite, components = match.groups()
        if kind == "deb":
            found.append(
                Source(
                    uris=(uri,), suites=(suite,), components=tuple(components.split()),
                    options=tuple(_line_options(options or "")),
                )
            )  # fmt: skip
    return tuple(found)


def _line_options(text: str) -> Iterator[tuple[str, str]]:
    names = {"arch": "Architectures", "lang": "Languages", "target": "Targets"}
    for item in text.split():
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f'the option "{item}" has no value')
        yield names.get(name, name.title()), value.replace(",", " ")


def parse_stanzas(text: str) -> tuple[Source, ...]:
    """The notation of ``.sources`` files; what cannot be read is left out, as apt does with other types."""
    return tuple(source for stanza in re.split(r"\n\s*\n", text) if (source := _source(_fields(stanza))))


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and last:
            fields[last] += f"\n{line}"
        elif match := _FIELD.match(line):
            last = match[1].title().replace("Uris", "URIs")
            fields[last] = match[2].strip()
    return fields


def _source(fields: Mapping[str, str]) -> Source | None:
    if "deb" not in fields.get("Types", "").split() or fields.get("Enabled", "yes").lower() in ("no", "false", "0"):
        return None
    uris, suites = fields.get("URIs", "").split(), fields.get("Suites", "").split()
    own = ("Types", "URIs", "Suites", "Components", "Enabled")
    options = tuple((name, value) for name, value in fields.items() if name not in own)
    return Source(
        uris=tuple(uris), suites=tuple(suites), components=tuple(fields.get("Components", "").split()), options=options
    )


def parse_options(dump: str) -> dict[str, str]:
    """The options in what ``apt-config dump`` prints, without those that are empty."""
    matches = (_OPTION.fullmatch(line) for line in dump.splitlines())
    return {match[1]: match[2] for match in matches if match and match[2]}


def select(options: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The options that have one of these names, or that stand below it when it ends with ``::``."""
    wanted = tuple(names)
    below = tuple(name for name in wanted if name.endswith("::"))
    return {k: v for k, v in options.items() if k.lower() in wanted or (below and k.lower().startswith(below))}


# -- this machine's ----------------------------------------------------------------


def configured_sources(etc: Path) -> tuple[Source, ...]:
    """All the sources in an ``/etc/apt``."""
    found: list[Source] = []
    for path in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if path.suffix == ".sources":
            found += parse_stanzas(text)
        elif path.suffix == ".list":
            found += _readable(text)
    return tuple(
        evolve(source, uris=tuple(uri for name in source.uris for uri in _reachable(name))) for source in found
    )


def _reachable(uri: str) -> Iterator[str]:
    """The URI, unless it means a place on this machine; or those in the list of mirrors that it means."""
    if uri.startswith("mirror+file:"):
        with suppress(OSError):
            lines = Path(uri.removeprefix("mirror+file:")).read_text(errors="replace").splitlines()
            yield from (line.split()[0] for line in lines if line.strip() and not line.lstrip().startswith("#"))
    elif uri.startswith(REMOTE):
        yield uri


def _readable(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        try:
            yield from parse_lines(line)
        except ValueError:
            continue


def debian_sources(sources: Iterable[Source], codename: str, suite: str) -> tuple[Source, ...]:
    """What of a machine's sources is Debian's, for ``suite`` in place of its own ``codename``."""
    found = (_debian_part(source, codename) for source in sources)
    return tuple(
        evolve(part, suites=tuple(suite + name.removeprefix(codename) for name in part.suites))
        for part in found
        if part
    )


def _debian_part(source: Source, codename: str) -> Source | None:
    """Third parties name their suites and components like Debian, too; their archives have other names and keys."""
    keyring = source.signed_by.rpartition("/")[2].startswith("debian-archive-")
    uris = tuple(u for u in source.uris if keyring or not ARCHIVES.isdisjoint(u.rstrip("/").split("/")[3:]))
    own = re.compile(rf"{re.escape(codename)}(-updates|-security|-proposed-updates|-backports)?(/updates)?")
    suites = tuple(name for name in source.suites if own.fullmatch(name))
    components = tuple(name for name in source.components if name in COMPONENTS)
    if not (uris and suites and components):
        return None
    return evolve(source, uris=uris, suites=suites, components=components)


def default_sources(suite: str) -> tuple[Source, ...]:
    """Debian's own archive, for machines that have none configured."""
    signed = (("Signed-By", KEYRING),)
    released = () if suite in ("sid", "unstable") else (f"{suite}-updates",)
    main = Source(uris=(MIRROR,), suites=(suite, *released), components=("main",), options=signed)
    if not released:
        return (main,)
    return (main, evolve(main, uris=(SECURITY_MIRROR,), suites=(f"{suite}-security",)))


def options_file(options: Mapping[str, str]) -> str:
    """The text of a file in ``apt.conf.d``."""
    return "".join(f'{name} "{value}";\n' for name, value in sorted(options.items()))
