"""The texts that fuzzers start from: the external corpus when it is there, and always our own cases and examples."""

# ruff: noqa: E501 - tables of texts
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
LONGEST = 6_000
"""Longer texts are cut up: most damages of a long text would be to the same few kinds of lines."""

OWN_HCL = (
    'a = 1 + 2 * (x.y[0] - f("z", [1, 2]...)) >= 3 && !true || null == "q"\n',
    'a = [for k, v in {b = 1, "c" = 2} : "${k}-%{ if v }y%{ else }n%{ endif }" if v > 1]\n',
    "a = {for x in y[*].z : x.*.w => x...}\nb = c ? d : e.0.f\n",
    'b "l" k {\n  c = <<-EOT\n    one ${~ x ~}\n      $${two}\n    EOT\n  d { e = "\\u00e9" }\n}\n',
    'a = <<A\n%{ for k, v in x ~}\n  ${k} = <<B\nnot one\nB\n%{ endfor ~}\nA\nb = "a\\n${"b ${"c"} d"}"\n',
    "a = {\n  b = 1, c : 2\n  (d) = e\n  f.g = 1\n}\n# one\n// two\n/* three\n */ h = i::j::k(1, l...)\n",
)  # fmt: skip
OWN_EXPRESSIONS = (
    "1 + 2 * -3 % 4", "var.s + 1", "!var.b || var.u", "var.l[0]", "var.l[*].x", "var.o.*.a.0", "[for x in var.l : x if x > 1]",
    "{for k, v in var.m : k => v...}", '"a${var.s}b%{ if var.b ~} c %{ endif }"', "var.u == null ? [1] : [var.u, 2]",
    "try(var.nope, 1)", "can(1 / 0)", "merge(var.o, {a = var.secret})", "jsonencode(var)", 'format("%5.2f %v %q", 1, var, "x")',
    "convert(var.l, set(string))", "<<-E\n  a\n    ${var.s}\n  E\n", "flatten([[1, [2]], var.l])", 'regex("(?P<a>x)(y)?", "xy")',
    "range(1, 100, 3)", "1e308 * 1e308", "0.1 + 0.2", 'substr("👨‍👩‍👧é", 0, 1)', 'cidrsubnet("10.0.0.0/8", 8, 2)', "setproduct(var.l, var.l)",
    'yamldecode("a: [1, *x]\\nb: &x c")', 'timeadd("2020-01-01T00:00:00Z", "1h")', "var.secret == 1 ? 1 : 2", "max(var.l...)",
    "(var.un)[0].a", "var.null.x", 'templatefile("x", {})', "{(var.s) = 1, a = 2}[var.s]", "sort(keys(var.m))", "nonsensitive(var.secret)",
)  # fmt: skip
GO_TEMPLATES = (
    "{{ .Vars }} sudo -S bash '{{ .Path }}'", '{{ if eq .Name "x" }}a{{ else if .Y }}b{{ else }}c{{ end }}',
    "{{ range $i, $e := .List }}{{ $i }}={{ $e | printf \"%q\" }}{{ else }}none{{ end }}", "{{- with .A.B }} {{ . }} {{- end -}}",
    '{{ user `x` }}-{{ isotime "2006-01-02" | clean_resource_name }}', '{{ build "ID" }} {{/* comment */}} {{ env "HOME" }}',
    "{{ $x := 1.5e3 }}{{ $x }}{{ index .M \"a\" 0 }}{{ len .L }}{{ and 1 (or 0 2) | not }}", '{{ printf "%-5s|%05d|%x" "a" 1 255 }}',
    "{{ split `a,b` `,` 1 }}{{ replace_all `a` `b` `c` }}{{ uuid }}{{ timestamp }}{{ template_dir }}{{ pwd }}",
)  # fmt: skip
BOOT_COMMANDS = (
    "<esc><wait>install <enter><wait10s>{{ .HTTPIP }}:{{ .HTTPPort }}<leftCtrlOn>c<leftCtrlOff><f12><wait1m30s>",
    "<spacebar><bs><tab><leftShiftOn>a<leftShiftOff><wait.5s><wait5> linux /x ip=1 <lt><gt>ü€\n",
)
TYPES = (
    "string", "list(object({a = optional(string, \"x\"), b = any}))", "map(set(number))", "tuple([bool, string])", "any",
    "object({\n  a = number\n  \"b\" = list(any)\n})", "list(list(list(map(string))))", "optional(string)", "set",
)  # fmt: skip
LEGACY = (
    '{"variables": {"a": "1", "b": "{{env `HOME`}}", "c": null}, "sensitive-variables": ["a"], "builders": [{"type": "null",'
    ' "name": "n", "communicator": "none"}, {"type": "file", "target": "x", "content": "{{user `a`}}"}], "provisioners":'
    ' [{"type": "shell-local", "inline": ["echo {{.Vars}}"], "only": ["n"], "override": {"n": {"environment_vars": ["A=1"]}},'
    ' "pause_before": "1s", "timeout": "5m", "max_retries": 2}], "post-processors": [[{"type": "manifest"}, "checksum"],'
    ' {"type": "shell-local", "inline": "x", "keep_input_artifact": true}], "min_packer_version": "1.0.0", "_comment": 1}\n',
    '{"builders": [{"type": "null", "ssh_host": "h", "ssh_username": "u", "ssh_password": "{{ user `p` | upper }}"}]}\n',
)  # fmt: skip
TEMPLATES = (
    'packer {\n  required_version = ">= 1.7.0"\n  required_plugins {\n    x = { version = "~> 1.2", source = "github.com/a/x" }\n  }\n}\n'
    'variable "a" {\n  type = list(string)\n  default = ["x"]\n  validation {\n    condition = length(var.a) > 0\n'
    '    error_message = "It is empty."\n  }\n}\nvariable "p" {\n  type = string\n  default = "s3cret"\n  sensitive = true\n}\n'
    'locals {\n  b = join(",", var.a)\n  c = {for x in var.a : x => upper(x)}\n}\nlocal "d" {\n  expression = "${local.b}-${var.p}"\n'
    "  sensitive = true\n}\n",
    'source "null" "n" {\n  communicator = "none"\n}\nsource "file" "f" {\n  content = <<-EOT\n    ${var.x}\n  EOT\n  target = "out.txt"\n}\n'
    'build {\n  name = "b"\n  sources = ["source.null.n"]\n  source "source.file.f" {\n    name = "g"\n  }\n'
    '  provisioner "shell-local" {\n    inline = ["echo ${build.ID} ${source.name}"]\n    only = ["null.n"]\n    pause_before = "2s"\n'
    '    override = {\n      n = { environment_vars = ["A=1"] }\n    }\n  }\n  post-processors {\n    post-processor "manifest" {}\n'
    '    post-processor "checksum" { checksum_types = ["md5"] }\n  }\n  error-cleanup-provisioner "shell-local" {\n    inline = ["x"]\n  }\n}\n'
    'variable "x" {\n  default = "y"\n}\ndata "null" "z" {\n  input = var.x\n}\n',
)  # fmt: skip
JSON_TEMPLATES = (
    '{"//": "${", "variable": {"a": {"type": "list(object({b = optional(string, \\"x\\")}))", "default": [{"b": "\\u00e9"}], "validation":'
    ' [{"condition": "${length(var.a) > 0}", "error_message": "It is empty."}]}, "p": {"default": "s3cret", "sensitive": true}},'
    ' "locals": [{"b": {"${var.a[0].b}": 1.5e3}}, {"c": "%{ for x in var.a ~}\\n${x.b}%{ endfor }\\t$${y}"}]}\n',
    '{"source": {"null": [{"n": {"communicator": "none"}}, {"m": {"for_each": {"k": 1}, "communicator": "none"}}], "file": {"f": {"content":'
    ' "${upper(\\"x\\")}", "target": "o", "enabled": false}}}, "build": [[{"name": "b", "sources": ["source.null.n", "null.m"]}, {"provisioner":'
    ' [{"shell-local": {"inline": ["echo ${build.ID}"], "only": ["null.n"], "retry": {"attempts": 2}, "override": {"n": {"inline": ["x"]}}}}],'
    ' "dynamic": {"provisioner": {"for_each": ["x"], "iterator": "i", "labels": ["shell-local"], "content": {"inline": ["${i.value}"]}}},'
    ' "post-processors": [{"post-processor": [{"manifest": {}}, {"checksum": {"checksum_types": ["md5"]}}]}, null]}]]}\n',
)  # fmt: skip
VAR_FILES = ('a = "x"\nb = [1, 2]\nc = { d = true }\n', '{"a": "x", "b": ["y"], "c": {"d": null}}\n')


@cache
def hcl_texts(corpus: Path = CORPUS) -> tuple[str, ...]:
    """Every HCL file of the corpus and of ours."""
    mistakes = ROOT / "tests" / "lang" / "golden" / "mistakes.txt"
    own = [*OWN_HCL, *TEMPLATES, mistakes.read_text(encoding="utf-8").replace("\n----\n", "\n\n")]
    return _distinct(
        [*own, *_files([ROOT / "conformance" / "cases", ROOT / "examples", corpus], ("hcl", "t", "hcldec"))]
    )


@cache
def pieces(corpus: Path = CORPUS) -> tuple[str, ...]:
    """The HCL texts and the paragraphs of them."""
    texts = hcl_texts(corpus)
    return _distinct([*texts, *(piece + "\n" for text in texts for piece in text.split("\n\n"))])


@cache
def expressions(corpus: Path = CORPUS) -> tuple[str, ...]:
    found = [*OWN_EXPRESSIONS]
    cases = corpus / "hcl-eval-cases.json"
    if cases.is_file():
        found += [case["expr"] for case in json.loads(cases.read_text(encoding="utf-8")) if "expr" in case]
    return _distinct(found)


@cache
def differential(corpus: Path = CORPUS) -> tuple[str, ...]:
    """What the parser is compared with Go's on."""
    return (*pieces(corpus), *(f"a = {text}\n" for text in expressions(corpus)))


@cache
def legacy_templates(corpus: Path = CORPUS) -> tuple[str, ...]:
    return _distinct([*LEGACY, *_files([corpus / "packer-legacy-json", corpus / "packer-command-fixtures"], ("json",))])


@cache
def json_templates(corpus: Path = CORPUS) -> tuple[str, ...]:
    return _distinct([*JSON_TEMPLATES, *_files([corpus], ("pkr.json", "hcl.json"))])


@cache
def packer_templates(corpus: Path = CORPUS) -> tuple[str, ...]:
    return _distinct([*TEMPLATES, *_files([ROOT / "examples", corpus], ("pkr.hcl",))])


def _files(folders: Iterable[Path], endings: tuple[str, ...]) -> Iterator[str]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.name.endswith(tuple(f".{ending}" for ending in endings)) and path.is_file():
                yield path.read_bytes().decode("utf-8", "replace")


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text.strip() and len(text) <= LONGEST))
