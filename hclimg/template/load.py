"""Finds and reads the files of a template: one file, a directory, or standard input; HCL or legacy JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.syntax import Body
from hclimg.template.model import Template
from hclimg.template.ordering import in_text_order

CONFIG_TYPES = ("hcl2", "json")
STDIN = "-"
_ENDINGS = (".pkr.hcl", ".pkr.json", ".img.py")
"""Of the files that make a template together; legacy ones stand alone."""


def load_template(
    path: str, diags: Diagnostics, *, config_type: str = "", stdin: Callable[[], str] | None = None
) -> Template | None:
    """The template that ``path`` names; every mistake of every file is reported.

    ``config_type`` overrules what the name says. ``stdin`` reads standard input, for the path ``-``. None when there
    is nothing to read.
    """
    found = Diagnostics()
    template = _load(path, found, config_type, stdin)
    if template is not None:
        template = with_modules(template, found)
    diags.extend(in_text_order(found))
    return template


def with_modules(template: Template, diags: Diagnostics) -> Template:
    """The template with the modules that it calls, which are read too."""
    if not template.modules:
        return template
    from hclimg.template.modules import load_modules

    return load_modules(template, lambda folder, problems: _from_directory(folder, "", problems), diags)


def _load(path: str, diags: Diagnostics, config_type: str, stdin: Callable[[], str] | None) -> Template | None:
    if config_type and config_type not in CONFIG_TYPES:
        diags.error("Invalid -config-type", f'"{config_type}" is none of {", ".join(CONFIG_TYPES)}.')
        return None
    if path == STDIN:
        source = SourceText("<stdin>", stdin().removeprefix("\ufeff") if stdin else "")
        return _from_text(source, path, Path(), config_type or "json", diags)
    if Path(path).is_dir():
        return _from_directory(path, config_type, diags)
    return _from_file(path, config_type or _type_of(path), diags)


def _type_of(path: str) -> str:
    return "hcl2" if path.endswith((".hcl", *_ENDINGS)) else "json"


def _from_file(path: str, config_type: str, diags: Diagnostics) -> Template | None:
    from hclimg.lang.parse import read_source

    source = read_source(Path(path), diags)
    return _from_text(source, path, Path(path).parent, config_type, diags) if source else None


def _from_text(source: SourceText, path: str, base_dir: Path, config_type: str, diags: Diagnostics) -> Template | None:
    if config_type == "json":
        from hclimg.template.legacy import read_legacy

        return read_legacy(source, path, base_dir, diags)
    from hclimg.template.hcl import read_hcl

    return read_hcl([read_body(source, diags)], path, base_dir, diags)


def read_body(source: SourceText, diags: Diagnostics) -> Body:
    """A file of HCL, of its JSON syntax or of Python, as its name says."""
    if source.filename.endswith(".img.py"):
        from hclimg.template.dsl.load import load_python

        return load_python(source, diags)
    if source.filename.endswith(".json"):
        from hclimg.lang.json_syntax import parse_json_body

        return parse_json_body(source, diags)
    from hclimg.lang.parse import parse_body

    return parse_body(source, diags)


def _from_directory(path: str, config_type: str, diags: Diagnostics) -> Template | None:
    from hclimg.lang.parse import read_source
    from hclimg.template.hcl import read_hcl

    names = sorted(entry.name for entry in Path(path).iterdir())
    files = [Path(path, name) for ending in _ENDINGS for name in names if name.endswith(ending)]
    if config_type == "json" or not files:
        detail = (
            f'The directory "{path}" holds no *.pkr.hcl, *.pkr.json or *.img.py file. '
            "Legacy JSON templates are given as a file."
        )
        diags.error("No template found", detail)
        return None
    sources = [read_source(file, diags) for file in files]
    bodies = [read_body(source, diags) for source in sources if source]
    template = read_hcl(bodies, path, Path(path), diags, _auto_var_files(path, names))
    return template if all(sources) else attrs.evolve(template, whole=False)


def _auto_var_files(path: str, names: list[str]) -> tuple[Path, ...]:
    """In the order in which Packer reads them: all HCL ones, then all JSON ones."""
    endings = (".auto.pkrvars.hcl", ".auto.pkrvars.json")
    return tuple(Path(path, name) for ending in endings for name in names if name.endswith(ending))
