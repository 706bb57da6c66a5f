"""What people write at places where it does not belong, or who come from Terraform or Packer's JSON, and what to write.

Texts by the name that is not expected. Knows nothing of how templates are read.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hclimg.diagnostics import listed, nearest, one_of

AT_ROOT: Final = (
    "packer", "variable", "variables", "local", "locals", "data", "source", "build", "output", "module", "group",
)  # fmt: skip
IN_BUILD: Final = ("provisioner", "post-processor", "post-processors", "error-cleanup-provisioner")
BLOCKS: Final = {
    "terraform": "Versions are written into a packer block: packer { required_version = … }.",
    "provider": "There are no providers: how to reach a cloud is written into each source.",
    "resource": 'There are no resources: what an image is made from is a block source "TYPE" "NAME" { … }.',
    "moved": "There is no state in which something could have moved.",
    "import": "There is no state into which something could be imported.",
    "check": "Conditions are written into variables: validation { condition = …, error_message = … }.",
    "builders": 'A builder is written source "TYPE" "NAME" { … } here.',
    "builder": 'A builder is written source "TYPE" "NAME" { … } here.',
    "sensitive-variables": "Write sensitive = true into the variable.",
    "connection": "How to connect is written into the source: ssh_host, ssh_username and so on.",
    "lifecycle": "There is nothing like Terraform's lifecycle of resources.",
}
ARGUMENTS: Final = {
    "count": "There is no counting: for_each makes a block several times.",
    "depends_on": "What is referred to comes first by itself.",
    "provider": "There are no providers.",
    "lifecycle": "There is nothing like Terraform's lifecycle of resources.",
    "when": "A provisioner that runs when the build fails is an error-cleanup-provisioner block.",
    "on_failure": "Write continue_on_error = true to go on behind a provisioner that fails.",
    "nullable": "Every variable may be null.",
    "ephemeral": "Write sensitive = true to keep a value out of all outputs.",
}


def block(name: str, arguments: Collection[str], blocks: Collection[str]) -> str:
    """What to say of a block that is not expected beside these arguments and blocks."""
    if name in arguments:
        return f" Did you mean the argument {name} = …?"
    if name in BLOCKS:
        return f" {BLOCKS[name]}"
    if name in AT_ROOT and name not in blocks:
        return f' A "{name}" block stands at the root of the file, outside of all others.'
    if name in IN_BUILD and "build" in blocks:
        return f' A "{name}" block stands in a build block.'
    if close := nearest(name, blocks):
        return f' Did you mean "{close}"?'
    close = nearest(name, arguments)
    return f" Did you mean the argument {close} = …?" if close else one_of(name, blocks, "Possible here:")


def argument(name: str, arguments: Collection[str], blocks: Collection[str]) -> str:
    """What to say of an argument that is not expected beside these arguments and blocks."""
    if name in blocks:
        return f" Did you mean to write it as a block, {name} {{ … }}?"
    if nearest(name, arguments) and name not in ARGUMENTS:
        return one_of(name, arguments, "")
    if name in ARGUMENTS:
        return f" {ARGUMENTS[name]}"
    if not arguments and blocks:
        return " At the root of a file are blocks only; values to refer to stand in a locals block."
    return one_of(name, arguments, "Possible here:")


def meant(name: str, arguments: Collection[str], blocks: Collection[str]) -> str:
    """The block type that was most likely meant by one that is not expected, or nothing."""
    known_elsewhere = name in BLOCKS or name in AT_ROOT or name in IN_BUILD or name in arguments
    return "" if known_elsewhere else nearest(name, blocks)


def label(keyword: str, given: Collection[str], names: Collection[str]) -> str:
    """What to say of a block with too few or too many labels."""
    texts = list(given)
    if keyword == "build" and len(texts) == 1:
        return f' The name of a build is an argument: name = "{texts[0]}".'
    if len(texts) == 1 and len(names) == 2 and texts[0].count(".") == 1:
        type_, _, name = texts[0].partition(".")
        return f' Did you mean {keyword} "{type_}" "{name}"?'
    return ""


def source(text: str, known: Collection[str]) -> str:
    """What to say of a text that refers to no source."""
    same = [address for address in known if address.partition(".")[2] == text]
    if same:
        return f' Did you mean "source.{same[0]}"?'
    if not known:
        return ' Write "source.TYPE.NAME", for instance "source.qemu.web".'
    return f' Write "source.TYPE.NAME"; there {"are" if len(known) > 1 else "is"} {listed(sorted(known))}.'
