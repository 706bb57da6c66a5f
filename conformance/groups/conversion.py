"""Packer's templates in another syntax: the plan stays the same, and is that of what Packer makes of them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from attrs import evolve

from conformance.groups.legacy_conversion import legacy_templates
from conformance.mocks import command_registry, mock_registry
from conformance.model import Case, Failed, Group, Skipped, expect
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.parse import parse_body
from hclimg.plan.compare import differences
from hclimg.plan.compile import CompileOptions
from hclimg.plan.stand_ins import OpenRegistry
from hclimg.registry import Registry
from hclimg.template.convert.convert import Converted, converted
from hclimg.template.convert.files import File, Job, Syntax
from hclimg.template.convert.filters import with_filters
from hclimg.template.hcl import read_hcl
from hclimg.template.load import load_template
from hclimg.template.model import Template

_OPTIONS = CompileOptions(now=datetime.now(UTC).replace(microsecond=0), cwd=Path.cwd())
_GROUPS = {
    "packer-hcl2template": mock_registry,
    "packer-command-fixtures": command_registry,
    "packer-acceptance": command_registry,
}
_ENDINGS = (".pkr.hcl", ".pkr.json")


def _roundtrips(corpus: Path, through: Syntax) -> Iterator[Case]:
    """Every file on its own, every directory of several, and every legacy template."""
    for group, registry in _GROUPS.items():
        files = [path for path in sorted((corpus / group).rglob("*")) if path.name.endswith(_ENDINGS)]
        folders = sorted({path.parent for path in files if sum(one.parent == path.parent for one in files) > 1})
        for path in (*files, *folders):
            yield Case(str(path.relative_to(corpus)), partial(_roundtrip, path, through, OpenRegistry(registry())))
    for path in legacy_templates(corpus):
        yield Case(str(path.relative_to(corpus)), partial(_roundtrip, path, through, OpenRegistry(command_registry())))


def _roundtrip(path: Path, through: Syntax, registry: Registry) -> None:
    diags = Diagnostics()
    template = load_template(str(path), diags)
    if template is None or diags.has_errors or _differences(template, template, registry, diags) is None:
        raise Skipped("does not validate")
    is_hcl = path.is_dir() or path.name.endswith(".hcl")
    first, second = (through, Syntax.HCL) if is_hcl or through is Syntax.PYTHON else (Syntax.HCL, through)
    there = _checked(path, template, first, registry)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in there.texts.items():
            Path(folder, name).write_text(text)
        back = Path(folder) if len(there.texts) > 1 else Path(folder, next(iter(there.texts)))
        _checked(back, template, second, registry)


def _checked(path: Path, template: Template, to: Syntax, registry: Registry) -> Converted:
    diags = Diagnostics()
    paths = sorted(p for p in path.iterdir() if p.name.endswith((*_ENDINGS, ".img.py"))) if path.is_dir() else [path]
    made = converted(Job(path, tuple(map(File.at, paths))), to, diags, registry=registry)
    if made is None:
        raise Failed(f"to {to.value}: {diags.errors[0]}")
    again = evolve(made, old=template).template(diags)
    found = _differences(template, with_filters(again), registry, diags)
    expect(found == [], f"to {to.value}: {(found or diags.errors)[0]}" if found != [] else "")
    return made


def _differences(one: Template, other: Template, registry: Registry, diags: Diagnostics) -> list[str] | None:
    return differences(one, other, _OPTIONS, diags, registry)


# -- hcl2_upgrade ---------------------------------------------------------------------


def _upgrades(corpus: Path) -> Iterator[Case]:
    for path in sorted((corpus / "packer-hcl2_upgrade").glob("*/input.json")):
        yield Case(path.parent.name, partial(_upgrade, path))


def _upgrade(path: Path) -> None:
    """The plan of what Packer writes, but for what it leaves to be done by hand."""
    diags = Diagnostics()
    made = converted(Job(path, (File.at(path),)), Syntax.HCL, diags)
    if made is None:
        raise Failed(str(diags.errors[0]))
    expect("unhandled" not in "".join(made.texts.values()), "something is left to be done by hand")
    source = SourceText("expected.pkr.hcl", _comparable((path.parent / "expected.pkr.hcl").read_text()))
    wanted = with_filters(read_hcl([parse_body(source, diags)], str(path), path.parent, diags))
    ours = made.template(diags)
    expect(not diags.has_errors, f"{diags.errors[:1]}")
    found = _differences(ours, wanted, OpenRegistry(), diags)
    if found is None:  # the values that variables were given make no sense to a component
        found = _differences(ours, wanted, OpenRegistry.without_checks(), Diagnostics())
    if found is None:
        raise Failed(str(diags.errors[0]))
    # Packer leaves calls to functions as texts where it has no counterpart for them.
    found = [line for line in found if "{{" not in line.rpartition(" became ")[2]]
    expect(not found, f"{found[:1]}")


_SECRET = re.compile(r'data "amazon-secretsmanager" "(\w+)" \{\n(?:  key  = ("[^"]*")\n)?  name = ("[^"]*")\n\}\n')


def _comparable(text: str) -> str:
    """Packer names what has no name, has data sources for secrets, and a time and a folder unlike those of JSON."""
    text = re.sub(r'source "([\w-]+)" "autogenerated_\d+"', r'source "\1" "\1"', text)
    text = re.sub(r"source\.([\w-]+)\.autogenerated_\d+", r"source.\1.\1", text)
    text = re.sub(r'\["(amazon-ebs)"\]', r'["\1.\1"]', text)
    for label, key, name in _SECRET.findall(text):
        call = f"aws_secretsmanager({name}, {key})" if key else f"aws_secretsmanager({name})"
        text = text.replace(f"data.amazon-secretsmanager.{label}.value", call)
    text = _SECRET.sub("", text)
    text = text.replace("${path.root}", "${abspath(path.root)}")
    return text.replace('regex_replace(timestamp(), "[- TZ:]", "")', "rfc3339_parse(timestamp()).unix")


GROUPS = (
    Group("convert-roundtrip", "HCL in JSON syntax and back: the same plan", partial(_roundtrips, through=Syntax.JSON)),
    Group("convert-python", "HCL in Python and back: the same plan", partial(_roundtrips, through=Syntax.PYTHON)),
    Group("convert-upgrade", "legacy JSON as HCL: the plan of what Packer makes of it", _upgrades),
)
