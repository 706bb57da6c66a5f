"""The scripts that copy files are PowerShell, says a parser that is not Microsoft's: there is none of theirs here."""

from __future__ import annotations

from base64 import b64decode

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from hclimg.communicators.winrm_scripts import READ, WRITE, powershell, windows_path


@pytest.mark.parametrize("script", [WRITE, READ])
def test_the_scripts_are_powershell(script: str) -> None:
    tree = parsed(script)
    assert [node.text for node in broken(tree)] == []
    blocks = [node for node in walk(tree) if node.type == "named_block"]
    assert [node.children[0].text for node in blocks][:2] == [b"begin", b"process"]


def test_the_parser_would_tell() -> None:
    tree = parsed(WRITE.replace("catch{", ""))
    assert broken(tree) != []


def parsed(script: str) -> Node:
    """As a block in braces: that parser knows what is named (begin, process, end) nowhere else."""
    parser = Parser(Language(tree_sitter_powershell.language()))
    return parser.parse(b"& {" + script.encode() + b"}\n").root_node


def walk(node: Node) -> list[Node]:
    return [node, *(found for child in node.children for found in walk(child))]


def broken(node: Node) -> list[Node]:
    return [found for found in walk(node) if found.is_error or found.is_missing]


@pytest.mark.parametrize("script", [WRITE, READ])
def test_a_command_line_is_one_that_cmd_takes(script: str) -> None:
    line = powershell(script)
    assert len(line) < 8191 - len('cmd.exe /c ""')
    assert not set(line) & set('"%^&|<>()!')
    assert b64decode(line.split()[-1]).decode("utf-16-le") == script
    assert script.isascii()


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("C:/a/b", "C:\\a\\b"), ("~", "%USERPROFILE%"), ("~\\x", "%USERPROFILE%\\x"), ("a~", "a~"),
        ("$env:TEMP/x", "%TEMP%\\x"), ("${Env:TEMP}x", "%TEMP%x"), ("$x", "$x"), ("\\\\host\\share", "\\\\host\\share"),
    ],
)  # fmt: skip
def test_paths(given: str, path: str) -> None:
    assert windows_path(given) == path
