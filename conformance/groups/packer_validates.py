"""What ``convert -for packer-1.6`` writes is given to Packer 1.6.6 itself.

A template that it refuses as legacy JSON cannot be valid as HCL; it has to be refused for the same reasons.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from conformance.groups.legacy_conversion import MISTAKES, VALUES, legacy_templates
from conformance.model import Case, Failed, Group, Skipped, expect
from hclimg.diagnostics import Diagnostics
from hclimg.plan.stand_ins import stand_in_values
from hclimg.template.convert.audience import NOT_TO_BE_SAID, Audience
from hclimg.template.convert.convert import Converted, converted
from hclimg.template.convert.files import File, Job, Syntax

_UNKNOWN = re.compile(r"Unknown (source|provisioner|post-processor) type")
_CRASH = "panic:"


def _cases(corpus: Path) -> Iterator[Case]:
    left_out = (*VALUES, *MISTAKES)
    for path in legacy_templates(corpus):
        if not any(str(path).endswith(f"/{name}") for name in left_out):
            yield Case(str(path.relative_to(corpus)), partial(_case, path))


def _case(path: Path) -> None:
    packer = shutil.which("packer")
    if packer is None:
        raise Skipped("packer is not installed")
    made = _made(path)
    assert made.old is not None
    variables = [word for value in stand_in_values(made.old) for word in ("-var", value)]
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder, "new.pkr.hcl")
        new.write_text("".join(made.texts.values()))
        said = _refusal(packer, new, variables)
        if not said:
            return
        if _UNKNOWN.search(said):
            raise Skipped("packer 1.6.6 has no such component")
        if _CRASH in said:
            raise Skipped("packer 1.6.6 crashes, whatever HCL has this component")
        old = _refusal(packer, path, variables)
    expect(bool(old), f"refused as HCL alone: {said[:200]}")
    expect(_reasons(said) <= _reasons(old), f"refused for other reasons: {said[:200]}")
    raise Skipped("packer 1.6.6 refuses it as JSON too, for the same reasons")


def _made(path: Path) -> Converted:
    diags = Diagnostics()
    made = converted(Job(path, (File.at(path),)), Syntax.HCL, diags, audience=Audience.PACKER_1_6)
    if made is not None:
        return made
    if all(error.summary == NOT_TO_BE_SAID for error in diags.errors):
        raise Skipped("HCL of packer 1.6.6 cannot say it")
    raise Failed(str(diags.errors[0]))


def _refusal(packer: str, path: Path, variables: list[str]) -> str:
    """What Packer has against a template; nothing when it is valid."""
    command = [packer, "validate", *variables, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    return done.stdout + done.stderr if done.returncode else ""


def _reasons(said: str) -> set[str]:
    """The items of its list of errors; the lines of legacy templates are broken."""
    items = re.split(r"^\s*\* ", said.partition("\n\n  on ")[0], flags=re.MULTILINE)[1:]
    return {" ".join(item.split()) for item in items}


GROUPS = (Group("convert-packer-1.6.6", "packer validate of what convert -for packer-1.6 writes", _cases),)
