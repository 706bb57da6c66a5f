"""Where a machine starts from: an ISO or a disk image, on this host or somewhere else, checked and cached."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from hclimg.config.fields import Checker, config, setting
from hclimg.sdk.steps import step

if TYPE_CHECKING:
    from hclimg.sdk.context import Context

LENGTHS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
HEX = re.compile(r"[0-9a-fA-F]+")
FORMS = '"none", a checksum in hexadecimal, "sha256:…" (or md5, sha1, sha512), or "file:" with a path or URL'


@frozen
class Checksum:
    """``algorithm`` is empty when nothing is to be checked; ``file`` is where the checksum is to be looked up."""

    algorithm: str = ""
    digest: str = ""
    file: str = ""

    @property
    def text(self) -> str:
        return f"{self.algorithm}:{self.digest}" if self.digest else ""


@config
class IsoConfig:
    """The ISO or disk image to start from."""

    iso_url: str = setting("Where it is: a path, a `file://` or an `http(s)://` URL.", default="")
    iso_urls: tuple[str, ...] = setting("Several places of the same file, tried in order.", default=())
    iso_checksum: str = setting(
        f"What it must be: {FORMS}.", default="", example='"file:https://example.org/SHA256SUMS"'
    )
    iso_target_path: str = setting("Where to save it after the download.", default="", default_doc="in the cache")
    iso_target_extension: str = setting("The extension of the file in the cache.", default="iso")

    @property
    def urls(self) -> tuple[str, ...]:
        return self.iso_urls or ((self.iso_url,) if self.iso_url else ())

    def check(self, problems: Checker) -> None:
        if problems.is_known("iso_url", "iso_urls"):
            self._check_urls(problems)
        if not problems.is_known("iso_checksum"):
            return
        if not self.iso_checksum and problems.is_set("iso_skip_cache"):
            return  # the builder that has this argument says whether a checksum is needed
        try:
            parse_checksum(self.iso_checksum)
        except ValueError as error:
            problems.error("Invalid checksum", str(error), "iso_checksum")

    def _check_urls(self, problems: Checker) -> None:
        name = "iso_urls" if self.iso_urls else "iso_url"
        if not self.urls:
            detail = 'One of "iso_url" and "iso_urls" is required, and must not be empty.'
            problems.error("Missing required argument", detail, "iso_url", "iso_urls")
        if self.iso_url and self.iso_urls:
            problems.error("Conflicting arguments", 'Only one of "iso_url" and "iso_urls" can be set.', "iso_urls")
        for url in self.urls:
            scheme = scheme_of(url)
            if scheme not in ("", "file", "http", "https"):
                detail = f'"{url}" cannot be fetched: only paths and file, http and https URLs are supported.'
                problems.error("Unsupported URL", detail, name)


def parse_checksum(text: str) -> Checksum:
    """Read an ``iso_checksum``. Raises ValueError with sentences for the user."""
    if not text:
        raise ValueError(f'A checksum must be given: {FORMS}. "none" skips the check.')
    kind, colon, rest = text.partition(":")
    if text.lower() == "none":
        return Checksum()
    if kind == "file" and colon:
        return Checksum(file=rest)
    if not colon:
        kind, rest = "", text
    if not HEX.fullmatch(rest):
        raise ValueError(f'"{text}" is not a checksum. Write {FORMS}.')
    if not colon:
        kind = LENGTHS.get(len(rest), "")
        if not kind:
            kinds = ", ".join(LENGTHS.values())
            raise ValueError(f"A checksum of {len(rest)} digits is none of {kinds}. Name its kind, or correct it.")
    return _typed(kind.lower(), rest.lower())


def _typed(kind: str, digest: str) -> Checksum:
    import hashlib

    if kind not in ALGORITHMS:
        raise ValueError(f'"{kind}" is no kind of checksum; known are {", ".join(ALGORITHMS)}.')
    wanted = hashlib.new(kind, usedforsecurity=False).digest_size * 2
    if len(digest) != wanted:
        raise ValueError(f"A {kind} checksum has {wanted} digits, but this one has {len(digest)}.")
    return Checksum(kind, digest)


def scheme_of(url: str) -> str:
    """``http``, ``file``, …; empty for a path of the host."""
    found = SCHEME.match(url)
    return found[1].lower() if found else ""


def local_path(url: str) -> Path | None:
    """The file of the host that a path or ``file://`` URL names; None for other URLs."""
    scheme = scheme_of(url)
    if not scheme:
        return Path(url).expanduser().absolute()
    if scheme != "file":
        return None
    from urllib.parse import unquote

    return Path(unquote(url[len("file://") :])).absolute()


def described(config: IsoConfig) -> dict[str, str]:
    """For the state of an artifact: ``uri`` of the image, without a login in it, and ``algorithm`` and ``digest``."""
    try:
        checksum = parse_checksum(config.iso_checksum)
    except ValueError:
        checksum = Checksum()
    uri = re.sub(r"(?<=://)[^/@]*@", "", next(iter(config.urls), ""))
    return {"uri": uri, "algorithm": checksum.algorithm, "digest": checksum.digest}


def unchecked_image(config: IsoConfig) -> tuple[Path, ...]:
    """The image, when it is a file of this host that only its content tells apart: it has no checksum."""
    try:
        checked = bool(parse_checksum(config.iso_checksum).digest)
    except ValueError:
        checked = False
    found = () if checked else tuple(local_path(url) for url in config.urls[:1])
    return tuple(path for path in found if path is not None and path.is_file())


@step("Fetching image")
def fetch_image(ctx: Context, config: IsoConfig) -> Path:
    """The image, verified. A file of this host is used where it is; another is downloaded into the cache, once for
    all runs that want it at the same time. Raises BuildError when no place has it.
    """
    from hclimg.sdk.fetching import Wanted, fetch

    wanted = Wanted(
        urls=config.urls,
        checksum=parse_checksum(config.iso_checksum),
        target=Path(config.iso_target_path).expanduser().absolute() if config.iso_target_path else None,
        extension=config.iso_target_extension.lower().lstrip("."),
    )
    return fetch(ctx, wanted)
