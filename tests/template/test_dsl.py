"""Templates in Python: what they declare, and what they say when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import hclimg
from compile_kit import shown
from hclimg.diagnostics import Diagnostics
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.plan.render import to_json
from hclimg.registry import Registry
from hclimg.template.load import load_template

Write = Callable[[str, str], Path]

PYTHON = '''\
from hclimg import build, cond, env, fn, group, local, output, packer, path, source, variable

packer(required_version=">= 1.9", required_plugins={"a": {"source": "github.com/x/a", "version": "~> 1"}})
region = variable(
    "region", type=str, default="eu", description="where",
    validation=[(lambda value: value != "", "It must not be empty.")],
)
sizes = variable("sizes", type=dict[str, int], default={"a": 1})
names = variable("names", type="list(string)", default=["x", "y"])
home = variable("home", default=env("HOME"), sensitive=True)
big = local("big", cond((sizes["a"] > 0) & ~(region == "us"), f"{region}-big", "small"))
local("sum", 1 + sizes["a"] * 2 - 3)
files = [
    source.file(f"f{n}", target=f"{path.root}/{n}-{local.big}", content=f"{fn.upper(names[n])} ${{x}} {n}")
    for n in range(2)
]
with group("common") as common:
    note = common.input("note", type=str, default="hi")
    common.provisioner.shell_local(inline=[f"echo {note}"])
with build("web", sources=files[:1], description="the web") as web:
    web.source(files[1], name="second")
    web.provisioner.shell_local(
        inline=[f"echo {web.id} {web.ssh_public_key} {big}"], only=[files[0]], timeout="5m",
        retry={"attempts": 3}, override={"second": {"inline": ["x"]}},
    )
    web.use("common", note=region)
    web.error_cleanup.shell_local(inline=["true"])
    web.post_processor.manifest(output="m.json", custom_data={"a": files[0].content})
    with web.post_processors() as chain:
        chain.post_processor.checksum(checksum_types=["md5"], keep_input_artifact=True)
        chain.post_processor.compress(output="x.tar.gz")
output("made", web.artifact(files[0]).path, description="what")
'''
HCL = '''\
packer {
  required_version = ">= 1.9"
  required_plugins {
    a = { source = "github.com/x/a", version = "~> 1" }
  }
}
variable "region" {
  type        = string
  default     = "eu"
  description = "where"
  validation {
    condition     = var.region != ""
    error_message = "It must not be empty."
  }
}
variable "sizes" {
  type    = map(number)
  default = { a = 1 }
}
variable "names" {
  type    = list(string)
  default = ["x", "y"]
}
variable "home" {
  default   = env("HOME")
  sensitive = true
}
locals {
  big = var.sizes["a"] > 0 && !(var.region == "us") ? "${var.region}-big" : "small"
  sum = 1 + var.sizes["a"] * 2 - 3
}
source "file" "f0" {
  target  = "${path.root}/0-${local.big}"
  content = "${upper(var.names[0])} $${x} 0"
}
source "file" "f1" {
  target  = "${path.root}/1-${local.big}"
  content = "${upper(var.names[1])} $${x} 1"
}
group "common" {
  input "note" {
    type    = string
    default = "hi"
  }
  provisioner "shell-local" {
    inline = ["echo ${input.note}"]
  }
}
build {
  name        = "web"
  description = "the web"
  sources     = ["source.file.f0"]
  source "source.file.f1" {
    name = "second"
  }
  provisioner "shell-local" {
    inline      = ["echo ${build.ID} ${build.SSHPublicKey} ${local.big}"]
    only        = ["file.f0"]
    timeout     = "5m"
    retry {
      attempts = 3
    }
    override = { second = { inline = ["x"] } }
  }
  use "common" {
    note = var.region
  }
  error-cleanup-provisioner "shell-local" {
    inline = ["true"]
  }
  post-processor "manifest" {
    output      = "m.json"
    custom_data = { a = "${upper(var.names[0])} $${x} 0" }
  }
  post-processors {
    post-processor "checksum" {
      checksum_types      = ["md5"]
      keep_input_artifact = true
    }
    post-processor "compress" {
      output = "x.tar.gz"
    }
  }
}
output "made" {
  value       = artifact.web.file.f0.path
  description = "what"
}
'''


def plan(path: Path) -> Any:
    diags = Diagnostics()
    template = load_template(str(path), diags)
    assert not diags.has_errors, diags.errors
    assert template is not None
    options = CompileOptions(now=datetime(2024, 1, 2, tzinfo=UTC), cwd=path.parent)
    found = compile_plan(template, options, Registry(), diags)
    assert not diags.has_errors, diags.errors
    return to_json(found, Registry())


def problems(path: Path) -> str:
    diags = Diagnostics()
    template = load_template(str(path), diags)
    if template is not None:
        compile_plan(template, CompileOptions(now=datetime(2024, 1, 2, tzinfo=UTC), cwd=path.parent), Registry(), diags)
    return shown(diags, path.parent)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make


def test_the_plan_is_that_of_the_same_template_in_hcl(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert json.dumps(plan(write("t.img.py", PYTHON)), indent=1) == json.dumps(plan(write("t.pkr.hcl", HCL)), indent=1)


def test_what_is_wrong_in_blocks(write: Write, golden: Callable[[str, str], None]) -> None:
    text = '''\
from hclimg import build, fn, local, source, variable

region = variable("region", type=str, default="eu")
count = variable("count", type=int, default="many")
web = source.file("web", target=f"out-{region}.txt", contant="x")
vm = source.qemu("vm", disk_imag=True, memory="lots",
                 iso_url=f"{local.nope}", qemu_img_args={"create": 3})
with build(sources=[web, vm, "source.file.nono"]) as b:
    b.provisioner.shel_local(inline=["x"])
    b.provisioner.shell_local(inline=[f"{fn.uper(region)} {b.hosst}"])
'''
    golden("python-mistakes.txt", problems(write("bad.img.py", text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = (1\n", "bad.img.py:1:5: Error: Invalid Python"),
        ("import nothing_like_it\n", "bad.img.py:1:1: Error: The template raised an error"),
        ("x = 1\n  \nprint(1 / 0)\n", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", "A template declares what is to be built; it must not exit."),
        ("if variable('a'): pass\n", "<var.a> is known only later, so Python cannot decide by it."),
        ("[x for x in variable('a')]\n", "<var.a> is known only later, so Python cannot go through it."),
        ("len(variable('a'))\n", "write fn.length(…)"),
        ("f'{variable(\"a\"):>10}'\n", "write fn.format(…)"),
        ("variable('a', default=object())\n", "A template has no value for <object object"),
        ("variable('a', type='strng(')\n", '"strng(" is no expression'),
        ("hcl('1 +')\nsource", '"1 +" is no expression'),
        ("variable('a', type=bytes)\n", "is no type of a variable"),
        ("source.null('a').nope\n", 'The source "null" "a" has no setting "nope".'),
        ("import helper\n", "helper.py:2:5: Error: The template raised an error"),
    ],
)
def test_what_is_wrong_in_the_code(write: Write, text: str, expected: str) -> None:
    write("helper.py", "def f():\n    raise ValueError('no')\nf()\n")
    text = f"from hclimg import hcl, source, variable\n{text}" if "source" in text or "variable" in text else text
    found = problems(write("bad.img.py", text))
    assert expected in found
    assert "hclimg/template/dsl" not in found
    assert "Traceback" not in found


def test_where_an_error_came_from(write: Write) -> None:
    text = "from hclimg import variable\ndef pick(x):\n    return 1 if x else 2\npick(variable('a'))\n"
    found = problems(write("bad.img.py", text))
    assert "bad.img.py:3:5: Error: Invalid use of a value" in found
    assert "bad.img.py:4:1: called from here" in found


def test_what_a_file_prints_is_no_output(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write("t.img.py", "from hclimg import build, source\nprint('hello')\nbuild(sources=[source.null('a')])\n")
    problems(path)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_a_module_beside_the_template_can_be_imported(write: Write) -> None:
    write("shared_names.py", "from hclimg import local\nNAME = local('name', 'x')\n")
    text = (
        "from hclimg import build, source\nfrom shared_names import NAME\n"
        "build(sources=[source.file('a', target=f't-{NAME}', content='c')])\n"
    )
    nodes = plan(write("t.img.py", text))["nodes"]
    assert nodes[0]["settings"]["target"] == "t-x"


def test_files_of_all_kinds_make_one_template(write: Write, tmp_path: Path) -> None:
    write("a.pkr.hcl", 'variable "v" {\n  default = "x"\n}\nsource "file" "f" {\n  target = var.v\n}\n')
    write("b.img.py", "from hclimg import build\nbuild(sources=['source.file.f'])\n")
    diags = Diagnostics()
    template = load_template(str(tmp_path), diags)
    assert template is not None
    assert (list(template.variables), len(template.builds), diags.items) == (["v"], 1, [])


def test_hcl_for_what_python_has_no_words_for(write: Write) -> None:
    text = (
        "from hclimg import build, hcl, local, source\n"
        "local('names', ['a', 'b'])\n"
        "upper = hcl('[for n in local.names : upper(n)]')\n"
        "one = source.file('f', target='t', content=hcl('source.name'))\n"
        "with build(sources=[one]) as b:\n"
        "    b.provisioner.shell_local(inline=upper)\n"
    )
    nodes = {node["id"]: node for node in plan(write("t.img.py", text))["nodes"]}
    assert nodes["file.f/source"]["settings"]["content"] == "f"
    assert nodes["file.f/provision[0]:shell-local"]["settings"] == {"inline": ["A", "B"]}


def test_outside_of_a_template() -> None:
    with pytest.raises(TypeError, match=r"run `hclimg plan FILE\.img\.py`"):
        exec("import hclimg; hclimg.variable('x')", {})


def test_only_what_templates_need_is_offered() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sauce'"):
        hclimg.sauce  # noqa: B018
