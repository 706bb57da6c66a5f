"""What ``convert -check`` finds out: whether a template and what was made of it have the same plan."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from hclimg.cli.options import TemplateOptions
from hclimg.cli.reading import compile_options
from hclimg.diagnostics import Diagnostics, Severity, SourceText
from hclimg.lang.evaluate import Scope, evaluate
from hclimg.lang.source import read_source
from hclimg.lang.unevaluated import verbatim
from hclimg.lang.values import Value
from hclimg.plan.compare import differences
from hclimg.plan.stand_ins import OpenRegistry, stand_in_values
from hclimg.template.convert.convert import Converted
from hclimg.template.convert.files import File
from hclimg.template.load import read_body

AS_WRITTEN: Final = "the same plan, as written"
"""Said of settings that no component could take as they are."""


def verdict(
    made: Converted, values: TemplateOptions, registry: OpenRegistry, found: Diagnostics
) -> tuple[str, bool]:
    """What there is to say, and whether it is good. A template that has no plan proves nothing, and says why."""
    before = len(found.errors)
    for file in made.job.files:
        if file.is_vars:
            _compare_values(file, made, found)
    if made.old is None:
        return ("the same values", True) if len(found.errors) == before else ("other values", False)
    new = made.template(found)
    options = compile_options(values, warn_undeclared=False)
    if len(found.errors) > before:
        return "not checked: it has no plan", False
    problems = Diagnostics()
    lines, said = differences(made.old, new, options, problems, registry), "the same plan"
    if lines is None:
        lines, said = differences(made.old, new, options, Diagnostics(), OpenRegistry.without_checks()), AS_WRITTEN
    if lines is None:
        found.extend(problems)
        return "not checked: it has no plan", False
    if said is AS_WRITTEN and not any(stand_in_values(made.old)):
        # With values of the user's own the settings may be right; these are wrong with any.
        found.extend(evolve(item, severity=Severity.WARNING) for item in problems)
    for line in lines:
        found.error("The plan differs", line)
    return (said, True) if not lines else (f"{len(lines)} differences", False)


def _compare_values(file: File, made: Converted, found: Diagnostics) -> None:
    old = read_source(file.path, found)
    name = next((name for name in made.texts if name.startswith(f"{file.stem}.pkrvars.")), "")
    if old is None or not name or _values(old, found) == _values(SourceText(name, made.texts[name]), found):
        return
    found.error("The values differ", f'The file "{name}" gives other values than "{file.path}".')


def _values(source: SourceText, found: Diagnostics) -> dict[str, Value]:
    """What a file of variables says."""
    items = read_body(source, found).attributes
    return {name: evaluate(verbatim(item.expr), Scope(), found) for name, item in items.items()}
