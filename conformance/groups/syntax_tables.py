"""Tables of HCL's own syntax tests, and the expressions of the evaluation cases, as texts that a parser must judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from conformance.model import Case, Failed, Group, Skipped, expect, tables
from conformance.syntax import agree_with_go, parsed, span, template_errors
from hclimg.diagnostics import Range
from hclimg.lang.syntax import Body, Expr, walk
from hclimg.lang.tokens import scan

# Parts of HCL's tree that are no nodes here: the steps of a traversal.
NO_EXPRESSIONS = ("Traversal",)


def _configs(corpus: Path) -> Iterator[Case]:
    found = tables(corpus / "hclsyntax" / "parser_test.json")
    for name in ("TestParseConfig", "TestParseConfig_incompleteFunctionCall"):
        for i, case in enumerate(found.get(name, ())):
            yield Case(f"{name} {i}", partial(_config, case))


def _config(case: dict[str, Any]) -> None:
    """Refused or not; a text that is right must also have the same structure at the same places."""
    body, errors = parsed(case["input"])
    wrong = case.get("diagCount", 1) > 0
    said = f": {errors[0]}" if errors else ""
    expect(bool(errors) == wrong, f"{case['input']!r} is {'refused' if errors else 'accepted'}{said}")
    if not wrong:
        _same_structure(body, case["want"], case["input"])


def _same_structure(body: Body, wanted: dict[str, Any], text: str) -> None:
    attributes = {k: v for k, v in (wanted.get("Attributes") or {}).items() if not k.startswith("$")}
    expect(set(body.attributes) == set(attributes), f"arguments {sorted(body.attributes)}")
    for name, attribute in body.attributes.items():
        _same_place(attribute.name.range, attributes[name]["NameRange"], text)
        _same_place(attribute.expr.range, attributes[name]["Expr"].get("SrcRange"), text)
        _same_places(attribute.expr, attributes[name]["Expr"], text)
    blocks = wanted.get("Blocks") or []
    expect(len(body.blocks) == len(blocks), f"{len(body.blocks)} blocks")
    for block, other in zip(body.blocks, blocks, strict=True):
        expect(block.type.text == other["Type"], f"block {block.type.text}")
        expect([label.text for label in block.labels] == (other["Labels"] or []), "labels differ")
        _same_place(block.type.range, other["TypeRange"], text)
        for label, place in zip(block.labels, other["LabelRanges"] or [], strict=True):
            _same_place(label.range, place, text)
        _same_structure(block.body, other["Body"], text)


def _same_places(expr: Expr, wanted: dict[str, Any], text: str) -> None:
    """Every expression inside stands where one of ours does."""
    ours = {(len(text[: node.start].encode()), len(text[: node.end].encode())) for node in walk(expr)}
    theirs = set(_places(wanted))
    expect(theirs <= ours, f"HCL's tree has expressions at {sorted(theirs - ours)}, ours at {sorted(ours)}")


def _places(wanted: Any) -> Iterator[tuple[int, int]]:
    if isinstance(wanted, list):
        for item in wanted:
            yield from _places(item)
    elif isinstance(wanted, dict):
        if isinstance(where := wanted.get("SrcRange"), dict):
            yield where["Start"]["Byte"], where["End"]["Byte"]
        for name, part in wanted.items():
            if name == "Parts":  # texts are in the string, or in the template, here
                part = [item for item in part if "Val" not in item]
            if name not in NO_EXPRESSIONS:
                yield from _places(part)


def _same_place(where: Range, wanted: dict[str, Any] | None, text: str) -> None:
    if wanted is None:  # a Go expression without a range of its own
        return
    found = [len(text[:offset].encode()) for offset in (where.start, where.end)]
    expect(found == [wanted[end]["Byte"] for end in ("Start", "End")], f"{where.text!r} stands elsewhere in HCL's tree")


def _diagnostics(corpus: Path) -> Iterator[Case]:
    for case in tables(corpus / "hclsyntax" / "parser_test.json").get("TestParseConfigDiagnostics", ()):
        yield Case(case["name"], partial(_diagnostic, case))


def _diagnostic(case: dict[str, Any]) -> None:
    _, errors = parsed(case["input"])
    found = [(e.summary, *span(e.subject)) for e in errors if e.subject]
    wanted = [(w["Summary"], *_span(w["Subject"])) for w in case["want"]]
    expect(found == wanted, f"{found}, expected {wanted}")


def _span(wanted: dict[str, Any]) -> Iterator[int]:
    return (wanted[end][name] for end in ("Start", "End") for name in ("Line", "Column"))


def _invalid_tokens(corpus: Path) -> Iterator[Case]:
    for case in tables(corpus / "hclsyntax" / "token_test.json").get("TestCheckInvalidTokensTest", ()):
        yield Case(case["Input"], partial(_invalid_token, case))


def _invalid_token(case: dict[str, Any]) -> None:
    _, errors = parsed(case["Input"])
    found = [error.summary for error in errors]
    expect(found == [case["WantSummary"]], f"{found}, expected {case['WantSummary']}")


def _identifiers(corpus: Path) -> Iterator[Case]:
    for case in tables(corpus / "hclsyntax" / "public_test.json").get("TestValidIdentifier", ()):
        yield Case(repr(case["Input"]), partial(_identifier, case))


def _identifier(case: dict[str, Any]) -> None:
    text = case["Input"]
    if not isinstance(text, str):
        raise Skipped("no UTF-8")
    tokens = scan(text)
    valid = tokens[0].kind in ("IDENT", "IF", "IN") and tokens[0].value == text
    expect(valid == case["Want"], f"{'valid' if valid else 'not valid'}")


def _expressions(corpus: Path) -> Iterator[Case]:
    found = tables(corpus / "hclsyntax" / "expression_test.json")
    for name in ("TestExpressionParseAndValue", "TestExpressionErrorMessages"):
        for i, case in enumerate(found.get(name, ())):
            yield Case(f"{name} {i}", partial(agree_with_go, f"a = {case['input']}\n"))


def _templates(corpus: Path) -> Iterator[Case]:
    found = tables(corpus / "hclsyntax" / "expression_template_test.json")
    for i, case in enumerate(found.get("TestTemplateExprParseAndValue", ())):
        yield Case(f"TestTemplateExprParseAndValue {i}", partial(_template, case))


def _template(case: dict[str, Any]) -> None:
    """None of these has an error of evaluation, so that any diagnostic is about syntax."""
    errors = template_errors(case["input"])
    if bool(errors) != (case["diagCount"] > 0):
        raise Failed(str(errors[0]) if errors else "accepted")


def _eval_cases(corpus: Path) -> Iterator[Case]:
    path = corpus / "hcl-eval-cases.json"
    if path.is_file():
        for case in json.loads(path.read_text()):
            yield Case(case["id"], partial(_eval_case, case))


def _eval_case(case: dict[str, Any]) -> None:
    if "expr" not in case:
        raise Skipped("no expression")
    agree_with_go(f"a = {case['expr']}\n")


GROUPS = (
    Group("hclsyntax-parser", "HCL's parser tests: verdict, structure and places", _configs),
    Group("hclsyntax-diagnostics", "summaries and ranges of HCL's diagnostics", _diagnostics),
    Group("hclsyntax-invalid-tokens", "summaries for characters that mean nothing", _invalid_tokens),
    Group("hclsyntax-identifiers", "what an identifier is", _identifiers),
    Group("hclsyntax-expressions", "expressions, judged as HCL does", _expressions),
    Group("hclsyntax-templates", "templates, accepted or refused", _templates),
    Group("eval-cases-syntax", "the expressions of the evaluation cases, judged as HCL does", _eval_cases),
)
