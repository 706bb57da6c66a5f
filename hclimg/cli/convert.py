"""``hclimg convert``: writes legacy JSON templates as HCL, and proves that they mean the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from attrs import define, field, frozen

from hclimg.cli.options import Command, TemplateOptions, switch
from hclimg.cli.reading import compile_options
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics
from hclimg.registry import Registry
from hclimg.template.convert.bodies import BodyWriter
from hclimg.template.convert.document import Item, document_text
from hclimg.template.convert.legacy import Sections, sections_of
from hclimg.template.load import load_template
from hclimg.template.model import Template

STDOUT = "-"
ENDING = ".pkr.hcl"


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, metavar="TEMPLATE...")
@click.option("-o", "output", default="", metavar="DIR|-", help="Where to write; - is standard output.")
@click.option("-var", "variables", multiple=True, metavar="'NAME=VALUE'", help="A variable, for -check; repeatable.")
@click.option("-var-file", "var_files", multiple=True, metavar="PATH", help="A file of variables, for -check.")
@switch("-split", "Write variables, sources and build into files of their own, in a directory for each template.")
@switch("-check", "Compile both and compare the plans; say what differs.")
@switch("-force", "Overwrite files that exist.")
def command(
    *,
    paths: tuple[str, ...],
    output: str,
    variables: tuple[str, ...],
    var_files: tuple[str, ...],
    split: bool,
    check: bool,
    force: bool,
) -> int:
    """Write legacy JSON templates as HCL.

    TEMPLATE is a legacy JSON template, or a directory of them. NAME.json becomes NAME.pkr.hcl beside it, or in the
    directory that -o names.
    """
    values = TemplateOptions(path="", variables=variables, var_files=var_files)
    converter = _Converter(output, values, split=split, check=check, force=force)
    diags = Diagnostics()
    if output == STDOUT and split:
        diags.error("Several files", "What -split writes are several files; they cannot all go to standard output.")
    else:
        for path in _templates(paths, diags):
            converter.template(path)
    show_diagnostics([*diags, *converter.diags])
    if len(converter.results) > 1 or check:
        _print_summary(converter.results, to_stderr=output == STDOUT)
    return int(diags.has_errors or converter.diags.has_errors or any(not r.good for r in converter.results))


def _templates(paths: tuple[str, ...], diags: Diagnostics) -> Iterator[Path]:
    """The given files, and the *.json files of directories that are neither HCL in JSON nor variables."""
    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        others = (".pkr.json", ".pkrvars.json")
        found = sorted(p for p in path.glob("*.json") if not p.name.endswith(others) and p.is_file())
        if not found:
            diags.error("No template found", f'The directory "{path}" holds no legacy JSON template (*.json).')
        yield from found


# -- one template ----------------------------------------------------------------------


@frozen
class Result:
    """``files`` is what was written; ``verdict`` what there is to say of it."""

    path: Path
    files: tuple[Path, ...]
    verdict: str
    good: bool = True


@define
class _Converter:
    output: str
    values: TemplateOptions
    split: bool
    check: bool
    force: bool
    diags: Diagnostics = field(factory=Diagnostics, init=False)
    results: list[Result] = field(factory=list, init=False)

    def template(self, path: Path) -> None:
        found = Diagnostics()
        self.results.append(self._converted(path, found))
        self.diags.extend(found)

    def _converted(self, path: Path, found: Diagnostics) -> Result:
        if path.name.endswith((ENDING, ".pkr.json")):
            found.error("No legacy template", f'"{path}" is no legacy JSON template; only those can be converted.')
            return Result(path, (), "failed", good=False)
        template = load_template(str(path), found, config_type="json")
        if template is None or found.has_errors:
            return Result(path, (), "failed", good=False)
        sections = sections_of(template, BodyWriter(Registry()))
        texts = self._texts(path, sections)
        verdict, good = self._verdict(path, template, sections, found) if self.check else ("converted", True)
        if self.output == STDOUT:
            print("".join(texts.values()), end="")
            return Result(path, (), verdict, good)
        if self._is_taken(texts, found):
            return Result(path, (), "failed", good=False)
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return Result(path, tuple(texts), verdict, good)

    def _texts(self, path: Path, sections: Sections) -> dict[Path, str]:
        folder = path.parent if self.output in ("", STDOUT) else Path(self.output)
        name = path.name.removesuffix(".json")
        if not self.split:
            return {folder / f"{name}{ENDING}": document_text(sections.all)}
        parts: dict[str, tuple[Item, ...]] = {
            "variables": (*sections.head, *sections.variables), "sources": sections.sources, "build": sections.builds,
        }  # fmt: skip
        return {folder / name / f"{part}{ENDING}": document_text(items) for part, items in parts.items() if items}

    def _is_taken(self, texts: dict[Path, str], found: Diagnostics) -> bool:
        taken = [] if self.force else [file for file in texts if file.exists()]
        for file in taken:
            found.error("File exists", f'"{file}" is there already. Say -force to overwrite it.')
        return bool(taken)

    def _verdict(self, path: Path, template: Template, sections: Sections, found: Diagnostics) -> tuple[str, bool]:
        """Compare the plans. A template that has no plan itself proves nothing, and says why."""
        from hclimg.diagnostics import SourceText
        from hclimg.lang.parse import parse_body
        from hclimg.plan.compare import differences
        from hclimg.template.hcl import read_hcl

        source = SourceText(f"{path} (converted)", document_text(sections.all))
        converted = read_hcl([parse_body(source, found)], str(path), template.base_dir, found)
        options = compile_options(self.values, warn_undeclared=False)
        lines = None if found.has_errors else differences(template, converted, options, found)
        if lines is None:
            return "not checked: it has no plan", False
        for line in lines:
            found.error("The plan differs", line)
        return ("the same plan", True) if not lines else (f"{len(lines)} differences", False)


def _print_summary(results: list[Result], *, to_stderr: bool) -> None:
    import sys

    width = max((len(str(result.path)) for result in results), default=0)
    out = sys.stderr if to_stderr else sys.stdout
    for result in results:
        files = f" → {', '.join(map(str, result.files))}" if result.files else ""
        print(f"{result.path!s:<{width}}  {result.verdict}{files}", file=out)
    print(f"{sum(result.good for result in results)} of {len(results)} templates converted.", file=out)
