"""A word on old names to whoever uses a legacy template: ``hclimg fix`` knows what they are today."""

from __future__ import annotations

from pathlib import Path

from hclimg.diagnostics import Diagnostics
from hclimg.lang.json_scan import scan_unique
from hclimg.lang.json_text import data_of
from hclimg.lang.json_tree import JsonObject
from hclimg.lang.source import read_source
from hclimg.template.fixes.table import fix_template


def warn_of_old_names(path: Path, diags: Diagnostics) -> None:
    """Warn if a legacy template has something to fix. One that cannot be read has been told of by others."""
    problems = Diagnostics()
    source = read_source(path, problems)
    root = scan_unique(source, problems) if source else None
    if not isinstance(root, JsonObject) or problems.has_errors:
        return
    applied = fix_template(data_of(root)).applied
    if applied:
        found = "; ".join(fix.summary for fix in applied)
        detail = f'"{path}" has what was removed or renamed: {found}. This repairs it: hclimg fix -write {path}'
        diags.warn("Old names in a template", detail)
