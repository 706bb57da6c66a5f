"""``hclimg hcl2_upgrade``: Packer's command for what ``convert`` does, with its options and the names of its files."""

from __future__ import annotations

from pathlib import Path

import click

from hclimg.cli.convert import write_file
from hclimg.cli.options import Command, switch
from hclimg.cli.terminal import show_diagnostics
from hclimg.diagnostics import Diagnostics
from hclimg.registry import Registry
from hclimg.template.convert.annotations import annotated
from hclimg.template.convert.audience import Audience
from hclimg.template.convert.bodies import BodyWriter
from hclimg.template.convert.document import document_text
from hclimg.template.convert.filters import with_data_sources
from hclimg.template.convert.legacy import sections_of
from hclimg.template.load import load_template


@click.command(cls=Command)
@click.argument("path", metavar="TEMPLATE")
@click.option("-output-file", "output", default="", metavar="PATH", help="Where to write; TEMPLATE.pkr.hcl otherwise.")
@switch("-with-annotations", "Say in comments what the parts of the new template are.")
def command(*, path: str, output: str, with_annotations: bool) -> int:
    """Write a legacy JSON template as HCL.

    A file that exists is overwritten. For several templates, other formats, and proof that the plan is the same, see
    hclimg convert.
    """
    diags, target = Diagnostics(), output or f"{path}.pkr.hcl"
    text = _upgraded(path, diags, with_annotations=with_annotations)
    done = text is not None and write_file(Path(target), text, diags)
    show_diagnostics(diags)
    if done:
        print(f"Successfully created {target}. Exit 0")
    return int(not done)


def _upgraded(path: str, diags: Diagnostics, *, with_annotations: bool) -> str | None:
    """The new text; None after reports of what stands against it."""
    if path.endswith((".hcl", ".pkr.json")) or Path(path).is_dir():
        diags.error("No legacy template", f'"{path}" is no legacy JSON template; only those can be upgraded.')
        return None
    template = load_template(path, diags, config_type="json")
    if template is None or diags.has_errors:
        return None
    sections = sections_of(with_data_sources(template), BodyWriter(Registry()), Audience.PACKER)
    return document_text((annotated(sections) if with_annotations else sections).all)
