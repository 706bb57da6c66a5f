"""``hclimg output``: what the last apply came to, as the template's outputs tell it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hclimg.cli.options import STDIN, Command, colour_option, switch
from hclimg.errors import BuildError

if TYPE_CHECKING:
    from hclimg.engine.outputfile import StoredOutput


@click.command(cls=Command)
@click.argument("name", required=False, metavar="[NAME]")
@switch("-json", "Print JSON, in the form of terraform output -json; sensitive values are shown.")
@switch("-raw", "Print the text, number or bool NAME as it is, for scripts.")
@click.option("-template", default="", metavar="PATH", help="The template; without it, the one that was applied last.")
@colour_option
def command(*, name: str | None, json: bool, raw: bool, template: str, color: bool | None) -> None:  # noqa: ARG001
    """Show the outputs of the last apply, or the output NAME.

    Sensitive values are shown only when they are asked for by NAME or with -json.
    """
    if json and raw:
        raise click.UsageError("Only one of -json and -raw can be used.")
    if raw and name is None:
        raise click.UsageError("-raw prints one output; say which: hclimg output -raw NAME.")
    outputs = _outputs(template)
    if name is None:
        _print_all(outputs, json=json)
        return
    output = _named(name, outputs)
    if json:
        _print_json(output.plain)
    elif raw:
        print(_raw(name, output), end="")
    else:
        from hclimg.lang.show import written

        print(written(output.value) if output.value else "")


def _outputs(template: str) -> Mapping[str, StoredOutput]:
    from hclimg.engine.outputfile import read_outputs
    from hclimg.engine.rundir import home_directory

    record = read_outputs(home_directory(os.environ, Path.cwd()))
    wanted = template if template == STDIN else os.path.realpath(template)
    return record.of(wanted if template else record.last)


def _named(name: str, outputs: Mapping[str, StoredOutput]) -> StoredOutput:
    from hclimg.diagnostics import did_you_mean

    output = outputs.get(name)
    if output is None:
        hint = did_you_mean(name, outputs) or (f" There are {', '.join(outputs)}." if outputs else "")
        raise BuildError(f'There is no output "{name}".{hint}', hint="" if outputs else NOTHING)
    if output.value is None:
        raise BuildError(f'The output "{name}" has no value: {output.missing}.', hint=f"So it was in run {output.run}.")
    return output


NOTHING = "Nothing with outputs has been applied here. Declare output blocks in the template and run hclimg apply."


def _print_all(outputs: Mapping[str, StoredOutput], *, json: bool) -> None:
    if json:
        _print_json({name: output.shape for name, output in sorted(outputs.items()) if output.value is not None})
        return
    if not outputs:
        import sys

        print(NOTHING, file=sys.stderr)
    from hclimg.ui.outputs import output_line

    for name, output in sorted(outputs.items()):
        if output.value is None:
            print(f"# {name} has no value: {output.missing}")
        else:
            print(output_line(name, output.plain, sensitive=output.sensitive))


def _raw(name: str, output: StoredOutput) -> str:
    from hclimg.lang.convert import ConversionError, convert
    from hclimg.lang.types import STRING

    assert output.value is not None
    try:
        text = convert(output.value, STRING).raw
    except ConversionError as error:
        hint = f"Print it with hclimg output -json {name}."
        raise BuildError(f'-raw prints texts, numbers and bools only, so not "{name}".', hint=hint) from error
    if not isinstance(text, str):
        raise BuildError(f'The output "{name}" is null, which is no text.')
    return text


def _print_json(data: Any) -> None:
    from json import dumps

    print(dumps(data, indent=2, ensure_ascii=False))
