from collections.abc import Mapping
from typing import Any

import pytest

from hclimg.lang import gotemplate as go
from hclimg.lang.gotemplate import GoTemplateError, parse_go_template, render

DATA: Mapping[str, Any] = {
    "Name": "web",
    "Tags": {"Owner": "me", "Env": {"Kind": "prod"}},
    "List": ["x", "y", "z"],
    "Empty": [],
    "Count": 3,
    "Yes": True,
    "No": False,
}
FUNCTIONS = {
    "user": lambda name: f"<{name}>",
    "upper": str.upper,
    "join": lambda a, b: f"{a}+{b}",
    "now": lambda: "now",
}


def rendered(text: str) -> str:
    return render(text, DATA, FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("no template, { } }} and \"quotes\"", "no template, { } }} and \"quotes\""),
        ("{{.Name}}", "web"),
        ("a {{ .Name }} b", "a web b"),
        ("{{ .Tags.Owner }}{{ .Tags.Env.Kind }}", "meprod"),
        ("{{user `x`}}{{ user`x` }}{{user \"x\"}}{{   user   `x`   }}", "<x>" * 4),
        ("{{ `a` | upper }}", "A"),
        ("{{ .Name | join `a` | upper }}", "A+WEB"),
        ("{{ now }}", "now"),
        ("{{ user (upper `x`) }}", "<X>"),
        ("{{ user now }}", "<now>"),
        ("{{`{{`}}x}}", "{{x}}"),
        (r'{{ "a\tb\"é\x41\u00e9\\" }}', 'a\tb"éAé\\'),
        ("{{ `\\n` }}", "\\n"),
        ("{{ 1 }} {{ 0x1F }} {{ -2.5 }} {{ 1_000 }} {{ true }} {{ 1e3 }}", "1 31 -2.5 1000 true 1000"),
        ("{{ .List }} {{ .Tags.Env }} {{ .No }}", "[x y z] map[Kind:prod] false"),
        ("{{\n  .Name\n}}", "web"),
    ],
)
def test_values(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ if .Yes }}a{{ end }}", "a"),
        ("{{ if .No }}a{{ else }}b{{ end }}", "b"),
        ("{{ if .No }}a{{ else if .Empty }}b{{ else if .Count }}c{{ else }}d{{ end }}", "c"),
        ("{{if .Empty}}a{{end}}{{if .Name}}b{{end}}", "b"),
        ("{{ if eq .Name `web` }}a{{ end }}", "a"),
        ("{{ if and .Yes (not .No) (or .No .Name) }}a{{ end }}", "a"),
        ("{{ with .Tags }}{{ .Owner }}{{ $.Name }}{{ end }}", "meweb"),
        ("{{ with .Empty }}a{{ else }}b{{ end }}", "b"),
        ("{{ with $x := .Count }}{{ $x }}{{ . }}{{ end }}", "33"),
        ("{{ range .List }}<{{ . }}>{{ end }}", "<x><y><z>"),
        ("{{ range $i, $x := .List }}{{ if $i }},{{ end }}{{ $i }}{{ $x }}{{ end }}", "0x,1y,2z"),
        ("{{ range $k, $v := .Tags }}{{ $k }};{{ end }}", "Env;Owner;"),
        ("{{ range .Empty }}a{{ else }}none{{ end }}", "none"),
        ("{{ range .Count }}{{ . }}{{ end }}", "012"),
        ("{{ range $x := .List }}{{ range $.List }}{{ $x }}{{ . }} {{ end }}{{ end }}", "xx xy xz yx yy yz zx zy zz "),
        ("{{ $x := `a` }}{{ if .Yes }}{{ $x = `b` }}{{ end }}{{ $x }}", "b"),
        ("{{ $x := `a` }}{{ if .Yes }}{{ $x := `b` }}{{ $x }}{{ end }}{{ $x }}", "ba"),
        ("{{ $x := .Tags }}{{ $x.Env.Kind }}{{ (index .List 0) }}{{ (.Tags).Owner }}", "prodxme"),
    ],
)
def test_branches_and_variables(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  {{- .Name -}}  b", "awebb"),
        ("a \n\t{{- .Name }} b", "aweb b"),
        ("{{ -1 }}", "-1"),  # a minus is a trim marker only with space behind it
        ("a {{/* c */}} b", "a  b"),
        ("a {{- /* c */ -}} b", "ab"),
        ("{{ if .Yes -}}\n  a\n{{- end }}\nb", "a\nb"),
        ("{{- .Name }}{{ .Name -}}", "webweb"),
        ("  {{- `` -}}  {{- `x` }}", "x"),
    ],
)
def test_trim_markers_and_comments(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eq 1 1", "true"),
        ("eq .Name `a` `web`", "true"),
        ("ne .Name `a`", "true"),
        ("lt 1 2", "true"),
        ("le 2 2", "true"),
        ("gt `b` `a`", "true"),
        ("ge 1 2", "false"),
        ("and 0 1", "0"),
        ("and 1 2", "2"),
        ("or 0 2", "2"),
        ("or 0 ``", ""),
        ("not 0", "true"),
        ("len .List", "3"),
        ("len `aé`", "3"),  # bytes
        ("index .List 1", "y"),
        ("index .Tags `Env` `Kind`", "prod"),
        ("index .Tags `nothing`", "<no value>"),
        ("print `a` `b` 1 2 `c`", "ab1 2c"),
        ("println `a` 1", "a 1\n"),
        ("html `<a href='x'>` 1", "&lt;a href=&#39;x&#39;&gt;1"),
        ("js `it's <b>` `=`", "it\\'s \\u003Cb\\u003E\\u003D"),
        ("urlquery `a b&c~`", "a+b%26c~"),
        ("slice `abcd` 1 3", "bc"),
        ("slice `abcd`", "abcd"),
        ("index `abc` 1", "98"),
        ("printf `%s-%d-%05d|%-4s|%4s|%v|%q|%t|%x|%.2f|%%` `a` 1 42 `b` `c` .List `q` true 255 1.5",
         "a-1-00042|b   |   c|[x y z]|\"q\"|true|ff|1.50|%"),
    ],
)  # fmt: skip
def test_builtins(text: str, expected: str) -> None:
    assert rendered("{{ " + text + " }}") == expected


def test_and_and_or_look_no_further_than_needed() -> None:
    assert rendered("{{ or .Name .Nothing }}{{ and .No .Nothing }}") == "webfalse"


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("{{ .Nme }}", 'the data has no field "Nme"; it has .Name, .Tags, .List, .Empty, .Count, .Yes, .No. '
         'Did you mean "Name"?', 3),
        ("{{ .Tags.Ownr }}", '.Tags has no field "Ownr"; it has .Owner, .Env. Did you mean "Owner"?', 3),
        ("{{ .Name.First }}", ".Name is 'web' and has no field \"First\"", 3),
        ("ab {{ uper `x` }}", 'there is no function "uper". Did you mean "upper"?', 6),
        ("{{ $x }}", 'there is no variable "$x".', 3),
        ("{{ $x = 1 }}", 'there is no variable "$x" to set', 3),
        ("{{ lt 1 `a` }}", "lt: '1' and 'a' have no order", 3),
        ("{{ eq 1 `1` }}", "eq: '1' and '1' are of different kinds and cannot be compared", 3),
        ("{{ index .List 9 }}", "index: 9 is out of range: there are 3 elements", 3),
        ("{{ len 1 }}", "len: '1' has no length", 3),
        ("{{ range .Name }}{{ end }}", "range cannot go through 'web'", 9),
        ("{{ .Name .Count }}", "only a function can be given arguments", 9),
        ("{{ `a` | `b` }}", "only a function can be given arguments", 9),
        ("{{ printf `%d` `a` }}", "printf: %d cannot print 'a'", 3),
        ("{{ slice `abc` 4 }}", "slice: 4:3 is out of range: there are 3 elements", 3),
        ("{{ printf `a` 1 }}", "printf: 1 more values than the format has places for", 3),
    ],
)  # fmt: skip
def test_what_the_data_cannot_give_is_an_error(text: str, message: str, offset: int) -> None:
    with pytest.raises(GoTemplateError) as error:
        rendered(text)
    assert (str(error.value), error.value.offset) == (message, offset)


@pytest.mark.parametrize("text", ["{{ user }}", "{{ user `a` `b` }}", "{{ upper 1 }}", "{{ 1 | upper }}"])
def test_wrong_arguments_are_an_error_at_the_function(text: str) -> None:
    with pytest.raises(GoTemplateError, match=r"^(user|upper): it cannot take \d arguments of this kind") as error:
        rendered(text)
    assert text[error.value.offset :].startswith(("user", "upper"))


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("a {{ .Name", 'the action is not closed: "}}" is missing', 2),
        ("a {{", 'the action is not closed: "}}" is missing', 2),
        ("{{ `a }}", "the string has no end", 3),
        ('{{ "a\n" }}', "the string has no end", 3),
        (r'{{ "\q" }}', '"\\q" is no escape sequence', 4),
        ("{{ # }}", '"#" means nothing here', 3),
        ("{{/* a }}", 'a comment must end with "*/}}"', 0),
        ("{{}}", 'a value is missing before "}}"', 2),
        ("{{ if }}a{{ end }}", 'a value is missing before "}}"', 6),
        ("{{ .Name | }}", 'a value is missing before "}}"', 11),
        ("{{ blah = x }}", '"=" is not expected here', 8),
        ("{{ (.Name }}", 'a ")" is missing before "}}"', 10),
        ("{{ if .Name }}a", '"{{if}}" has no "{{end}}"', 0),
        ("{{ if .A }}{{ range .B }}a{{ end }}", '"{{if}}" has no "{{end}}"', 0),
        ("a{{ end }}", '"{{end}}" without something that it belongs to', 1),
        ("{{ if .A }}{{ else }}{{ else }}{{ end }}", '"{{else}}" without something that it belongs to', 21),
        ("{{ define `x` }}{{ end }}", '"define" is not supported here', 3),
    ],
)
def test_what_is_no_template_is_an_error(text: str, message: str, offset: int) -> None:
    with pytest.raises(GoTemplateError) as error:
        parse_go_template(text)
    assert (str(error.value), error.value.offset) == (message, offset)


def test_missing_fields_can_print_as_in_go() -> None:
    assert render("{{ .Nothing }}{{ .Name }}", DATA, {}, keep_missing=True) == "<no value>web"
    assert render("{{ if .Nothing.At.All }}a{{ end }}", DATA, {}, keep_missing=True) == ""


def test_the_tree_knows_its_places() -> None:
    text = "a {{ user `x` | upper }}{{ if .A.B }}{{ $.C }}{{ end }}"
    tree = parse_go_template(text)
    literal, action, condition = tree.items
    assert isinstance(literal, go.Text)
    assert isinstance(action, go.Action)
    assert isinstance(condition, go.If)
    assert text[action.start : action.end] == "{{ user `x` | upper }}"
    assert text[condition.start : condition.end] == "{{ if .A.B }}{{ $.C }}{{ end }}"
    first, second = action.pipeline.commands
    assert [text[w.start : w.end] for w in (*first.words, *second.words)] == ["user", "`x`", "upper"]
    assert isinstance(first.words[1], go.Constant)
    assert first.words[1].value == "x"
    (field,) = condition.pipeline.commands[0].words
    assert field == go.Field(30, 34, ("A", "B"))
    assert isinstance(condition.yes[0], go.Action)
    assert condition.yes[0].pipeline.commands[0].words == (go.Variable(40, 43, "", ("C",)),)


def test_a_tree_can_be_rendered_again_and_again() -> None:
    tree = parse_go_template("{{ $x := .A }}{{ $x }}")
    assert [render(tree, {"A": a}, {}) for a in ("1", "2")] == ["1", "2"]


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    depth = 5_000
    parse_go_template("{{ if .A }}" * depth + "{{ end }}" * depth)
    with pytest.raises(GoTemplateError, match="nested too deeply"):
        render("{{ if .A }}" * depth + "{{ end }}" * depth, {"A": True}, {})
