"""The file builder, with Packer's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from hclimg.builders.file.builder import FileBuilder
from hclimg.builders.file.config import FileConfig
from hclimg.config.decode import decode
from hclimg.diagnostics import Diagnostics, SourceText
from hclimg.errors import BuildError
from hclimg.lang.evaluate import Scope
from hclimg.lang.parse import parse_body
from hclimg.sdk.context import Context
from hclimg.sdk.steps import close_scope


def decoded(text: str) -> tuple[FileConfig | None, list[str]]:
    diags = Diagnostics()
    source = SourceText("test.pkr.hcl", text)
    found = decode(
        FileConfig,
        parse_body(source, diags),
        Scope({}, {}),
        diags,
        context='source "file" "x"',
        header=source.range(0, 0),
    )
    return found, [d.summary for d in diags]


def test_a_text_becomes_a_file(ctx: Context, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    builder = FileBuilder(FileConfig(target=str(target), content="héllo\r\n"))
    machine = builder.launch(ctx, None)
    assert target.read_bytes() == "héllo\r\n".encode()
    artifact = builder.capture(ctx, machine)
    close_scope(ctx)
    assert (artifact.builder, artifact.id, artifact.files) == ("packer.file", "File", (str(target),))
    assert artifact.description == f"Stored file: {target}"
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]


def test_a_file_is_copied(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(bytes(range(256)))
    builder = FileBuilder(FileConfig(target=str(tmp_path / "target"), source=str(tmp_path / "source")))
    assert builder.inputs() == (tmp_path / "source",)
    builder.capture(ctx, builder.launch(ctx, None))
    close_scope(ctx)
    assert (tmp_path / "target").read_bytes() == bytes(range(256))


def test_a_build_that_fails_leaves_no_file(ctx: Context, tmp_path: Path) -> None:
    FileBuilder(FileConfig(target=str(tmp_path / "target"), content="x")).launch(ctx, None)
    assert (tmp_path / "target").exists()
    close_scope(ctx)
    assert list(tmp_path.iterdir()) == []


def test_the_artifact_can_be_destroyed(ctx: Context, tmp_path: Path) -> None:
    builder = FileBuilder(FileConfig(target=str(tmp_path / "a" / "target"), content="x"))
    builder.destroy(ctx, builder.capture(ctx, builder.launch(ctx, None)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": "{tmp}/absent", "target": "{tmp}/t"}, "The source {tmp}/absent cannot be read: No such file"),
        ({"content": "x", "target": "{tmp}"}, "The file {tmp} cannot be written: Is a directory"),
        ({"content": "x", "target": "/proc/absent/t"}, "The file /proc/absent/t cannot be written: No such file"),
    ],
)
def test_what_the_host_refuses(ctx: Context, tmp_path: Path, fields: dict[str, str], message: str) -> None:
    config = FileConfig(**{name: text.format(tmp=tmp_path) for name, text in fields.items()})
    with pytest.raises(BuildError) as raised:
        FileBuilder(config).launch(ctx, None)
    assert raised.value.message.startswith(message.format(tmp=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ('target = "t"\ncontent = "c"', []),
        ('target = "t"\nsource = "s"', []),
        ('target = "t"\ncontent = ""', []),
        ('target = "t"', ["Empty file"]),
        ('content = "c"', ["Missing required argument"]),
        ('target = ""\ncontent = "c"', ["Missing required argument"]),
        ('target = "t"\ncontent = "c"\nsource = "s"', ["Conflicting arguments"]),
        ('target = "t"\ncontents = "c"', ["Unsupported argument"]),
    ],
)
def test_settings(text: str, problems: list[str]) -> None:
    _, found = decoded(text)
    assert found == problems
