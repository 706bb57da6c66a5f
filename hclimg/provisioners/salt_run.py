"""How ``salt-masterless`` gets Salt and its files to a machine, and runs it there.

Files go to a directory of the user's first, since only root may write where Salt looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from attrs import frozen

from hclimg.errors import CommandFailed
from hclimg.provisioners.guest_tool import NOT_FOUND, GuestTool
from hclimg.provisioners.salt_formula import fetch_formula, parse_formula
from hclimg.provisioners.salt_masterless import SaltMasterlessConfig
from hclimg.provisioners.salt_report import SaltReport
from hclimg.sdk.context import Context
from hclimg.sdk.disk import remove_directory
from hclimg.sdk.machine import Communicator
from hclimg.sdk.scripts import token
from hclimg.sdk.windows import with_backslashes

MISSING = (
    "The machine has no salt-call in its PATH: leave out skip_bootstrap, install it in a step before (the Salt "
    "Project's packages, or pip install salt), or set salt_bin_dir."
)
NO_SCRIPT = (
    "The machine needs curl or wget and a way to github.com for this. Where it has none, install Salt in a step before "
    "and set skip_bootstrap = true."
)


def apply_states(ctx: Context, communicator: Communicator, config: SaltMasterlessConfig) -> None:
    """Raises CommandFailed with the states that failed, BuildError."""
    windows = config.guest_os_type == "windows"
    tool = GuestTool(ctx, communicator, "Salt", sudo=not config.disable_sudo, windows=windows)
    with _directory(ctx) as folder:
        formulas = _fetch_formulas(ctx, config, folder)
        if not config.skip_bootstrap:
            _install(tool, config)
        temporary = config.temp_config_dir or config.places.temporary
        with tool.staging(f"{temporary.rstrip('/')}/{token()}", clean=True) as staging:
            files = _Files(tool, config, staging)
            files.put_settings()
            files.put_states(formulas)
    _call(tool, config)


@contextmanager
def _directory(ctx: Context) -> Iterator[Path]:
    """A directory of this host, for what is fetched."""
    folder = ctx.run.directory / f"salt-{token()}"
    record = ctx.journal.intend("directory", path=str(folder))
    try:
        yield folder
    finally:
        remove_directory(ctx, folder, record)


def _fetch_formulas(ctx: Context, config: SaltMasterlessConfig, folder: Path) -> dict[str, Path]:
    """Directories of this host by their place in the state tree. What that tree has already is not fetched."""
    found: dict[str, Path] = {}
    for number, text in enumerate(config.formulas):
        formula = parse_formula(text)
        if (config.local_state_tree.expanduser() / formula.name).exists():
            ctx.say(f"The formula {formula.name} is in {config.local_state_tree} already")
            continue
        ctx.say(f"Fetching the formula {formula.name} from {formula.url}")
        found[formula.name] = fetch_formula(ctx, formula, folder / str(number))
    return found


def _install(tool: GuestTool, config: SaltMasterlessConfig) -> None:
    places = config.places
    tool.ctx.say("Fetching Salt's installer")
    try:
        tool.do(places.fetch, "Salt's installer cannot be fetched", hint=NO_SCRIPT)
        arguments = f" {config.bootstrap_args}" if config.bootstrap_args else ""
        tool.run(f"{tool.prefix}{places.install}{arguments}", valid=(0,), hints={}, title="Salt's installer")
    finally:
        tool.remove(places.script)


@frozen
class _Files:
    """``staging`` is a directory of the machine that the user owns."""

    tool: GuestTool
    config: SaltMasterlessConfig
    staging: str

    def put_settings(self) -> None:
        given = (("minion", self.config.minion_config), ("grains", self.config.grains_file))
        there = [(name, path.expanduser()) for name, path in given if path]
        for name, path in there:
            self.tool.ctx.say(f"Uploading {path} => {self.config.places.settings}/{name}")
            self.tool.make_directory(f"{self.staging}/settings")
            self.tool.put(path, f"{self.staging}/settings/{name}")
        if there:
            self._fill(self.config.places.settings, f"{self.staging}/settings")

    def put_states(self, formulas: dict[str, Path]) -> None:
        states = self._put_tree(self.config.local_state_tree, "states")
        for name, path in formulas.items():
            self.tool.make_directory(f"{states}/{name}")
            self.tool.put(path, f"{states}/{name}")
        self._fill(self.config.states, states)
        if self.config.local_pillar_roots:
            self._fill(self.config.pillar, self._put_tree(self.config.local_pillar_roots, "pillar"))

    def _put_tree(self, local: Path, name: str) -> str:
        self.tool.ctx.say(f"Uploading {local}")
        return self.tool.put(local.expanduser(), f"{self.staging}/{name}")

    def _fill(self, directory: str, uploaded: str) -> None:
        self.tool.do(self.tool.system.fill(directory, uploaded), f"{directory} cannot be written")


def _call(tool: GuestTool, config: SaltMasterlessConfig) -> None:
    """Salt ends with an exit code of its own for failed states also without --retcode-passthrough, since 2019."""
    report = SaltReport()
    try:
        tool.run(salt_call(tool, config), valid=(0,), hints={NOT_FOUND: MISSING}, watch=report.line)
    except CommandFailed as error:
        message = report.failure or error.message
        if config.no_exit_on_failure and not error.hint:
            tool.ctx.warn(f"{message} Going on, since no_exit_on_failure is true.")
            return
        raise CommandFailed(message, exit_code=error.status, output=error.output, hint=error.hint) from error


def salt_call(tool: GuestTool, config: SaltMasterlessConfig) -> str:
    """The command line. With a minion's configuration that says where the states are."""
    program = f"{config.salt_bin_dir.rstrip('/')}/salt-call" if config.salt_bin_dir else "salt-call"
    words = [tool.prefix + _quoted(program, tool), "--local"]
    words.append(f"state.sls {config.custom_state}" if config.custom_state else "state.highstate")
    if not config.minion_config:
        words += [f"--file-root={_quoted(config.states, tool)}", f"--pillar-root={_quoted(config.pillar, tool)}"]
    if not config.no_exit_on_failure:
        words.append("--retcode-passthrough")
    words.append(f"-l {config.log_level or 'info'}")
    return " ".join([*words, *([config.salt_call_args] if config.salt_call_args else [])])


def _quoted(path: str, tool: GuestTool) -> str:
    """Quotes only where there must be some: PowerShell takes a quoted first word for a text, not for a program."""
    if tool.windows:
        return f'"{path}"' if " " in path else with_backslashes(path)
    return quote(path)
