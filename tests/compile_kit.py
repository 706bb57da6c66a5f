"""Templates in a test's own folder, compiled with components that do nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

from hclimg.config.fields import block, config, setting
from hclimg.diagnostics import Diagnostic, Diagnostics
from hclimg.plan.compile import CompileOptions, compile_plan
from hclimg.plan.plan import Plan
from hclimg.registry import Kind, Registry
from hclimg.sdk.components import Builder, DataSource, PostProcessor, Provisioner
from hclimg.template.inputs import VariableInputs
from hclimg.template.load import load_template
from hclimg.template.model import Template
from hclimg.units import Secret

NOW = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


@config
class Disk:
    """A disk."""

    size: int = setting("Its size.", default=0)


@config
class FakeSettings:
    """Settings of many kinds; decoding them is counted."""

    text: str = setting("Text.", default="")
    path: str = setting("A file whose content matters.", default="")
    number: int = setting("A number.", default=0)
    wait: timedelta = setting("A time.", default=timedelta())
    lines: tuple[str, ...] = setting("Texts.", default=())
    env: dict[str, str] = setting("Texts by name.", factory=dict)
    secret: Secret = setting("Never shown.", default=Secret(""))
    disk: tuple[Disk, ...] = block("A disk.", many=True, default=())

    def check(self, problems: Any) -> None:
        counter["decoded"] += 1
        if self.number < 0:
            problems.error("Negative number", "The number must not be negative.", "number")


counter = {"decoded": 0}


class FakeBuilder(Builder[FakeSettings]):
    Config = FakeSettings
    builder_id = "test.fake"
    facts = ("Flavour",)

    def inputs(self) -> tuple[Path, ...]:
        return (Path(self.config.path),) if self.config.path else ()

    def uses(self) -> dict[str, int]:
        return {"kvm": 1} if self.config.number else {}

    def summary(self) -> str:
        return self.config.text

    def launch(self, ctx: Any, source: Any) -> Any:
        raise AssertionError("a mock is compiled, never run")

    def capture(self, ctx: Any, machine: Any) -> Any:
        raise AssertionError("a mock is compiled, never run")


class FakeProvisioner(Provisioner[FakeSettings]):
    Config = FakeSettings

    def summary(self) -> str:
        return self.config.text

    def provision(self, ctx: Any, machine: Any) -> None:
        raise AssertionError("a mock is compiled, never run")


class FakePostProcessor(PostProcessor[FakeSettings]):
    Config = FakeSettings

    def process(self, ctx: Any, artifact: Any) -> Any:
        raise AssertionError("a mock is compiled, never run")


class FakeDataSource(DataSource[FakeSettings]):
    Config = FakeSettings

    def read(self, ctx: Any) -> dict[str, Any]:
        raise AssertionError("a mock is compiled, never run")


def registry() -> Registry:
    return Registry(
        {
            Kind.BUILDER: dict.fromkeys(("fake", "other", "vm"), "compile_kit:FakeBuilder"),
            Kind.PROVISIONER: dict.fromkeys(("run", "copy"), "compile_kit:FakeProvisioner"),
            Kind.POST_PROCESSOR: dict.fromkeys(("pack", "sum", "list"), "compile_kit:FakePostProcessor"),
            Kind.DATA_SOURCE: {"look": "compile_kit:FakeDataSource"},
        }
    )


class Workshop:
    """Writes templates into a folder and reads them. ``diags`` collects what is reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.diags = Diagnostics()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, text: str, name: str = "main.pkr.hcl") -> Template:
        template = load_template(str(self.write(name, text)), self.diags)
        assert template is not None, self.problems
        return template

    def compile(
        self,
        text: str | Template,
        name: str = "main.pkr.hcl",
        *,
        var: Iterable[str] = (),
        files: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
        only: Iterable[str] = (),
        except_: Iterable[str] = (),
    ) -> Plan:
        template = self.load(text, name) if isinstance(text, str) else text
        inputs = VariableInputs(values=tuple(var), files=tuple(files), environment=environment or {})
        options = CompileOptions(now=NOW, cwd=self.folder, variables=inputs, only=tuple(only), except_=tuple(except_))
        return compile_plan(template, options, registry(), self.diags)

    @property
    def errors(self) -> list[Diagnostic]:
        return self.diags.errors

    @property
    def problems(self) -> str:
        """Everything that was reported, as the user sees it, without the folder."""
        return shown(self.diags, self.folder)

    def only_error(self) -> Diagnostic:
        assert len(self.errors) == 1, self.problems
        return self.errors[0]


def shown(diags: Diagnostics, folder: Path) -> str:
    """What was reported, without the folder, whose length must not decide where lines are broken."""
    from hclimg.ui.diagnostics import render

    items = [evolve(item, detail=item.detail.replace(f"{folder}/", "")) for item in diags.items]
    return render(items).replace(f"{folder}/", "")
