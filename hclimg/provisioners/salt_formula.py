"""Formulas of Salt: states that others keep in git, one directory of a repository each.

    https://github.com/saltstack-formulas/redis-formula.git//redis?ref=v0.8.0
    git::ssh://git@example.org/salt/web-formula.git//web
    /srv/git/web-formula//web

The text after ``//`` is the directory, under whose name the state tree gets it. Knows nothing of machines.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from attrs import frozen

from hclimg.errors import BuildError, CommandFailed

if TYPE_CHECKING:  # `validate` reads the settings only
    from hclimg.sdk.context import Context

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_SHORT = re.compile(r"^(github\.com|gitlab\.com|bitbucket\.org)/")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_KNOWN = {"ref", "depth"}
_FORCED = re.compile(r"^([a-z0-9]+)::")


@frozen
class Formula:
    """``directory`` is relative to the repository; ``ref`` a branch, a tag or a commit, or empty."""

    url: str
    directory: str
    ref: str = ""

    @property
    def name(self) -> str:
        """Where it goes in the state tree."""
        return self.directory


def parse_formula(text: str) -> Formula:
    """Raises ValueError with a sentence on what is wrong."""
    forced = _FORCED.match(text)
    if forced and forced[1] != "git":
        raise ValueError(f'Formulas are fetched by git, not by "{forced[1]}".')
    address, _, query = text.removeprefix("git::").partition("?")
    scheme = _SCHEME.match(address)
    head = scheme[0] if scheme else ""
    place, slashes, directory = address[len(head) :].partition("//")
    directory = directory.strip("/")
    if not slashes or not directory:
        raise ValueError('It does not say which directory of the repository it is: end it with "//DIRECTORY".')
    if ".." in PurePosixPath(directory).parts:
        raise ValueError("The directory must be in the repository.")
    options = parse_qs(query)
    if unknown := sorted(set(options) - _KNOWN):
        raise ValueError(f'"{unknown[0]}" is not supported; "ref" names a branch, a tag or a commit.')
    url = f"https://{place}" if not head and _SHORT.match(place) else head + place
    return Formula(url, directory, options.get("ref", [""])[0])


def formula_problem(text: str) -> str:
    """What is wrong with it; empty when nothing is."""
    try:
        parse_formula(text)
    except ValueError as error:
        return str(error)
    return ""


def fetch_formula(ctx: Context, formula: Formula, into: Path) -> Path:
    """The formula's directory, somewhere in ``into``. Raises BuildError with what git says."""
    from hclimg.sdk.process import run_program

    def git(*arguments: str) -> None:
        run_program(ctx, ["git", "-C", into, *arguments], env={"GIT_TERMINAL_PROMPT": "0"})

    into.mkdir(parents=True)
    try:
        git("init", "--quiet")
        git("checkout", "--quiet", _fetched(git, formula))
    except CommandFailed as error:
        raise BuildError(
            f'The formula "{formula.name}" cannot be fetched from {formula.url}: {" ".join(error.output)}.',
            hint="git on this host has to reach it without being asked for a password.",
        ) from error
    shutil.rmtree(into / ".git")
    found = into / formula.directory
    if not found.is_dir():
        there = ", ".join(sorted(path.name for path in into.iterdir() if path.is_dir())) or "none"
        raise BuildError(f'{formula.url} has no directory "{formula.directory}"; it has {there}.')
    return found


def _fetched(git: Callable[..., None], formula: Formula) -> str:
    """What to check out. Servers need not give a commit that no branch ends with: then all of them are fetched."""
    url = str(Path(formula.url).expanduser().absolute()) if _is_local(formula.url) else formula.url
    try:
        git("fetch", "--quiet", "--depth", "1", "--", url, formula.ref or "HEAD")
    except CommandFailed:
        if not _COMMIT.fullmatch(formula.ref):
            raise
        git("fetch", "--quiet", "--", url, "+refs/heads/*:refs/fetched/*")
        return formula.ref
    return "FETCH_HEAD"


def _is_local(url: str) -> bool:
    return not _SCHEME.match(url) and ":" not in url.partition("/")[0]
