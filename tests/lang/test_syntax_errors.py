from collections.abc import Callable
from pathlib import Path

import pytest
from parsing import body_of, errors_of, shown

from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.lang.parse import parse_body, parse_expression, parse_template

GOLDEN = Path(__file__).parent / "golden"


def test_each_mistake_gets_its_diagnostic(golden: Callable[[str, str], None]) -> None:
    """``mistakes.txt`` holds small texts with a mistake; ``mistakes.golden`` shows what is said about each."""
    texts = (GOLDEN / "mistakes.txt").read_text().split("\n----\n")
    out = []
    for text in texts:
        quoted = "".join(f"| {line}\n" for line in text.split("\n"))
        out.append(quoted + "".join(f"{shown(error)}\n" for error in errors_of(text + "\n")))
    golden("mistakes.golden", "\n".join(out))


@pytest.mark.parametrize("text", ["a = [1 2]\nb = 3 3\nc = (\n", "a {\n  b = \n}\nc = 1.2.3\nd 5\n"])
def test_three_mistakes_get_three_diagnostics(text: str) -> None:
    assert len(errors_of(text)) == 3


@pytest.mark.parametrize("end", ["\n}", " }"])
def test_a_block_half_on_one_line_is_one_mistake(end: str) -> None:
    """It goes on, with what else is wrong in it; nothing behind it is out of step."""
    text = f'a {{ b = "foo"\n  c = "bar"{end}\nd {{ e = [\n    1\n  ]\n  f = = 2\n  g = 3\n}}\nh = 1\n'
    diags = Diagnostics()
    body = parse_body(SourceText("t.hcl", text), diags)
    assert [(error.subject and error.subject.begin.line, error.summary) for error in diags] == [
        (1, "Invalid single-argument block definition"),
        (1 + end.count("\n") + 4, "Invalid single-argument block definition"),
        (1 + end.count("\n") + 5, "Invalid expression"),
    ]
    assert [sorted(block.body.attributes) for block in body.blocks] == [["b", "c"], ["e", "f", "g"]]
    assert list(body.attributes) == ["h"]


def test_several_mistakes_in_one_expression_are_found() -> None:
    text = """\
a = [upper("a" "b"), lower("c" "d"), { x 1 }]
b = "${upper("a" "b")} and ${x..y}"
c = {
  one   = = 1
  two   = [1 2]
  three = "C:\\Windows and \\other"
  four  = "\\q"
}
d = 1
"""
    found = [(e.subject.begin.line, e.subject.begin.column) for e in errors_of(text) if e.subject]
    assert found == [(1, 16), (1, 32), (1, 42), (2, 18), (2, 32), (4, 11), (5, 14), (6, 14), (7, 12)]


TEMPLATE = """\
packer {
  required_plugins {
    amazon = {
      version = ">= 1.2.0"
      source  = "github.com/hashicorp/amazon"
    }
  }
}

variable "region" {
  type    = string
  default = "eu-${lower("WEST")}-1"
}

locals {
  tags = {
    Name = "web"
    Env  = var.env == "prod" ? "p" : lower("D")
  }
  names = [for s in var.list : upper(s) if s != ""]
}

source "amazon-ebs" "web" {
  ami_name     = "img-${local.timestamp}-${var.region}"
  ssh_username = "ubuntu"
  source_ami_filter {
    filters = {
      name = "ubuntu/images/*"
    }
    owners = ["099720109477", "self"]
  }
}

build {
  sources = ["source.amazon-ebs.web"]

  provisioner "shell" {
    inline = [
      "echo 1",
      "apt-get update && apt-get install -y nginx",
      "echo ${join(",", var.list)}",
    ]
    environment_vars = ["A=${var.a}", "B=2"]
  }

  provisioner "file" {
    content     = <<-EOF
      hello ${var.name}
      %{ for x in var.list ~}
      ${x}
      %{ endfor ~}
    EOF
    destination = "/tmp/x"
  }

  post-processor "manifest" { output = "m.json" }
}
"""


def without(character: str) -> list[tuple[int, str]]:
    """The template without one of the characters, and the line where it is missing; once for each of them."""
    return [
        (TEMPLATE.count("\n", 0, i) + 1, TEMPLATE[:i] + TEMPLATE[i + 1 :])
        for i, c in enumerate(TEMPLATE)
        if c == character
    ]


def test_the_template_is_right() -> None:
    body_of(TEMPLATE)


def test_one_missing_quote_gives_one_error_on_its_line() -> None:
    for line, text in without('"'):
        errors = errors_of(text)
        assert len(errors) == 1, (line, [shown(e) for e in errors])
        assert errors[0].subject is not None
        assert errors[0].subject.begin.line == line


@pytest.mark.parametrize("bracket", list("{}[]()"))
def test_one_missing_bracket_gives_one_error(bracket: str) -> None:
    for line, text in without(bracket):
        errors = errors_of(text)
        if bracket == "{" and "${" in TEMPLATE.split("\n")[line - 1].replace("%", "$"):
            assert len(errors) <= 1  # "$" and "%" without a brace are text
            continue
        assert len(errors) == 1, (line, [shown(e) for e in errors])
        assert errors[0].subject is not None
        assert errors[0].subject.begin.line <= line


def test_one_mistake_in_each_block_is_found_in_each() -> None:
    text = TEMPLATE.replace('"ubuntu"', '"ubuntu').replace("type    = string", "type =")
    text = text.replace('"echo 1",', '"echo 1"')
    assert [(e.subject.begin.line, e.summary) for e in errors_of(text) if e.subject] == [
        (11, "Invalid expression"),
        (25, "Unterminated template string"),
        (40, "Missing item separator"),
    ]


def test_errors_name_the_block_around_them() -> None:
    text = 'a = \nb "l" {\n  c = \n  d {\n    e = \n  }\n  f { g = 1 2 }\n}\n'
    assert [e.context for e in errors_of(text)] == ["", 'b "l"', "d", "f"]


def test_errors_come_in_the_order_of_the_text() -> None:
    text = 'a = 1\na = 2\nb = 1 1\nb = 3\nc "${x}" {\n  d = \n}\n'
    lines = [e.subject.begin.line for e in errors_of(text) if e.subject]
    assert lines == sorted(lines)
    assert len(lines) == 5


def test_a_file_that_is_no_template_is_given_up() -> None:
    errors = errors_of("".join(f"line {i} of a letter.\n" for i in range(1_000)))
    assert len(errors) == 26
    assert errors[-1].summary == "Too many syntax errors"


@pytest.mark.parametrize(
    "text",
    [
        "a = [\n" + '  "x"\n' * 20_000 + "]\n",
        "a = {\n" + "  b 1\n" * 20_000 + "}\n",
        "b {\n  a = [\n" * 5_000,
        "a = (\n" * 20_000,
        "}\n" * 20_000,
        'a = "${x\n' * 10_000 + "}\n" * 10_000,
        "a = \"x\n" * 20_000,
        "b 1 {\n" * 20_000,
        "a {} b {}\n" * 20_000,
    ],
)
def test_many_mistakes_are_no_burden(text: str) -> None:
    """Each error is looked at with the whole text in view, so that their number must be limited."""
    assert 1 <= len(errors_of(text)) <= 51


def test_a_parse_comes_to_an_end() -> None:
    """A closed block without its newline, followed by what is no token, once went round in circles."""
    text = 'a {\n  b = { c = 1 } }${k}"\n'
    assert [e.summary for e in errors_of(text)] == ["Missing newline after argument"]


@pytest.mark.parametrize(
    ("text", "summary", "start", "end"),
    [
        ("", "Missing expression", 0, 0),
        ("1 +", "Missing expression", 3, 3),
        ("true true", "Extra characters after expression", 5, 9),
        ("(1", "Unbalanced parentheses", 2, 2),
        ('"unclosed', "Unterminated template string", 9, 9),
        ("f(1", "Unterminated function call", 0, 2),
        ("[1", "Unterminated tuple constructor expression", 0, 1),
        ("[for x in y : x", "Unterminated 'for' expression", 0, 1),
        ("a\nb", "Extra characters after expression", 2, 3),
        ("a = 1", "Extra characters after expression", 2, 3),
        ('"%{ if x }"', "Unexpected end of template", 10, 11),
    ],
)
def test_errors_of_lone_expressions(text: str, summary: str, start: int, end: int) -> None:
    diags = Diagnostics()
    parse_expression(SourceText("t", text), diags)
    found = [(e.summary, e.subject.start, e.subject.end) for e in diags.errors if e.subject]
    assert found == [(summary, start, end)]


@pytest.mark.parametrize(
    ("text", "summary", "shown_text"),
    [
        ("a ${b", "Unclosed template interpolation sequence", "${"),
        ("a ${b c}", "Extra characters after interpolation expression", "c"),
        ("%{ if x }\na", "Unexpected end of template", ""),
        ("%{ endif }", "Unexpected endif directive", "%{ endif"),
        ("%{ of }", "Invalid template control keyword", "of"),
    ],
)
def test_errors_of_whole_templates(text: str, summary: str, shown_text: str) -> None:
    diags = Diagnostics()
    parse_template(SourceText("t", text), diags)
    assert [(e.summary, e.subject.text) for e in diags.errors if e.subject] == [(summary, shown_text)]


def test_reading_goes_on_behind_a_mistake() -> None:
    diags = Diagnostics()
    body = parse_body(SourceText("t", TEMPLATE.replace('"web" {', '"web {')), diags)
    assert [block.type.text for block in body.blocks] == ["packer", "variable", "locals", "build"]
    assert len(body.blocks[-1].body.blocks) == 3
