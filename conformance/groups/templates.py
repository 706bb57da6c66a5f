"""Whole templates: which of Packer's own fixtures are right, which wrong, and which builds they make.

Components are mocked as Packer's tests mock them, except where the tables run real commands.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import chdir
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from attrs import evolve

from conformance.mocks import command_registry, mock_registry
from conformance.model import Case, Failed, Group, Skipped, expect, tables
from conformance.typed import has_hole, type_of, value_of
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.engine.run import RunOptions, apply
from hclimg.lang.parse import parse_body
from hclimg.lang.syntax import Literal
from hclimg.lang.typeexpr import TypeConstraint
from hclimg.lang.values import Value, equals
from hclimg.plan.compile import CompileOptions, compile_plan, compile_reading
from hclimg.plan.plan import Plan
from hclimg.plan.select import glob
from hclimg.registry import Registry
from hclimg.template.hcl import read_hcl
from hclimg.template.inputs import VariableInputs
from hclimg.template.load import load_template
from hclimg.template.model import DataAddress, Template, VariableBlock
from hclimg.template.requirements import plugin_source_problem
from hclimg.template.variables import resolve_variables

Data: TypeAlias = dict[str, Any]

_NOW = datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)
_PLACEHOLDER = "Packer takes its own placeholder of an unknown value for the value"
_GO_API = "tests Go itself"


def _compile(path: Path, registry: Registry, **options: Any) -> tuple[Plan | None, Diagnostics]:
    """What ``validate`` does."""
    diags = Diagnostics()
    template = load_template(str(path), diags)
    if template is None or diags.has_errors:
        return None, diags
    inputs = VariableInputs(files=tuple(options.pop("files", ())), values=tuple(options.pop("values", ())))
    reads = options.pop("reads", False)
    wanted = CompileOptions(now=_NOW, cwd=Path.cwd(), variables=inputs, **options)
    if reads:
        wanted = evolve(
            wanted, data=_read_data(compile_reading(template, wanted, registry, diags, every=True), registry)
        )
    return compile_plan(template, wanted, registry, diags), diags


def _read_data(plan: Plan, registry: Registry) -> Mapping[DataAddress, Value]:
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions(home=Path(folder, "home"), cache=Path(folder, "cache"))
        result = apply(plan, options, registry=registry)
    expect(result.ok, f"{[str(item) for failure in result.failures for item in failure.diagnostics]}")
    return result.data


def _judge(diags: Diagnostics, wrong: bool) -> None:
    said = "; ".join(f"{item.summary}: {item.detail}" for item in diags.errors)
    expect(diags.has_errors == wrong, f"expected {'an error' if wrong else 'no error'}, got {said or 'none'}")


# -- hcl2template -----------------------------------------------------------------


def _parse_case(corpus: Path, case: Data) -> None:
    base = corpus / "packer-hcl2template"
    files = [str(base / name) for name in case["args"].get("varFiles") or ()]
    plan, diags = _compile(base / case["args"]["filename"], mock_registry(), files=files)
    wrong = bool(case.get("parseWantDiagHasErrors") or case.get("getBuildsWantDiags"))
    _judge(diags, wrong)
    wanted = sorted(build["Type"] for build in case.get("getBuildsWantBuilds") or () if build.get("Type"))
    if plan is None or wrong or not wanted:
        return
    made = sorted(f"{lane.source_type}.{lane.source_name}" for lane in plan.lanes.values())
    expect(made == wanted, f"expected the builds {wanted}, got {made}")


def _parse_tables(corpus: Path) -> Iterator[Case]:
    for file in sorted((corpus / "packer-hcl2template-tables").glob("types.*.json")):
        for name, cases in tables(file).items():
            for case in cases:
                if "filename" in (case.get("args") or {}):
                    yield Case(f"{name}/{case['name']}", partial(_parse_case, corpus, case))


def _override_case(corpus: Path, case: Data) -> None:
    text = (corpus / "packer-hcl2template" / case["inputFile"]).read_text()
    _judge(_build_with(text), bool(case["expectError"]))


def _build_with(steps: str) -> Diagnostics:
    """Steps in a build with one source."""
    return _diagnosed("t.pkr.hcl", f'source "null" "test" {{}}\nbuild {{\n  sources = ["null.test"]\n{steps}\n}}\n')


def _diagnosed(name: str, text: str) -> Diagnostics:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_text(text)
        return _compile(path, mock_registry())[1]


def _enforced_case(case: Data) -> None:
    content = case["blockContent"].strip()
    if '"provisioners"' in content:
        diags = _diagnosed("t.json", f'{{"builders": [{{"type": "null"}}], {content[1:]}')
    elif content.startswith("{"):
        source = '"source": {"null": {"test": {}}}'
        diags = _diagnosed("t.pkr.json", f'{{{source}, "build": [[{{"sources": ["null.test"]}}, {content}]]}}')
    else:
        diags = _build_with(content)
    _judge(diags, case["wantErr"])


def _plugins_case(case: Data) -> None:
    diags = Diagnostics()
    text = case["requirePlugins"] + "\n" + case["restOfTemplate"]
    template = read_hcl([parse_body(SourceText("t.pkr.hcl", text), diags)], "t.pkr.hcl", Path(), diags)
    _judge(diags, case["wantDiags"])
    required = (case["wantConfig"]["Packer"]["RequiredPlugins"] or [{"RequiredPlugins": {}}])[0]["RequiredPlugins"]
    wanted = {name: plugin["Source"] for name, plugin in required.items()}
    expect(dict(template.required_plugins) == wanted, f"expected {wanted}, got {template.required_plugins}")


def _plugin_source_case(case: Data) -> None:
    problem = plugin_source_problem(case["source"])
    expect(bool(problem) == case["wantDiags"], problem or "no problem was found")


def _glob_case(case: Data) -> None:
    try:
        glob(case["pattern"])
        failed = False
    except ValueError:
        failed = True
    expect(failed == case["expectError"], "a pattern was judged wrongly")


def _other_tables(corpus: Path) -> Iterator[Case]:
    folder = corpus / "packer-hcl2template-tables"
    for case in tables(folder / "types.build.provisioners_test.json").get("TestPackerConfig_ParseProvisionerBlock", ()):
        yield Case(f"provisioner/{case['name']}", partial(_override_case, corpus, case))
    for case in tables(folder / "enforced_provisioner_test.json").get("TestParseProvisionerBlocks", ()):
        yield Case(f"enforced/{case['name']}", partial(_enforced_case, case))
    for case in tables(folder / "types.required_plugins_test.json").get("TestPackerConfig_required_plugin_parse", ()):
        yield Case(f"plugins/{case['name']}", partial(_plugins_case, case))
    for case in tables(folder / "plugin_test.json").get("TestPluginParseSourceString", ()):
        yield Case(f"plugin-source/{case['name']}", partial(_plugin_source_case, case))
    for case in tables(folder / "types.packer_config_test.json").get("TestParser_ValidateFilterOption", ()):
        yield Case(f"filter/{case['pattern']}", partial(_glob_case, case))
    for case in tables(folder / "types.variables_test.json").get("TestVariables_collectVariableValues", ()):
        yield Case(f"variables/{case['name'].strip()}", partial(_variables_case, case))


# -- variables ----------------------------------------------------------------------


def _variables_case(case: Data) -> None:
    arguments = case["args"]
    blocks = {name: _block(name, data) for name, data in case["variables"].items() if name != "$t"}
    template = Template(path="t.pkr.hcl", base_dir=Path(), variables=blocks)
    environment = dict(item.partition("=")[::2] for item in arguments.get("env", ()))
    values = tuple(f"{name}={text}" for name, text in arguments.get("argv", {}).items())
    warns = bool((case.get("validationOptions") or {}).get("WarnOnUndeclaredVar"))
    diags = Diagnostics()
    with tempfile.TemporaryDirectory() as folder:
        inputs = VariableInputs(
            values=values,
            files=tuple(_written(folder, arguments.get("hclFiles", ()))),
            environment=environment,
            warn_undeclared=warns,
        )
        found = resolve_variables(template, inputs, {}, diags)
    expect(bool(diags.items) == case["wantDiags"], f"got {[str(item) for item in diags]}")
    wanted = case["wantValues"]
    if diags.has_errors or has_hole(wanted):
        return
    for name, data in wanted.items():
        expect(equals(found[name], value_of(data)).raw is True, f"{name} is {found[name]!r}")


def _written(folder: str, texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        path = Path(folder, f"{number}.pkrvars.hcl")
        path.write_text(text)
        yield str(path)


def _block(name: str, data: Mapping[str, Any]) -> VariableBlock:
    source = SourceText("t.pkr.hcl", "")
    constraint = TypeConstraint(type_of(data["Type"])) if "Type" in data else None
    defaults = [value["Value"] for value in data.get("Values", ()) if value["From"] == "default"]
    default = Literal(source, 0, 0, _default(defaults[0], constraint)) if defaults else None
    return VariableBlock(name=name, header=source.range(0, 0), type=constraint, default=default)


def _default(data: Data, constraint: TypeConstraint | None) -> Value:
    if not has_hole(data):
        return value_of(data)
    # A list made by a Go call: any value of the type will do, because something stronger is given.
    from hclimg.lang.values import null

    assert constraint is not None
    return null(constraint.type)


# -- commands -----------------------------------------------------------------------


def _options(arguments: Iterable[str]) -> tuple[dict[str, Any], str]:
    """The options of a command line, and its template."""
    options: dict[str, Any] = {"files": [], "values": [], "only": [], "except_": []}
    names = {"var-file": "files", "var": "values", "only": "only", "except": "except_"}
    path, rest = "", list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-"):
            path = argument
            continue
        name, equals_sign, value = argument.lstrip("-").partition("=")
        if name in names:
            options[names[name]].append(value if equals_sign else rest.pop(0))
    options["only"], options["except_"] = tuple(options["only"]), tuple(options["except_"])
    return options, path


def _under(corpus: Path, path: str) -> Path:
    return corpus / "packer-command-fixtures" / path


def _validate_case(corpus: Path, case: Data) -> None:
    reads = "--evaluate-datasources" in case.get("extraArgs", ())
    # The paths in the fixtures are those from the folder "command".
    with chdir(_under(corpus, "command")):
        _, diags = _compile(_under(corpus, case["path"]), command_registry(), reads=reads)
    if case["path"].endswith("local-ds-validate.pkr.hcl") and not reads:
        raise Skipped(_PLACEHOLDER)
    _judge(diags, bool(case.get("exitCode")))


def _syntax_case(corpus: Path, case: Data) -> None:
    diags = Diagnostics()
    load_template(str(_under(corpus, case["path"])), diags)
    _judge(diags, bool(case.get("exitCode")))


def _except_case(corpus: Path, case: Data) -> None:
    options, path = _options(case["args"])
    _judge(_compile(_under(corpus, path), command_registry(), **_paths(options, corpus))[1], bool(case.get("exitCode")))


def _paths(options: dict[str, Any], corpus: Path) -> dict[str, Any]:
    return {**options, "files": [str(_under(corpus, name)) for name in options["files"]]}


def _var_file_case(corpus: Path, case: Data) -> None:
    files = [str(_under(corpus, case["varfile"]))]
    _judge(_compile(_under(corpus, case["path"]), command_registry(), files=files)[1], bool(case["exitCode"]))


def _validate_tables(corpus: Path) -> Iterator[Case]:
    found = tables(corpus / "packer-commands" / "validate_test.json")
    for name, check in (
        ("TestValidateCommand", _validate_case),
        ("TestValidateCommand_SyntaxOnly", _syntax_case),
        ("TestValidateCommandExcept", _except_case),
        ("TestValidateCommand_VarFilesWarnOnUndeclared", _var_file_case),
        ("TestValidateCommand_VarFilesDisableWarnOnUndeclared", _var_file_case),
        ("TestValidateCommand_ShowLineNumForMissing", _validate_case),
    ):
        for case in found.get(name, ()):
            label = case.get("name") or case["path"].removeprefix("command/test-fixtures/")
            yield Case(f"{name}/{label}", partial(check, corpus, case))


def _build_case(corpus: Path, case: Data) -> None:
    """Whether a build would start."""
    options, path = _options(case["args"])
    fixture = _under(corpus, path)
    _judge(_compile(fixture, command_registry(), **_paths(options, corpus))[1], bool(case.get("expectedCode")))


def _selection_case(corpus: Path, case: Data) -> None:
    options, _ = _options(case["args"])
    fixture = _under(corpus, "command/test-fixtures/hcl-only-except")
    plan, diags = _compile(fixture, command_registry(), **options)
    _judge(diags, bool(case["expectReturn"]))
    made = {lane.source_name for lane in plan.lanes.values()} if plan else set()
    wanted = {name.removesuffix(".txt") for name in case["present"]}
    expect(made == wanted, f"expected the builds {sorted(wanted)}, got {sorted(made)}")


def _build_tables(corpus: Path) -> Iterator[Case]:
    found = tables(corpus / "packer-commands" / "build_test.json")
    for name in (
        "TestBuild",
        "TestProvisionerAndPostProcessorOnlyExcept",
        "TestBuildCmd",
        "TestBuildExceptFileCommaFlags",
    ):
        for case in found.get(name, ()):
            yield Case(f"{name}/{case['name'].strip()}", partial(_build_case, corpus, case))
    for case in found.get("TestBuildCommand_HCLOnlyExceptOptions", ()):
        yield Case(f"HCLOnlyExcept/{' '.join(case['args'])}", partial(_selection_case, corpus, case))


# -- acceptance tests -----------------------------------------------------------------

_DEPENDENCIES = {
    "dag_tests/templates/mixed_data_local.pkr.hcl": "",
    "dag_tests/templates/malformed_data_dep.pkr.hcl": "Undeclared data source",
    "dag_tests/templates/malformed_local_dep.pkr.hcl": "Undeclared local value",
    "core_tests/templates/locals_duplicate.pkr.hcl": "Duplicate declaration",
    "core_tests/templates/locals_no_order.pkr.hcl": "",
}
"""What is wrong with the templates about locals and data sources, in our words; nothing with the others."""


def _dependencies_case(path: Path, wanted: str) -> None:
    _, diags = _compile(path, command_registry(), reads=not wanted)
    # Packer tests these with its console, which needs no build.
    found = {item.summary for item in diags.errors} - {"Missing build block"}
    expect(found == ({wanted} if wanted else set()), f"expected {wanted or 'no error'}, got {sorted(found)}")


def _dependency_templates(corpus: Path) -> Iterator[Case]:
    for name, wanted in _DEPENDENCIES.items():
        path = corpus / "packer-acceptance" / name
        if path.is_file():
            yield Case(path.name, partial(_dependencies_case, path, wanted))


# -- legacy JSON --------------------------------------------------------------------


def _core_case(corpus: Path, case: Data) -> None:
    path = corpus / "packer-legacy-json" / "packer-test-fixtures" / case["File"]
    if not path.is_file():
        raise Skipped("the fixture is not in the corpus")
    values = [f"{name}={text}" for name, text in (case.get("Vars") or case.get("Variables") or {}).items()]
    plan, diags = _compile(path, mock_registry(), values=values)
    _judge(diags, bool(case.get("Err")))
    if plan is not None and "Result" in case:
        made = [lane.source_name for lane in plan.lanes.values()]
        expect(made == case["Result"], f"expected the builds {case['Result']}, got {made}")


def _interpolated_case(corpus: Path, case: Data) -> None:
    path = corpus / "packer-legacy-json" / "packer-test-fixtures" / case["File"]
    if not path.is_file():
        raise Skipped("the fixture is not in the corpus")
    diags = Diagnostics()
    template = load_template(str(path), diags)
    if template is None:
        raise Failed("the template cannot be read")
    values = tuple(f"{name}={text}" for name, text in (case.get("Variables") or {}).items())
    found = resolve_variables(template, VariableInputs(values=values), {}, diags)
    _judge(diags, case["Err"])
    for name, text in (case["Expected"] if not case["Err"] else {}).items():
        expect(found[name].raw == text, f'{name} is {found[name].raw!r}, not "{text}"')


def _legacy_tables(corpus: Path) -> Iterator[Case]:
    found = {
        **tables(corpus / "packer-core" / "core_test.json"),
        **tables(corpus / "packer-commands" / "inspect_test.json"),
    }
    for name in ("TestCoreBuildNames", "TestCoreValidate"):
        for case in found.get(name, ()):
            yield Case(f"{name}/{case['File']}", partial(_core_case, corpus, case))
    for name in ("TestCore_InterpolateUserVars", "TestCore_InterpolateUserVars_VarFile"):
        for case in found.get(name, ()):
            yield Case(f"{name}/{case['File']}", partial(_interpolated_case, corpus, case))


GROUPS = (
    Group("packer-hcl2template-tables", "HCL templates: right or wrong, and their builds", _parse_tables),
    Group("packer-hcl2template-rest", "steps, plugins, variables of HCL templates", _other_tables),
    Group("packer-commands-validate", "packer validate: its exit codes", _validate_tables),
    Group("packer-commands-build", "packer build: whether it would start, and what", _build_tables),
    Group("packer-acceptance-dag", "locals and data sources that depend on each other", _dependency_templates),
    Group("packer-core", "legacy JSON: names, variables, validation", _legacy_tables),
)
