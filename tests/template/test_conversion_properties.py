"""What holds for the conversion of any template: the plan stays, in every syntax and back."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hclimg.diagnostics import Diagnostics
from hclimg.plan.compare import differences
from hclimg.plan.compile import CompileOptions
from hclimg.plan.stand_ins import OpenRegistry
from hclimg.template.convert.convert import converted
from hclimg.template.convert.files import File, Job, Syntax
from hclimg.template.load import load_template
from hclimg.template.model import Template

NAMES = ("a", "b-c", "for", "x y", "class", "timestamp")
CALLS = (
    "{{timestamp}}", "{{isotime `2006-01-02`}}", "{{build_name}}", "{{template_dir}}", "{{.Vars}}",
    "{{`{{`}}", "{{upper `x`}}", "{{split `a-b` `-` 1}}", "{{strftime `%Y`}}", "{{uuid}}",
    "{{packer_version | replace `.` `_` 1}}",
)  # fmt: skip
PLAIN = st.text(st.sampled_from("ab \n\"'\\${}%{é🙂`#/,\t"), max_size=6)
USES = st.sampled_from([*CALLS, *(f"{{{{user `{name}`}}}}" for name in NAMES), "{{user `a` | upper}}"])
TEXTS = st.lists(st.one_of(PLAIN.filter(lambda text: "{{" not in text), USES), max_size=4).map("".join)
SAFE = TEXTS.filter(lambda text: "{{{" not in text and "{{`{{`}}{" not in text)
SCALARS = st.one_of(SAFE, st.integers(-5, 5), st.booleans(), st.just("5"), st.just("true"))
KEYS = st.sampled_from(("k", "l m", "tags", "x"))
SETTING_NAMES = st.sampled_from(("tags", "owners", "filter", "memory", "s"))


def settings_with(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3))

    return st.dictionaries(SETTING_NAMES, st.recursive(scalars, larger, max_leaves=6), max_size=3)


OF_BUILDERS = settings_with(SCALARS)
OF_STEPS = settings_with(st.one_of(SCALARS, SAFE.map(lambda text: f"{text}{{{{build `ID`}}}}")))


@st.composite
def steps(draw: st.DrawFn, type_: str) -> dict[str, Any]:
    step: dict[str, Any] = {"type": type_, **draw(OF_STEPS)}
    if draw(st.booleans()):
        step[draw(st.sampled_from(("only", "except")))] = draw(st.lists(st.sampled_from(("one", "two x")), min_size=1))
    return step


@st.composite
def provisioners(draw: st.DrawFn) -> dict[str, Any]:
    step = draw(steps("anything"))
    more = {
        "pause_before": st.sampled_from(("1s", "1m")),
        "max_retries": st.sampled_from((2, "3")),
        "timeout": st.just("5s"),
        "override": st.dictionaries(st.sampled_from(("one", "two x")), OF_STEPS, max_size=2),
    }
    names = draw(st.sets(st.sampled_from(sorted(more))))
    return {**step, **{name: draw(more[name]) for name in sorted(names)}}


@st.composite
def templates(draw: st.DrawFn) -> dict[str, Any]:
    """Legacy templates with two builders, of which nobody knows the types."""
    calls = st.sampled_from(("{{isotime}}", "{{env `HOME`}}", "7"))
    values = st.one_of(PLAIN.filter(lambda text: "{{" not in text), calls, st.none())
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    chains = st.lists(steps("after"), min_size=1, max_size=2)
    return {
        "description": draw(PLAIN),
        "_comment": draw(PLAIN),
        "variables": {name: draw(values) for name in names},
        "sensitive-variables": names[:1],
        "builders": [
            {"type": "cloud-x", "name": "one", **draw(OF_BUILDERS)},
            {"type": "cloud-x", "name": "two x", **draw(OF_BUILDERS)},
        ],
        "provisioners": draw(st.lists(provisioners(), max_size=2)),
        "post-processors": draw(st.lists(st.one_of(st.just("last"), chains), max_size=2)),
    }


def there(path: Path, to: Syntax, first: Template, folder: Path) -> Path:
    """Convert, compare the plans, write the result."""
    diags = Diagnostics()
    made = converted(Job(path, (File.at(path),)), to, diags)
    assert made is not None, [str(error) for error in diags.errors]
    options = CompileOptions(now=datetime(2024, 2, 29, tzinfo=UTC), cwd=Path.cwd())
    found = differences(first, evolve(made, old=first).template(diags), options, diags, OpenRegistry())
    assert found == [], (found, [str(error) for error in diags.errors], made.texts)
    ((name, text),) = made.texts.items()
    (folder / name).write_text(text)
    return folder / name


@settings(max_examples=5, phases=[Phase.generate])
@given(templates())
def test_every_syntax_keeps_the_plan(template: dict[str, Any]) -> None:
    check(template)


@pytest.mark.slow
@settings(max_examples=60, phases=[Phase.generate])
@given(templates())
def test_every_syntax_keeps_the_plan_of_many(template: dict[str, Any]) -> None:
    check(template)


def check(template: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old = folder / "t.json"
        old.write_text(json.dumps(template, ensure_ascii=False))
        first = load_template(str(old), Diagnostics())
        assert first is not None
        hcl = there(old, Syntax.HCL, first, folder)
        for syntax, between in ((Syntax.JSON, folder / "j"), (Syntax.PYTHON, folder / "p")):
            between.mkdir()
            there(there(hcl, syntax, first, between), Syntax.HCL, first, between)
