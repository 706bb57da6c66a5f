"""HCL's tests of its JSON syntax: tokens, trees with their places, bodies read by a schema, expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from conformance.model import Case, Failed, Group, Skipped, expect, tables
from conformance.typed import same, value_of
from hclimg.diagnostics import Diagnostics, Range, SourceText
from hclimg.lang.evaluate import Scope, evaluate, references
from hclimg.lang.json_scan import scan, tokens
from hclimg.lang.json_syntax import parse_json_body, parse_json_expression
from hclimg.lang.json_tree import JsonArray, JsonConstant, JsonNode, JsonNumber, JsonObject, JsonString
from hclimg.lang.shape import shaped
from hclimg.lang.syntax import Block, Body, ObjectCons
from hclimg.lang.values import Value, boolean, number, object_of, string, tuple_of
from hclimg.template.blocks import Parts, split
from hclimg.template.load import load_template

Data: TypeAlias = dict[str, Any]

_KINDS = {
    "tokenBraceO": "{",
    "tokenBraceC": "}",
    "tokenBrackO": "[",
    "tokenBrackC": "]",
    "tokenComma": ",",
    "tokenColon": ":",
    "tokenEquals": "=",
    "tokenString": "STRING",
    "tokenNumber": "NUMBER",
    "tokenKeyword": "WORD",
    "tokenInvalid": "BAD",
    "tokenEOF": "END",
}
_GO_API = "tests Go's own API"


def _source(text: str) -> SourceText:
    return SourceText("test.json", text)


def _cases(file: str, checks: Mapping[str, Callable[[Data], None]], corpus: Path) -> Iterator[Case]:
    found = tables(corpus / "hcl-json" / file)
    for test, check in checks.items():
        for i, case in enumerate(found.get(test, ())):
            yield Case(f"{test} {case.get('name', i)}", partial(check, case))


def _go_api(_: Data) -> None:
    raise Skipped(_GO_API)


def _same_place(where: Range, wanted: Data) -> None:
    text = where.source.text
    for position, end in ((where.begin, "Start"), (where.finish, "End")):
        found = {"Line": position.line, "Byte": len(text[: position.offset].encode()), "Column": position.column}
        expect(found == wanted[end], f"{where.text!r} is at {found}, expected at {wanted[end]}")


# -- tokens and trees -----------------------------------------------------------


def _tokens(case: Data) -> None:
    source = _source(case["Input"])
    found = list(tokens(source.text))
    wanted = case["Want"]
    kinds = [_KINDS[token["Type"]["$ident"]] for token in wanted]
    expect([token.kind for token in found] == kinds, f"{[token.kind for token in found]}, expected {kinds}")
    for token, other in zip(found, wanted, strict=True):
        _same_place(source.range(token.start, token.end), other["Range"])


def _tree(case: Data) -> None:
    diags = Diagnostics()
    root = scan(_source(case["Input"]), diags)
    expect(len(diags) == case["DiagCount"], f"{len(diags)} problems, expected {case['DiagCount']}")
    if not diags.has_errors:
        _same_tree(root, case["Want"])


def _same_tree(node: JsonNode | None, wanted: Data) -> None:
    if node is None:
        raise Failed("nothing was read")
    _same_place(node.range, wanted["SrcRange"])
    if isinstance(node, JsonObject | JsonArray):
        _same_place(node.opening, wanted["OpenRange"])
    if isinstance(node, JsonObject):
        _same_place(node.source.range(node.end - 1, node.end), wanted["CloseRange"])
        expect(len(node.members) == len(wanted["Attrs"]), "the members differ")
        for member, other in zip(node.members, wanted["Attrs"], strict=True):
            expect(member.key.text == other["Name"], f"{member.key.text}, expected {other['Name']}")
            _same_place(member.key.range, other["NameRange"])
            _same_tree(member.value, other["Value"])
    elif isinstance(node, JsonArray):
        for item, other in zip(node.items, wanted["Values"], strict=True):
            _same_tree(item, other)
    else:
        expect(_raw(node) == wanted.get("Value"), f"{_raw(node)!r}, expected {wanted.get('Value')!r}")


def _raw(node: JsonNode) -> str | float | bool | None:
    if isinstance(node, JsonString):
        return node.text
    if isinstance(node, JsonNumber):
        return float(node.text)
    return node.value if isinstance(node, JsonConstant) else None


def _suggestion(case: Data) -> None:
    diags = Diagnostics()
    scan(_source(case["Input"]), diags)
    if case["Input"] == case["Want"]:
        expect(not diags.items, "a keyword is refused")
        return
    said = " ".join(item.detail for item in diags)
    hint = f'Did you mean "{case["Want"]}"?' if case["Want"] else "Did you mean"
    expect((hint in said) == bool(case["Want"]), said)


# -- bodies -----------------------------------------------------------------------


def _listed(data: Data, name: str) -> list[Data]:
    return data.get(name) or []


def _read(case: Data, *, strict: bool) -> tuple[Body, Parts, Diagnostics]:
    """A body read by a schema, and what was wrong; what the schema does not have counts only if it is strict."""
    schema, diags = case["schema"], Diagnostics()
    body = parse_json_body(_source(case["src"]), diags)
    blocks = {block["Type"]: tuple(block.get("LabelNames") or ()) for block in _listed(schema, "Blocks")}
    arguments = {item["Name"]: item.get("Required", False) for item in _listed(schema, "Attributes")}
    unknown = {item.name.text for item in body.attributes.values()} - blocks.keys() - arguments.keys()
    expected = arguments if strict else {**arguments, **dict.fromkeys(unknown, False)}
    parts = split(body, "", diags, arguments=expected, blocks=blocks)
    for name, required in arguments.items():
        if required and name not in parts.arguments:
            diags.error("Missing required argument", name)
    return body, parts, diags


def _partial_content(case: Data) -> None:
    body, parts, diags = _read(case, strict=False)
    expect(len(diags) == case["diagCount"], f"{[str(d) for d in diags]}")
    wanted = case["want"]
    end = Range(body.source, body.start, body.start + 1)
    if body.source.text[body.start] == "{":
        end = Range(body.source, body.end - 1, body.end)
    _same_place(end, _place(wanted["MissingItemRange"]))
    for name, other in wanted["Attributes"].items():
        _same_argument(parts, name, other)
    blocks = wanted.get("Blocks") or []
    expect(len(parts.blocks) == len(blocks), f"{len(parts.blocks)} blocks, expected {len(blocks)}")
    for block, other in zip(parts.blocks, blocks, strict=True):
        _same_block(block, other)


def _place(wanted: Data) -> Data:
    return {name: place for name, place in wanted.items() if name != "Filename"}


def _same_argument(parts: Parts, name: str, wanted: Data) -> None:
    item = parts.arguments[name]
    _same_place(item.name.range, _place(wanted["NameRange"]))
    _same_place(item.range, _place(wanted["Range"]))


def _same_block(block: Block, wanted: Data) -> None:
    """HCL does not compare the inside of a body, nor what we have as another place: where a block is defined."""
    expect(block.type.text == wanted["Type"], f"block {block.type.text}")
    expect([label.text for label in block.labels] == wanted["Labels"], "the labels differ")
    _same_place(block.type.range, _place(wanted["TypeRange"]))
    for label, place in zip(block.labels, wanted.get("LabelRanges") or [], strict=True):
        _same_place(label.range, _place(place))


def _content(case: Data) -> None:
    _, _, diags = _read(case, strict=True)
    expect(len(diags) == case["diagCount"], f"{[str(d) for d in diags]}")


def _just_attributes(case: Data) -> None:
    diags = Diagnostics()
    body = parse_json_body(_source(case["src"]), diags)
    parts = split(body, "", diags, arguments=body.attributes)
    expect(len(diags) == case["diagCount"], f"{[str(d) for d in diags]}")
    expect(list(parts.arguments) == list(case["want"]), f"the arguments are {list(parts.arguments)}")
    for name, other in case["want"].items():
        _same_argument(parts, name, other)


def _variables(case: Data) -> None:
    expr = parse_json_expression(_source(case["Src"]), Diagnostics())
    if not isinstance(expr, ObjectCons):
        raise Failed("the case is no object")
    found = references(expr)
    wanted = [traversal[0] for traversal in case["Want"]]
    expect([r.root for r in found] == [w["Name"] for w in wanted], f"found {[str(r) for r in found]}")
    for reference, other in zip(found, wanted, strict=True):
        _same_place(reference.range, _place(other["SrcRange"]))


def _value(case: Data) -> None:
    diags = Diagnostics()
    body = shaped(parse_json_body(_source(case["src"]), diags), {}, diags)
    found = evaluate(body.attributes["v"].expr, Scope({"VAR1": string("case")}, {}), diags)
    wrong = case.get("error", "")
    summaries = [item.summary for item in diags]
    expect(summaries == ([wrong] if wrong else []), f"said {summaries}, expected {wrong or 'nothing'}")
    expect(same(value_of(case["expected"]), found), f"the value is {found!r}")


# -- expressions --------------------------------------------------------------------

_CONSTRUCTORS: dict[str, Value] = {
    "cty.True": boolean(True),
    "cty.False": boolean(False),
    "cty.EmptyObjectVal": object_of({}),
    'cty.StringVal("hello")': string("hello"),
    "cty.NumberIntVal(1)": number(1),
    'cty.ObjectVal(map[string]cty.Value{"baz":cty.NumberIntVal(1), "foo":cty.StringVal("bar")})': object_of(
        {"baz": number(1), "foo": string("bar")}
    ),
    'cty.TupleVal([]cty.Value{cty.StringVal("1"), cty.NumberIntVal(2), cty.NumberIntVal(3)})': tuple_of(
        [string("1"), number(2), number(3)]
    ),
}
"""The values of the table, which writes them in Go."""


def _expression(case: Data) -> None:
    diags = Diagnostics()
    found = evaluate(parse_json_expression(_source(case["Input"]), diags), Scope({}, {}), diags)
    expect(not diags.items, f"{[str(d) for d in diags]}")
    expect(same(_CONSTRUCTORS[case["Want"]], found), f"the value is {found!r}")


# -- files ----------------------------------------------------------------------------


def _files(corpus: Path) -> Iterator[Case]:
    for path in sorted(corpus.rglob("*.pkr.json")):
        yield Case(str(path.relative_to(corpus)), partial(_template, path))
    for path in sorted(corpus.rglob("*pkrvars.json")):
        yield Case(str(path.relative_to(corpus)), partial(_var_file, path))


def _template(path: Path) -> None:
    diags = Diagnostics()
    template = load_template(str(path), diags)
    expect(not diags.has_errors and template is not None, f"{[str(d) for d in diags]}")
    expect(template is not None and bool(template.builds), "it has no build")


def _var_file(path: Path) -> None:
    diags = Diagnostics()
    body = parse_json_body(SourceText(str(path), path.read_text()), diags)
    expect(bool(body.attributes) and not diags.items, f"{[str(d) for d in diags]}")


GROUPS = (
    Group(
        "hcl-json-scanner",
        "tokens of JSON, with their places",
        partial(_cases, "scanner_test.json", {"TestScan": _tokens}),
    ),
    Group(
        "hcl-json-parser",
        "trees of JSON, with their places; how many errors",
        partial(_cases, "parser_test.json", {"TestParse": _tree, "TestParseWithPos": _go_api}),
    ),
    Group(
        "hcl-json-structure",
        "bodies of JSON read by a schema",
        partial(
            _cases,
            "structure_test.json",
            {
                "TestBodyPartialContent": _partial_content,
                "TestBodyContent": _content,
                "TestJustAttributes": _just_attributes,
                "TestExpressionVariables": _variables,
                "TestExpressionValue_Diags": _value,
            },
        ),
    ),
    Group(
        "hcl-json-public", "values of JSON", partial(_cases, "public_test.json", {"TestParseExpression": _expression})
    ),
    Group(
        "hcl-json-didyoumean",
        "keywords that are misspelt",
        partial(_cases, "didyoumean_test.json", {"TestKeywordSuggestion": _suggestion}),
    ),
    Group(
        "hcl-json-navigation",
        "names of places, for editors",
        partial(_cases, "navigation_test.json", {"TestNavigationContextString": _go_api}),
    ),
    Group("packer-json-files", "Packer's templates and var files in JSON are read", _files),
)
