"""One template in another syntax: the texts of its new files, and the template that these make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.json_scan import scan
from hclimg.lang.json_syntax import parse_json_body
from hclimg.lang.parse import parse_body
from hclimg.lang.source import read_source
from hclimg.lang.syntax import Body
from hclimg.registry import Registry
from hclimg.template.convert.audience import Audience, adapted
from hclimg.template.convert.bodies import BodyWriter
from hclimg.template.convert.comments import Attached, json_comments, native_comments, python_comments
from hclimg.template.convert.document import Item, document_text
from hclimg.template.convert.files import File, Job, Syntax
from hclimg.template.convert.filters import with_data_sources, with_filters
from hclimg.template.convert.from_json import native_items
from hclimg.template.convert.legacy import Sections, sections_of
from hclimg.template.convert.places import Place
from hclimg.template.convert.python import python_of
from hclimg.template.convert.to_json import json_file
from hclimg.template.dsl.load import load_python
from hclimg.template.fixes.hint import warn_of_old_names
from hclimg.template.load import load_template, read_body, with_modules
from hclimg.template.model import Template


@frozen
class Converted:
    """``texts`` are those of the new files by their names. ``old`` is None for files of variables alone, and as far as
    its readers need that (:mod:`hclimg.template.convert.audience`) another one than was written."""

    job: Job
    texts: Mapping[str, str]
    old: Template | None

    def template(self, diags: Diagnostics) -> Template:
        """What the new files say together; warnings are those of the old ones.

        What is looked up for a legacy template stands where it stood there, so that the plans can be compared.
        """
        from hclimg.template.hcl import read_hcl

        assert self.old is not None
        found = Diagnostics()
        sources = [SourceText(name, text) for name, text in self.texts.items() if not File.at(Path(name)).is_vars]
        bodies = [read_body(source, found) for source in sources]
        template = read_hcl(bodies, str(self.job.path), self.old.base_dir, found, self.old.auto_var_files)
        template = with_modules(template, found)
        diags.extend(found.errors)
        return with_filters(template) if self.job.is_legacy else template


def converted(
    job: Job,
    to: Syntax,
    diags: Diagnostics,
    *,
    split: bool = False,
    audience: Audience = Audience.HCLIMG,
    registry: Registry | None = None,
) -> Converted | None:
    """The template in another syntax; None after reports of what stands against it."""
    before = len(diags.errors)
    old = None
    if not all(file.is_vars for file in job.files):
        found = Diagnostics()
        old = load_template(str(job.path), found, config_type="json" if job.is_legacy else "hcl2")
        diags.extend(found.errors)
    if old is not None and job.is_legacy:
        warn_of_old_names(job.path, diags)
        old = adapted(old, audience, diags)
    if len(diags.errors) > before:
        return None
    registry = registry or Registry()
    if old is not None and job.is_legacy and to is not Syntax.PYTHON:
        sections = _sections(old, registry, audience)
        texts = dict(_legacy_texts(job.files[0], sections, to, registry, diags, split=split))
    else:
        texts = {}
        for file in job.files:
            if to is not Syntax.PYTHON or file.is_vars:
                _add(file, to, registry, texts, diags)
    if to is Syntax.PYTHON:
        texts[f"{job.name}.img.py"] = _python_text(job, old, registry, audience, diags)
    return Converted(job, texts, old) if len(diags.errors) == before else None


def _sections(template: Template, registry: Registry, audience: Audience) -> Sections:
    """What a legacy template says, for who will read it."""
    template = with_data_sources(template) if audience.has_data_sources else template
    return sections_of(template, BodyWriter(registry), audience)


def _legacy_texts(
    file: File, sections: Sections, to: Syntax, registry: Registry, diags: Diagnostics, *, split: bool
) -> Iterator[tuple[str, str]]:
    parts: dict[str, tuple[Item, ...]] = {file.stem: sections.all}
    if split:
        parts = {
            f"{file.stem}/variables": (*sections.head, *sections.variables),
            f"{file.stem}/sources": sections.sources,
            f"{file.stem}/build": sections.builds,
        }
    for stem, items in parts.items():
        if items:
            text = document_text(items)
            made = text if to is Syntax.HCL else _to_json(SourceText(f"{stem}.pkr.hcl", text), "root", registry, diags)
            yield file.renamed(to, stem), made


def _add(file: File, to: Syntax, registry: Registry, texts: dict[str, str], diags: Diagnostics) -> None:
    source, name = read_source(file.path, diags), file.renamed(to)
    if name in texts:
        diags.error("Two files of one name", f'"{file.path}" and another file would both become "{name}".')
    elif source is not None and name == file.path.name:
        texts[name] = source.text
    elif source is not None:
        keyword = "vars" if file.is_vars else "root"
        native = _native(file, source, keyword, registry, diags)
        texts[name] = native.text if to is Syntax.HCL else _to_json(native, keyword, registry, diags)


def _python_text(
    job: Job, old: Template | None, registry: Registry, audience: Audience, diags: Diagnostics
) -> str:
    """All files of the template as one of Python: there a name has to be declared before it is used."""
    bodies: list[tuple[Body, Attached]] = []
    for file in job.files:
        source = None if file.is_vars else read_source(file.path, diags)
        if source is None:
            continue
        if job.is_legacy:
            assert old is not None
            source = SourceText(source.filename, document_text(_sections(old, registry, audience).all))
        else:
            source = _native(file, source, "root", registry, diags)
        body = parse_body(source, diags)
        bodies.append((body, Attached.to(body, native_comments(source))))
    return python_of(bodies, diags)


def _native(file: File, source: SourceText, keyword: str, registry: Registry, diags: Diagnostics) -> SourceText:
    """What a file says, in native syntax."""
    if file.syntax is Syntax.HCL:
        return source
    found = Diagnostics()
    if file.syntax is Syntax.JSON:
        text = _to_native(source, keyword, registry, found)
    else:
        body = load_python(source, found)
        items = native_items(body, Place(keyword, registry), python_comments(source), found, inside=True)
        text = document_text(items)
    diags.extend(found)
    return SourceText(source.filename, text)


def _to_json(source: SourceText, keyword: str, registry: Registry, diags: Diagnostics) -> str:
    found = Diagnostics()
    body = parse_body(source, found)
    diags.extend(found)
    return json_file(body, Place(keyword, registry), native_comments(source), diags) if not found.has_errors else ""


def _to_native(source: SourceText, keyword: str, registry: Registry, diags: Diagnostics) -> str:
    found = Diagnostics()
    body = parse_json_body(source, found)
    diags.extend(found)
    if found.has_errors:
        return ""
    comments = json_comments(source, scan(source, found))
    return document_text(native_items(body, Place(keyword, registry), comments, diags))
