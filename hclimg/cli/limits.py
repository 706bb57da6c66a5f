"""``-limit NAME=N`` and ``HCLIMG_LIMITS``: how many nodes may use something at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from hclimg.plan.plan import Plan

F = TypeVar("F", bound=Callable[..., Any])
VARIABLE = "HCLIMG_LIMITS"


def limit_option(function: F) -> F:
    text = "How many nodes may work with an API at once, such as aws.ec2=10; 0: any number. May be repeated."
    return click.option("-limit", "limits", multiple=True, metavar="NAME=N", help=text)(function)


def read_limits(texts: Iterable[str], environment: Mapping[str, str], plan: Plan) -> dict[str, int]:
    """The limits of the environment, and over them those of the command line.

    A name that nothing in hclimg and in the plan knows is a mistake on the command line; the environment is for all
    templates, so there it is none.
    """
    from hclimg.diagnostics import did_you_mean
    from hclimg.engine.limits import DEFAULTS

    everywhere = dict(_limit(text, VARIABLE) for text in _parts([environment.get(VARIABLE, "")]))
    here = dict(_limit(text, "-limit") for text in _parts(texts))
    known = sorted({*DEFAULTS, *(name for node in plan.nodes.values() for name in node.uses)})
    for name in here:
        if name not in known:
            listing = f" There are {', '.join(known)}."
            raise click.UsageError(f'-limit: nothing uses "{name}".{did_you_mean(name, known) or listing}')
    return {**everywhere, **here}


def _parts(texts: Iterable[str]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]


def _limit(text: str, where: str) -> tuple[str, int]:
    name, equals, number = text.partition("=")
    if not (name and equals and number.isascii() and number.isdecimal() and len(number) < 10):
        raise click.UsageError(f'{where}: "{text}" is no limit; write NAME=N, such as aws.ec2=10.')
    return name.strip(), int(number)
