"""``hclimg docs``: the reference of a component, made from its declarations."""

from __future__ import annotations

import click

from hclimg.cli.options import Command, switch
from hclimg.registry import Kind, Registry

KINDS = {kind.value.replace(" ", "-"): kind for kind in Kind}


@click.command(cls=Command)
@click.argument("component", required=False)
@switch("-json", "Print the JSON Schema of the component's block.")
def command(component: str | None, *, json: bool) -> None:
    """Show which components there are, or every setting of COMPONENT: qemu, or provisioner/file where the name alone
    is not enough.
    """
    registry = Registry()
    if component is None:
        for kind_name, kind in KINDS.items():
            for name in registry.names(kind):
                print(f"{kind_name}/{name}")
        return
    for kind, name in _find(registry, component):
        cls = registry.load(kind, name)
        assert cls is not None
        print(_schema(cls.Config) if json else _page(cls.Config, f'{kind.value} "{name}"'))


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


def _page(config: type, title: str) -> str:
    from hclimg.config.export import markdown

    return markdown(config, title)


def _schema(config: type) -> str:
    from json import dumps

    from hclimg.config.export import json_schema

    return dumps(json_schema(config), indent=2)
