"""A plan as a tree of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hclimg.plan.node import NodeKind
from hclimg.plan.outputs import PlannedOutput
from hclimg.plan.render import Branch, Leaf
from hclimg.ui.outputs import value_line
from hclimg.ui.theme import PLAIN, Theme, one_line

QUIET = frozenset({NodeKind.SOURCE, NodeKind.TEARDOWN, NodeKind.RELEASE})
"""What hclimg does by itself is shown faint, so that what the template asks for stands out."""


def render(
    branches: Iterable[Branch],
    theme: Theme = PLAIN,
    *,
    unicode: bool = True,
    outputs: Iterable[PlannedOutput] = (),
) -> str:
    """Each lane with what it does, in order, then the outputs, and a count at the end."""
    items = list(branches)
    blocks = ["\n".join(_branch(branch, number, theme, unicode)) for number, branch in enumerate(items)]
    told = [theme.clean(_output(output)) for output in outputs]
    if told:
        blocks.append("\n".join(["Outputs:", *told]))
    return "\n\n".join([*blocks, _count(items)]) + "\n"


def _output(output: PlannedOutput) -> str:
    if not output.complete:
        return f"  {output.name} stays what it is: it tells of builds that are left out"
    return "\n".join(f"  {line}" for line in value_line(output.name, output.value).split("\n"))


def _branch(branch: Branch, number: int, theme: Theme, unicode: bool) -> Iterator[str]:
    after = f" after {', '.join(branch.after)}" if branch.after else ""
    yield theme.lane(number, branch.title) + theme.paint("faint", after)
    middle, last = ("├─ ", "└─ ") if unicode else ("|- ", "`- ")
    for position, leaf in enumerate(branch.leaves):
        stem = last if position == len(branch.leaves) - 1 else middle
        yield stem + _leaf(leaf, theme)


def _leaf(leaf: Leaf, theme: Theme) -> str:
    notes = theme.paint("faint", f" ({', '.join(leaf.notes)})") if leaf.notes else ""
    title = one_line(leaf.node.title)
    shown = theme.paint("faint", title) if leaf.node.kind in QUIET else title
    return theme.clean(shown) + notes


def _count(branches: list[Branch]) -> str:
    lanes = sum(bool(branch.lane) for branch in branches)
    nodes = sum(len(branch.leaves) for branch in branches)
    return f"{lanes} {'image' if lanes == 1 else 'images'} to build, {nodes} {'node' if nodes == 1 else 'nodes'}."
