"""``hclimg plugins``: what installed packages add to hclimg, and whether it can be used."""

from __future__ import annotations

import click
from attrs import frozen

from hclimg.cli.options import Command, switch
from hclimg.errors import PluginError
from hclimg.registry import Foreign, Kind, Registry


@frozen
class Plugin:
    """``problem`` says why it cannot be used; empty when it can."""

    kind: Kind
    component: Foreign
    problem: str


@click.command(cls=Command)
@switch("-json", "Print a JSON array.")
def command(*, json: bool) -> int:
    """Show the builders, provisioners, post-processors and data sources of installed packages.

    A package announces them with entry points; "hclimg docs KIND/NAME" shows their settings. The exit code is 1 when
    one of them cannot be used.
    """
    registry = Registry()
    found = [Plugin(kind, item, _problem(registry, kind, item)) for kind in Kind for item in registry.foreign(kind)]
    if json:
        from json import dumps

        print(dumps([_described(plugin) for plugin in found], indent=2))
    elif not found:
        print("No package that is installed beside hclimg provides components.")
    else:
        _print(found)
    return int(any(plugin.problem for plugin in found))


def _problem(registry: Registry, kind: Kind, item: Foreign) -> str:
    if registry.is_built_in(kind, item.name):
        return f'hclimg has a {kind.value} "{item.name}" of its own, which is used instead.'
    try:
        registry.load(kind, item.name)
    except PluginError as error:
        return str(error)
    return ""


def _described(plugin: Plugin) -> dict[str, str]:
    item = plugin.component
    return {"kind": plugin.kind.value, "name": item.name, "package": item.package, "version": item.version,
            "class": item.target, "problem": plugin.problem}  # fmt: skip


def _print(found: list[Plugin]) -> None:
    rows = [(f"{plugin.kind.value.replace(' ', '-')}/{plugin.component.name}",
             f"{plugin.component.package} {plugin.component.version}".strip()) for plugin in found]  # fmt: skip
    wide = max(len(name) for name, _ in rows)
    for plugin, (name, package) in zip(found, rows, strict=True):
        print(f"{name:<{wide}}  {package}")
        if plugin.problem:
            print(f"{'':<{wide}}  cannot be used: {plugin.problem}")
