"""Go templates in settings, rendered when the component runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from hclimg import PACKER_VERSION
from hclimg.errors import BuildError
from hclimg.sdk.context import Context, RunInfo
from servers.recording import Recording

NOON = 1_700_049_600.0  # 2023-11-15 12:00:00 UTC


@pytest.fixture
def ctx(recorded: Callable[..., Recording], tmp_path: Path) -> Context:
    run = RunInfo(id="r", directory=tmp_path, cache=tmp_path, started=NOON)
    return recorded(run=run, build_name="web", build_type="qemu", facts={"ID": "i-1", "Port": 22}).ctx


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("nothing to do", "nothing to do"),
        ("{{ .Path }} and {{.Path}}", "/tmp/x and /tmp/x"),
        ("{{ build_name }}-{{ build_type }}", "web-qemu"),
        ("{{ build `ID` }}:{{ build `Port` }}", "i-1:22"),
        ("{{ timestamp }}", "1700049600"),
        ("{{ isotime }}", "2023-11-15T12:00:00Z"),
        ("{{ isotime \"2006-01-02\" }}", "2023-11-15"),
        ("{{ strftime \"%Y%m%d\" }}", "20231115"),
        ("{{ upper .Path }} {{ lower \"ABC\" }}", "/TMP/X abc"),
        ("{{ replace \"a\" \"b\" 1 \"aa\" }} {{ replace_all \"a\" \"b\" \"aa\" }}", "ba bb"),
        ("{{ split \"a-b-c\" \"-\" 1 }}", "b"),
        ("{{ clean_resource_name \"a b/c:d*é\" }}", "a b/c-d--"),
        ("{{ if .Sudo }}sudo {{ end }}run", "sudo run"),
        ("{{`{{ .Left }}`}}", "{{ .Left }}"),
    ],
)
def test_what_can_be_called(ctx: Context, template: str, text: str) -> None:
    assert ctx.render(template, Path="/tmp/x", Sudo=True) == text


def test_what_differs_each_time(ctx: Context) -> None:
    assert UUID(ctx.render("{{ uuid }}")) != UUID(ctx.render("{{ uuid }}"))
    assert ctx.render("{{ pwd }}") == str(Path.cwd())
    assert ctx.render("{{ packer_version }}") == PACKER_VERSION


@pytest.mark.parametrize(
    ("template", "problem", "hint"),
    [
        ("{{ .Pth }}", "cannot be rendered", "Here it can use {{.Path}}."),
        ("{{ .Path", "cannot be rendered", "Here it can use {{.Path}}."),
        ("{{ user `x` }}", "cannot be rendered", "Here it can use {{.Path}}."),
        ("{{ build `IP` }}", 'no build value "IP"', "It has ID, Port."),
        ("{{ split `a` `-` 3 }}", "no part number 3", "Parts are counted from 0."),
    ],
)
def test_what_is_wrong(ctx: Context, template: str, problem: str, hint: str) -> None:
    with pytest.raises(BuildError, match=problem) as caught:
        ctx.render(template, Path="/tmp/x")
    assert caught.value.hint == hint
