"""Functions that read files, on real files."""

import os
import socket
from pathlib import Path

import pytest
from evaluating import problem_of, python_of, value_of

from hclimg.lang.functions.files import Files
from hclimg.lang.types import STRING, SetType


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "hello.txt").write_text("hello\n")
    (tmp_path / "sub" / "b.txt").write_text("b")
    (tmp_path / "sub" / "deep" / "c.md").write_text("c")
    (tmp_path / "sub" / ".hidden").write_text("h")
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    return tmp_path


def test_file(folder: Path) -> None:
    assert python_of('file("hello.txt")', folder) == "hello\n"
    assert python_of('file("sub/../hello.txt")', folder) == "hello\n"
    assert python_of(f'file("{folder}/hello.txt")', Path("/")) == "hello\n"
    assert python_of('filebase64("latin.txt")', folder) == "6Q=="
    assert python_of('fileexists("hello.txt")', folder) is True
    assert python_of('fileexists("nope/x")', folder) is False


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('file("nope.txt")', 'Invalid value for "path" parameter: no file exists at nope.txt.'),
        ('file("sub")', "failed to read sub: it is a directory"),
        ('file("")', "failed to read .: it is a directory"),
        ('file("latin.txt")', "contents of latin.txt are not valid UTF-8"),
        ('file("hello.txt/x")', "Not a directory"),
        ('file("/dev/zero")', "it is a device, a pipe or a socket"),
        ('fileexists("sub")', "sub is not a regular file: it is a directory"),
        ('file("a\\u0000b")', "this cannot be a file's name"),
    ],
)
def test_files_that_cannot_be_read(folder: Path, text: str, detail: str) -> None:
    assert detail in problem_of(text, folder).detail


def test_a_loop_of_links(folder: Path) -> None:
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    assert "failed to read a" in problem_of('file("a")', folder).detail
    (folder / "sub" / "up").symlink_to("..")
    assert python_of('fileset(".", "**/c.md")', folder) == ["sub/deep/c.md"]


def test_a_pipe_is_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert "it is a device, a pipe or a socket" in problem_of('file("pipe")', folder).detail
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        assert "a socket" in problem_of('file("s")', folder).detail


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        (".", "*.txt", ["hello.txt", "latin.txt"]),
        (".", "**", ["hello.txt", "latin.txt", "sub/.hidden", "sub/b.txt", "sub/deep/c.md"]),
        (".", "**/*.{md,txt}", ["hello.txt", "latin.txt", "sub/b.txt", "sub/deep/c.md"]),
        (".", "sub/*", ["sub/.hidden", "sub/b.txt"]),
        (".", "*/b.txt", ["sub/b.txt"]),
        ("sub", "[a-c].*", ["b.txt"]),
        ("sub", "[^b]*", [".hidden"]),
        ("sub", "?.txt", ["b.txt"]),
        (".", "sub", []),
        ("nope", "*", []),
        (".", "{sub/b,hello}.txt", ["hello.txt", "sub/b.txt"]),
    ],
)
def test_fileset(folder: Path, path: str, pattern: str, expected: list[str]) -> None:
    value = value_of(f'fileset("{path}", "{pattern}")', folder)
    assert value.type == SetType(STRING)
    assert [v.raw for v in value.raw] == expected


@pytest.mark.parametrize("pattern", ["[a", "{a", "{a,b" * 2, "{a,b}" * 11])
def test_bad_patterns(folder: Path, pattern: str) -> None:
    assert "failed to glob pattern" in problem_of(f'fileset(".", "{pattern}")', folder).detail


def test_templatefile(folder: Path) -> None:
    (folder / "t.tpl").write_text("Hi ${name}!\n%{ for x in items ~}\n- ${upper(x)}\n%{ endfor ~}\n")
    assert python_of('templatefile("t.tpl", { name = "Bob", items = ["a", "b"] })', folder) == "Hi Bob!\n- A\n- B\n"
    (folder / "one.tpl").write_text("${v}")
    assert python_of('templatefile("one.tpl", { v = [1] })', folder) == [1]
    assert python_of('templatefile("hello.txt", {})', folder) == "hello\n"


@pytest.mark.parametrize(
    ("template", "call", "detail"),
    [
        ("${a}${b}", "{ a = 1 }", 'vars map does not contain key "b", referenced at t.tpl:1:7'),
        ("x", '"x"', "invalid vars value: must be a map"),
        ("x", '{ "a!" = 1 }', 'invalid template variable name "a!"'),
    ],
)
def test_templates_with_wrong_variables(folder: Path, template: str, call: str, detail: str) -> None:
    (folder / "t.tpl").write_text(template)
    problem = problem_of(f'templatefile("t.tpl", {call})', folder)
    assert detail in problem.detail
    assert str(problem.subject) == "test.hcl:1:23"


@pytest.mark.parametrize(
    ("template", "at", "summary"),
    [
        ("1\n${a.x}", "t.tpl:2:4", "Unsupported attribute"),
        ("1\n\n${a", "t.tpl:3:1", "Unclosed template interpolation sequence"),
        ('${templatefile("t.tpl", {})}', "t.tpl:1:3", "Error in function call"),
        ('${templatestring("x", {})}', "t.tpl:1:3", "Error in function call"),
    ],
)
def test_mistakes_in_templates_are_located_in_them(folder: Path, template: str, at: str, summary: str) -> None:
    (folder / "t.tpl").write_text(template)
    problem = problem_of('templatefile("t.tpl", { a = 1 })', folder)
    assert (str(problem.subject), problem.summary) == (at, summary)
    assert [(r.message, str(r.range)) for r in problem.related] == [("templatefile is called here", "test.hcl:1:1")]


def test_mistakes_in_templates_with_secrets_say_only_where(folder: Path) -> None:
    (folder / "t.tpl").write_text('${parseint(a, 2)} ${a == "s3cr3t"}')
    problem = problem_of('templatefile("t.tpl", { a = sensitive("s3cr3t") })', folder)
    assert str(problem.subject) == "t.tpl:1:12"
    assert "s3cr3t" not in repr(problem.detail) + repr(problem.values)


def test_home(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert python_of('pathexpand("~/x/../y")') == f"{folder}/y"
    assert python_of('file("~/hello.txt")', Path("/")) == "hello\n"


def test_a_path_that_says_the_folder_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``file("${path.root}/x")``: the folder is not meant twice."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/x").write_text("found")
    monkeypatch.chdir(tmp_path)
    assert Files(Path("templates")).text("templates/x") == "found"
    (tmp_path / "templates/templates").mkdir()
    (tmp_path / "templates/templates/x").write_text("inner")
    assert Files(Path("templates")).text("templates/x") == "inner"
