"""Every legacy template of the corpus in HCL: ``convert -check`` finds the same plan, or a mistake that is one.

Which mistakes those are is said by the tables of Packer's own tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from conformance.model import Case, Group, Skipped, expect
from hclimg.cli.convert_check import AS_WRITTEN, verdict
from hclimg.cli.options import TemplateOptions
from hclimg.diagnostics import Diagnostics
from hclimg.plan.stand_ins import OpenRegistry
from hclimg.template.convert.convert import converted
from hclimg.template.convert.files import File, Job, Syntax

GROUPS_OF_CORPUS: Final = ("packer-hcl2_upgrade", "packer-legacy-json", "packer-command-fixtures", "packer-acceptance")
_OTHERS: Final = (".pkr.json", ".pkrvars.json")
VALUES: Final = frozenset(
    ("apple.json", "banana.json", "build-var-file-interpolate2.json", "fix-invalid/template.json", "undeclared.json")
)
"""Files that hold values for variables, or nothing that is a template."""
MISTAKES: Final[Mapping[str, str]] = {
    "validate-dup-builder.json": "Unknown build",
    "validate-invalid/broken.json": "Invalid template",
    "validate-min-version-high.json": "Unsupported Packer version",
    "validate/template.json": "Unsupported Packer version",
    "validate/validate_except.json": "Unsupported Packer version",
}
"""What is wrong with the templates that are wrong on purpose."""
IN_SETTINGS: Final = ("validate-invalid/bad_provisioner.json", "ami_test/input.json", "bundled-plugin-used/input.json")
"""Templates with settings that no component takes: they are compared as written, with warnings."""


def legacy_templates(corpus: Path) -> Iterator[Path]:
    for group in GROUPS_OF_CORPUS:
        for path in sorted((corpus / group).rglob("*.json")):
            if not path.name.endswith(_OTHERS):
                yield path


def _cases(corpus: Path) -> Iterator[Case]:
    for path in legacy_templates(corpus):
        yield Case(str(path.relative_to(corpus)), partial(_case, path))


def _case(path: Path) -> None:
    diags = Diagnostics()
    if any(str(path).endswith(f"/{name}") for name in VALUES):
        raise Skipped("holds values of variables, no template")
    mistake = next((text for name, text in MISTAKES.items() if str(path).endswith(f"/{name}")), "")
    made = converted(Job(path, (File.at(path),)), Syntax.HCL, diags)
    said, good = "not converted", False
    if made is not None:
        values = TemplateOptions(path="", variables=(), var_files=())
        said, good = verdict(made, values, OpenRegistry(), diags)
    found = diags.errors[0].summary if diags.has_errors else ""
    if any(str(path).endswith(f"/{name}") for name in IN_SETTINGS):
        expect(said == AS_WRITTEN and bool(diags.items), f"{said}, expected {AS_WRITTEN} and a warning")
        return
    expect(found == mistake and good != bool(mistake), f"{said}: {found}, expected {mistake or 'the same plan'}")


GROUPS = (Group("convert-legacy", "every legacy template as HCL: the same plan, or the mistake it is about", _cases),)
