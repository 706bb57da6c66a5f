"""Finding one thing by what a template calls it: an id, a name, or the URL that ends in its id."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hclimg.diagnostics import one_of
from hclimg.errors import BuildError

MOST = 10  # candidates that a message lists


def _id(thing: Any) -> str:
    return str(thing.id)


def choose(
    kind: str, wanted: str, found: Iterable[Any], *, setting: str, key: Callable[[Any], str] = _id
) -> Any:
    """The thing whose id or name is ``wanted``. Raises BuildError that lists the candidates when there are several,
    and names the nearest when there is none; ``setting`` is what the user wrote it for.
    """
    things = list(found)
    by_id = [thing for thing in things if key(thing) == wanted.rstrip("/").rpartition("/")[2]]
    matches = by_id or [thing for thing in things if thing.name == wanted]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise BuildError(
            f'There are {len(matches)} {kind}s named "{wanted}": {listing(matches)}.',
            hint=f'Write the id as "{setting}".',
        )
    known = sorted({thing.name for thing in things if thing.name})
    hint = one_of(wanted, known, "There are").strip()
    raise BuildError(f'There is no {kind} "{wanted}" that this user can see.', hint=hint)


def listing(things: Iterable[Any]) -> str:
    """Names with ids, as far as a message has room for them."""
    texts = [f"{thing.id} ({thing.name})" for thing in things]
    more = f" and {len(texts) - MOST} more" if len(texts) > MOST else ""
    return ", ".join(texts[:MOST]) + more
