"""``hclimg convert``: writes templates in another syntax, and proves that they mean the same."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import click
from attrs import define, field

from hclimg.cli.convert_check import verdict
from hclimg.cli.convert_summary import FAILED, Result, print_summary
from hclimg.cli.options import Command, TemplateOptions, switch
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics, did_you_mean
from hclimg.plan.stand_ins import OpenRegistry
from hclimg.template.convert.audience import Audience
from hclimg.template.convert.convert import Converted, converted
from hclimg.template.convert.files import TARGETS, Job, Syntax, jobs

STDOUT = "-"
_TOGETHER = 50


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="TEMPLATE...")
@click.option("-to", type=click.Choice(tuple(TARGETS)), default="hcl", help="What to write.")
@click.option("-o", "output", default="", metavar="DIR|-", help="Where to write; - is standard output.")
@click.option("-var", "variables", multiple=True, metavar="'NAME=VALUE'", help="A variable, for -check; repeatable.")
@click.option("-var-file", "var_files", multiple=True, metavar="PATH", help="A file of variables, for -check.")
@click.option(
    "-for",
    "audience",
    type=click.Choice([audience.value for audience in Audience]),
    default=Audience.HCLIMG.value,
    help="Who a legacy template is converted for: packer asks for plugins, packer-1.6 does without what came later.",
)
@switch("-split", "Write variables, sources and build of a legacy template into a file each, in a directory.")
@switch("-check", "Compile both and compare the plans; say what differs.")
@click.option("-force", "-f", "force", type=click.BOOL, default=False, metavar="", help="Overwrite files that exist.")
def command(
    *,
    paths: tuple[str, ...],
    to: str,
    output: str,
    variables: tuple[str, ...],
    var_files: tuple[str, ...],
    audience: str,
    split: bool,
    check: bool,
    force: bool,
) -> int:
    """Write templates in HCL, in its JSON syntax or in Python.

    TEMPLATE is a legacy JSON template, a file of HCL, of HCL's JSON syntax or of Python, or a directory of them.
    NAME.json becomes NAME.pkr.hcl, with -to json NAME.pkr.json, with -to python NAME.img.py, beside the old file or in
    the directory that -o names. The files of a template that is a directory become files of the other kind, in Python
    a single one; they need a directory of their own.
    """
    values = TemplateOptions(path="", variables=variables, var_files=var_files)
    converter = _Converter(TARGETS[to], output, values, Audience(audience), split=split, check=check, force=force)
    found = Diagnostics()
    for number, job in enumerate(jobs(paths, TARGETS[to], found), start=1):
        converter.job(job)
        if number % _TOGETHER == 0:
            gc.collect()  # nothing else does, and the trees of documents are circular
    _warn_of_missing(converter.registry, converter.diags)
    show_diagnostics([*found, *converter.diags])
    if len(converter.results) > 1 or check:
        print_summary(converter.results, sys.stderr if output == STDOUT else sys.stdout)
    return int(found.has_errors or converter.diags.has_errors or any(not r.good for r in converter.results))


def _warn_of_missing(registry: OpenRegistry, diags: Diagnostics) -> None:
    for kind, name in registry.missing:
        hint = did_you_mean(name, registry.names(kind))
        detail = f'hclimg has no {kind} "{name}".{hint} What is said of it was compared as it is written, not checked.'
        diags.warn("Unknown component", detail)


@define
class _Converter:
    to: Syntax
    output: str
    values: TemplateOptions
    audience: Audience
    split: bool
    check: bool
    force: bool
    registry: OpenRegistry = field(factory=OpenRegistry, init=False)
    diags: Diagnostics = field(factory=Diagnostics, init=False)
    results: list[Result] = field(factory=list, init=False)
    written: set[Path] = field(factory=set, init=False)

    def job(self, job: Job) -> None:
        found = Diagnostics()
        result = None if self._refused(job, found) else self._result(job, found)
        why = found.errors[0].summary if found.has_errors else ""
        self.results.append(result or Result(job.path, (), FAILED, good=False, why=why))
        self.diags.extend(found)

    def _refused(self, job: Job, found: Diagnostics) -> bool:
        several = len(job.files) > 1 or (self.split and job.is_legacy)
        if self.output == STDOUT and several:
            detail = f'"{job.path}" becomes several files; they cannot all go to standard output.'
            found.error("Several files", detail)
        elif job.is_directory and not self.output:
            detail = f'The new files of "{job.path}" cannot stand beside the old ones: together they would declare '
            found.error("No place for the files", f"{detail}everything twice. Name another directory with -o.")
        return found.has_errors

    def _result(self, job: Job, found: Diagnostics) -> Result | None:
        """None when nothing was written."""
        made = converted(job, self.to, found, split=self.split, audience=self.audience)
        if made is None:
            return None
        said, good = verdict(made, self.values, self.registry, found) if self.check else ("converted", True)
        if self.output == STDOUT:
            print("".join(made.texts.values()), end="")
            return Result(job.path, (), said, good)
        written = self._write(made, found)
        return Result(job.path, written, said, good) if written else None

    def _write(self, made: Converted, found: Diagnostics) -> tuple[Path, ...]:
        folder = Path(self.output) if self.output else made.job.files[0].path.parent
        texts = {folder / name: text for name, text in made.texts.items()}
        before = len(found.errors)
        for path in texts:
            if path in self.written:
                found.error("Two files of one name", f'Another template of this call has become "{path}" already.')
            elif path.exists() and not self.force:
                found.error("File exists", f'"{path}" is there already. Say -force to overwrite it.')
        if len(found.errors) > before:
            return ()
        self.written.update(texts)
        return tuple(path for path, text in texts.items() if write_file(path, text, found))


def write_file(path: Path, text: str, diags: Diagnostics) -> bool:
    """Write a new file, in a new directory if need be; whether that was possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        diags.error("Failed to write file", f'The file "{path}" could not be written: {error.strerror}.')
        return False
    return True
