"""How options may be spelled."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from hclimg.cli.options import Command, TemplateOptions, switch, template_options


@click.command(cls=Command)
@template_options()
@switch("-force", "Force.")
@switch("-color", "Colours.", default=None)
@click.option("-parallel-builds", type=click.IntRange(min=0), default=0)
def command(**options: Any) -> None:
    found.append(options)


found: list[dict[str, Any]] = []


def parse(*args: str) -> dict[str, Any]:
    found.clear()
    result = CliRunner().invoke(command, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return found[0]


def fail(*args: str) -> str:
    found.clear()
    result = CliRunner().invoke(command, args, catch_exceptions=False)
    assert result.exit_code != 0
    assert not found
    return result.output


def test_nothing() -> None:
    assert parse() == {"wanted": TemplateOptions(path="."), "force": False, "color": None, "parallel_builds": 0}


@pytest.mark.parametrize(
    "args", [("-var", "a=b"), ("-var=a=b",), ("--var", "a=b"), ("--var=a=b",), ("x.json", "-var", "a=b")]
)
def test_values(args: tuple[str, ...]) -> None:
    assert parse(*args)["wanted"].variables == ("a=b",)


def test_repeating() -> None:
    variables = ("-var", "a=-b", "-var-file=f", "-var", "c==")
    wanted = parse(*variables, "-only=x,y", "-only", "z", "-except=e", "t.pkr.hcl")["wanted"]
    assert wanted == TemplateOptions(
        path="t.pkr.hcl", variables=("a=-b", "c=="), var_files=("f",), only=("x,y", "z"), except_=("e",)
    )


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("-force",), True),
        (("--force",), True),
        (("-force=true",), True),
        (("-force=1",), True),
        (("-force=false",), False),
        (("-force=0",), False),
        (("-force", "-force=F"), False),
    ],
)
def test_switches(args: tuple[str, ...], expected: bool) -> None:
    assert parse(*args)["force"] is expected


def test_a_switch_does_not_take_the_template() -> None:
    options = parse("-force", "template.json")
    assert (options["force"], options["wanted"].path) == (True, "template.json")


def test_a_switch_of_three_states() -> None:
    assert [parse(*args)["color"] for args in ((), ("-color",), ("-color=false",))] == [None, True, False]


def test_standard_input_and_the_end_of_options() -> None:
    assert parse("-force", "-")["wanted"].path == "-"
    assert parse("--", "-force")["wanted"].path == "-force"


def test_a_value_may_look_like_an_option() -> None:
    assert parse("-var", "-force")["wanted"].variables == ("-force",)


def test_misspelt_option() -> None:
    assert "No such option '-parallel-build'. Did you mean '-parallel-builds'?" in fail("-parallel-build=3")


def test_missing_value() -> None:
    assert "'-var' requires an argument" in fail("-var")


def test_bad_values() -> None:
    assert "'-parallel-builds'" in fail("-parallel-builds=x")
    assert "'-parallel-builds'" in fail("-parallel-builds=-1")
    assert "'maybe' is not a valid boolean" in fail("-force=maybe")


def test_two_templates() -> None:
    assert "unexpected extra argument" in fail("a", "b")


def test_help_shows_packers_spelling() -> None:
    result = CliRunner().invoke(command, ["-h"])
    assert result.exit_code == 0
    assert "-var 'NAME=VALUE'" in result.output
    assert "-force" in result.output
    assert "use-sequential-evaluation" not in result.output
    assert CliRunner().invoke(command, ["--help"]).output == result.output


@pytest.mark.parametrize("name", ["-use-sequential-evaluation", "-ignore-prerelease-plugins"])
def test_what_has_no_effect_says_so(name: str) -> None:
    result = CliRunner().invoke(command, [name])
    assert result.exit_code == 0
    assert result.stderr.startswith(f"Warning: {name} has no effect: ")
    assert CliRunner().invoke(command, [f"{name}=false"]).stderr == ""
