"""Corpus files that a parser must accept or refuse as HCL does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from conformance.model import Case, Group, Skipped, expect
from conformance.oracle import go_complaint
from conformance.syntax import agree_with_go, must_parse, parsed, places, span, template_errors
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.json_syntax import parse_json_expression

# Packer 1.6.6's inputs with a syntax error: the summary, and the line to point at.
PACKER_MISTAKES = {
    "d01_missing_expr": ("Invalid expression", 2),
    "d02_unclosed_block": ("Unclosed configuration block", 1),
    "d08_dup_attr": ("Attribute redefined", 3),
    "d09_unterminated_string": ("Unterminated template string", 2),
    "d11_bad_interp": ("Unclosed template interpolation sequence", 2),
    "d15_heredoc": ("Unterminated template string", 2),
}


def _files(folder: str, pattern: str, corpus: Path) -> Iterator[Case]:
    for path in sorted((corpus / folder).rglob(pattern)):
        if path.is_file():
            yield Case(str(path.relative_to(corpus / folder)), partial(_file_agrees, path))


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def _file_agrees(path: Path) -> None:
    agree_with_go(_text(path))


def _examples(corpus: Path) -> Iterator[Case]:
    for path in sorted((corpus / "packer-examples").rglob("*.hcl")):
        yield Case(str(path.relative_to(corpus)), partial(lambda p: must_parse(_text(p)), path))


def _specsuite(corpus: Path) -> Iterator[Case]:
    root = corpus / "hcl-specsuite"
    for path in sorted(p for kind in ("hcl", "t", "hcldec") for p in root.rglob(f"*.{kind}")):
        check = _specsuite_ranges if path.suffix == ".hcl" else _file_agrees
        yield Case(str(path.relative_to(root)), partial(check, path))


def _specsuite_ranges(path: Path) -> None:
    """Refused where the test says so: at each of its ranges, if these are about syntax."""
    text = _text(path)
    wanted = _wanted_ranges(path.with_suffix(".t"))
    if wanted and not go_complaint(text):
        raise Skipped("needs a schema")
    _, errors = parsed(text)
    found = [span(error.subject) for error in errors if error.subject]
    expect(found == wanted, f"errors at {found}, expected at {wanted}")


def _wanted_ranges(test: Path) -> list[tuple[int, ...]]:
    body, _ = parsed(_text(test), str(test))
    return [places(e) for d in body.blocks if d.type.text == "diagnostics" for e in d.body.blocks]


def _seeds(corpus: Path) -> Iterator[Case]:
    root = corpus / "hcl-fuzz-seeds"
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        yield Case(str(path.relative_to(root)), partial(_seed_agrees, path))


def _seed_agrees(path: Path) -> None:
    """Seeds of expressions and templates are judged as the value of an argument."""
    text = _text(path)
    if path.suffix == ".json":
        _json_agrees(text)
    elif path.parent.name == "FuzzParseTemplate":
        refused = bool(go_complaint(f"a = <<MARKER\n{text}\nMARKER\n"))
        expect(bool(template_errors(text)) == refused, f"HCL {'refuses' if refused else 'accepts'} it")
    elif path.parent.name == "FuzzParseConfig":
        agree_with_go(text)
    else:
        agree_with_go(f"a = {text}\n")


def _json_agrees(text: str) -> None:
    """All JSON is right for HCL, even if not every value makes a body."""
    diags = Diagnostics()
    parse_json_expression(SourceText("seed.json", text), diags)
    try:
        json.loads(text)
        refused = False
    except ValueError:
        refused = True
    expect(diags.has_errors == refused, f"HCL {'refuses' if refused else 'accepts'} it")


def _packer_mistakes(corpus: Path) -> Iterator[Case]:
    for path in sorted((corpus / "diagnostics-packer-1.6.6").glob("*.hcl")):
        yield Case(path.name, partial(_mistake, path))


def _mistake(path: Path) -> None:
    """One error at the right place where the syntax is wrong; none where something else is."""
    _, errors = parsed(_text(path), path.name)
    wanted = PACKER_MISTAKES.get(path.name.partition(".")[0])
    found = [(e.summary, e.subject.begin.line) for e in errors if e.subject]
    expect(found == ([wanted] if wanted else []), f"{found}, expected {wanted or 'none'}")


GROUPS = (
    Group("hcl-specsuite", "HCL's own suite: verdicts, and the ranges of syntax errors", _specsuite),
    Group("hcl-fuzz-seeds", "seeds of HCL's fuzzers, judged as HCL does", _seeds),
    Group("packer-fmt", "files of packer fmt", partial(_files, "packer-fmt", "*.hcl")),
    Group("packer-hcl2template", "templates of Packer's loader tests", partial(_files, "packer-hcl2template", "*.hcl")),
    Group("packer-command-fixtures", "templates of the commands", partial(_files, "packer-command-fixtures", "*.hcl")),
    Group("packer-acceptance", "templates of the end-to-end suites", partial(_files, "packer-acceptance", "*.hcl")),
    Group("packer-hcl2_upgrade", "what hcl2_upgrade writes", partial(_files, "packer-hcl2_upgrade", "*.hcl")),
    Group("packer-examples", "Packer's examples must parse", _examples),
    Group("diagnostics-packer-1.6.6", "one error at the right place for each syntax mistake", _packer_mistakes),
)
