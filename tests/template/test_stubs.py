"""The type stubs of templates in Python: as mypy reads them, and in step with what there is."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import hclimg.template.dsl as offered
from hclimg.registry import Kind, Registry
from hclimg.template.dsl import declare
from hclimg.template.dsl.stubs import stubs

GOOD = """\
from hclimg import build, dynamic, each, fn, local, source, variable

region = variable("region", type=str, default="eu", validation=[(lambda value: value != "", "no")])
stamp = local("stamp", fn.formatdate("YYYYMMDD", fn.timestamp()))
base = source.qemu(
    "base", disk_image=True, iso_url="base.qcow2", iso_checksum="none", ssh_username="root",
    output_directory=f"output-{region}-{stamp}", vnc_port_min=5900, for_each=["a"], vm_name=each.key,
)
foreign = source.foreign_cloud("f", size=1)
with build("web", sources=[base, foreign]) as web:
    web.provisioner.shell(inline=[f"echo {web.id}", region], retry={"attempts": 3}, only=[base], except_=["x"])
    with web.post_processors() as chain:
        chain.post_processor.manifest(output="manifest.json", keep_input_artifact=True)
        chain.post_processor("foreign", a=1)
    web.dynamic("provisioner", local.steps, lambda step: {"inline": [step.value]}, labels=["shell"])
"""
BAD = """\
from hclimg import build, source
base = source.qemu("base", iso_checksumm="none")
base = source.qemu("base", iso_url=5)
base = source.qemu("base", disk_image="yes")
with build(sources=[base]) as web:
    web.provisioner.shell(inlin=["x"])
    web.provisioner.shell(retry={"attempt": 3})
    web.provisioner.file(source="a")
    web.provisioner.file(source="a", destination="b", direction="sideways")
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder in which a package hclimg is nothing but the stubs."""
    (tmp_path / "hclimg").mkdir()
    (tmp_path / "hclimg" / "__init__.pyi").write_text(stubs(Registry()))
    return tmp_path


def mypy(package: Path, text: str) -> list[str]:
    (package / "template.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context"]
    command += ["--cache-dir", str(package / "cache"), "template.py", "hclimg/__init__.pyi"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if ": error:" in line]


@pytest.mark.slow
def test_an_editor_knows_what_is_right(package: Path) -> None:
    assert mypy(package, GOOD) == []
    found = mypy(package, BAD)
    assert [int(line.split(":")[1]) for line in found] == [2, 3, 4, 6, 7, 8, 9]
    assert 'did you mean "iso_checksum"?' in found[0]


def test_every_component_is_there() -> None:
    tree = ast.parse(stubs(Registry()))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for name, kind in (("_Sources", Kind.BUILDER), ("_Provisioners", Kind.PROVISIONER)):
        methods = {node.name for node in classes[name].body if isinstance(node, ast.FunctionDef)}
        assert methods >= {component.replace("-", "_") for component in Registry().names(kind)}


def test_the_stubs_offer_what_the_package_does() -> None:
    tree = ast.parse(stubs(Registry()))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    targets = [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    assert set(offered.__all__) <= {*functions, *classes, *names}
    for name, node in functions.items():
        assert parameters(node) == list(inspect.signature(getattr(offered, name)).parameters), name
    for class_name in ("Source", "Group", "Build"):
        for method in classes[class_name].body:
            if isinstance(method, ast.FunctionDef):
                real = inspect.getattr_static(getattr(declare, class_name), method.name, None)
                assert real is not None or method.name in ("type", "name"), (class_name, method.name)
                if inspect.isfunction(real):
                    assert parameters(method) == list(inspect.signature(real).parameters), method.name


def parameters(node: ast.FunctionDef) -> list[str]:
    args = node.args
    found = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    return [arg.arg for arg in found if arg is not None]


def test_they_are_made_with_nothing_but_attrs_and_lark() -> None:
    """The build of the wheel has no more."""
    program = (
        "import sys\nfrom hclimg.template.dsl.stubs import stubs\nfrom hclimg.registry import BUILT_IN, Registry\n"
        "stubs(Registry())\nours = {'hclimg', 'attr', 'attrs', 'lark', '__main__', '_distutils_hack'}\n"
        "tops = {name.partition('.')[0] for name in sys.modules} - ours - set(sys.stdlib_module_names)\n"
        "print(sorted(name for name in tops if getattr(sys.modules.get(name), '__file__', None)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
