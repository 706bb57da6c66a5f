"""The program: finds the command, and turns every error into words and an exit code.

Exit codes: 0 success; 1 anything that went wrong, wrong usage included; 3 ``fmt -check`` or ``fix -check``
found something to do; 130 interrupted.
"""

from __future__ import annotations

import errno
import gc
import sys
from importlib import import_module
from io import TextIOWrapper
from itertools import takewhile
from typing import Any, NoReturn

import click

from hclimg.cli.options import CHDIR, HELP_NAMES, spelled
from hclimg.cli.terminal import flushed, open_streams, show_diagnostics, stderr_theme
from hclimg.cli.workplace import work_in
from hclimg.errors import BuildError, HclimgError, TemplateError

INTERRUPTED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
BROKEN_PIPE = 141  # as a shell reports a program that SIGPIPE ended

COMMANDS = {
    "apply": "Build the images of a template",
    "artifacts": "List what apply made and is still there",
    "cleanup": "Find and remove what dead runs left behind",
    "console": "Evaluate expressions with the names of a template",
    "convert": "Write templates in HCL or in its JSON syntax",
    "destroy": "Remove what apply made",
    "docs": "Show the reference of a component",
    "fix": "Put today's names in place of old ones in legacy JSON templates",
    "fmt": "Put HCL files into canonical layout",
    "hcl2_upgrade": "Write a legacy JSON template as HCL, with Packer's options",
    "inspect": "Show what is in a template",
    "output": "Show the outputs of the last apply",
    "plan": "Show what apply would do",
    "plugins": "Show what installed packages add",
    "validate": "Check a template",
    "verify-attestation": "Check what the post-processor provenance signed",
    "version": "Show the version",
}
"""Each is the attribute ``command`` of a module of this package, which is imported when it is called."""

ALIASES = {"build": "apply"}
VERSION_FLAGS = ("-v", "-version", "--version")
MACHINE_READABLE = ("-machine-readable", "--machine-readable")


class Program(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options before the command are the program's own."""
        known = {name: param for param in self.get_params(ctx) for name in param.opts}
        return super().parse_args(ctx, list(spelled(ctx, known, args, leading=True)))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        found: click.Command = import_module(f"hclimg.cli.{name.replace('-', '_')}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        command = self.get_command(ctx, name)
        if command is None:
            from hclimg.diagnostics import did_you_mean

            ctx.fail(f'There is no command "{name}".{did_you_mean(name, (*COMMANDS, *ALIASES))}')
        return name, command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table: the help imports no command."""
        aliases = {name: f" (also: {alias})" for alias, name in ALIASES.items()}
        with formatter.section("Commands"):
            formatter.write_dl([(name, text + aliases.get(name, "")) for name, text in COMMANDS.items()])


@click.command(
    cls=Program,
    context_settings={"help_option_names": [*HELP_NAMES, "--help"]},
    subcommand_metavar="COMMAND [OPTIONS] [TEMPLATE]",
    no_args_is_help=True,
)
@click.option(
    CHDIR, type=click.Path(file_okay=False), metavar="DIR", help="Work in this directory; stands before the command."
)
@click.pass_context
def program(ctx: click.Context, chdir: str | None) -> None:
    """Builds machine images from Packer templates."""
    if chdir is not None:
        work_in(chdir, ctx)


def main() -> NoReturn:
    """The entry point of the program."""
    open_streams()
    gc.disable()  # nearly all that reading a template makes stays alive: looking for garbage costs 5 to 30 %
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a character that the terminal cannot show is no reason to stop
    code = run(sys.argv[1:])
    if not flushed():
        code = code or BROKEN_PIPE
    gc.freeze()  # or else the interpreter looks at everything once more before it ends
    sys.exit(code)


def run(args: list[str]) -> int:
    """Run a command line; the exit code. Says everything there is to say."""
    try:
        # click's own main would end the program at a broken pipe, also when a build goes on without its reader.
        with program.make_context("hclimg", _ordered(args)) as ctx:
            return _invoke(ctx)
    except click.exceptions.Exit as over:
        return over.exit_code
    except click.ClickException as error:
        error.show()
        return 1
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        flushed()
        return BROKEN_PIPE
    except OSError as error:
        if error.errno not in NO_ROOM:
            _report_bug(error)
        else:
            print(f"Error: What hclimg has to say cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort: a bug, reported as one
        _report_bug(error)
        return 1


def _invoke(ctx: click.Context) -> int:
    try:
        result: Any = program.invoke(ctx)
    except HclimgError as error:
        _tell(error)
        return error.exit_code
    return result if isinstance(result, int) else 0


def _ordered(args: list[str]) -> list[str]:
    """The command first: Packer takes ``-machine-readable`` anywhere, and ``-version`` for the command."""
    if args[:1] and args[0] in VERSION_FLAGS:
        return ["version", *args[1:]]
    leading = [arg for arg in args[:1] if arg in MACHINE_READABLE]
    if not leading:
        return args
    own = list(takewhile(lambda arg: arg.startswith((f"{CHDIR}=", f"-{CHDIR}=")), args[1:]))
    rest = args[1 + len(own) :]
    return [*own, *rest[:1], *leading, *rest[1:]] if rest else args


def _tell(error: HclimgError) -> None:
    if isinstance(error, TemplateError):
        show_diagnostics(error.diagnostics)
        return
    print(f"{stderr_theme().paint('error', 'Error:')} {error}", file=sys.stderr)
    if isinstance(error, BuildError) and error.hint:
        print(f"  {error.hint}", file=sys.stderr)


def _report_bug(error: Exception) -> None:
    import traceback

    traceback.print_exception(error)
    print(
        "\nThis is a bug of hclimg. Please report it with the lines above, the command line, and what a run wrote to "
        "its directory, if there was one.",
        file=sys.stderr,
    )
