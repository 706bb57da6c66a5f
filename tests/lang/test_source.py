import os
from pathlib import Path

import pytest

from hclimg.diagnostics import Diagnostics
from hclimg.lang.source import LARGEST_FILE, read_source


def test_a_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.hcl"
    path.write_bytes(b"\xef\xbb\xbfa = \"\xc3\xa9\"\r\n")
    diags = Diagnostics()
    source = read_source(path, diags)
    assert source is not None
    assert (source.text, source.filename, len(diags)) == ('a = "é"\r\n', str(path), 0)


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [(b"a = 1\nb = \"\xe9\"\n", 2, 6, "0xe9"), ("ä = 1\n".encode() + b"\xff", 2, 1, "0xff"), (b"\xc3", 1, 1, "0xc3")],
)
def test_the_first_byte_that_is_no_utf8_is_shown(
    tmp_path: Path, data: bytes, line: int, column: int, byte: str
) -> None:
    path = tmp_path / "a.hcl"
    path.write_bytes(data)
    diags = Diagnostics()
    assert read_source(path, diags) is None
    (error,) = diags.errors
    assert error.summary == "Invalid character encoding"
    assert error.subject is not None
    assert (error.subject.begin.line, error.subject.begin.column) == (line, column)
    assert byte in error.detail
    assert f"line {line}, column {column}" in error.detail


def test_utf16_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a.hcl"
    path.write_bytes("a = 1\n".encode("utf-16"))
    diags = Diagnostics()
    assert read_source(path, diags) is None
    assert "UTF-16" in diags.errors[0].detail


@pytest.mark.parametrize(("name", "reason"), [("missing", "no such file or directory"), (".", "it is a directory")])
def test_what_cannot_be_read_is_an_error(tmp_path: Path, name: str, reason: str) -> None:
    diags = Diagnostics()
    assert read_source(tmp_path / name, diags) is None
    assert [e.summary for e in diags.errors] == ["Failed to read file"]
    assert reason in diags.errors[0].detail


def test_a_file_without_permission_is_an_error(tmp_path: Path) -> None:
    """Root may read anything, so that an unprivileged child has to try."""
    path = tmp_path / "a.hcl"
    path.write_text("a = 1\n")
    path.chmod(0)
    tmp_path.chmod(0o755)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.seteuid(65534)
            diags = Diagnostics()
            found = read_source(path, diags)
            os.write(write, repr((found, [e.summary for e in diags.errors])).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 1000).decode() == "(None, ['Failed to read file'])"
    os.close(read)
    os.close(write)


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    path, diags = tmp_path / "a.pkr.hcl", Diagnostics()
    os.mkfifo(path)
    assert read_source(path, diags) is None
    assert "it is a pipe that nobody writes to" in diags.errors[0].detail


def test_a_pipe_is_read_to_its_end() -> None:
    """As in ``-var-file=<(decrypt secrets)``."""
    read, write = os.pipe()
    os.write(write, b"a = 1\n")
    os.close(write)
    diags = Diagnostics()
    source = read_source(Path(f"/dev/fd/{read}"), diags)
    os.close(read)
    assert source is not None
    assert source.text == "a = 1\n"


def test_files_without_end_and_huge_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"\n" * (LARGEST_FILE + 1))
    (tmp_path / "large").write_bytes(b"\n" * LARGEST_FILE)
    for path in (Path("/dev/zero"), tmp_path / "huge"):
        diags = Diagnostics()
        assert read_source(path, diags) is None
        assert "is larger than 8 MiB" in diags.errors[0].detail
    assert read_source(tmp_path / "large", Diagnostics()) is not None


@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (b"# caf\xe9\na = 1 // \xff\n/* \xed\xa0\x80 */", True),
        (b"# caf\xe9\na = \"\xe9\"\n", False),
        (b"a = \"# \xe9\"\n", False),
        (b"a = <<E\n# \xe9\nE\n", False),
    ],
)
def test_comments_may_be_in_any_encoding(tmp_path: Path, data: bytes, accepted: bool) -> None:
    path, diags = tmp_path / "a.pkr.hcl", Diagnostics()
    path.write_bytes(data)
    source = read_source(path, diags)
    assert (source is not None) == accepted == (not diags.has_errors)
    assert source is None or not any("\ud800" <= c <= "\udfff" for c in source.text)
