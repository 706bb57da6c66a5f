"""How options are spelled, as Packer (Go) spells them: ``-var x=y``, ``-force``, ``-color=false``; ``--`` works too.

An option is declared with one dash. :class:`Command` brings what the user typed into that form and leaves the rest to
click.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

import click
from attrs import frozen

F = TypeVar("F", bound=Callable[..., Any])
STDIN = "-"
HELP_NAMES = ["-h", "-help"]
CHDIR = "-chdir"
"""The option of the program itself."""


class Command(click.Command):
    """A command whose options may be written with one dash or two, and whose switches take ``=false``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context_settings.setdefault("help_option_names", HELP_NAMES)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name: param for param in self.get_params(ctx) for name in param.opts}
        return super().parse_args(ctx, list(spelled(ctx, known, args)))


def spelled(
    ctx: click.Context, known: dict[str, click.Parameter], args: list[str], *, leading: bool = False
) -> Iterator[str]:
    """The arguments with each option as ``-name=value``, or ``-name`` when it takes none.

    ``leading``: only the options before the first argument are looked at; the rest belongs to somebody else.
    """
    rest = deque(args)
    while rest:
        arg = rest.popleft()
        if arg == "--":
            yield from (arg, *rest)
            return
        if not arg.startswith("-") or arg == "-":
            yield arg
            if leading:
                yield from rest
                return
            continue
        name, equals, value = arg.partition("=")
        name = "-" + name.lstrip("-")
        option = _find(ctx, known, name)
        if _is_switch(option):
            yield _joined(name, value or "true")
        elif (isinstance(option, click.Option) and option.is_flag) or (not equals and not rest):
            yield name
        else:
            yield _joined(name, value if equals else rest.popleft())


def _joined(name: str, value: str) -> str:
    """click takes what follows a single letter as it is, the equals sign too."""
    return f"{name}={value}" if len(name) > 2 else f"{name}{value}"


def _find(ctx: click.Context, known: dict[str, click.Parameter], name: str) -> click.Parameter:
    if name in known:
        return known[name]
    if name == CHDIR:
        ctx.fail(f"{CHDIR}=DIR stands before the command: {ctx.find_root().info_name} {CHDIR}=DIR {ctx.info_name} …")
    from difflib import get_close_matches

    raise click.NoSuchOption(name, possibilities=get_close_matches(name, known), ctx=ctx)


def _is_switch(option: click.Parameter) -> bool:
    return option.type is click.BOOL and not getattr(option, "is_flag", False)


def age_option(name: str, text: str, *, default: str | None = None) -> Callable[[F], F]:
    """A duration (``90m``, ``2h``, ``30d``); the function gets a timedelta, or None without one."""

    def read(_ctx: click.Context, _option: click.Parameter, value: str | None) -> timedelta | None:
        from hclimg.units import age

        try:
            return None if value is None else age(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}.") from error

    shown = f"{text} Default: {default}." if default else text
    return click.option(name, default=default, metavar="DURATION", callback=read, help=shown)


def state_option(function: F) -> F:
    text = "The file of artifacts; without it .hclimg/artifacts.db."
    return click.option("-state", default=None, metavar="PATH", type=click.Path(dir_okay=False), help=text)(function)


def build_option(function: F) -> F:
    text = "Only those of these builds; names or globs."
    return click.option("-build", "builds", multiple=True, metavar="A,B", help=text)(function)


def switch(name: str, text: str, *, default: bool | None = False) -> Callable[[F], F]:
    """An option that is on or off: ``-force``, ``-force=true``, ``-force=false``."""
    return click.option(name, type=click.BOOL, default=default, metavar="", help=text)


def ignored(name: str, why: str) -> Callable[[F], F]:
    """A switch of Packer's that is accepted, and has no effect."""

    def warn(_ctx: click.Context, _option: click.Parameter, value: bool) -> None:
        if value:
            click.echo(f"Warning: {name} has no effect: {why}.", err=True)

    return click.option(
        name, type=click.BOOL, default=False, metavar="", hidden=True, expose_value=False, callback=warn
    )  # fmt: skip


def colour_option(function: F) -> F:
    """``-color``. It holds for everything that is written, so the root of click's contexts keeps it too."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool | None) -> bool | None:
        ctx.find_root().color = value
        return value

    text = "Use colours; -color=false: none."
    option = click.option("-color", type=click.BOOL, default=None, metavar="", callback=remember, help=text)
    return option(function)


def template_argument(function: F, default: str = ".") -> F:
    """The template: the current directory when it is left out, if nothing else is said."""
    return click.argument("template", default=default, metavar="[TEMPLATE]")(function)


@frozen
class TemplateOptions:
    """Which template, with which values. ``only`` and ``except_`` as they were typed."""

    path: str
    config_type: str = ""
    variables: tuple[str, ...] = ()
    var_files: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """What tells the template from others, wherever the program is called: its outputs are kept under it."""
        return self.path if self.path == STDIN else os.path.realpath(self.path)


_VARIABLES = (
    click.option("-var", "variables", multiple=True, metavar="'NAME=VALUE'", help="A variable; may be repeated."),
    click.option("-var-file", "var_files", multiple=True, metavar="PATH", help="A file of variables; may be repeated."),
    click.option("-config-type", default="", metavar="hcl2|json", help="What the template is written in."),
    ignored("-use-sequential-evaluation", "everything is evaluated in the order of its dependencies"),
    ignored("-ignore-prerelease-plugins", "hclimg loads no plugins of Packer"),
)
_SELECTION = (
    click.option("-only", multiple=True, metavar="A,B", help="Take only these builds; names or globs."),
    click.option("-except", "except_", multiple=True, metavar="A,B", help="Leave out these builds, post-processors."),
)


def template_options(
    *, selection: bool = True, default: str = "."
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the argument and options that say what to read; the function gets them as ``wanted``."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*, template: str, **rest: Any) -> Any:
            names = ("config_type", "variables", "var_files", "only", "except_")
            wanted = {name: rest.pop(name) for name in names if name in rest}
            return function(wanted=TemplateOptions(path=template, **wanted), **rest)

        for option in reversed((*_VARIABLES, *(_SELECTION if selection else ()))):
            call = option(call)
        return template_argument(call, default)

    return decorate
