"""``hclimg docs``: the reference of a component or of the functions, made from their declarations."""

from __future__ import annotations

from typing import Any

import click

from hclimg.cli.options import Command, switch
from hclimg.registry import Kind, Registry
from hclimg.sdk.components import Component, DataSource

KINDS = {kind.value.replace(" ", "-"): kind for kind in Kind}


@click.command(cls=Command)
@click.argument("component", required=False)
@switch("-json", "Print the JSON Schema of the component's block.")
@switch("-stubs", "Print type stubs of all components for templates in Python, for the file hclimg/__init__.pyi.")
def command(component: str | None, *, json: bool, stubs: bool) -> None:
    """Show which components there are, or every setting of COMPONENT: qemu, or provisioner/file where the name alone
    is not enough. "functions" shows all functions of the language, "function/NAME" one of them.
    """
    if stubs:
        from hclimg.template.dsl.stubs import stubs as stubs_of

        print(stubs_of(Registry()), end="")
        return
    if component == "functions" or (component or "").startswith("function/"):
        _print_functions(component or "", as_json=json)
        return
    registry = Registry()
    if component is None:
        for kind_name, kind in KINDS.items():
            for name in registry.names(kind):
                print(f"{kind_name}/{name}")
        return
    for kind, name in _find(registry, component):
        cls = registry.load(kind, name)
        assert cls is not None
        print(_schema(cls.Config) if json else _page(cls, kind, name))


def _print_functions(asked: str, *, as_json: bool) -> None:
    from hclimg.lang.functions.reference import Entry, entries, markdown

    name = asked.partition("/")[2]
    found = {entry.name: entry for entry in entries()}
    if name and name not in found:
        from hclimg.diagnostics import did_you_mean

        raise click.ClickException(f'There is no function "{name}".{did_you_mean(name, found)}')
    chosen: list[Entry] = [found[name]] if name else list(found.values())
    if as_json:
        from json import dumps

        shown = [{"name": e.name, "signature": e.signature, "about": e.about, "from": e.origin} for e in chosen]
        print(dumps(shown, indent=2, ensure_ascii=False))
    elif name:
        print(f"{chosen[0].signature}\n\n{chosen[0].about} ({chosen[0].origin})")
    else:
        print(markdown(), end="")


def _find(registry: Registry, component: str) -> list[tuple[Kind, str]]:
    """The components with this name; several kinds may have one."""
    wanted, slash, rest = component.partition("/")
    kinds = [KINDS[wanted]] if slash and wanted in KINDS else list(Kind)
    name = rest if slash else component
    found = [(kind, name) for kind in kinds if name in registry.names(kind)]
    if not found:
        from hclimg.diagnostics import did_you_mean

        known = {n for kind in Kind for n in registry.names(kind)}
        raise click.ClickException(f'There is no component "{component}".{did_you_mean(name, known)}')
    return found


def _page(cls: type[Component[Any]], kind: Kind, name: str) -> str:
    from hclimg.config.export import attributes, markdown

    page = markdown(cls.Config, f'{kind.value} "{name}"')
    output = cls.Output if issubclass(cls, DataSource) else None
    return page if output is None else f"{page}\n{attributes(output, f'data.{name}.NAME')}"


def _schema(config: type) -> str:
    from json import dumps

    from hclimg.config.export import json_schema

    return dumps(json_schema(config), indent=2)
