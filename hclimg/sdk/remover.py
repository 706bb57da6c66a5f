"""Removing what dead runs left in a cloud. A cloud brings one :class:`Remover`; the engine decides what is removed.

A remover is found by the first part of the kind in the journal: ``aws/instance`` is removed by the remover ``aws`` (the
table in ``hclimg.registry``; packages of others use the entry point group ``hclimg.removers``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from attrs import field, frozen

from hclimg.sdk.cancel import CancelToken


@frozen(kw_only=True)
class Left:
    """Something that a dead run left, or may have left.

    ``made``: its maker came so far as to say so. Without it, the call that makes it may have been under way when the
    run was killed: ``identity`` then has no id, and the thing, if there is one, is found by the mark of the run.
    ``since`` is when it was written down, in seconds since the epoch; ``number`` is its place in the journal.
    """

    run: str
    kind: str
    identity: Mapping[str, str]
    made: bool
    since: float = 0.0
    number: int = 0

    @property
    def thing(self) -> str:
        """``instance`` of ``aws/instance``."""
        return self.kind.partition("/")[2]

    @property
    def id(self) -> str:
        """Empty when it never came."""
        return self.identity.get("id", "")


@frozen(kw_only=True)
class Cleaning:
    """What a remover is given: the ``run`` that is dead, how to tell the user something, and the token of Ctrl-C.

    ``finished`` is for what turns out to be a result: see :meth:`Remover.remove`. ``left`` is all that the build left
    for this remover, last made first, in the order in which it will be asked.
    """

    run: str
    cancel: CancelToken = field(factory=CancelToken)
    say: Callable[[str], None] = lambda _text: None
    finished: Callable[[Left], None] = lambda _left: None
    left: tuple[Left, ...] = ()

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Cancelled."""
        self.cancel.sleep(seconds)


class Remover(ABC):
    """Made when it is first needed for a build of a dead run, and used by one thread: it may keep clients until
    :meth:`close`.

    The builds of a dead run are cleared at the same time, by removers of their own. None of them touches what another
    one made, but for things that it finds by the mark of the run: these may vanish under its hands, which is fine.
    """

    def __init__(self, ctx: Cleaning) -> None:
        self.ctx = ctx

    @abstractmethod
    def remove(self, left: Left) -> None:
        """Remove it; that it is gone already is fine. Called last made first.

        What has no id is looked for by the mark of the run. By then the calls that were under way when the run was
        killed have had time to end. Waits while something else still uses it. Raises CleanupError (or another
        HclimgError) with the reason, in words that fit after a colon, when it is or may be still there.

        An image (or what belongs to one) that is there without the mark is finished: the run was killed before it could
        write that down. It is left alone, and ``ctx.finished(left)`` says so.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to do
        """End sessions. Called once, when nothing more is removed, also after a Ctrl-C. Raises nothing of the world."""
